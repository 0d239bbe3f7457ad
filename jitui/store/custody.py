"""Says which thread may use the files: the writer, or the event loop while the writer sleeps and the disk is quick.

A keystroke that finds no other frames on their way is committed by the loop itself: neither has the writer to wake up for it, nor the loop again, which
takes as long as the commit, and on a busy machine many times as long. The loop does nothing else meanwhile, no deadline and no kill, so it does so only
where each of the last commits was quick, and where they are so far apart that nobody would have shared one.
"""

import threading
from math import inf
from typing import Final

QUICK_S: Final = 0.001  # seconds that a commit takes at most on a quick disk
IN_A_ROW: Final = 16  # commits that were quick
APART: Final = 2  # times as long as it took, from the end of a commit to the next one of the loop, which is left two thirds of its time
STALE_S: Final = 2.0  # seconds after which the last of them says nothing any more


class Custody:
    """The writer has it from the start, and lends it while it sleeps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._quick = 0  # commits in a row
        self._last, self._took = -inf, 0.0  # when the newest one ended, and how long it took

    def took(self, seconds: float, now: float) -> None:
        """A commit took so long, and ended now: seconds of a monotonic clock. Called by the thread that has the files."""
        self._quick, self._last, self._took = (self._quick + 1 if seconds <= QUICK_S else 0), now, seconds

    def lend(self) -> None:
        """The writer goes to sleep."""
        self._lock.release()

    def take_back(self) -> None:
        """It woke up; if the loop is at it, that is waited for."""
        self._lock.acquire()

    def borrow(self, now: float) -> bool:
        """Whether the loop may write now. If so it must `give_back`."""
        return self._quick >= IN_A_ROW and APART * self._took <= now - self._last < STALE_S and self._lock.acquire(blocking=False)

    def give_back(self) -> None:
        self._lock.release()
