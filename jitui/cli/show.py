"""Tables for people, one line of JSON for programs. Whatever others wrote is cleaned in the first and escaped in the second."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from jitui.values import plain
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


def many(views: Iterable[Any], as_json: bool, columns: Mapping[str, Callable[[Any], Cell]], nothing: str) -> None:
    """Views: a line of JSON each, or a table; `nothing` says what would fill it."""
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


def size(count: int) -> str:
    """12 KB of 12345; `?` of what nobody knows."""
    if count < 0:
        return "?"
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count} {unit}"
        count //= 1000
    return f"{count} GB"


def clock(at: str) -> str:
    """16:04:11 of a time in full, as UTC; its date too if it is not today's is what --json is for."""
    return at[11:19] if len(at) > 19 else at
