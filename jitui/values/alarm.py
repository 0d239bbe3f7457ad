"""The waking of a process that rests: by beats that all share, and by an alarm that also rings where the machine slept or its wall clock was set.

The timers of an event loop stand still in a suspend, and know no wall clock.
"""

import asyncio
import ctypes
import os
import struct
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

REALTIME, BOOTTIME = 0, 7  # of linux/time.h
ABSOLUTE, CANCEL_ON_SET = 1, 2  # of linux/timerfd.h: the time is no duration; a clock that is set makes the file readable
NEVER_S: Final = 1 << 33  # in the year 2242
BEHIND_S: Final = 0.02  # the kernel's timer rings so long behind the loop's, so that only one of them wakes the gateway


def to_beat(now: float, every_s: float) -> float:
    """Seconds from a time of the loop to the next beat, which is at a multiple of `every_s`."""
    left = every_s - now % every_s
    return left if left > every_s / 100 else left + every_s  # or a timer that rings a little early would ring twice


async def beat(every_s: float) -> None:
    """Until the next beat. Whoever looks at something again and again does it when the others do: a wake-up costs more than the look."""
    await asyncio.sleep(to_beat(asyncio.get_running_loop().time(), every_s))


class Alarm:
    """Two timers of the kernel (timerfd_create(2)), for one that waits again and again, and the loop's own beside them."""

    def __init__(self) -> None:
        """Where there are no such timers, as in some sandboxes, only the loop's is left: `whole` is false."""
        self._library = ctypes.CDLL(None, use_errno=True)
        self._rung = asyncio.Event()
        self._boot, wall = (int(self._library.timerfd_create(clock, os.O_NONBLOCK | os.O_CLOEXEC)) for clock in (BOOTTIME, REALTIME))
        self._files = [file for file in (self._boot, wall) if file >= 0]
        self.whole = len(self._files) == 2 and self._set(wall, ABSOLUTE | CANCEL_ON_SET, NEVER_S)
        for file in self._files:
            asyncio.get_running_loop().add_reader(file, self._ring, file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        files, self._files = self._files, []
        for file in files:
            asyncio.get_running_loop().remove_reader(file)
            os.close(file)

    async def wait(self, seconds: float) -> None:
        """Until so many have passed, those of a suspend among them; or until the wall clock was set."""
        self._rung.clear()
        if self.whole:
            self._set(self._boot, 0, seconds + BEHIND_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()

    def _ring(self, file: int) -> None:
        with suppress(OSError):  # ECANCELED says that the clock was set
            os.read(file, 8)
        self._rung.set()

    def _set(self, file: int, flags: int, seconds: float) -> bool:
        whole = int(seconds)
        return int(self._library.timerfd_settime(file, flags, struct.pack("@4l", 0, 0, whole, int((seconds - whole) * 1e9)), None)) == 0
