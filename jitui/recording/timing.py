"""Where a replay stands, and which of its frames are due.

    head = Playhead(times, playing=True)
    head.advance(0.05)       twenty times a second; then the first `head.index` frames are due

Nobody sleeps here: time comes in as seconds that passed.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
IDLE_LIMITS: Final = (0, 1_000_000, 3_000_000)  # microseconds; 0: pauses last as long as they did


@dataclass(kw_only=True)
class Pace:
    """How fast time goes, and how long a pause may last."""

    at_us: float = 0.0
    playing: bool = False
    speed: float = 1.0
    idle_us: int = 1_000_000

    def faster(self, by: int) -> None:
        """Take the next speed up or down."""
        others = [speed for speed in SPEEDS if (speed > self.speed if by > 0 else speed < self.speed)]
        if others:
            self.speed = others[0] if by > 0 else others[-1]

    def next_idle(self) -> None:
        """Take the next idle limit."""
        known = IDLE_LIMITS.index(self.idle_us) if self.idle_us in IDLE_LIMITS else -1
        self.idle_us = IDLE_LIMITS[(known + 1) % len(IDLE_LIMITS)]

    def passed(self, seconds: float, since: float, coming: float | None) -> float:
        """The position after so many seconds; a pause between `since` and the next thing, `coming`, that is longer than the idle limit is cut down to it."""
        at = self.at_us + seconds * 1e6 * self.speed
        if self.idle_us and coming is not None and coming > at and at - since > self.idle_us * self.speed:
            return coming
        return at


@dataclass(kw_only=True)
class Course(Pace):
    """A position in something whose events are not all known: its length, and from tick to tick what comes next."""

    end_us: int = 0
    index: int = 0  # of an event, for those who draw it

    @property
    def done(self) -> bool:
        return self.at_us >= self.end_us

    def advance(self, seconds: float, since: float, coming: float | None) -> None:
        """Play on for so many seconds; `since`: when something happened last, `coming`: when it does next, None: never again."""
        if self.playing:
            self.seek(self.passed(seconds, since, self.end_us if coming is None else coming))
            self.playing = not self.done

    def seek(self, at_us: float) -> None:
        """Go to a time, or to the nearest in it."""
        self.at_us = min(max(0.0, at_us), float(self.end_us))


@dataclass
class Playhead(Pace):
    """A position in a list of frame times (microseconds since the start, rising)."""

    times: Sequence[int] = field(default_factory=list)
    index: int = 0  # so many frames have been shown
    last_us: int = 0  # when the recording ends, if the frames are only a part of it

    @property
    def end_us(self) -> int:
        return max(self.last_us, self.times[-1] if self.times else 0)

    @property
    def done(self) -> bool:
        return self.index >= len(self.times) and self.at_us >= self.last_us

    def advance(self, seconds: float) -> None:
        """Play on for so many seconds. A pause longer than the idle limit is cut down to it."""
        if not self.playing or self.done:
            self.playing = False
            return
        index = bisect_right(self.times, self.at_us + seconds * 1e6 * self.speed)
        coming = self.times[index] if index < len(self.times) else None
        self.seek(self.passed(seconds, self.times[index - 1] if index else 0, coming))
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
