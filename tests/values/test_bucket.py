"""A token bucket."""

from copy import copy

import pytest
from hypothesis import given, strategies as st

from jitui.values.bucket import Bucket


def test_a_burst_and_then_a_rate() -> None:
    """Five at once, then one every half second; a rest earns no more than the burst."""
    bucket = Bucket(2, 5)
    assert [bucket.take(10.0) for _ in range(6)] == [True] * 5 + [False]
    assert [bucket.take(10.4), bucket.take(10.5), bucket.take(10.5)] == [False, True, False]
    assert [bucket.take(1000.0) for _ in range(6)] == [True] * 5 + [False]


def test_other_figures_from_now_on() -> None:
    """Taken tokens stay taken."""
    bucket = Bucket(1, 1)
    assert bucket.take(0.0)
    bucket.tune(10, 2)
    assert [bucket.take(0.95), bucket.take(0.95)] == [True, False]


@pytest.mark.interpreted
@given(st.lists(st.floats(0, 0.5), max_size=200), st.integers(1, 50), st.integers(1, 20))
def test_never_more_than_the_burst_and_the_rate_allow(gaps: list[float], rate: int, burst: int) -> None:
    """However the requests fall in time, and a refused one costs nothing."""
    bucket, unrefused, now, passed = Bucket(rate, burst), Bucket(rate, burst), 100.0, 0
    for gap in gaps:
        now += gap
        took = bucket.take(now)
        assert copy(unrefused).take(now) is took
        if took:
            passed += 1
            unrefused.take(now)
    assert passed <= burst + (now - 100.0) * rate + 1e-6
