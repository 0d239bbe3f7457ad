"""Deadlines: the boot clock within a boot, the wall clock across one, and never later than they were."""

import pytest
from hypothesis import given, settings, strategies as st

from jitui.values.clock import ManualClock
from jitui.values.instant import Deadline, Instant, from_rfc3339, rfc3339

US = 1_000_000


def test_within_a_boot_the_wall_clock_does_not_matter() -> None:
    """An hour back and forth moves nothing."""
    clock = ManualClock()
    deadline = Deadline.after(clock.now(), 600 * US)
    for seconds in (-3600, 7200, -3600):
        clock.set_wall(seconds)
        assert deadline.remaining_us(clock.now()) == 600 * US
    clock.advance(600)
    assert deadline.passed(clock.now())


def test_across_a_reboot_the_wall_clock_decides_and_is_then_anchored() -> None:
    """From the anchoring on, setting the wall clock moves nothing again."""
    clock = ManualClock()
    deadline = Deadline.after(clock.now(), 600 * US)
    clock.reboot("boot-2", off_seconds=100)
    assert deadline.remaining_us(clock.now()) == 500 * US
    anchored = deadline.anchored(clock.now())
    assert anchored.wall_us == deadline.wall_us
    clock.set_wall(-3600)
    assert anchored.remaining_us(clock.now()) == 500 * US
    assert anchored.anchored(clock.now()) is anchored


@settings(deadline=None)
@given(st.integers(0, 10**16), st.integers(0, 10**13), st.integers(-(10**10), 10**10))
def test_anchoring_keeps_what_remains(wall: int, boot: int, left: int) -> None:
    """At the instant of anchoring, to the microsecond."""
    now = Instant(wall, boot, "here")
    deadline = Deadline(wall + left, 0, "elsewhere")
    assert deadline.anchored(now).remaining_us(now) == deadline.remaining_us(now) == left


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000_000_000))
def test_times_are_written_and_read_alike(wall_us: int) -> None:
    """RFC 3339 with microseconds, UTC."""
    assert from_rfc3339(rfc3339(wall_us)) == wall_us


def test_a_time_without_a_zone_is_no_time() -> None:
    """It would be somebody's local one."""
    with pytest.raises(ValueError, match="zone"):
        from_rfc3339("2026-11-23T16:04:11")
