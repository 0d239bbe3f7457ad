"""The timeouts of one connection, and its state as a visitor meanwhile."""

import asyncio
from typing import Final

from jitui.listeners.visitors import Visitor, Visitors

IDLE: Final = 300.0  # seconds a kept connection at the Kubernetes door may rest between requests
DRAIN: Final = 2.0  # seconds a client may take for the last bytes it is sent


class Patience:
    """At most one timeout runs at a time; when it passes, the connection is closed."""

    def __init__(self, visitors: Visitors, visitor: Visitor) -> None:
        self._visitors, self._visitor = visitors, visitor
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, transport: asyncio.Transport) -> None:
        """Starts with a new connection: a head is expected."""
        self._transport = transport
        self._visitor.close = transport.abort
        self.head()

    def expect(self, seconds: float) -> None:
        """Closes the connection after so many seconds, unless another call of this object comes first."""
        self.calm()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.close)

    def head(self) -> None:
        """Expects a head: a stranger has limited time for the first good request, and everybody for a head that has begun."""
        now = asyncio.get_running_loop().time()
        left = self._visitors.caps.first_s if self._visitor.owner is not None else self._visitor.until - now
        self.calm()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, left), self._late)

    def next(self) -> None:
        """An answer was sent, and the connection stays open: the next request may come within IDLE."""
        if self._visitor.streaming:
            self._visitors.still(self._visitor)
        if self._visitor.owner is None:
            self.head()
        else:
            self.expect(IDLE)

    def last(self) -> None:
        """The last bytes are being sent: the client has DRAIN seconds to take them."""
        self.calm()
        self._timer = asyncio.get_running_loop().call_later(DRAIN, self._transport.abort)

    def calm(self) -> None:
        """Stops the timeout."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heading(self, held: int) -> None:
        """Notes that `held` bytes of an incomplete head have come; the rest must come in time."""
        if held:
            if not self._visitor.head:
                self.head()
            self._visitors.holds(self._visitor, held)

    def headed(self) -> None:
        """Notes that the head is complete."""
        self.calm()
        if self._visitor.head:
            self._visitors.holds(self._visitor, 0)

    def gone(self) -> None:
        """Notes that the connection is lost."""
        self.calm()
        self._visitors.gone(self._visitor)

    def _late(self) -> None:
        if self._visitor.owner is None:
            self._visitors.late(self._visitor)
        else:
            self._transport.close()
