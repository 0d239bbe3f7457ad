"""Keep-alive connections for plain requests, and one exchange at a time on each.

A connection goes back into the pool only after a whole, well-framed response to a whole request; whatever is odd closes it
(kubernetes#71411: what is left on a connection after an upgrade attempt is somebody's authenticated tunnel). An upgrade never takes a
kept connection and never leaves one: it asks for a new one (`connect`), which is its own once the cluster has switched (`switch`).
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol, cast

from jitui.clusters.dial import cut, reason
from jitui.clusters.port import Upstream
from jitui.protocol.http import Body, End, Event, KnownHead, KnownHeads, Malformed, ResponseHead, ResponseParser
from jitui.values.errors import UpstreamError

CLOSED: Final = "the cluster closed the connection before it answered"
TOGETHER: Final = 64 << 10  # bytes of a usual answer that are waited for, so that its asker gets it as a whole
TOGETHER_S: Final = 0.005  # seconds for that; an API server writes a list in pieces of 4 KiB, one soon after the other
IDLE_S: Final = 60.0  # kube-apiserver drops idle connections after 90 s, a network load balancer after 350 s


class Handler(Protocol):
    """The reader of one exchange's response. Exactly one of `end` and `lost` ends it, unless it was aborted."""

    def head(self, head: ResponseHead) -> None: ...

    def body(self, data: bytes) -> None: ...

    def end(self) -> None:
        """The response is whole. Release or abort the connection now or later."""

    def lost(self, error: UpstreamError) -> None:
        """No more will come; the connection is gone."""

    def writable(self, yes: bool) -> None:
        """Backpressure of the request: stop sending at False, go on at True."""


class Asker(Handler, Protocol):
    """A Handler that takes a usual answer at once."""

    def answered(self, known: KnownHead, body: bytes) -> None:
        """All of the answer, in place of `head`, `body` and `end`; the connection can be released."""


