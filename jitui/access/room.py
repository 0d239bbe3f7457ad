"""The room that is left on the record's disk: the less there is, the fewer things may use it, and deciding and ending always may.

Below `min_free` denied calls and refused asks are counted instead of written; below three quarters of it nothing new is opened; below half of it
streams end. Deciding, revoking and ending always work. A step is taken back once there is an eighth of `min_free` more than where it begins.
"""

import asyncio
from collections.abc import Callable
from enum import IntEnum
from fractions import Fraction
from typing import Final

from jitui.recording.facts import Disk, Draft
from jitui.values import size
from jitui.values.alarm import beat
from jitui.values.atwork import Told, unheard
from jitui.values.limits import Limits

EVERY_S: Final = 1.0
OF_DISK: Final = 8  # on a small file system `min_free` is an eighth of it


class Level(IntEnum):
    """Steps in rising order. Each stops one thing more than the step before it."""

    PLENTY = 0
    NO_ROWS = 1  # of what was denied
    NO_STREAMS = 2  # new ones, and no new session of any kind
    NOTHING = 3  # streams end


BEGINS: Final = {Level.NO_ROWS: Fraction(1), Level.NO_STREAMS: Fraction(3, 4), Level.NOTHING: Fraction(1, 2)}  # of min_free
BACK: Final = Fraction(1, 8)
SAID: Final = {
    Level.NO_ROWS: "denied calls and refused asks are counted, not written",
    Level.NO_STREAMS: "nothing new is opened",
    Level.NOTHING: "streams end, and nothing new is opened",
}


class Room:
    """Looks at the disk once a second (`run`), in a thread; `level` is the result of the last look."""

    def __init__(self, look: Callable[[], tuple[int, int]], limits: Limits, changed: Callable[["Room"], None],
                 at_work: Told = unheard) -> None:
        """`look`: bytes free and bytes in all of the disk. `changed`: called after each look that changed the level. `at_work`: told as long as there
        is too little, in words.
        """
        self.limits = limits
        self.level = Level.PLENTY
        self._look, self._changed, self._at_work = look, changed, at_work
        self.free, self.total = look()

    @property
    def min_free(self) -> int:
        """Returns the room below which things stop, in bytes."""
        return min(self.limits.min_free, self.total // OF_DISK)

    @property
    def words(self) -> str:
        """The state in one sentence, while it is not PLENTY."""
        how = "less" if self.free < self.min_free else "not enough more"  # on the way back
        return f"the disk of the record has {size.show(self.free)} left, {how} than min_free ({size.show(self.min_free)}): {SAID[self.level]}"

    @property
    def fact(self) -> Draft:
        return Disk(level=self.level.name.lower().replace("_", "-"), free=self.free, min_free=self.min_free).draft("gateway", "gateway")

    def see(self, free: int, total: int) -> None:
        """Sets the level from `free` bytes of `total`."""
        self.free, self.total = free, total
        level = max((each for each, share in BEGINS.items() if free < self._limit(each, share)), default=Level.PLENTY)
        if level is not self.level:
            self.level = level
            self._changed(self)
        if level:
            self._at_work("min_free", "the disk", self.words)

    def _limit(self, level: Level, share: Fraction) -> Fraction:
        return self.min_free * (share + (BACK if level <= self.level else 0))

    async def look(self) -> None:
        self.see(*await asyncio.to_thread(self._look))

    async def run(self) -> None:
        """Looks once a second until it is cancelled."""
        while True:
            await self.look()
            await beat(EVERY_S)
