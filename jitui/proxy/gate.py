"""The gate of a session decides whether a byte may pass at this instant. Muting is one assignment to `muted`."""

from collections.abc import Callable
from typing import Protocol

from jitui.proxy.ends import End
from jitui.values.clock import Clock
from jitui.values.instant import Instant


class Deadlined(Protocol):
    """The part of a window that a gate looks at."""

    def open_at(self, now: Instant) -> bool:
        """Whether a byte may still pass at this instant."""


class Gate:
    """Lets bytes pass until the mute, or until the deadline of the window."""

    __slots__ = ("_clock", "_window", "end", "late", "muted")

    def __init__(self, window: Deadlined, clock: Clock, late: Callable[[], None]) -> None:
        """`late`: called when a byte comes after the deadline; it ends the window."""
        self.muted = False
        self.end: End | None = None  # once it is muted
        self.late = late
        self._window, self._clock = window, clock

    def passing(self) -> bool:
        """Whether a byte may pass at this very instant. If its time is over, the window ends now, whatever its timer says."""
        if self.muted:
            return False
        if self._window.open_at(self._clock.now()):
            return True
        self.late()
        return False
