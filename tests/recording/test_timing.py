"""When each frame of a replay is due."""

import pytest
from hypothesis import given, settings, strategies as st

from jitui.recording.frame import Channel, Frame
from jitui.recording.timing import clocked, delays, idle_limit, speed
from jitui.values.errors import InvalidError


def frames(*times: int) -> list[Frame]:
    return [Frame(1, seq, at_us, 0, Channel.STDOUT, b"x") for seq, at_us in enumerate(times)]


def test_delays() -> None:
    """Seconds since the frame before; the first since the start, or since where the replay begins."""
    assert [delay for delay, _ in delays(frames(500_000, 1_500_000, 1_500_000))] == [0.5, 1.0, 0.0]
    assert [delay for delay, _ in delays(frames(1_500_000), since_us=1_000_000)] == [0.5]


def test_a_clock_that_goes_back_costs_no_time() -> None:
    """No delay is negative, and the time that was lost isn't waited for twice."""
    assert [delay for delay, _ in delays(frames(2_000_000, 1_000_000, 3_000_000))] == [2.0, 0.0, 1.0]


def test_idle_limit_and_speed_in_a_row() -> None:
    """The limit is of recorded time, the speed applies to what is left."""
    assert [delay for delay, _ in speed(idle_limit(delays(frames(0, 10_000_000, 11_000_000)), 2.0), 4.0)] == [0.0, 0.5, 0.25]


def test_clocked() -> None:
    """A timeline shows when each frame is due, not how long after the one before."""
    assert [at for at, _ in clocked(speed(delays(frames(1_000_000, 3_000_000)), 2.0))] == [0.5, 1.5]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_limits_that_mean_nothing_are_refused(value: float) -> None:
    """Zero would be endless, or at once; neither is what was meant."""
    with pytest.raises(InvalidError, match="more than 0"):
        list(idle_limit(delays(frames(1)), value))
    with pytest.raises(InvalidError, match="more than 0"):
        list(speed(delays(frames(1)), value))


@settings(deadline=None)
@given(st.lists(st.integers(0, 1 << 40), max_size=30), st.floats(0.01, 100), st.floats(0.01, 100))
def test_no_frame_is_lost_or_moved(times: list[int], limit: float, factor: float) -> None:
    """Whatever the pace, the frames are the recorded ones in their order, and no pause is longer than the limit allows."""
    recorded = frames(*times)
    paced = list(speed(idle_limit(delays(recorded), limit), factor))
    assert [frame for _, frame in paced] == recorded
    assert all(0 <= delay <= limit / factor for delay, _ in paced)
