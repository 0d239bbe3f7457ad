"""The rest of a window."""

from hypothesis import given, strategies as st

from jitui.tui.widgets.countdown import SOON_S, bar, clock, remaining, style


def test_a_window_that_is_over_has_nothing_left() -> None:
    """More time than was said never counts below zero."""
    assert [remaining(60.0, passed) for passed in (0.0, 59.5, 60.0, 1e9)] == [60.0, 0.5, 0.0, 0.0]
    assert clock(remaining(60.0, 1e9)).plain == "0m00s"


def test_the_last_minute_looks_different() -> None:
    """The clock and the line change their colour together."""
    assert style(SOON_S) != style(SOON_S - 0.1) == style(0.0)
    for seconds in (SOON_S, SOON_S - 0.1):
        assert {span.style for span in clock(seconds).spans} == {style(seconds)}
        assert style(seconds) in {span.style for span in bar(seconds, 120, 8).spans}


@given(st.floats(0, 1e9), st.floats(-1, 1e9), st.integers(0, 200))
def test_the_line_has_its_cells_whatever_is_left(seconds: float, whole_s: float, cells: int) -> None:
    """More than the whole is full; a window that still runs shows at least one."""
    line = bar(seconds, whole_s, cells).plain
    assert len(line) == cells
    assert line == line.replace("╌", "").ljust(cells, "╌")
    assert ("━" in line) == (seconds > 0 and cells > 0)
