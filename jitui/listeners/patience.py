"""How long one connection is waited for, and what counts for its visitor meanwhile."""

import asyncio
from typing import Final

from jitui.listeners.visitors import Visitor, Visitors

IDLE: Final = 300.0  # seconds a kept connection at the Kubernetes door may rest between requests
DRAIN: Final = 2.0  # seconds a client may take for the last bytes it is sent


class Patience:
    """At most one thing is waited for at a time; when it does not come the connection is closed."""

    def __init__(self, visitors: Visitors, visitor: Visitor) -> None:
        self._visitors, self._visitor = visitors, visitor
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, transport: asyncio.Transport) -> None:
        """It is connected: a head is expected."""
        self._transport = transport
        self._visitor.close = transport.abort
        self.head()

    def expect(self, seconds: float) -> None:
        """Close if nothing else was asked for or said by then."""
        self.calm()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.close)

    def head(self) -> None:
        """A stranger has a little while for their first good request, and everybody for a head that has begun."""
        now = asyncio.get_running_loop().time()
        left = self._visitors.caps.first_s if self._visitor.owner is not None else self._visitor.until - now
        self.calm()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, left), self._late)

    def next(self) -> None:
        """An answer is out, and the connection stays."""
        if self._visitor.streaming:
            self._visitors.still(self._visitor)
        if self._visitor.owner is None:
            self.head()
        else:
            self.expect(IDLE)

    def last(self) -> None:
        """The last bytes are on their way."""
        self.calm()
        self._timer = asyncio.get_running_loop().call_later(DRAIN, self._transport.abort)

    def calm(self) -> None:
        """Nothing is waited for by a certain time any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heading(self, held: int) -> None:
        """So many bytes of a head that is not whole are held; the rest must come in time."""
        if held:
            if not self._visitor.head:
                self.head()
            self._visitors.holds(self._visitor, held)

    def headed(self) -> None:
        """A head is whole."""
        self.calm()
        if self._visitor.head:
            self._visitors.holds(self._visitor, 0)

    def gone(self) -> None:
        """The connection is lost."""
        self.calm()
        self._visitors.gone(self._visitor)

    def _late(self) -> None:
        if self._visitor.owner is None:
            self._visitors.late(self._visitor)
        else:
            self._transport.close()
