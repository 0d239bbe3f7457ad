"""The streams of a gateway share turns of the loop, and how much of bulk may be under way.

Work that is too much for one turn goes on in others, and nobody gets a second before the rest had their first.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from jitui.proxy.outlet import WINDOW

WIDE: Final = 4 << 20  # bytes a direction may hold while nobody types: who sends does not wait for a commit
WIDE_AT_ONCE: Final = 4  # directions; so much memory at most
CALM_S: Final = 2.0  # seconds since the last keystroke
KEYSTROKE: Final = 1024  # bytes of what a client says at once: more is bulk itself


class Turns:
    """One piece of work a turn of the loop, whoever has how much: between two of them deadlines and kills run."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._typed = -CALM_S
        self._wide: set[object] = set()

    def wait(self, work: Callable[[], None]) -> None:
        """Call it once, behind all that wait."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        self._waiting.append(work)

    def _next(self) -> None:
        work = self._waiting.popleft()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        work()

    def heard(self, size: int) -> None:
        """A client said so many bytes; if it is a person who types, bulk makes room."""
        if size <= KEYSTROKE:
            self._typed = asyncio.get_running_loop().time()

    def window(self, direction: object) -> int:
        """Bytes that a direction which has come to its WINDOW may hold now."""
        if asyncio.get_running_loop().time() - self._typed < CALM_S:
            return WINDOW
        if direction not in self._wide:
            if len(self._wide) >= WIDE_AT_ONCE:
                return WINDOW
            self._wide.add(direction)
        return WIDE

    def narrow(self, direction: object) -> None:
        """It holds little now, or nothing any more: its width is another's to take."""
        self._wide.discard(direction)
