"""The screens, the demo, and the shell's completion."""

import asyncio
import os
import sys
from typing import Final

import click
from click.shell_completion import get_completion_class

from jitui.api.client import Client
from jitui.api.operations import Archive
from jitui.cli import launch
from jitui.cli.kinds import DURATION
from jitui.cli.reach import Reach, reach
from jitui.cli.source import held, note_unmasked
from jitui.policy.rights import Right
from jitui.values import places
from jitui.values.clock import SystemClock
from jitui.values.errors import ConfigurationError, RefusedError, UnavailableError
from jitui.values.instant import rfc3339
from jitui.values.link import Link

NO_TERMINAL: Final = "the screens need a terminal; without one: jitui requests --follow, jitui approve, jitui watch"
NO_TERMINAL_THERE: Final = "the screens need a terminal: ssh -t; without one name a command, as requests --follow, approve, watch, or help"


def open_screen(ctx: click.Context) -> int:
    """`jitui`: the screens; a gateway is started where none answers, and it outlives them."""
    given = ctx.ensure_object(dict)
    local = given.get("local", True)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RefusedError(NO_TERMINAL if local else NO_TERMINAL_THERE)
    with ctx.scope():
        there = reach()
        if at := given.get("at"):
            return asof(at, ascii_=given.get("ascii", False), local=local)
    asyncio.run(_answering(there))
    from jitui.tui import app  # noqa: PLC0415

    return app.run(there.remote(), ascii=given.get("ascii", False), local=local)


def asof(at: str, *, ascii_: bool, local: bool) -> int:
    """The screens at a past moment, over a gateway's archive, or over the files that one left. Raises InvalidError."""
    from jitui.tui import app  # noqa: PLC0415 - the screens take a while to load
    from jitui.tui.past import PastDesk, moment  # noqa: PLC0415

    then = moment(at, rfc3339(SystemClock().now().wall_us))
    found, _, _ = asyncio.run(_tape(""))
    past = PastDesk(found, then)
    return app.run(found if isinstance(found, Client) else past, ascii=ascii_, local=local, past=past)


async def _answering(there: Reach) -> None:
    """Raises what the gateway answers, if it is not that none is there; then starts one, if that one was not named."""
    try:
        await launch.hello(there.remote)
    except UnavailableError:
        if there.named:
            raise
        await _start(there)


async def _start(there: Reach) -> None:
    """A gateway behind the screens. Raises what it says if it does not start."""
    config = places.config_file(os.environ)
    if not config.is_file():
        raise ConfigurationError(f"no gateway running and no configuration at {config}; write one (jitui check --schema), or look around with: jitui demo")
    folder = there.data_dir or places.state_folder(os.environ)
    launch.folders(folder, folder)
    await launch.launch(["--config", str(config), *(["--data-dir", str(there.data_dir)] if there.data_dir else [])], folder, there.remote)


def replay(link: Link, speed: float, idle_s: float, *, unmask: bool) -> int:
    """The Replay screen over a gateway's archive, or over bare files, at the moment of the link if it has one. Raises InvalidError."""
    link.wall_us(0)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RefusedError(f"a replay needs a terminal; without one: jitui replay {link} --text")
    from jitui.tui import app  # noqa: PLC0415 - the screens take a while to load

    found, ident, may_unmask = asyncio.run(_tape(link.ident))
    if unmask:
        note_unmasked(found)
    given = click.get_current_context().find_root().ensure_object(dict)
    return app.replay(found, ident, ascii=given.get("ascii", False), local=given.get("local", True), speed=speed, idle_s=idle_s, may_unmask=may_unmask,
                      unmask=unmask, at=link.at)


async def _tape(session: str) -> tuple[Archive, str, bool]:
    """Where it is, its id, and whether secrets in it may be shown. A gateway is asked anew by the screen: what it was asked with here is of this loop."""
    found, ident = await held(session)
    if not isinstance(found, Client):
        return found, ident, True
    rights = (await found.hello()).rights
    await found.aclose()
    return reach().remote(), ident, Right.UNMASK in rights


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
    """Print the shell code that completes commands: eval "$(jitui completion bash)"."""
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(click.get_current_context().find_root().command, {}, "jitui", "_JITUI_COMPLETE").source())
