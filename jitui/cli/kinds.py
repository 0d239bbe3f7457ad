"""The types of arguments on the command line."""

from typing import Any

import click

from jitui.values import span
from jitui.values.errors import InvalidError


class Duration(click.ParamType[int]):
    """30m, 1h30m, 45s; seconds inside."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else span.parse(str(value))
        except InvalidError as error:
            self.fail(str(error), param, ctx)


class BeforeCommand(click.Command):
    """A command whose arguments end at `--`; what follows is somebody else's, see `command_after`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta["jitui.command"] = tuple(args[cut + 1 :])
        return super().parse_args(ctx, args[:cut])


def command_after() -> tuple[str, ...]:
    """The words after `--`."""
    return tuple(click.get_current_context().meta.get("jitui.command", ()))


DURATION = Duration()
UNMASK = click.option("--unmask", is_flag=True, help="Secrets as they are; takes a right of its own, and is a fact.")
