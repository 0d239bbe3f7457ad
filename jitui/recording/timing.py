"""Where a replay stands, and which of its frames are due.

    head = Playhead(times, playing=True)
    head.advance(0.05)       twenty times a second; then the first `head.index` frames are due

Nobody sleeps here: time comes in as seconds that passed.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
IDLE_LIMITS: Final = (0, 1_000_000, 3_000_000)  # microseconds; 0: pauses last as long as they did


@dataclass
class Playhead:
    """A position in a list of frame times (microseconds since the start, rising)."""

    times: Sequence[int] = field(default_factory=list)
    at_us: float = 0.0
    index: int = 0  # so many frames have been shown
    playing: bool = False
    speed: float = 1.0
    idle_us: int = 1_000_000

    @property
    def end_us(self) -> int:
        return self.times[-1] if self.times else 0

    @property
    def done(self) -> bool:
        return self.index >= len(self.times)

    def advance(self, seconds: float) -> None:
        """Play on for so many seconds. A pause longer than the idle limit is cut down to it."""
        if not self.playing or self.done:
            self.playing = False
            return
        at = self.at_us + seconds * 1e6 * self.speed
        index = bisect_right(self.times, at)
        if self.idle_us and index < len(self.times):
            since = self.times[index - 1] if index else 0
            if at - since > self.idle_us * self.speed and self.times[index] > at:
                at = float(self.times[index])
        self.seek(at)
        self.playing = not self.done

    def seek(self, at_us: float) -> None:
        """Go to a time in microseconds, or to the nearest within the recording."""
        self.at_us = min(max(0.0, at_us), float(self.end_us))
        self.index = bisect_right(self.times, self.at_us)

    def step(self, by: int) -> None:
        """Go so many frames on or back, and stop there."""
        self.playing = False
        self.index = min(len(self.times), max(0, self.index + by))
        self.at_us = float(self.times[self.index - 1]) if self.index else 0.0

    def faster(self, by: int) -> None:
        """Take the next speed up or down."""
        others = [speed for speed in SPEEDS if (speed > self.speed if by > 0 else speed < self.speed)]
        if others:
            self.speed = others[0] if by > 0 else others[-1]

    def next_idle(self) -> None:
        """Take the next idle limit."""
        known = IDLE_LIMITS.index(self.idle_us) if self.idle_us in IDLE_LIMITS else -1
        self.idle_us = IDLE_LIMITS[(known + 1) % len(IDLE_LIMITS)]
