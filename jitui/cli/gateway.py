"""The commands of whoever runs the gateway: serve, status, stop, reload, check, identity, lockdown."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from jitui.api.client import Client
from jitui.api.outcome import count
from jitui.api.views import IdentityView, Issued, SshKeyView, Status
from jitui.cli import launch, show
from jitui.cli.kinds import OUTPUT
from jitui.cli.reach import asynchronous, gateway, reach, reaching
from jitui.values import places, plain, size
from jitui.values.errors import InvalidError, JituiError, UnavailableError
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


KEY_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
KEYS: Final = 256 << 10  # bytes of such files


@click.group("identity")
def identity_command() -> None:
    """Agents and people with tokens or SSH keys."""


@identity_command.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(["agent", "approver", "operator", "auditor", "unmask"]))
@click.option("--owner", default="", metavar="PERSON", help="Of an agent: who answers for it.")
@click.option("--ssh-key", "keys", multiple=True, type=KEY_FILE, metavar="F", help="Its public key for SSH, such as id_ed25519.pub; also repeatedly.")
@click.option("--output", type=OUTPUT, metavar="F", help="Write the token there, 0600, instead of printing it.")
@reaching
@asynchronous
async def add_command(name: str, roles: tuple[str, ...], owner: str, keys: tuple[Path, ...], output: Path | None, as_json: bool) -> None:
    """A new identity and its token, which is shown this once."""
    lines = _lines(*keys)
    async with gateway() as at:
        _issued(await at.identity_add(name, roles=roles, owner=owner, ssh_keys=lines), output, as_json)


@identity_command.command("keys")
@click.argument("name")
@reaching
@asynchronous
async def keys_command(name: str, as_json: bool) -> None:
    """List the SSH keys of an identity, or of a person of the configuration."""
    async with gateway() as at:
        _keys(await at.identity_keys(name), as_json)


@identity_command.command("add-key")
@click.argument("name")
@click.argument("file", type=KEY_FILE)
@reaching
@asynchronous
async def add_key_command(name: str, file: Path, as_json: bool) -> None:
    """Add the public keys of a file, such as id_ed25519.pub, for SSH."""
    lines = _lines(file)
    async with gateway() as at:
        _keys(await at.identity_key_add(name, ssh_keys=lines), as_json)


@identity_command.command("revoke-key")
@click.argument("name")
@click.argument("fingerprint", metavar="SHA256:...")
@click.option("--reason", default="revoked by hand", metavar="TEXT", show_default=True)
@reaching
@asynchronous
async def revoke_key_command(name: str, fingerprint: str, reason: str, as_json: bool) -> None:
    """Revoke one SSH key for good; connections made with it end at once."""
    async with gateway() as at:
        _keys(await at.identity_key_revoke(name, fingerprint=fingerprint, reason=reason), as_json)


@identity_command.command("rotate")
@click.argument("name")
@click.option("--output", type=OUTPUT, metavar="F", help="Write the token there, 0600, instead of printing it.")
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
            "state": lambda view: "disabled" if view.disabled else "enabled", "token": _token, "ssh keys": lambda view: str(len(view.ssh_keys)),
        }, "nobody yet; add one with: jitui identity add NAME --role agent --owner PERSON")


@identity_command.command("disable")
@click.argument("name")
@click.option("--reason", default="disabled by hand", metavar="TEXT", show_default=True)
@reaching
@asynchronous
async def disable_command(name: str, reason: str, as_json: bool) -> None:
    """Its tokens, SSH keys, windows and streams end at once."""
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


def _lines(*files: Path) -> str:
    """All lines of some files of public keys. The gateway reads them; but a private key does not leave this process."""
    texts = []
    for file in files:
        try:
            with file.open(encoding="utf-8", errors="replace") as lines:
                texts.append(lines.read(KEYS + 1))
        except OSError as error:
            raise InvalidError(f"{file} can't be read: {error.strerror}") from None
        if "PRIVATE KEY" in texts[-1]:
            raise InvalidError(f"{file} is a private key; it stays where it is; name the public one: {file}.pub")
        if not texts[-1].strip():
            raise InvalidError(f"{file} is empty; the file that ssh-keygen makes has a name that ends in .pub")
    return "\n".join(texts)


def _keys(views: Sequence[SshKeyView], as_json: bool) -> None:
    show.many(views, as_json, {
        "fingerprint": lambda view: view.fingerprint, "type": lambda view: view.type, "comment": lambda view: str(view.comment),
        "added": lambda view: f"{show.clock(view.added)} by {view.added_by}" if view.added else "in the configuration",
        "state": lambda view: f"revoked {show.clock(view.revoked)}" if view.revoked else "good",
    }, "no key yet; add one with: jitui identity add-key NAME FILE")


def _token(view: IdentityView) -> str:
    good = [token for token in view.tokens if not token.revoked]
    return f"{good[-1].id} until {show.clock(good[-1].expires)}" if good else "none"


@click.command("status")
@reaching
@asynchronous
async def status_command(as_json: bool) -> None:
    """Whether the gateway records, how much is live, the room on the disk, and what troubles it."""
    async with gateway() as at:
        show.one(await at.status(), as_json, status_line, 1000)


def status_line(view: Status) -> str:
    parts = ["records" if view.recording else f"DOES NOT RECORD: {view.recorder_error}", count(view.live, "live window"),
             count(view.open_streams, "open stream"),
             "1 request waits" if view.waiting == 1 else f"{view.waiting} requests wait", f"{view.facts} facts",
             f"{size.show(view.disk_free)} left on the disk", "LOCKDOWN" if view.lockdown else "",
             f"trouble: {view.trouble}" if view.trouble else "", *(f"limit {limit.limit}: {limit.words}" for limit in view.limits)]  # fmt: skip
    return "; ".join(filter(None, parts))
