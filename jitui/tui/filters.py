"""Applies --ascii and NO_COLOR to each line, as the last step before it goes to the terminal, so no screen can forget them."""

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from jitui.tui.theme import ASCII


@lru_cache(4096)
def to_ascii(text: str) -> str:
    """The text in 7 bits and in the same number of cells: our glyphs by their table, anything else `?`."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else ASCII.get(char, "?" * cell_len(char)) for char in text)


class AsciiFilter(LineFilter):
    """Only ASCII leaves the program."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


@lru_cache(4096)
def colourless(style: Style) -> Style:
    """Weight, underline and reverse stay, colours go (no-color.org)."""
    return Style(bold=style.bold, dim=style.dim, italic=style.italic, underline=style.underline, strike=style.strike, reverse=style.reverse, meta=style.meta)


class ColourlessFilter(LineFilter):
    """No colour leaves the program."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        return [Segment(text, None if style is None else colourless(style), control) for text, style, control in segments]
