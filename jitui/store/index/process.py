"""The process that builds the index, for the gateway: started some seconds after it, watched, and begun again; nothing waits for it."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from jitui.store.frames import Frames
from jitui.store.index.book import remove

MODULE: Final = "jitui.cli.indexer"
FIRST_S: Final = 10.0  # until it is started: a start has better things to do
AGAIN_S: Final = 60.0  # until it is started again after it ended
BROKEN, UNCONFINED = 3, 4  # its exit codes: the index has to be begun again; this machine can't confine it, so it read nothing
LINE: Final = 4096  # bytes of one of its words
NEEDED: Final = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}  # Python itself may not start without it


async def keep(files: Frames, tell: Callable[[str], None], *, first_s: float = FIRST_S, again_s: float = AGAIN_S) -> None:
    """Until it is cancelled, or can't be confined: whose text it is, is believed (reader.py). Then no index is left, and `files` tell why.

    `files`: of an absolute path; `tell` hears its words, and how it ended.
    """
    heard = ""

    def hear(word: str) -> None:
        nonlocal heard
        heard = word
        tell(word)

    await asyncio.sleep(first_s)
    while True:
        code = await _once(files.place, hear)
        if code == BROKEN:
            await asyncio.to_thread(remove, files.index)
        elif code == UNCONFINED:
            files.unindexed = heard
            await asyncio.to_thread(remove, files.index)  # nobody would go on with it
            return
        elif code:
            tell(f"the process that builds the index ended ({code}); it is started again in {again_s:.0f} s")
        await asyncio.sleep(again_s)


async def _once(place: Path, tell: Callable[[str], None]) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", MODULE, str(place), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env=NEEDED, cwd="/", start_new_session=True, limit=LINE,
    )  # fmt: skip
    try:
        assert process.stdout
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than LINE, and not ours
                continue
            if not line:
                return await process.wait()
            tell(line.decode("utf-8", "replace").strip())
    finally:
        with suppress(ProcessLookupError):  # each of its steps is one commit: it may be ended anywhere
            process.kill()
        await asyncio.shield(process.wait())