class Connection(asyncio.Protocol):
    """One connection. Its owner calls `exchange`, `send` as often as needed, and at the end `release` or `abort`."""

    def __init__(self, pool: "Pool") -> None:
        self.reused = False  # it carried an exchange before: a loss without `responded` may be the server's idle timeout
        self.responded = False  # a byte of this response came
        self.epoch = 0  # the upstream's, when it was opened
        self.transport: asyncio.Transport | None = None
        self._pool = pool
        self._parser = ResponseParser()
        self._handler: Handler | None = None
        self._asker: Asker | None = None  # until it has the answer, or gets it piece by piece
        self._value = b""
        self._came = b""  # of the answer: what comes is looked at once a turn of the loop, and the rest of it may come soon
        self._due = False  # that look is
        self._timer: asyncio.TimerHandle | None = None  # until it goes piece by piece
        self._ended = True  # no response is due
        self._stays = False  # the response's head leaves the connection open
        self._whole = False  # the response ended well, and the connection stays
        self._paused = False

    def exchange(self, method: bytes, handler: Handler, *, upgrade: bool = False) -> None:
        """Begin one. The method decides how the response is framed (HEAD has no body). `upgrade`: a 101 is an answer, too, and whole with its head."""
        self._parser.expect(method, upgrade=upgrade)
        self._handler, self._asker = handler, None
        self._ended = self._stays = self._whole = self.responded = False
        if not self.usable:
            self._lose(UpstreamError(CLOSED))

    def ask(self, head: bytes, asker: Asker, audit_id: bytes) -> None:
        """Begin an exchange that is a GET without a body, and send it. If all of the answer comes at once, or soon, and its head is a usual one, the asker
        gets it as a whole; else piece by piece.
        """
        self._parser.expect(b"GET", upgrade=False)
        self._handler = self._asker = asker
        self._value = audit_id
        self._ended = self._stays = self._whole = self.responded = False
        if self.transport is None or self.transport.is_closing():
            self._lose(UpstreamError(CLOSED))
        else:
            self.transport.write(head)

    def hand_over(self, handler: Handler) -> None:
        """Another one reads the answer, unless the connection is lost by now."""
        if self._handler is not None:
            self._handler, self._asker = handler, None

    def send(self, data: bytes) -> None:
        """Bytes of the request: head, body or both; in pieces of 256 KiB at most, or `writable` comes late (TLS takes a whole piece).

        What is sent on a lost connection is dropped; `lost` has said so.
        """
        if self.transport is not None:
            self.transport.write(data)

    @property
    def usable(self) -> bool:
        """It is open, as far as is known."""
        return self.transport is not None and not self.transport.is_closing()

    def pause_reading(self) -> None:
        """Backpressure of the response; at most one more `body` comes."""
        if not self._paused and self.transport is not None and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._paused and self.transport is not None and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    def release(self) -> None:
        """The exchange is over: keep the connection if nothing about it is odd, else close it.

        Only for whole requests: after an answer that came before all of the request was given to `send`, abort instead.
        """
        self._handler = None
        transport = self.transport
        if not self._whole or transport is None or transport.is_closing():
            self.abort()
            return
        self._whole = False
        if self._paused:
            self.resume_reading()
        self.reused = True
        self._pool.keep(self)

    def abort(self) -> None:
        """Close now; no callback comes any more, and bytes not yet on the wire are dropped."""
        self._handler, self._came = None, b""
        if self.transport is not None:
            cut(self.transport)

    def switch(self) -> bytes:
        """The cluster answered 101: the transport is the caller's from now on, with these bytes, which came behind the head."""
        self._handler = None
        return self._parser.rest()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        if (self._handler is None or self._ended) and not self._parser.switched:  # nobody asked for it, and it must not meet the next request
            self._whole = False
            self._drop()
            return
        self.responded = True
        if self._came:
            data, self._came = self._came + data, b""
        if self._asker is None:
            self._feed(data)
            return
        self._came = data
        if not self._due:
            self._due = True
            self._pool.arrivals.add(self)

    def arrived(self) -> None:
        """Look at what came of the answer: it is all of it, or the beginning, or goes piece by piece."""
        self._due = False
        data, self._came = self._came, b""
        if not data:
            return
        try:
            self._look(data)
        except Exception as error:  # noqa: BLE001 - a mistake with one answer is not the others'
            self._mistaken(error)

    def _look(self, data: bytes) -> None:
        """Hand on the answer, or as much of it as came."""
        asker = self._asker
        if asker is not None:
            known, body = self._parser.whole(data, self._pool.heads, self._value)
            if known is not None and body is None and len(data) < TOGETHER:
                self._wait(data)
                return
            self._asker = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if known is not None and body is not None:
                self._ended = self._whole = True
                asker.answered(known, body)
                return
        self._feed(data)

    def _wait(self, data: bytes) -> None:
        """Keep what came: the rest may come soon."""
        self._came = data
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TOGETHER_S, self._apart)

    def _apart(self) -> None:
        """The rest did not come soon, or somebody else reads it: the answer goes piece by piece."""
        self._timer = self._asker = None
        came, self._came = self._came, b""
        if came and self._handler is not None:
            try:
                self._feed(came)
            except Exception as error:  # noqa: BLE001 - as in `arrived`
                self._mistaken(error)

    def _mistaken(self, error: Exception) -> None:
        """The answer's reader failed: it hears of a loss, or its client would wait; not if it had the whole answer."""
        tell = asyncio.get_running_loop().call_exception_handler
        tell({"message": "an answer could not be read", "exception": error})
        if self._ended:
            self.abort()
            return
        try:
            self._lose(UpstreamError("the gateway failed to read the cluster's answer; its log says why"))
        except Exception as again:  # noqa: BLE001 - nobody is left to be told
            tell({"message": "the loss of an answer could not be told", "exception": again})

    def _feed(self, data: bytes) -> None:
        try:
            self._dispatch(self._parser.feed(data))
        except Malformed as error:
            self._lose(UpstreamError(str(error)))

    def eof_received(self) -> None:
        if self._due:
            self.arrived()
        if self._came:
            self._apart()
        self._stays = self._whole = False
        if self._handler is None or self._ended:
            return
        try:
            self._dispatch(self._parser.eof())
        except Malformed as error:
            self._lose(UpstreamError(str(error) if self.responded else CLOSED))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._due:
            self.arrived()
        if self._came:
            self._apart()
        self.transport, self._whole = None, False
        self._pool.gone(self)
        if self._handler is not None and not self._ended:
            self._lose(UpstreamError(CLOSED if exc is None else f"the connection to the cluster was lost: {reason(exc)}"))

    def pause_writing(self) -> None:
        if self._handler is not None:
            self._handler.writable(False)

    def resume_writing(self) -> None:
        if self._handler is not None:
            self._handler.writable(True)

    def _dispatch(self, events: Sequence[Event]) -> None:
        """Hand on what was read, as long as the owner wants it: each callback may abort, the last may release."""
        for event in events:
            handler = self._handler
            if handler is None:
                return
            if isinstance(event, Body):
                handler.body(event.data)
            elif isinstance(event, ResponseHead):
                self._stays = event.keep_alive
                handler.head(event)
            elif isinstance(event, End):  # always the last: bytes behind it are an error
                self._ended, self._whole = True, self._stays
                handler.end()

    def _lose(self, error: UpstreamError) -> None:
        handler, self._handler = self._handler, None
        self._drop()
        if handler is not None:
            handler.lost(error)

    def _drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()
        self._pool.gone(self)


