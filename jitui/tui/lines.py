"""Lines of cells: every string on a screen passes through here, is cleaned, cut and padded to its column.

A cell's text may be foreign (Said, or a str that came from the gateway): it is cleaned either way. Styles are names of `theme.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from jitui.tui.words import words
from jitui.values.said import Said

FLEX: Final = -1


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of one line."""

    text: Said | str | Callable[[int], str]  # the last: what there is to say in so many cells
    width: int = 0  # cells; 0: as wide as its text; FLEX: what is left over
    style: str = ""
    right: bool = False  # aligned to the right
    gap: int = 1  # blank cells after it


def row(cells: Sequence[Cell], width: int) -> Content:
    """One line of exactly `width` cells. At most one cell is FLEX."""
    natural = [cell_len(_said(cell, 200)) if cell.width == 0 else cell.width for cell in cells]
    fixed = sum(max(0, size) for size in natural) + sum(cell.gap for cell in cells[:-1])
    parts: list[tuple[str, str]] = []
    for index, (cell, size) in enumerate(zip(cells, natural, strict=True)):
        wide = max(0, width - fixed) if size == FLEX else size
        parts.append((pad(_said(cell, wide), wide, right=cell.right), cell.style))
        if index < len(cells) - 1:
            parts.append((" " * cell.gap, ""))
    return cut(Content.assemble(*parts), width)


def _said(cell: Cell, cells: int) -> str:
    return cell.text(cells) if callable(cell.text) else words(cell.text)


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """The text in exactly so many cells."""
    line = words(text, cells)
    blank = " " * (cells - cell_len(line))
    return blank + line if right else line + blank


def cut(line: Content, width: int) -> Content:
    """Exactly `width` cells of a line."""
    length = line.cell_length
    if length > width:
        return line.truncate(max(0, width), ellipsis=True)
    return line.pad_right(width - length)


def text(*parts: tuple[Said | str, str] | str) -> Content:
    """Pieces with their styles, one after the other, each cleaned."""
    return Content.assemble(*((words(part), "") if isinstance(part, str) else (words(part[0]), part[1]) for part in parts))


def rule(title: str, note: str, width: int, style: str = "$state-quiet") -> Content:
    """A section's head: `── Live windows (7) ────── ends soonest first ──`."""
    head, tail = words(title), words(note)
    dashes = max(2, width - cell_len(head) - (cell_len(tail) + 2 if tail else 0) - 6)
    parts = [("── ", "$state-faint"), (head, f"bold {style}"), (" " + "─" * dashes, "$state-faint")]
    if tail:
        parts += [(f" {tail} ", "$state-quiet"), ("──", "$state-faint")]
    return cut(Content.assemble(*parts), width)


def block(lines: Iterable[Content]) -> Content:
    """Lines below one another."""
    return Content("\n").join(list(lines))
