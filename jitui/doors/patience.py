"""How long one connection is waited for, and what counts for its visitor meanwhile."""

import asyncio
from collections.abc import Callable
from typing import Final

from jitui.doors.visitors import Visitor, Visitors

IDLE: Final = 300.0  # seconds a kept connection at the Kubernetes door may rest between requests
DRAIN: Final = 2.0  # seconds a client may take for the last bytes it is sent


class Patience:
    """At most one thing is waited for at a time; when it does not come the connection is closed.

    Each request waits for something else, so the timer is left to run: when it is early for what is waited for by then, it is set again.
    """

    def __init__(self, visitors: Visitors, visitor: Visitor) -> None:
        self._visitors, self._visitor = visitors, visitor
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # loop time
        self._late: Callable[[], None] | None = None  # called when it did not come; None: nothing is waited for

    def begin(self, transport: asyncio.Transport) -> None:
        """It is connected: a head is expected."""
        self._transport = transport
        self._visitor.close = transport.abort
        self.head()

    def expect(self, seconds: float) -> None:
        """Close if nothing else was asked for or said by then."""
        self._wait(seconds, self._transport.close)

    def head(self) -> None:
        """A stranger has a little while for their first good request, and everybody for a head that has begun."""
        stranger = self._visitor.owner is None
        self._wait(self._visitor.until - self._loop.time() if stranger else self._visitors.caps.first_s, self._close)

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
        self._wait(DRAIN, self._transport.abort)

    def calm(self) -> None:
        """Nothing is waited for by a certain time any more."""
        self._late = None

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
        self._late = None
        if self._timer is not None:
            self._timer.cancel()
        self._visitors.gone(self._visitor)

    def _wait(self, seconds: float, late: Callable[[], None]) -> None:
        self._due, self._late = self._loop.time() + seconds, late
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_later(max(0.0, seconds), self._ring)

    def _ring(self) -> None:
        late, self._timer = self._late, None
        if late is None:
            return
        if (left := self._due - self._loop.time()) > 0:
            self._timer = self._loop.call_later(left, self._ring)
        else:
            self._late = None
            late()

    def _close(self) -> None:
        if self._visitor.owner is None:
            self._visitors.late(self._visitor)
        else:
            self._transport.close()
