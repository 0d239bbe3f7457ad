"""The answer's half of an exchange: what comes from the cluster goes on record, then to the client.

A watch is passed in whole events, so that the event that ends it can always be read.
"""

import asyncio
from functools import partial
from typing import Final, Protocol

from jitui.clusters.pool import Connection
from jitui.policy.streams import LOGS, WATCH
from jitui.protocol import headers, http
from jitui.proxy.events import Events
from jitui.proxy.live import Session
from jitui.proxy.outlet import WINDOW
from jitui.proxy.port import PlainRequest
from jitui.recording.frame import Channel
from jitui.values.errors import UpstreamError

WITHOUT_BODY: Final = frozenset({204, 304})


class Sender(Protocol):
    """The exchange whose answer it is."""

    def to_client(self, answer: http.ResponseHead) -> headers.Lines:
        """The headers of the answer for the client, without framing."""

    def unauthorized(self) -> None:
        """The cluster answered 401."""

    def lost(self, error: UpstreamError) -> None:
        """The connection went away in the middle of the answer, or before it."""

    def writable(self, yes: bool) -> None:
        """Backpressure of the request."""

    def finish(self) -> None:
        """The client's transport was handed the last of the answer."""


class Download:
    """An answer on its way. The handler of its connection to the cluster."""

    __slots__ = ("_channel", "_ended", "_events", "_held", "_new", "_pieces", "_request", "_scheduled", "_sender", "_session", "_stopped", "_whole",
                 "_wire", "answer", "begun", "clean", "conn", "connection", "flushed_clean", "size")  # fmt: skip

    def __init__(self, sender: Sender, request: PlainRequest, session: Session, conn: int) -> None:
        self.conn = conn
        self.connection: Connection | None = None
        self.answer: http.ResponseHead | None = None
        self.begun = False  # the head went to the client
        self.size = 0  # bytes put on record, the head's among them
        self.clean = self.flushed_clean = True  # the last bytes that the client was handed, and the last on record, ended with a newline
        self._sender, self._request, self._session = sender, request, session
        self._channel = Channel.STDOUT if session.stream is LOGS else Channel.RESPONSE_BODY
        self._held = 0  # bytes between the cluster's socket and the client's, put on record
        self._new = 0  # and those not yet
        self._pieces: list[tuple[Channel, bytes]] = []
        self._wire: list[bytes] = []
        self._whole = self._ended = False  # all of it came; all of it was put on record
        self._scheduled = self._stopped = False
        self._events: Events | None = None  # of a watch whose answer has begun

    def resume(self, connection: Connection | None, answer: http.ResponseHead | None, size: int) -> None:
        """Go on where an answer is due from this connection, or all of it, `size` bytes, was put on record."""
        self.connection, self.answer = connection, answer
        if answer is not None:
            self.size = self._held = size
            self._whole = self._ended = True

    def deliver(self, wire: bytes, size: int) -> None:
        """That answer is on record, and may pass."""
        self._pass(wire, partial(self._handed, size, True, True))

    def delivered(self, size: int) -> None:
        """The client's transport took all of it."""
        self._handed(size, True, True)

    # -- from the cluster --------------------------------------------------------------------------------------------------

    def head(self, head: http.ResponseHead) -> None:
        if self._stopped:
            return
        if head.status == 401:
            self._sender.unauthorized()
            return
        self.answer = head
        request, length = self._request, head.length
        if self._session.stream is WATCH:
            self._events = Events(head.get(b"content-type"))
        lines = self._sender.to_client(head)
        # an answer that a client may keep in its cache says nothing of today
        if not head.get(b"etag") and (warning := request.warning(self._session.window.grant, self._session.recorder.clock.now())):
            lines.append((b"Warning", warning))
        recorded = http.render_response(head.status, lines, framed=False)
        framing = b""
        if length is not None:
            framing = b"Content-Length: %d\r\n" % length if head.status not in WITHOUT_BODY else b""
        elif self._has_body(head):
            framing = b"Transfer-Encoding: chunked\r\n"
        if not request.keep_alive:
            framing += b"Connection: close\r\n"
        self._pieces.append((Channel.RESPONSE, recorded))
        self._wire.append(b"%b%b\r\n" % (recorded[:-2], framing))
        if not self._scheduled:
            self._schedule()

    def body(self, data: bytes) -> None:
        if self._stopped or self.answer is None:
            return
        if self._events is not None:
            data = self._events.whole(data)
            if not data:
                return
        self._pieces.append((self._channel, data))
        self._new += len(data)
        if self._held + self._new > WINDOW and self.connection is not None:
            self.connection.pause_reading()  # now: the loop may read many times before it comes to flush
        self._wire.append(http.chunk(data) if self.answer.length is None else data)
        if not self._scheduled:
            self._schedule()

    def end(self) -> None:
        if self._stopped or self.answer is None:
            return
        events, self._events = self._events, None
        if events is not None and (rest := events.rest()):
            self.body(rest)
        if self.answer.length is None and self._has_body(self.answer):
            self._wire.append(http.LAST_CHUNK)
        self._whole = True
        self.flush()

    def lost(self, error: UpstreamError) -> None:
        self._sender.lost(error)

    def writable(self, yes: bool) -> None:
        self._sender.writable(yes)

    # -- to the client -----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Put what came on record; pass it on after the commit."""
        self._scheduled = False
        if self._stopped or self._ended or not (self._pieces or self._whole):
            return
        pieces, self._pieces = self._pieces, []
        data = b"".join(self._wire)
        self._wire = []
        whole = self._ended = self._whole
        size = 0
        for _, body in pieces:
            size += len(body)
        clean = self.flushed_clean = not pieces or pieces[-1][0] is Channel.RESPONSE or pieces[-1][1].endswith(b"\n")
        self.size += size
        self._held += size
        self._new = 0
        if not pieces:  # only the terminator is left
            pieces = [(Channel.MARK, b'{"response":"end"}')]
        self._session.record(self.conn, pieces, partial(self._pass, data, partial(self._handed, size, whole, clean)))

    def stop(self) -> Connection | None:
        """Nothing more passes; the connection it had, to be released or aborted."""
        self._stopped = True
        connection, self.connection = self.connection, None
        return connection

    def _schedule(self) -> None:
        self._scheduled = True
        asyncio.get_running_loop().call_soon(self.flush)

    def _pass(self, data: bytes, handed: partial[None]) -> None:
        if not self._stopped:
            self._request.outlet.write(data, handed)

    def _handed(self, size: int, whole: bool, clean: bool) -> None:
        """The client's transport took it. Only with the last of it the exchange is over: until then its window may end it."""
        if self._stopped:
            return
        self.begun, self.clean = True, clean
        self._held -= size
        self._session.handed(self.conn, Channel.RESPONSE_BODY, size)
        if whole:
            self._sender.finish()
        elif self._held + self._new < WINDOW // 2 and self.connection is not None:
            self.connection.resume_reading()

    def _has_body(self, answer: http.ResponseHead) -> bool:
        return self._request.method != b"HEAD" and answer.status not in WITHOUT_BODY
