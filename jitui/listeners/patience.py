"""The timeouts of one connection, and its state as a visitor meanwhile."""

import asyncio
from collections.abc import Callable
from typing import Final

from jitui.listeners.visitors import Visitor, Visitors

IDLE: Final = 300.0  # seconds a kept connection at the Kubernetes listener may rest between requests
DRAIN: Final = 2.0  # seconds a client may take for the last bytes it is sent, if its window is not open any more


class Patience:
    """At most one timeout runs at a time; when it passes, the connection is closed.

    Every request sets another one, so the loop's timer is left to run: when it rings before the timeout of that moment, it is set again.
    """

    def __init__(self, visitors: Visitors, visitor: Visitor) -> None:
        self._visitors, self._visitor = visitors, visitor
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # loop time
        self._late: Callable[[], None] | None = None  # called when it did not come; None: nothing is waited for

    def begin(self, transport: asyncio.Transport) -> None:
        """Starts with a new connection: a head is expected."""
        self._transport = transport
        self._visitor.close = transport.abort
        self.head()

    def expect(self, seconds: float) -> None:
        """Closes the connection after so many seconds, unless another call of this object comes first."""
        self._wait(seconds, self._transport.close)

    def head(self) -> None:
        """Expects a head: a stranger has limited time for the first good request, and everybody for a head that has begun."""
        stranger = self._visitor.owner is None
        self._wait(self._visitor.until - self._loop.time() if stranger else self._visitors.caps.first_s, self._close)

    def next(self) -> None:
        """An answer was sent, and the connection stays open: the next request may come within IDLE."""
        visitor = self._visitor
        if visitor.streaming:
            self._visitors.still(visitor)
        if visitor.owner is None:
            self.head()
            return
        due, timer = self._loop.time() + IDLE, self._timer
        if timer is not None and timer.when() <= due:
            self._due, self._late = due, self._transport.close  # as `_wait` does, without its call
        else:
            self._wait(IDLE, self._transport.close)

    def last(self, on_its_way: Callable[[], bool], end: Callable[[], None]) -> None:
        """The last bytes are being sent: the client has DRAIN seconds to take them, and as many again while `on_its_way` says that it does; then `end`."""
        self._wait(DRAIN, lambda: self.last(on_its_way, end) if on_its_way() else end())

    def calm(self) -> None:
        """Stops the timeout."""
        self._late = None

    def heading(self, held: int) -> None:
        """Notes that `held` bytes of an incomplete head have come; the rest must come in time."""
        if held:
            if not self._visitor.head:
                self.head()
            self._visitors.holds(self._visitor, held)

    def headed(self) -> None:
        """Notes that the head is complete."""
        self._late = None
        if self._visitor.head:
            self._visitors.holds(self._visitor, 0)

    def gone(self) -> None:
        """Notes that the connection is lost."""
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
