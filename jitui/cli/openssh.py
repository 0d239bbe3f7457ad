"""`jitui ssh-config`: the way to this gateway for OpenSSH, with its host key pinned."""

import re
from pathlib import Path
from typing import Final

import click

from jitui.api.views import Hello
from jitui.cli import show
from jitui.cli.reach import asynchronous, gateway, reaching
from jitui.values import plain
from jitui.values.errors import InvalidError, NotFoundError
from jitui.values.private_file import write_private

PLACE: Final = re.compile(r"\[?([0-9A-Za-z.:-]+?)\]?:([0-9]{1,5})", re.ASCII)
HOST_KEY: Final = re.compile(r"(ssh-ed25519 [A-Za-z0-9+/]+=*)(?: .*)?", re.ASCII)
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,61}[a-z0-9])?", re.ASCII)


@click.command("ssh-config")
@click.option("--host", "name", default="jitui", metavar="NAME", show_default=True, help="The name that ssh is called with.")
@click.option("--user", default="", metavar="NAME", help="Another identity or person than the caller.")
@click.option("--known-hosts", type=click.Path(dir_okay=False, path_type=Path), metavar="F",
              help="Write the gateway's key there, for programs that know no KnownHostsCommand (OpenSSH before 8.5).")
@reaching
@asynchronous
async def ssh_config_command(name: str, user: str, known_hosts: Path | None, as_json: bool) -> None:
    """A Host block for ~/.ssh/config, with the gateway's key pinned."""
    async with gateway() as at:
        hello = await at.hello()
    made = block(hello, name, user or hello.you, known_hosts)
    if known_hosts is not None:
        write_private(known_hosts, f"{pinned(hello)}\n".encode())
    if as_json:
        click.echo(plain.text({"config": made, "known_hosts": pinned(hello)}))
    else:
        click.echo(made)
        show.note(f"put this into ~/.ssh/config, or into a file of its own: ssh -F FILE {name} CONNECTION NAMESPACE/POD COMMAND, ssh -F FILE -t {name}")


def alias(hello: Hello) -> str:
    """The name of the gateway in lists of host keys. It has no dots, and no address in it: an address may change, and the key stays."""
    return f"jitui-{hello.gateway_id}"


def pinned(hello: Hello) -> str:
    """The line of known_hosts. Raises NotFoundError if there is no SSH listener."""
    if not hello.ssh:
        raise NotFoundError("this gateway has no SSH listener; its configuration may have one: listen: {ssh: 127.0.0.1:8422}")
    key = HOST_KEY.fullmatch(hello.ssh_host_key)
    if key is None or not re.fullmatch(r"[A-Za-z0-9-]+", hello.gateway_id, re.ASCII):
        raise InvalidError("the gateway's answer has no host key that could be pinned")
    return f"{alias(hello)} {key[1]}"


def block(hello: Hello, name: str, user: str, known_hosts: Path | None) -> str:
    """The Host block. Raises NotFoundError as `pinned` does, InvalidError for what would be more than a word in it."""
    line, place = pinned(hello), PLACE.fullmatch(hello.ssh)
    if place is None:
        raise InvalidError("the gateway's answer has no address of its SSH listener")
    for each in (name, user):
        if not NAME.fullmatch(each):
            raise InvalidError(f"{each[:80]!r} is no name; it has lower-case letters, digits, dots, dashes, _ or @")
    path = str(known_hosts.absolute()) if known_hosts is not None else ""
    if any(char in path for char in '"%\n') or not path.isprintable():
        raise InvalidError(f"{path!r} can't stand in a configuration of ssh; name a file without quotes and % in its path")
    pin = ['UserKnownHostsFile "' + path + '"'] if path else ["UserKnownHostsFile none", f"KnownHostsCommand /bin/echo {line}"]
    return "\n    ".join([
        f"Host {name}", f"HostName {place[1]}", f"Port {place[2]}", f"User {user}", f"HostKeyAlias {alias(hello)}", "HostKeyAlgorithms ssh-ed25519",
        "StrictHostKeyChecking yes", "GlobalKnownHostsFile none", "UpdateHostKeys no", *pin, "ForwardAgent no", "ForwardX11 no",
    ])  # fmt: skip
