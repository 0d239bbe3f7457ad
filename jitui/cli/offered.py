"""The command line as it is offered to people over SSH: every command of a person that needs no file.

It runs at the gateway, as the gateway's Unix user, so an option that names a file or another gateway is refused, and so is a file in the place of a session.
These are found by the types and metavars of the commands themselves; the commands are listed here, so that a new one must be decided.
"""

import copy
from collections.abc import Mapping
from typing import Any, Final

import click

from jitui.cli import reach
from jitui.cli.kinds import IDENT
from jitui.cli.root import RefusedException, Root, cli
from jitui.values.said import clean

OFFERED: Final = frozenset({
    "requests", "approve", "deny", "withdraw", "grants", "revoke", "release", "sessions", "watch", "kill", "freeze", "thaw", "request", "identity",
    "lockdown", "ssh-config", "actions", "explain", "facts", "changes", "find", "residue", "verify", "key",
    "frames", "replay", "show", "export", "report", "hold-tapes", "release-tapes", "status", "stop", "reload",
})  # fmt: skip
WITHHELD: Final[Mapping[str, str]] = {
    "kubeconfig": "it is for an agent, and written where its kubectl runs",
    "credential": "kubectl runs it, on an agent's machine",
    "serve": "it starts a gateway; this one runs",
    "check": "it reads a configuration file",
    "audit-log": "it reads a file, and those of the record",
    "rbac": "it reads a configuration file",
    "repair": "it changes the files of a gateway that is stopped",
    "demo": "it starts a gateway and a cluster",
    "completion": "it is for the shell on your machine",
}
RAW: Final = "--raw"
INSTEAD: Final = "on a machine of yours jitui does it, over https with a token"
EXTRA: Final = "unexpected extra argument"  # click's words
QUOTES: Final = "ssh takes one pair of quotes away, so a text of several words needs two: --reason \"'two words'\""


class Offered(Root):
    """The root of the tree, with what is not offered refused by a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in super().list_commands(ctx) if name in OFFERED]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in WITHHELD:
            raise RefusedException(f"{cmd_name} is not offered over SSH: {WITHHELD[cmd_name]}")
        found = super().get_command(ctx, cmd_name) if cmd_name in OFFERED else None
        return guarded(found) if found is not None else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`help approve` is `approve --help`: OpenSSH takes a first word with dashes for an option of its own."""
        return super().parse_args(ctx, [*args[1:], "--help"] if args[:1] == ["help"] else args)

    def invoke(self, ctx: click.Context) -> Any:
        """A surplus of words comes most often from quotes that the client's shell took away."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if EXTRA in error.message:
                raise click.UsageError(f"{error.message}; {QUOTES}", error.ctx) from None
            raise


def tree() -> click.Group:
    """The whole command line, as it is offered."""
    return Offered(cli.name, callback=cli.callback, params=[_guarded(each) for each in cli.params], help=cli.help, invoke_without_command=True,
                   context_settings=cli.context_settings)  # fmt: skip


def guarded(command: click.Command) -> click.Command:
    """A copy of a command, and of the commands below it, that takes no file."""
    made = copy.copy(command)
    made.params = [_guarded(each) for each in command.params]
    if isinstance(made, click.Group):
        made.commands = {name: guarded(each) for name, each in made.commands.items()}
    return made


def refused(parameter: click.Parameter) -> str:
    """Why the parameter is refused; empty if it is not."""
    if isinstance(parameter.type, click.Path | click.File):
        return f"names a file, and no file of this machine is yours over SSH; {INSTEAD}"
    if set(reach.OPTIONS) & set(parameter.opts):
        return f"chooses a gateway, or who you are, and over SSH your key has said both; {INSTEAD}"
    if RAW in parameter.opts:
        return f"gives recorded bytes as they were, which no terminal should be shown; use replay --text, or {INSTEAD}"
    return ""


def _guarded(parameter: click.Parameter) -> click.Parameter:
    if (why := refused(parameter)):
        made = copy.copy(parameter)
        if not getattr(made, "is_flag", False):
            made.type = click.STRING  # that of a path would look whether it exists
        made.callback, made.hidden = _refusing(made, why), True  # type: ignore[attr-defined]
        return made
    if "FILE" in (parameter.metavar or ""):
        made = copy.copy(parameter)
        made.callback = _no_file
        return made
    return parameter


def _refusing(parameter: click.Parameter, why: str) -> Any:
    def refuse(_: click.Context, __: click.Parameter, value: Any) -> Any:
        if value:
            raise RefusedException(f"{parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name} {why}")
        return value

    return refuse


def _no_file(_: click.Context, __: click.Parameter, value: Any) -> Any:
    value_of = getattr(value, "ident", value)
    if value_of and not IDENT.fullmatch(value_of):
        raise RefusedException(f'"{clean(value_of, 64)}" is no session, and no file of this machine is yours over SSH; sessions are like s-17')
    return value
