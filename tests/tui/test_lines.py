"""Lines of cells are exactly as wide as they are asked to be."""

from hypothesis import given, strategies as st

from jitui.tui.lines import FLEX, Cell, block, row, rule, text
from jitui.values.said import Said


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.text(max_size=60), st.integers(0, 60))
def test_a_row_has_its_width_whatever_stands_in_it(fixed: list[str], flexible: str, width: int) -> None:
    """Text of others, of any width, beside one cell that takes what is left over."""
    cells = [*(Cell(Said(part), 5) for part in fixed), Cell(Said(flexible), FLEX)]
    assert row(cells, width).cell_length == width
    assert rule(flexible, fixed[0], width).cell_length == width


def test_a_cell_is_padded_on_its_side_and_may_say_what_fits() -> None:
    """To the right for numbers; a callable is told how many cells there are."""
    assert row([Cell("ab", 4), Cell("7", 3, right=True), Cell(lambda cells: "x" * cells, FLEX)], 12).plain == "ab     7 xxx"


def test_markup_is_text() -> None:
    """What looks like markup is shown as it is, with the style of the cell alone."""
    made = block([text(("[bold]x[/]", "$state-quiet"), "[@click=app.quit]y[/]")])
    assert made.plain == "[bold]x[/][@click=app.quit]y[/]"
    assert [span.style for span in made.spans] == ["$state-quiet"]
