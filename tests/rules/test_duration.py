"""Durations as people write them."""

import pytest
from hypothesis import given, strategies as st

from jitui.errors import InvalidError
from jitui.rules.duration import duration, seconds


@pytest.mark.parametrize(("text", "total"), [("30m", 1800), ("1h30m", 5400), ("90s", 90), ("2d", 172_800), (" 20s ", 20), ("1h0m5s", 3605)])
def test_a_duration_is_read(text: str, total: int) -> None:
    """Days, hours, minutes, seconds, in that order."""
    assert seconds(text) == total


@pytest.mark.parametrize("text", ["", "30", "m", "0s", "-1m", "1m1h", "1.5h", "1 h", "30min", "9" * 20 + "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Zero too: no window lasts nothing."""
    with pytest.raises(InvalidError, match="write for instance 30m"):
        seconds(text)


@given(st.integers(1, 10**6))
def test_a_duration_reads_back(total: int) -> None:
    assert seconds(duration(total)) == total


@pytest.mark.parametrize(("total", "text"), [(1800, "30m"), (5400, "1h30m"), (7200, "2h"), (86_400, "24h"), (61, "1m1s"), (0, "0s"), (-5, "0s")])
def test_a_duration_is_written_short(total: int, text: str) -> None:
    assert duration(total) == text
