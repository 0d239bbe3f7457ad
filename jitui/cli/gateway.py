"""The commands of whoever runs the gateway: serve, stop, reload, check, identity, lockdown."""

import asyncio
import contextlib
import logging
import os
from pathlib import Path
from typing import Final

import click

from jitui.api.client import Client
from jitui.api.views import IdentityView, Issued, Status
from jitui.cli import launch, show
from jitui.cli.reach import asynchronous, gateway, reach, reaching
from jitui.values import places, plain
from jitui.values.errors import JituiError, UnavailableError
from jitui.values.private_file import write_private

GONE_S: Final = 15.0  # how long `stop` waits for the end
CONFIG = click.option("--config", type=click.Path(dir_okay=False, path_type=Path), metavar="F",
                      help="The configuration; otherwise ~/.config/jitui/config.yaml.")


@click.command("serve")
@CONFIG
@click.option("--data-dir", "data_dir", type=click.Path(file_okay=False, path_type=Path), metavar="D", help="Otherwise ~/.local/state/jitui.")
@click.option("--socket", "sock", type=click.Path(dir_okay=False, path_type=Path), metavar="F", help="The desk's Unix socket; otherwise D/desk.sock.")
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), metavar="F", help="Write the addresses there as JSON, once it listens.")
@click.option("--background", is_flag=True, help="Return once it answers; it goes on behind, and writes to serve.log in the data folder.")
def serve_command(config: Path | None, data_dir: Path | None, sock: Path | None, ready_file: Path | None, background: bool) -> None:
    """The gateway, without a screen."""
    data_dir = places.written(str(data_dir)).absolute() if data_dir else reach().data_dir
    sock = sock.absolute() if sock else places.socket(os.environ, data_dir)
    folder = data_dir or places.state_folder(os.environ)
    path = (config or places.config_file(os.environ)).absolute()
    launch.folders(folder, sock)
    if background:
        asyncio.run(_behind(path, folder, sock, data_dir, ready_file))
        return
    logging.basicConfig(level=logging.WARNING, format="jitui: %(name)s: %(message)s")
    from jitui import serve  # noqa: PLC0415 - the whole gateway, which no other command needs

    if ready_file is None and data_dir is None:
        ready_file = places.runtime_folder(os.environ) / "ready.json"
    serve.run(path, folder, sock, ready_file, announce=lambda text: click.echo(text, err=True))


async def _behind(config: Path, folder: Path, sock: Path, data_dir: Path | None, ready_file: Path | None) -> None:
    """The same gateway as a process of its own. Raises what it says if it does not start."""
    named = {"--data-dir": data_dir, "--socket": sock, "--ready-file": ready_file}
    here = lambda: Client(f"unix:{sock}")  # noqa: E731
    await launch.only(here, sock)
    pid, log = await launch.launch(["--config", str(config), *(part for name, value in named.items() if value for part in (name, str(value)))], folder, here)
    show.note(f"the gateway runs (pid {pid}), what it says is in {log}; end it with: jitui stop")


@click.command("stop")
@reaching
@asynchronous
async def stop_command(as_json: bool) -> None:
    """End the gateway; streams end first, windows stay granted."""
    async with gateway() as at:
        await at.stop()
        try:
            async with asyncio.timeout(GONE_S):
                await _gone(at)
        except TimeoutError:
            raise UnavailableError(f"the gateway was told to stop and still answers after {GONE_S:g} s") from None
    show.one({"said": "stopped"}, as_json, lambda _: "stopped; live windows go on when it starts again, until their deadline")


async def _gone(at: Client) -> None:
    """Until nobody answers."""
    with contextlib.suppress(UnavailableError):
        while True:
            await at.hello()
            await asyncio.sleep(0.05)


@click.command("reload")
@reaching
@asynchronous
async def reload_command(as_json: bool) -> None:
    """Read the configuration again; a wrong one changes nothing."""
    async with gateway() as at:
        show.one({"said": await at.reload()}, as_json, lambda view: view["said"])


