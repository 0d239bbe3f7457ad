"""One TCP connection of an agent's client: requests in, one at a time, and their answers out."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from jitui.auth import tls
from jitui.listeners.address import shown
from jitui.listeners.kube.inlet import Inlet
from jitui.listeners.kube.parting import Parting
from jitui.listeners.kube.reading import Reading
from jitui.listeners.patience import Patience
from jitui.listeners.turnstile import Turnstile
from jitui.listeners.visitors import Visitor, Visitors
from jitui.protocol import http, status
from jitui.proxy.outlet import Outlet
from jitui.proxy.port import Handler
from jitui.proxy.rest import Rest

BODY_WITHIN: Final = 15.0  # seconds for the body of a request that the gateway answers itself
DISCARD: Final = 1 << 20  # bytes of a refused request's body, so that the connection can be kept


Begin: TypeAlias = "Callable[[KubeClient, http.RequestHead], Handler]"
Again: TypeAlias = "Callable[[KubeClient, Reading], Handler | None]"


class Listener(Protocol):
    """The listener that the connection came in at."""

    visitors: Visitors
    turnstile: Turnstile
    clients: set["KubeClient"]
    malformed: int
    begin: Begin  # judges the head of a request, of which nothing has gone anywhere yet
    again: Again  # the same for the head of the last request once more; None: `begin` has to


class KubeClient(asyncio.Protocol):
    """The connection. Owned by the loop; closed by whoever ends first."""

    def __init__(self, listener: Listener, visitor: Visitor, connection: str = "") -> None:
        """`connection`: the one whose own port it came in at; empty at the shared port."""
        self.listener, self.visitor, self.connection = listener, visitor, connection
        self.patience = Patience(listener.visitors, visitor)
        self.inlet = Inlet(listener.turnstile, self._turn, self.pause_reading, self.resume_reading)
        self.parser = http.RequestParser()
        self.transport: asyncio.Transport
        self.outlet: Outlet
        self.peer = ""
        self.current: Handler | None = None  # of the request in progress
        self.reading: Reading | None = None  # of the last head that could be read
        self.parting = Parting(lambda: self.outlet.idle and not self.outlet.unsent)
        self._turning = False  # `_next` is at work
        self._paused = False  # it is not read
        self._draining = False  # the next request waits until the last answer is written

    @property
    def server_name(self) -> str:
        """The host that the client's handshake asked for (SNI); empty if it named none."""
        return tls.server_name(self.transport.get_extra_info("ssl_object"))

    # -- transport ---------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.outlet = Outlet(self.transport)
        self.outlet.begin()
        self.peer = shown(transport.get_extra_info("peername"))
        self.listener.clients.add(self)
        self.visitor.resting = lambda: self.current is None and not self._draining and not self.inlet.waits
        self.patience.begin(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio.Protocol's signature
        self.listener.clients.discard(self)
        self.patience.gone()
        self.inlet.close()
        handler, self.current = self.current, None
        if handler is not None:
            handler.client_lost()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self.outlet.blocked()

    def resume_writing(self) -> None:
        self.outlet.unblocked()
        if not self.outlet.idle:
            return
        if self.parting.begun:
            self.parting.look()
        elif self._draining:
            self._draining = False
            self._next()

    def data_received(self, data: bytes) -> None:
        if self.parting.begun:
            self.parting.heard()
        elif self.current is not None:
            self._read(data)
        else:
            self.inlet.take(data)

    def _turn(self, data: bytes) -> None:
        """A request may begin: of what just came, or of what waits behind the last one."""
        waits = self.parser.paused
        try:
            if data and not self.parting.begun:
                self._begin(data)
            if waits:
                self._next(now=True)
        except Exception:
            self.transport.abort()  # as its loop does with a protocol that fails
            raise

    def _begin(self, data: bytes) -> None:
        reading = self.reading
        if reading is not None and reading.again and self.parser.same(data):
            self._again(reading)
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        try:
            events = self.parser.feed(data)
        except http.Malformed as error:
            self._malformed(error)
            return
        if events:
            self._events(events)
        elif self.current is None and not self.parser.paused:
            self.patience.heading(self.parser.holding)
        if self.parser.full:
            self.pause_reading()

    def pause_reading(self) -> None:
        self._paused = True
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Unless there is a pile of requests already."""
        if self._paused and not self.transport.is_closing() and not self.parser.full:
            self._paused = False
            self.transport.resume_reading()

    def abort(self) -> None:
        self.transport.abort()

    def close(self) -> None:
        """The gateway stops: at once, or, with last words on their way, once they are read."""
        if not self.parting.begun:
            self.transport.close()

    def leave(self) -> bytes:
        """An upgrade is through: this connection is another's from now on, with these bytes, which came behind the request."""
        self.patience.calm()
        self.current = None
        self.listener.clients.discard(self)
        return self.parser.rest()

    # -- requests ----------------------------------------------------------------------------------------------------------

    def _events(self, events: list[http.Event]) -> None:
        """Those of one request, or a part of it: the parser pauses behind each."""
        for event in events:
            if isinstance(event, http.RequestHead):
                self.patience.headed()
                self.current = self.listener.begin(self, event)
                if event.get(b"expect").lower() == b"100-continue":
                    self._continue(self.current)
        handler = self.current
        if handler is None:
            return
        for event in events:
            if isinstance(event, http.Body):
                handler.body_in(event.data)
            elif isinstance(event, http.End):
                handler.end_in()
        if self.current is handler:
            handler.flush_in()

    def _again(self, reading: Reading) -> None:
        """The head of the last request once more, without a body."""
        self.patience.headed()
        handler = self.current = self.listener.again(self, reading) or self.listener.begin(self, reading.head)
        handler.end_in()
        if self.current is handler:
            handler.flush_in()

    def _continue(self, handler: Handler) -> None:
        """The client waits for a word before it sends the body (RFC 9110, 10.1.1)."""
        if isinstance(handler, Answered):
            handler.now()
        else:
            self.outlet.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def send_whole(self, data: bytes, *, close: bool) -> None:
        """A whole answer; then the next request, or the end of the connection."""
        if self.current is None or self.transport.is_closing():
            return
        self.outlet.write(data)
        self.finished(keep=not close)

    def finished(self, *, keep: bool, rest: Rest | None = None) -> None:
        """The answer is written."""
        self.current = None
        if self.transport.is_closing():
            return
        if not keep:
            self._close(rest)
            return
        self.patience.next()
        if self.outlet.idle:
            if self.parser.ready():  # nothing came meanwhile
                if self._paused:
                    self.resume_reading()
            else:
                self._next()
        else:  # a client that does not read gets no further answers
            self._draining = True

    def _next(self, *, now: bool = False) -> None:
        """The requests that came meanwhile, one after the other; a loop, as each may be answered at once."""
        if self._turning:
            return
        self._turning = True
        try:
            while self.current is None and not self.parting.begun and not self._draining:
                if not self.parser.holding:  # nothing came meanwhile
                    self.parser.resume()
                    self.resume_reading()
                    break
                if not now and not self.inlet.open():
                    break
                now = False
                events = self.parser.resume()
                self.resume_reading()
                if not events:
                    self.patience.heading(self.parser.holding)
                    break
                self._events(events)
                if self.parser.full:
                    self.pause_reading()
        except http.Malformed as error:
            self._malformed(error)
            return
        finally:
            self._turning = False

    def _close(self, rest: Rest | None = None) -> None:
        """Once all is written and the client is still; two seconds at most."""
        self.patience.last(rest.on_its_way if rest is not None else lambda: False, self.outlet.end)
        self.resume_reading()
        self.parting.begin(self.transport)

    def _malformed(self, error: http.Malformed) -> None:
        """A request that can be read in two ways, or not at all: say so once, and close."""
        if self.current is not None:
            handler, self.current = self.current, None
            handler.client_lost()
            self.transport.abort()
            return
        if self.parting.begun:
            return
        self.listener.malformed += 1
        body = status.status(error.code, "BadRequest", f"jitui: {error}")
        self.outlet.write(http.render_response(error.code, [(b"Content-Type", b"application/json"), (b"Connection", b"close")], body))
        self._close()


class Answered:
    """The handler of a request that the gateway answers itself, once its body has gone by."""

    def __init__(self, client: KubeClient, send: Callable[[bool], None]) -> None:
        """`send` writes the answer; with True it is the last on this connection."""
        self._send, self._seen = send, 0
        client.patience.expect(BODY_WITHIN)

    def now(self) -> None:
        """Without waiting for the body, and for the last time on this connection."""
        self._send(True)

    def body_in(self, data: bytes) -> None:
        self._seen += len(data)
        if self._seen > DISCARD:
            self.now()

    def end_in(self) -> None:
        self._send(False)

    def flush_in(self) -> None:
        """The body goes nowhere."""

    def client_lost(self) -> None:
        """There is nobody to answer."""
