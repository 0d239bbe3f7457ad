"""The rows of a screen that is painted in pieces."""

from collections.abc import Callable
from typing import Final

from jitui.recording.painted import ROWS, WIDEST, Painted

MOVES: Final[tuple[Callable[[Painted], None], ...]] = (
    lambda rows: rows.forget(), lambda rows: rows.keep(3, ["x"] * 11, 10), lambda rows: rows.keep(3, ["x"] * (WIDEST + 1), 0),
    lambda rows: rows.keep(ROWS + 1, ["x"], 10), lambda rows: rows.forget(below=1),
)  # fmt: skip


def test_a_row_is_known_until_the_rows_may_have_moved() -> None:
    """A scroll, an erased screen, a row that goes on in the next one, and a row that is the last one whatever its number."""
    for moves in MOVES:
        rows = Painted()
        rows.keep(2, ["a", "b"], 10)
        rows.save(2, 1, (), 10)
        assert (rows.recall(2), rows.recall(3), rows.saved) == (["a", "b"], [], (2, 1, []))
        moves(rows)
        assert rows.recall(2) == []
    rows.keep(2, ["a"], 10)
    rows.forget(below=2)
    assert rows.recall(2) == ["a"]


def test_a_line_of_no_row_is_kept_with_the_saved_place_alone() -> None:
    """Where on the screen it stands is not known."""
    rows = Painted()
    rows.keep(0, ["a"], 10)
    rows.save(0, 1, ["a"], 10)
    assert (rows.recall(0), rows.saved) == ([], (0, 1, ["a"]))
    rows.forget()
    assert rows.saved is None
