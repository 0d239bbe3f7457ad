"""Reads one agent's connection: a new request begins with others in a turn of the loop, bytes of one that is under way do not wait."""

import asyncio
from collections.abc import Callable
from typing import Final

from jitui.listeners.turnstile import Turnstile

SLOWED: Final = 0.1  # seconds until the next request behind one that was too many: a client that does not heed Retry-After waits too


class Inlet:
    """One connection, and its reads while it waits for its turn: one, or two."""

    def __init__(self, turnstile: Turnstile, go: Callable[[bytes], None], pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """`go` is called with what came, perhaps nothing, when the turn is there."""
        self._turnstile, self._go, self._pause, self._resume = turnstile, go, pause, resume
        self._came: list[bytes] = []
        self.waits = self._closed = False

    def open(self) -> bool:
        """Whether a request may begin now, of what came before; if not, it may later."""
        if not self.waits and self._turnstile.through(self._turn):
            return True
        self.waits = True
        return False

    def take(self, data: bytes) -> None:
        """A request may begin with `data`: once its turn is there."""
        if not self.waits:
            self.waits = True
            self._turnstile.later(self._turn)
        self._came.append(data)
        if len(self._came) > 1:
            self._pause()

    def rest(self) -> None:
        """No further request begins for a moment."""
        if not self.waits:
            self.waits = True
            asyncio.get_running_loop().call_later(SLOWED, self._turn)

    def close(self) -> None:
        """Nothing of it is wanted any more."""
        self._closed = True
        self._came.clear()

    def _turn(self) -> None:
        self.waits = False
        if self._closed:
            return
        came, self._came = self._came, []
        if len(came) > 1:
            self._resume()
        self._go(b"".join(came))
