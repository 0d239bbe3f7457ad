"""The types of arguments on the command line."""

import re
from pathlib import Path
from typing import Any, Final

import click

from jitui.values import span
from jitui.values.errors import InvalidError
from jitui.values.link import WORDS, Link

IDENT: Final = re.compile(r"(?:([a-z])-)?([1-9][0-9]{0,14})", re.ASCII)


class Duration(click.ParamType[int]):
    """30m, 1h30m, 45s; seconds inside."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else span.parse(str(value))
        except InvalidError as error:
            self.fail(str(error), param, ctx)


class LongTime(click.ParamType[int]):
    """90d, 12w, 1y, 36h; seconds inside."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else span.parse_long(str(value))
        except InvalidError as error:
            self.fail(str(error), param, ctx)


class Linked(click.ParamType[Link]):
    """s-204, g-17 or a file, each also with a moment behind it: s-204@16:07:52."""

    name = "link"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Link:
        try:
            return value if isinstance(value, Link) else link_of(str(value))
        except InvalidError as error:
            self.fail(str(error), param, ctx)


class Named(click.ParamType[str]):
    """The same where the moment says nothing: s-204 of s-204@16:07:52."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return link_of(str(value)).ident
        except InvalidError as error:
            self.fail(str(error), param, ctx)


class Output(click.Path):
    """A file that is written; `-` is stdout, as if none was given."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return None if str(value) == "-" else super().convert(value, param, ctx)


class BeforeCommand(click.Command):
    """A command whose arguments end at `--`; what follows is somebody else's, see `command_after`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta["jitui.command"] = tuple(args[cut + 1 :])
        return super().parse_args(ctx, args[:cut])


def command_after() -> tuple[str, ...]:
    """The words after `--`."""
    return tuple(click.get_current_context().meta.get("jitui.command", ()))


def number(ident: str, letter: str = "s", what: str = "session") -> int:
    """17 of s-17. Raises InvalidError for what is no id, or the id of something else."""
    found = IDENT.fullmatch(ident)
    if found is None:
        raise InvalidError(f"{ident[:40]!r} is no id and no file; ids look like {letter}-17")
    if found[1] not in {None, letter}:
        raise InvalidError(f"{ident!r} is not the id of a {what}; those look like {letter}-17")
    return int(found[2])


def is_ident(text: str) -> bool:
    """s-17 or 17, or the id of something else, unless it is a file."""
    return IDENT.fullmatch(text) is not None and not Path(text).exists()


def link_of(text: str) -> Link:
    """The link that a text is; one that is the name of a file names that file. Raises InvalidError for an id with something behind `@` that is no time."""
    if Path(text).exists():
        return Link(text)
    link = Link.parse(text)
    ident, _, at = link.ident.partition("@")
    if at and IDENT.fullmatch(ident):
        raise InvalidError(f"{at[:40]!r} is no moment: write {WORDS}")
    return link


LINKED = Linked()
NAMED = Named()
DURATION = Duration()
OUTPUT = Output()
UNMASK = click.option("--unmask", is_flag=True, help="Secrets as they are; takes a right of its own, and is a fact.")