class Arrivals:
    """Connections to which answers came in one turn of the loop: they are looked at one after the other in the next one.

    The interpreter runs several times as fast where it did the same just before than behind the kernel's work for a read, which takes the caches of the core.
    """

    __slots__ = ("_came",)

    def __init__(self) -> None:
        self._came: list[Connection] = []

    def add(self, connection: Connection) -> None:
        """Its turn comes."""
        self._came.append(connection)
        if len(self._came) == 1:
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        came, self._came = self._came, []
        for connection in came:
            connection.arrived()


class Pool:
    """The idle connections of one upstream, newest first. It limits what is kept, never how many are open: agents have budgets."""

    def __init__(self, upstream: Upstream, limit: int = 256, idle_s: float = IDLE_S) -> None:
        self.heads, self.arrivals = KnownHeads(), Arrivals()
        self._upstream, self._limit, self._idle_s = upstream, limit, idle_s
        self._idle: dict[Connection, float] = {}  # since when (loop time), oldest first
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._resting = False

    def __len__(self) -> int:
        """Idle connections."""
        return len(self._idle)

    def take(self) -> Connection | None:
        """An idle connection, the one used last; None: `connect`."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.transport is not None and not connection.transport.is_closing() and connection.epoch == self._upstream.epoch:
                return connection
            connection.abort()
        return None

    async def connect(self, *, stream: bool = False) -> Connection:
        """A new one; `stream`: for an upgrade, of which no byte may be lost at its end. Raises UpstreamError."""
        epoch = self._upstream.epoch  # read before: of one opened while it rose we can't say what it proved
        _, connection = await self._upstream.open(lambda: Connection(self), stream=stream)
        connection.epoch = epoch
        return connection

    def keep(self, connection: Connection) -> None:
        """Of Connection.release."""
        if self._closed or self._resting or len(self._idle) >= self._limit or connection.epoch != self._upstream.epoch:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._idle_s, self._sweep)

    def gone(self, connection: Connection) -> None:
        """Of a Connection that closed."""
        self._idle.pop(connection, None)

    def rest(self, yes: bool) -> None:
        """While nobody has a window, nothing is kept: close the idle ones, and those in use as they are released."""
        self._resting = yes
        while yes and self._idle:
            self._idle.popitem()[0].abort()

    def close(self) -> None:
        """Close the idle ones; those in use are their owners', and close when released."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._idle:
            self._idle.popitem()[0].abort()

    def _sweep(self) -> None:
        """Close what has been idle too long; runs while there is anything idle."""
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._idle:
            connection, since = next(iter(self._idle.items()))
            left = since + self._idle_s - loop.time()
            if left > 0:
                self._timer = loop.call_later(left, self._sweep)
                return
            del self._idle[connection]
            connection.abort()