@click.command("check")
@CONFIG
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the configuration instead.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
@asynchronous
async def check_command(config: Path | None, schema: bool, as_json: bool) -> None:
    """Whether the configuration is right and its clusters answer; one line each."""
    from jitui import config as configuration  # noqa: PLC0415
    from jitui.admin.check import checks  # noqa: PLC0415

    if schema:
        click.echo(configuration.schema())
        return
    failed = False
    async for found in checks((config or places.config_file(os.environ)).absolute()):
        failed = failed or found.verdict == "wrong"
        show.one(found, as_json, lambda one: f"{one.verdict:<6} {one.what}: {one.said}")
    if failed:
        raise SystemExit(1)


@click.group("identity")
def identity_command() -> None:
    """Agents and people with tokens."""


@identity_command.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(["agent", "approver", "operator", "auditor", "unmask"]))
@click.option("--owner", default="", metavar="PERSON", help="Of an agent: who answers for it.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="F", help="Write the token there, 0600, instead of printing it.")
@reaching
@asynchronous
async def add_command(name: str, roles: tuple[str, ...], owner: str, output: Path | None, as_json: bool) -> None:
    """A new identity and its token, which is shown this once."""
    async with gateway() as at:
        _issued(await at.identity_add(name, roles=roles, owner=owner), output, as_json)


@identity_command.command("rotate")
@click.argument("name")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="F", help="Write the token there, 0600, instead of printing it.")
@reaching
@asynchronous
async def rotate_command(name: str, output: Path | None, as_json: bool) -> None:
    """A new token; the older ones end at once."""
    async with gateway() as at:
        _issued(await at.identity_rotate(name), output, as_json)


@identity_command.command("list")
@reaching
@asynchronous
async def list_command(as_json: bool) -> None:
    """List the identities."""
    async with gateway() as at:
        show.many(await at.identities(), as_json, {
            "name": lambda view: view.name, "roles": lambda view: ",".join(view.roles), "owner": lambda view: view.owner,
            "state": lambda view: "disabled" if view.disabled else "enabled", "token": _token,
        }, "nobody yet; add one with: jitui identity add NAME --role agent --owner PERSON")


@identity_command.command("disable")
@click.argument("name")
@click.option("--reason", default="disabled by hand", metavar="TEXT", show_default=True)
@reaching
@asynchronous
async def disable_command(name: str, reason: str, as_json: bool) -> None:
    """Its tokens, windows and streams end at once."""
    async with gateway() as at:
        show.one(await at.identity_disable(name, reason=reason), as_json, lambda view: f"{view.name} is disabled; everything of it has ended")


@click.command("lockdown")
@click.argument("switch", metavar="on|off", type=click.Choice(["on", "off"]))
@click.option("--reason", required=True, metavar="TEXT", help="Why; the agents are told these words.")
@reaching
@asynchronous
async def lockdown_command(switch: str, reason: str, as_json: bool) -> None:
    """On: every window ends and nothing is granted, until an admin lifts it."""
    async with gateway() as at:
        show.one(await at.lockdown(switch == "on", reason=reason), as_json, _lock)


def _lock(status: Status) -> str:
    return "locked down: every window has ended, nothing is granted; lift it with: jitui lockdown off --reason TEXT" if status.lockdown else "no lockdown"


def _issued(made: Issued, output: Path | None, as_json: bool) -> None:
    if output is not None:
        try:
            write_private(output, f"{made.token}\n".encode())
        except JituiError:
            show.note(f"the new token of {made.identity.name} could not be kept; make another with: jitui identity rotate {made.identity.name} --output F")
            raise
    shown = {"identity": made.identity.name, "roles": made.identity.roles, "owner": made.identity.owner, "expires": made.expires}
    if as_json:
        click.echo(plain.text(shown | ({"token_file": str(output)} if output else {"token": made.token})))
        return
    show.note(f"token of {made.identity.name}, good until {show.clock(made.expires)}" + (f", is in {output}" if output else "; it is shown this once:"))
    if output is None:
        click.echo(made.token)


def _token(view: IdentityView) -> str:
    good = [token for token in view.tokens if not token.revoked]
    return f"{good[-1].id} until {show.clock(good[-1].expires)}" if good else "none"
