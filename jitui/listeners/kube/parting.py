"""Closes a connection only once the client can have read all that was said on it."""

import asyncio
from collections.abc import Callable
from typing import Final

LINGER: Final = 0.2  # seconds without a byte from the client before a close: what it still sends would make it lose the answer (RFC 9112, 9.6)


class Parting:
    """Closes a transport once all is sent and the client is still."""

    def __init__(self, sent: Callable[[], bool]) -> None:
        self.begun = False
        self._sent = sent
        self._heard = True  # something came since the last look
        self._next: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def begin(self, transport: asyncio.Transport) -> None:
        self.begun, self._transport = True, transport
        self.look()

    def heard(self) -> None:
        """The client still sends; nobody reads it."""
        self._heard = True

    def look(self) -> None:
        """Close, or look again in a while."""
        if self._next is not None:
            self._next.cancel()
        if self._transport.is_closing():
            return
        if self._sent():
            if not self._heard:
                self._transport.close()
                return
            self._heard = False
        self._next = asyncio.get_running_loop().call_later(LINGER, self.look)
