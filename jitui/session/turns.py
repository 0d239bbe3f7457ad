"""Turns of the loop: what is too much for one of them goes on in others, and nobody gets a second before the rest had their first."""

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """One piece of work a turn of the loop, whoever has how much: between two of them deadlines and kills run."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

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
