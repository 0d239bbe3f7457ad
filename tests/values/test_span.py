"""Lengths of time as people write them."""

import pytest
from hypothesis import given, strategies as st

from jitui.values import span
from jitui.values.errors import InvalidError


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("1h30m", 5400), ("45s", 45), ("2h", 7200), ("1h1m1s", 3661), ("90m", 5400)])
def test_parse(text: str, seconds: int) -> None:
    """Hours, minutes and seconds, each at most once, in that order."""
    assert span.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "0s", "-5m", "1.5h", "30M", "5m1h", "1h 30m", "30m\n", "\u0663m", "999999h", "1d"])
def test_parse_refuses(text: str) -> None:
    """Anything else is refused, and the message shows the form."""
    with pytest.raises(InvalidError, match=r"duration"):
        span.parse(text)


@given(st.integers(1, span.LONGEST_S))
def test_show_is_the_inverse(seconds: int) -> None:
    """The text parses back to the same length."""
    assert span.parse(span.show(seconds)) == seconds


def test_show_of_nothing() -> None:
    """A past or tiny length is 0s, never negative."""
    assert [span.show(-3), span.show(0.4), span.show(5400)] == ["0s", "0s", "1h30m"]


@pytest.mark.parametrize(("text", "seconds"), [("90d", 90 * 86400), ("7y", 7 * 365 * 86400), ("12w", 84 * 86400), ("36h", 129600), ("1h30m", 5400)])
def test_long_times(text: str, seconds: int) -> None:
    """Days, weeks and years, or as windows have it; shown in the largest whole unit."""
    assert span.parse_long(text) == seconds
    assert span.parse_long(span.show_long(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "d", "0d", "90", "1d2h", "101y", "-1d", "1.5d", "9D", "\u0663d"])
def test_long_times_refuse(text: str) -> None:
    """Anything else, and more than a hundred years."""
    with pytest.raises(InvalidError, match="length of time"):
        span.parse_long(text)
