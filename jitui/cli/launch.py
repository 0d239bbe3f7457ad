"""A gateway as a process of its own, which outlives the terminal it was started from."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from jitui.api.client import Client
from jitui.values.errors import ConflictError, UnavailableError
from jitui.values.private_file import start_private

START_S: Final = 20.0  # how long a gateway that was just started may take to answer
LOG: Final = "serve.log"


def folders(data_dir: Path, sock: Path) -> None:
    """The data folder before what may lie in it: a parent that is made on the way would be open to others. Raises UnavailableError."""
    for needed in (data_dir, sock.parent):
        try:
            needed.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(f"folder {needed} can't be made: {error.strerror}; choose another with --data-dir") from None


async def hello(remote: Callable[[], Client]) -> None:
    """Raises UnavailableError if nobody answers there."""
    there = remote()
    try:
        await there.hello()
    finally:
        await there.aclose()


async def only(remote: Callable[[], Client], where: Path) -> None:
    """Raises ConflictError if a gateway answers there already."""
    with contextlib.suppress(UnavailableError):
        await hello(remote)
        raise ConflictError(f"a gateway answers at {where} already; use it, end it with: jitui stop, or choose another folder with --data-dir")


async def launch(options: Sequence[str], data_dir: Path, remote: Callable[[], Client]) -> tuple[int, Path]:
    """`jitui serve` with these options, once it answers: its pid, and the file with what it says. Raises what it says if it does not start."""
    log = data_dir / LOG
    try:
        said = start_private(log)
    except OSError as error:
        raise UnavailableError(f"can't write {log}: {error.strerror}; choose another folder with --data-dir") from None
    with os.fdopen(said, "wb") as out:
        process = subprocess.Popen([sys.executable, "-P", "-m", "jitui", "serve", *options],  # noqa: S603, ASYNC220 - ourselves; it is not waited for
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            while process.poll() is None:
                with contextlib.suppress(UnavailableError):
                    await hello(remote)
                    return process.pid, log
                await asyncio.sleep(0.1)
    words = (await asyncio.to_thread(log.read_text, encoding="utf-8", errors="replace")).strip().splitlines()
    raise UnavailableError(words[-1].removeprefix("jitui: ") if words else f"the gateway does not answer after {START_S:g} s; {log} may say why")
