"""Whether a byte of a session may pass."""

import pytest

from jitui.proxy.gate import Gate
from jitui.values.clock import ManualClock
from jitui.values.instant import Deadline, Instant


class Until:
    """A window with a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline

    def open_at(self, now: Instant) -> bool:
        return not self.deadline.passed(now)


@pytest.mark.parametrize("seconds", [59.999, 60.0, 61.0])
def test_a_byte_passes_until_the_deadline(seconds: float) -> None:
    """The first that comes at it, or after it, ends the window: whatever its timer says."""
    clock, late = ManualClock(), list[str]()
    gate = Gate(Until(Deadline.after(clock.now(), 60_000_000)), clock, lambda: late.append("late"))
    assert gate.passing()
    clock.advance(seconds)
    assert (gate.passing(), late) == ((True, []) if seconds < 60 else (False, ["late"]))


def test_nothing_passes_after_a_mute() -> None:
    """Nor is the window told that something came late: it has ended already."""
    clock, late = ManualClock(), list[str]()
    gate = Gate(Until(Deadline.after(clock.now(), 60_000_000)), clock, lambda: late.append("late"))
    gate.muted = True
    clock.advance(61)
    assert (gate.passing(), late) == (False, [])
