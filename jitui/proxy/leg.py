"""One side of a relayed stream: its transport, what it is owed, and what holds it back."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from jitui.clusters.dial import cut
from jitui.proxy.live import Session
from jitui.proxy.outlet import LOOK, LOOK_LAST, WINDOW, Outlet
from jitui.proxy.turns import Turns
from jitui.recording.frame import Channel

Flown: TypeAlias = tuple[int, Channel, int]  # conn, channel, and bytes of it
KEPT: Final = 8 << 20  # bytes of writes that are remembered: more than a kernel holds for one socket
RECORD: Final = 16 << 10  # bytes in a TLS record


class Middle(Protocol):
    """The stream between two legs."""

    session: Session
    turns: Turns

    @property
    def ended(self) -> bool:
        """Nothing is passed on any more; only the client is still heard."""

    def received(self, leg: "Leg", data: bytes) -> None: ...

    def paused(self, leg: "Leg") -> None: ...

    def lost(self, leg: "Leg", error: Exception | None, *, known: bool) -> None: ...


class Leg(asyncio.Protocol):
    """One side of the relay: bytes in to the relay, bytes out through its outlet."""

    def __init__(self, relay: Middle, *, client: bool) -> None:
        self.relay, self.client = relay, client
        self.transport: asyncio.Transport | None = None
        self.outlet: Outlet | None = None
        self.held = 0  # bytes read from here, not yet handed to the other side, and what their frames take beside
        self.paused = False
        self.behind = False  # more came than one turn of the loop reads: the rest waits for its next turn, or for room
        self._next = False  # it has a turn to come
        self._leaving = False  # its transport closed with more to read
        self._error: Exception | None = None  # with which it did
        self.closing = False  # its goodbye was seen, or it is gone
        self.gone = False  # its transport is closed
        self._answering = False  # an answer of this hop waits to be written
        self._sent: list[tuple[int, Sequence[Flown]]] = []  # the newest writes: their size on the wire before TLS, and what of the record is in them
        self._size = 0  # bytes of them all

    def take(self, transport: asyncio.Transport, outlet: Outlet | None = None) -> None:
        """From now on this leg owns the transport."""
        self.transport = transport
        self.outlet = outlet or Outlet(transport)
        self.outlet.gate = self.relay.session.passing
        if self.relay.session.frozen_by:
            self.outlet.freeze(True)
        transport.set_protocol(self)
        if outlet is None:
            self.outlet.begin()

    def data_received(self, data: bytes) -> None:
        if self.paused and self.open:  # whoever gave it the transport let it read
            assert self.transport is not None
            self.transport.pause_reading()
        self.relay.received(self, data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.dropped()
        self.gone, self._error = True, exc
        if self.behind and not self.relay.ended and (self._next or not self.client):  # a client is not waited for
            self._leaving = True
        else:
            self._leave()

    def _leave(self) -> None:
        """All that it said is read."""
        known, self.closing, self._leaving = self.closing, True, False
        self.relay.lost(self, self._error, known=known)

    def pause_writing(self) -> None:
        if self.outlet:
            self.outlet.blocked()

    def resume_writing(self) -> None:
        if self.outlet:
            self.outlet.unblocked()

    def hold(self, size: int) -> None:
        self.held += size
        if self._full:
            self._pause()

    def let_go(self, size: int) -> None:
        self.held -= size
        if self.held < WINDOW // 2:
            self.relay.turns.narrow(self)
            self.listen()
        elif self.paused and self.held < self._window // 2:
            self.listen()

    @property
    def _window(self) -> int:
        return self.relay.turns.window(self) if self.open and not self.relay.session.frozen_by else WINDOW

    @property
    def _full(self) -> bool:
        return self.held > WINDOW and self.held > self._window

    def listen(self) -> None:
        """There is room again; or, whatever is held, its goodbye is to be heard."""
        if self.behind:
            self._wait()
        elif self.paused and self.open:
            assert self.transport is not None
            self.paused = False
            self.transport.resume_reading()

    def had_turn(self, *, more: bool) -> None:
        """With `more` to read, nothing else is taken meanwhile."""
        if self.behind:
            return
        room = not self._full or self.relay.ended
        if more and not (self._leaving and self.client and not room):
            self.behind = True
            self._pause()
            if room:
                self._wait()
        elif self._leaving:
            self._leave()
        elif room:
            self.listen()

    def _wait(self) -> None:
        if not self._next:
            self._next = True
            self.relay.turns.wait(self._turn)

    def _turn(self) -> None:
        self._next = self.behind = False
        self.relay.received(self, b"")

    def _pause(self) -> None:
        if not self.paused and self.open:
            assert self.transport is not None
            self.paused = True
            self.transport.pause_reading()
            self.relay.paused(self)

    @property
    def open(self) -> bool:
        return self.outlet is not None and self.transport is not None and not self.transport.is_closing()

    def answer(self, frame: bytes) -> None:
        """Answer on this hop, ahead of what waits; one answer at a time waits, and the pings meanwhile have theirs in it (RFC 6455, 5.5.3)."""

        def handed() -> None:
            self._answering = False
            self.sent(len(frame))

        if not self._answering and self.open:
            assert self.outlet is not None
            self._answering = True
            self.outlet.hop(frame, handed)

    def write(self, data: bytes, handed: Callable[[], None] | None = None) -> None:
        """Behind all that waits. `handed` calls `sent`, or there is none."""
        if self.open:
            assert self.outlet is not None
            self.outlet.write(data, handed or (lambda: self.sent(len(data))))

    # -- delivery ----------------------------------------------------------------------------------------------------------

    def sent(self, size: int, flown: Sequence[Flown] = ()) -> None:
        """The transport took so many bytes, in which these pieces of the record are."""
        self._sent.append((size, flown))
        self._size += size
        if self._size > KEPT + KEPT // 8:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Many at once: a list begins smaller than a queue, which a stream that says little would have for nothing."""
        oldest = 0
        while self._size - self._sent[oldest][0] > KEPT:
            self._size -= self._sent[oldest][0]
            oldest += 1
        del self._sent[:oldest]

    @property
    def taken(self) -> bool:
        """Whether all that was handed to its socket was sent, or never will be."""
        return self.gone or self.outlet is None or not self.outlet.unread

    def await_taken(self) -> None:
        """The fact of the end tells what the other side can have read: it waits until all that was handed to the socket is taken, or dropped."""
        if not self.taken:
            self.relay.session.taking(self)
            self._look(LOOK)

    def _look(self, after: float) -> None:
        """Whether it is taken by now; else look again a little later."""
        if self.taken:
            self.relay.session.took(self)
        else:
            asyncio.get_running_loop().call_later(after, self._look, min(2 * after, LOOK_LAST))

    def abandon(self) -> None:
        self.abort()

    def dropped(self) -> None:
        """Bytes that were handed to the socket and not sent are lost: the other side can't have read them, so they were not delivered."""
        if self.outlet is None:
            return
        self._lose(self.outlet.unread)
        self._sent.clear()
        self.relay.session.took(self)

    def drop(self) -> None:
        """The mute: whatever waits is forgotten, also of the writes that were handed on, as far as they can be taken back."""
        if self.outlet is not None:
            self.outlet.drop()
            self._lose(self.outlet.take_back())

    def _lose(self, left: int) -> None:
        """So many bytes of the newest writes, as they are on the wire, were not delivered."""
        assert self.outlet is not None
        cost = self.outlet.record_cost
        while left > 0 and self._sent:
            size, flown = self._sent.pop()
            self._size -= size
            left = max(0, left - cost * -(-size // RECORD))
            lost = min(left, sum(number for _, _, number in flown)) if left < size else sum(number for _, _, number in flown)
            kept = []
            for conn, channel, number in reversed(flown):
                self.relay.session.handed(conn, channel, -min(lost, number))
                kept.append((conn, channel, number - min(lost, number)))
                lost -= min(lost, number)
            if left < size:
                self.sent(size - left, kept[::-1])
            left -= size

    def close(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()

    def abort(self) -> None:
        """Close at once: what is written and not yet sent is dropped, by the kernel too."""
        if self.transport is not None and not self.gone:
            self.dropped()
            cut(self.transport)
