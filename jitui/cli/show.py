"""Tables for people, one line of JSON for programs. Whatever others wrote is cleaned in the first and escaped in the second."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from jitui.values import plain
from jitui.values.instant import named
from jitui.values.page import Page
from jitui.values.said import Said, clean

Cell = str | Said | int | float | None


def line(text: str | Said, limit: int = 400) -> None:
    """One line for people on stdout."""
    click.echo(clean(text, limit))


def note(text: str) -> None:
    """One line beside the answer, on stderr."""
    click.echo(f"jitui: {clean(text, 400)}", err=True)


def one(view: Any, as_json: bool, said: Callable[[Any], str], limit: int = 400) -> None:
    """One view: its JSON, or a line about it."""
    if as_json:
        click.echo(plain.text(view))
    else:
        line(said(view), limit)


def many(views: Sequence[Any], as_json: bool, columns: Mapping[str, Callable[[Any], Cell]], nothing: str) -> None:
    """Views: a line of JSON each, or a table; `nothing` says what would fill it. That a limit left out older ones is said beside it."""
    older(views)
    if as_json:
        for view in views:
            click.echo(plain.text(view))
        return
    rows = [[cell(pick(view)) for pick in columns.values()] for view in views]
    if not rows:
        click.echo(nothing)
        return
    for text in table(list(columns), rows):
        click.echo(text)


def older(views: Sequence[Any]) -> None:
    """Say that a limit left out older ones, if it did."""
    if isinstance(views, Page) and views.older:
        note(f"these are the newest {len(views)}, older ones are left out; jitui facts has everything since the beginning")


def cell(value: Cell, limit: int = 60) -> str:
    """One cell of a table: one clean line."""
    return "-" if value is None or value == "" else clean(value if isinstance(value, (str, Said)) else str(value), limit)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with columns as wide as they need to be."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]


def argv(words: Sequence[Said]) -> str:
    """An argv as a person reads it."""
    return " ".join(clean(word, 80) for word in words)


class Lines:
    """Writes clean text to stdout as it comes, or a JSON object for each of its lines."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._part: list[str] = []  # of a line that goes on

    def write(self, text: str) -> None:
        """Text that goes on where the last one ended."""
        if not self._as_json:
            click.echo(text, nl=False)
            return
        *lines, rest = text.split("\n")
        for line in lines:
            click.echo(plain.text({"line": "".join([*self._part, line])}))
            self._part = []
        self._part += [rest] if rest else []

    def close(self) -> None:
        """End the last line."""
        if self._part:
            self.write("\n")


def size(count: int) -> str:
    """12 KB of 12345; `?` of what nobody knows."""
    if count < 0:
        return "?"
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count} {unit}"
        count //= 1000
    return f"{count} GB"


def clock(at: str, *, fraction: bool = False) -> str:
    """2026-11-23 17:04:11 CET of a time in full: as people here read it; --utc and TZ choose another zone. JSON has it as the gateway says it."""
    return named(at, fraction=fraction)
