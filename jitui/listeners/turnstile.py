"""Limits how much work (requests, handshakes) begins in one turn of the event loop. The rest waits for the next turn, in order.

Without it, all requests that have come would be judged and answered in one turn, and a person's approval, which takes a dozen turns, would wait each time.
"""

import asyncio
from collections import deque
from collections.abc import Callable


class Turnstile:
    """Lets `size` pieces of work begin in one turn."""

    def __init__(self, size: int) -> None:
        self._size, self._begun = size, 0
        self._waiting: deque[Callable[[], None]] = deque()
        self._due = False  # a turn is

    def through(self, work: Callable[[], None]) -> bool:
        """True: the caller goes on now. False: `work` will be called once, in a later turn."""
        if self._begun < self._size and not self._waiting:
            self._begun += 1  # counts across turns until it is full: work that comes one by one costs an extra turn only at every `size`th piece
            if self._begun == self._size:
                self._soon()
            return True
        self._waiting.append(work)
        self._soon()
        return False

    def later(self, work: Callable[[], None]) -> None:
        """Calls `work` in the next turn: pieces are quicker one after the other than each behind the kernel's work for a read, which takes the caches."""
        self._waiting.append(work)
        if not self._due:
            self._soon()

    async def wait(self) -> None:
        """Returns when it is the caller's turn."""
        turn = asyncio.get_running_loop().create_future()
        if not self.through(lambda: None if turn.done() else turn.set_result(None)):
            await turn

    def _soon(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._due = False
        self._begun = min(self._size, len(self._waiting))
        try:
            for _ in range(self._begun):
                self._waiting.popleft()()
        finally:  # a mistake in one is not the others'
            if self._waiting or self._begun >= self._size:
                self._soon()
