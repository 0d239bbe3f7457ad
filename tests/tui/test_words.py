"""Text of other parties as one clean line of so many cells."""

from rich.cells import cell_len

from jitui.tui.words import fit, quoted, words
from jitui.values.said import Said


def test_no_control_and_no_direction_is_left() -> None:
    """Escapes, line feeds, bidi overrides and variation selectors."""
    line = words(Said("a\x1b[31m\nb\u202ec\ufe0fd"))
    assert line.isprintable()
    assert (line[0], line[-1]) == ("a", "d")
    assert "\ufe0f" not in line


def test_wide_characters_are_cut_by_their_cells() -> None:
    """Never a half of one, and never a cell too many."""
    for cells in range(12):
        assert cell_len(words("漢字漢字", cells)) <= cells
    assert words("漢字漢字", 5) == "漢字…"
    assert (fit("abc", 3), fit("abcd", 3), fit("abc", 0)) == ("abc", "ab…", "")


def test_a_quotation_can_not_close_itself() -> None:
    """Whatever marks it holds; nothing stays nothing."""
    assert quoted('say "yes” “now"') == "“say 'yes' 'now'”"
    assert quoted(" ") == ""
