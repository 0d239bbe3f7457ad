"""The end of a connection to which something was said last: all of it is to be read."""

import asyncio
from collections.abc import Callable
from typing import Final

LINGER: Final = 0.2  # seconds without a byte from the client before a close: what it still sends would make it lose the answer (RFC 9112, 9.6)


class Parting:
    """Closes a transport once all is written and the client is still."""

    def __init__(self, written: Callable[[], bool]) -> None:
        self.begun = False
        self._written = written
        self._heard = True  # something came since the last look
        self._transport: asyncio.Transport

    def begin(self, transport: asyncio.Transport) -> None:
        self.begun, self._transport = True, transport
        self.look()

    def heard(self) -> None:
        """The client still sends; nobody reads it."""
        self._heard = True

    def look(self) -> None:
        """Close, or look again in a while."""
        if not self._written():
            return
        if not self._heard:
            self._transport.close()
        elif not self._transport.is_closing():
            self._heard = False
            asyncio.get_running_loop().call_later(LINGER, self.look)
