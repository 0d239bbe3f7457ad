"""The words of a window's last part."""

import pytest
from hypothesis import given, strategies as st

from jitui.policy.remaining import ending, rounded
from jitui.policy.terms import GrantState
from jitui.values.clock import ManualClock
from jitui.values.instant import Deadline
from tests.policy.world import NOW, grant


def left(seconds: float, duration_s: int = 1800) -> str:
    return ending(grant(duration_s=duration_s, deadline=Deadline.after(NOW, round(seconds * 1e6))), NOW)


@pytest.mark.parametrize(("seconds", "words"), [
    (1800, ""), (300.1, ""), (300, "access ends in 5m"), (299, "access ends in 4m"), (61, "access ends in 1m"), (60, "access ends in 1m"),
    (59, "access ends in 30s"), (30, "access ends in 30s"), (29, "access ends in 20s"), (10, "access ends in 10s"), (9, "access ends in less than 10s"),
    (0, ""), (-1, ""),
])  # fmt: skip
def test_the_last_part_is_five_minutes(seconds: float, words: str) -> None:
    """Of a window of half an hour; each sentence stays the same for as long as kubectl should print it once."""
    assert left(seconds) == words


def test_of_a_short_window_it_is_the_last_quarter() -> None:
    """A window of four minutes is quiet for three."""
    assert left(61, 240) == ""
    assert left(60, 240) == "access ends in 1m"


def test_a_window_that_has_not_begun_or_is_over_says_nothing() -> None:
    soon = Deadline.after(NOW, 1_000_000)
    assert ending(grant(state=GrantState.WAITING, deadline=None, use_by=soon), NOW) == ""
    assert ending(grant(state=GrantState.REVOKED, deadline=soon), NOW) == ""


@given(st.integers(0, 10_000))
def test_no_more_is_promised_than_there_is(seconds: int) -> None:
    """Rounded down, and in few steps."""
    words = rounded(seconds)
    if seconds >= 10:
        value = sum(int(part[:-1]) * {"h": 3600, "m": 60, "s": 1}[part[-1]] for part in words.replace("h", "h ").replace("m", "m ").split())
        assert seconds - 60 < value <= seconds
    else:
        assert words == "less than 10s"


def test_five_minutes_are_nine_sentences() -> None:
    """kubectl prints each once a process."""
    clock = ManualClock()
    one = grant(deadline=Deadline.after(clock.now(), 300_000_000))
    said = []
    for _ in range(3000):
        said.append(ending(one, clock.now()))
        clock.advance(0.1)
    assert len(dict.fromkeys(said)) == 9
