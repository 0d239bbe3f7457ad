"""The last step before a line goes to the terminal."""

from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from jitui.tui.filters import AsciiFilter, ColourlessFilter, to_ascii

BLACK = Color(0, 0, 0)


def test_ascii_keeps_the_cells() -> None:
    """Our glyphs have their own letters, others become as many question marks as they have cells."""
    assert to_ascii("● g-1 漢…") == "* g-1 ??~"
    (segment,) = AsciiFilter().apply([Segment("▸ x", Style(bold=True))], BLACK)
    assert (segment.text, segment.style) == ("> x", Style(bold=True))


def test_without_colour_weight_stays() -> None:
    """Bold and reverse are no colours."""
    (segment, plain) = ColourlessFilter().apply([Segment("x", Style(color="red", bgcolor="blue", bold=True, reverse=True)), Segment("y")], BLACK)
    style = segment.style
    assert style is not None
    assert (style.color, style.bgcolor, style.bold, style.reverse) == (None, None, True, True)
    assert plain.style is None
