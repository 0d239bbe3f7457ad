"""The bytes that are still unsent when an answer or a command is over: the client takes them at its own pace, as it would from the cluster."""

import asyncio
from typing import Final

from jitui.proxy.live import Session, Window
from jitui.proxy.outlet import LOOK, LOOK_LAST, Outlet
from jitui.recording.frame import Channel

PATIENCE: Final = 60.0  # seconds without a byte taken, those of a freeze not counted


class Rest:
    """Bytes on their way to the client and not yet taken. A close with answers unread in it is a reset, which throws them away."""

    def __init__(self, outlet: Outlet, window: Window, *, patience: float | None = None) -> None:
        """`patience`: seconds that the client may rest, by itself PATIENCE. A stream's may rest while its window is open: cut without words it looks whole."""
        self._patience = PATIENCE if patience is None else patience
        self._outlet, self._window = outlet, window
        self._left, self._moved = self._now_left, asyncio.get_running_loop().time()

    def on_its_way(self) -> bool:
        """Whether the client is still to be waited for: it takes some of it now and then, and its window is open."""
        left, now = self._now_left, asyncio.get_running_loop().time()
        frozen = self._outlet.frozen  # words for it may be held elsewhere
        if left != self._left or frozen:
            self._left, self._moved = left, now
        return (left > 0 or frozen) and now - self._moved < self._patience and not self._window.closed

    @property
    def _now_left(self) -> int:
        return self._outlet.queued + self._outlet.unsent


class Untaken:
    """Bytes of an answer that was cut off, handed to the client's socket and not sent yet: the closing fact waits until they are, or are dropped."""

    def __init__(self, outlet: Outlet, session: Session, conn: int) -> None:
        self._outlet, self._session, self._conn = outlet, session, conn
        self._left = outlet.unread
        if self._left:
            session.taking(self)
            self._look(LOOK)

    def _look(self, after: float) -> None:
        closing = self._outlet.transport.is_closing()
        self._left = self._outlet.unread or (self._left if closing else 0)
        if closing:
            self.abandon()
        elif not self._left:
            self._session.took(self)
        else:
            asyncio.get_running_loop().call_later(after, self._look, min(2 * after, LOOK_LAST))

    def abandon(self) -> None:
        """They were not delivered."""
        dropped(self._session, self._conn, self._left)
        self._left = 0
        self._session.took(self)


def dropped(session: Session, conn: int, count: int) -> None:
    """So many bytes of an answer were handed to the socket and are thrown away: at most as many as the answer had."""
    flow = session.deliveries.flows.get(conn)
    if flow is not None:
        session.handed(conn, Channel.RESPONSE_BODY, -min(count, flow.handed_out))
