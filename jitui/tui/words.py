"""Cleans the text of other parties before it is shown: the only way on which it reaches the screen.

Lines are built from plain text with spans, never from markup: an agent's words can't become a style, a link or an action.
"""

from functools import lru_cache
from typing import Final

from rich.cells import cell_len, set_cell_size

from jitui.values.said import Said, clean

LONG: Final = 12_000  # characters of a text whose line is not remembered


def words(text: Said | str, cells: int = 200) -> str:
    """One printable line of at most `cells` cells: cleaned, without variation selectors (terminals differ in how wide they make them)."""
    raw = text.raw if isinstance(text, Said) else text
    return _cached(raw, cells) if len(raw) <= LONG else _line(raw, cells)


@lru_cache(1024)
def _cached(text: str, cells: int) -> str:
    """The same words are drawn four times a second."""
    return _line(text, cells)


def _line(text: str, cells: int) -> str:
    line = clean(text, cells)
    if line.isascii():
        return fit(line, cells)
    return fit("".join(char for char in line if not ("\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef")), cells)


def fit(text: str, cells: int) -> str:
    """The text, cut with an ellipsis if it is wider than `cells`."""
    if cells <= 0:
        return ""
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1) + "…"


def quoted(text: Said | str, cells: int = 200) -> str:
    """In quotes that it can't close itself; empty stays empty."""
    line = words(text, max(0, cells - 2)).replace("“", "'").replace("”", "'").replace('"', "'")
    return f"“{line}”" if line.strip() else ""
