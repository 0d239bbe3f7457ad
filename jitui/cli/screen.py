"""The screens, the demo, and the shell's completion."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from jitui import places
from jitui.cli.kinds import DURATION
from jitui.cli.reach import Reach, reach
from jitui.cli.shelf import Shelf, held
from jitui.errors import ConfigurationError, RefusedError, UnavailableError
from jitui.remote import Remote

START_S: Final = 20.0  # how long a gateway that was just started may take to answer
NO_TERMINAL: Final = "the screens need a terminal; without one: jitui requests --follow, jitui approve, jitui watch"


def open_screen(ctx: click.Context) -> int:
    """`jitui`: the screens; a gateway is started where none answers, and it outlives them."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RefusedError(NO_TERMINAL)
    with ctx.scope():
        there = reach()
    asyncio.run(_answering(there))
    from jitui.tui import app  # noqa: PLC0415

    return app.run(there.remote(), ascii=ctx.ensure_object(dict).get("ascii", False))


async def _answering(there: Reach) -> None:
    """Raises what the gateway answers, if it is not that none is there; then starts one, if that one was not named."""
    try:
        await _hello(there)
    except UnavailableError:
        if there.named:
            raise
        await _start(there)


async def _hello(there: Reach) -> None:
    remote = there.remote()
    try:
        await remote.hello()
    finally:
        await remote.aclose()


async def _start(there: Reach) -> None:
    """A gateway behind the screens. Raises what it says if it does not start."""
    process, log = _spawn(there)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            while process.poll() is None:
                with contextlib.suppress(UnavailableError):
                    await _hello(there)
                    return
                await asyncio.sleep(0.1)
    words = (await asyncio.to_thread(log.read_text, encoding="utf-8", errors="replace")).strip().splitlines()
    raise UnavailableError(words[-1].removeprefix("jitui: ") if words else f"the gateway does not answer after {START_S:g} s; {log} may say why")


def _spawn(there: Reach) -> tuple[subprocess.Popen[bytes], Path]:
    """In a session of its own, so that closing the terminal does not end it; and where it says what it has to say."""
    config = places.config_file(os.environ)
    if not config.is_file():
        raise ConfigurationError(f"no gateway running and no configuration at {config}; write one (jitui check --schema), or look around with: jitui demo")
    folder = there.data_dir or places.state_folder(os.environ)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / "serve.log"
    data = ["--data-dir", str(there.data_dir)] if there.data_dir else []
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as said:
        process = subprocess.Popen([sys.executable, "-m", "jitui", "serve", "--config", str(config), *data],  # noqa: S603 - ourselves
                                   stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
    return process, log


def replay(session: str) -> int:
    """The Replay screen over a gateway's archive, or over bare files."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RefusedError("a replay needs a terminal; without one: jitui replay SESSION --text")
    from jitui.tui import app  # noqa: PLC0415 - the screens take a while to load

    found, ident = asyncio.run(_tape(session))
    return app.replay(found, ident, ascii=click.get_current_context().find_root().ensure_object(dict).get("ascii", False))


async def _tape(session: str) -> tuple[Shelf | Remote, str]:
    """A gateway is asked anew by the screen: what it was asked with here belongs to this loop."""
    found, ident = await held(session)
    if isinstance(found, Shelf):
        return found, ident
    await found.aclose()
    return reach().remote(), ident


@click.command("demo")
@click.option("--script", is_flag=True, help="Play the whole story without a terminal, and print it.")
@click.option("--window", type=DURATION, default=20, metavar="D", help="How long the agent's window is.", show_default="20s")
def demo_command(script: bool, window: int) -> None:
    """A cluster, a gateway, an agent at work, and the screens; all on this machine, nothing to set up."""
    from jitui.demo import play  # noqa: PLC0415

    raise SystemExit(play(script, float(window)))


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """What a shell needs to complete commands: eval "$(jitui completion bash)"."""
    from jitui.cli.root import cli  # noqa: PLC0415

    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(cli, {}, "jitui", "_JITUI_COMPLETE").source())


