"""How much is begun in one turn of the loop: requests, handshakes. What is too much for one waits for the next, in the order in which it came.

Without it, everything that came meanwhile would be judged and answered in one go, and a person's yes, which takes a dozen turns, would wait for it each time.
"""

import asyncio
from collections import deque
from collections.abc import Callable


class Turnstile:
    """Lets `size` through a turn."""

    def __init__(self, size: int) -> None:
        self._size, self._begun = size, 0
        self._waiting: deque[Callable[[], None]] = deque()
        self._due = False  # a turn is

    def through(self, work: Callable[[], None]) -> bool:
        """True: go on now. False: `work` is called once, in a turn to come."""
        if self._begun < self._size and not self._waiting:
            self._begun += 1  # over turns, until it is full: who comes one by one costs a turn of their own with every `size`th only
            if self._begun == self._size:
                self._soon()
            return True
        self._waiting.append(work)
        self._soon()
        return False

    async def wait(self) -> None:
        """Until it is one's turn."""
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
        for _ in range(self._begun):
            self._waiting.popleft()()
        if self._waiting or self._begun >= self._size:
            self._soon()
