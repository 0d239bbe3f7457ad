"""One plain request and its answer, streamed both ways, recorded before it is passed on.

Also a followed log and a watch: these live in sessions of their own, and end with words. A watch is passed in whole events, so that
the event that ends it can always be read (protocol facts, 3.4; cluster facts, 3).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from jitui.errors import JituiError, UpstreamError
from jitui.rules.action import Action
from jitui.session.live import End, Session, Why
from jitui.session.outlet import WINDOW, Outlet
from jitui.tape.frame import Channel
from jitui.upstream.pool import Connection
from jitui.upstream.port import Headers
from jitui.wire import headers, http, status

REPLAYABLE: Final = 256 << 10  # a request body up to this size can be sent again after a refreshed credential
EVENT_LIMIT: Final = 8 << 20  # an event longer than this is passed on unaligned
UNSAFE: Final = frozenset({b"POST", b"PUT", b"PATCH", b"DELETE"})


class Client(Protocol):
    """What an exchange needs of the connection it came in on."""

    @property
    def outlet(self) -> Outlet: ...

    def answer(self, code: int, body: bytes, *, close: bool = False) -> None:
        """A whole answer of the gateway's own: a Status."""

    def finished(self, *, keep: bool) -> None:
        """The exchange is over: take the next request, or close once all is written."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def abort(self) -> None: ...


class Cluster(Protocol):
    """The way to the cluster for one grant: pooled connections and the credential."""

    @property
    def prefix(self) -> bytes: ...

    def idle(self) -> tuple[Connection, Headers] | None:
        """A kept connection and the credential's headers, if both are at hand."""

    async def connection(self) -> tuple[Connection, Headers]:
        """The same, waited for. Raises UpstreamError."""

    async def renew(self, stale: Headers) -> bool:
        """The cluster said 401 to `stale`; True if one more try is worth it."""

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine function under the gateway's task group."""


class Exchange:
    """From a judged request head to the end of its answer. A Leg of its session, and the handler of its upstream connection."""

    def __init__(
        self,
        session: Session,
        action: Action,
        head: http.RequestHead,
        target: bytes,
        lines: list[tuple[bytes, bytes]],
        *,
        client: Client,
        cluster: Cluster,
        extra: Headers,
        over: Callable[["Exchange", int | None, End | None], None],
    ) -> None:
        self.session, self.action, self.head_in = session, action, head
        self.conn = session.open_conn(self)
        self.bytes_in = self.bytes_out = 0
        self.code: int | None = None
        self.warning = b""
        self._target, self._client, self._cluster, self._extra, self._over = target, client, cluster, extra, over
        self._headers = lines
        self._body_channel = Channel.STDOUT if session.kind == "logs" else Channel.RESPONSE_BODY
        self._connection: Connection | None = None
        self._credential: Headers = ()
        self._in: list[bytes] = []  # request body not yet on record
        self._in_whole = False
        self._in_recorded = False  # the head is on record
        self._ready: list[bytes] = []  # on record, waiting for the connection
        self._kept: list[bytes] | None = []  # what was sent, while it can be sent again
        self._in_held = self._out_held = 0
        self._in_paused = self._cluster_blocked = False
        self._out: list[tuple[Channel, bytes]] = []
        self._wire: list[bytes] = []
        self._answer: http.ResponseHead | None = None
        self._answered = False  # the head went to the client
        self._out_whole = False
        self._scheduled = False
        self._partial = b""  # of a watch: the event that is not yet whole
        self._aligned = session.kind == "watch"
        self._sent = False
        self._head_size = 0  # bytes of the recorded head that are not handed on yet
        self._retried = False
        self._done = False
        self._clean_line = True  # what the client was handed last ended with a newline

    # -- from the client ---------------------------------------------------------------------------------------------------

    def body_in(self, data: bytes) -> None:
        self._in.append(data)

    def end_in(self) -> None:
        self._in_whole = True

    def flush_in(self) -> None:
        """Put what came on record; pass it on after the commit."""
        if self._done:
            return
        pieces: list[tuple[Channel, bytes]] = []
        if not self._in_recorded:
            self._in_recorded = True
            recorded = headers.recordable(self._headers)
            pieces.append((Channel.REQUEST, http.render_request(self.head_in.method, self._target, recorded)))
            self._head_size = len(pieces[0][1])
        body = b"".join(self._in)
        self._in.clear()
        if body:
            pieces.append((Channel.REQUEST_BODY, body))
        if not pieces and not self._in_whole:
            return
        size = len(body)
        self.bytes_in += size
        self._in_held += size
        self._throttle_in()
        whole = self._in_whole
        if pieces:
            self.session.record(self.conn, pieces, lambda: self._pass_in(body, whole))
        else:
            self.session.record(self.conn, [(Channel.MARK, b'{"request":"end"}')], lambda: self._pass_in(body, whole))

    def _pass_in(self, body: bytes, whole: bool) -> None:
        if self._done:
            return
        data = http.chunk(body) + (http.LAST_CHUNK if whole else b"") if self.head_in.length is None else body
        if self._connection is not None:
            self._send(data)
        else:
            first = not self._ready
            self._ready.append(data)
            if first and not self._sent:
                self._sent = True
                self._connect()
        self._in_held -= len(body)
        self._throttle_in()
        self.session.handed(self.conn, Channel.REQUEST_BODY, len(body))

    def _throttle_in(self) -> None:
        """Backpressure of the request: while the recorder or the cluster is behind, the client is not read."""
        behind = self._cluster_blocked or self._in_held > (WINDOW // 2 if self._in_paused else WINDOW)
        if behind and not self._in_paused:
            self._in_paused = True
            self._client.pause_reading()
        elif not behind and self._in_paused:
            self._in_paused = False
            self._client.resume_reading()

    # -- to the cluster ----------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        ready = self._cluster.idle()
        if ready is not None:
            self._connected(*ready)
            return
        self._cluster.spawn(self._connect_later)

    async def _connect_later(self) -> None:
        try:
            connection, credential = await self._cluster.connection()
        except JituiError as error:
            if not self._done:
                self._fail(502, status.status(502, "ServiceUnavailable", f"jitui: {error}"), Why.UPSTREAM_LOST)
            return
        if self._done:
            connection.abort()
            return
        now_open = not self.session.muted
        if not now_open:
            connection.abort()
            return
        self._connected(connection, credential)

    def _connected(self, connection: Connection, credential: Headers) -> None:
        self._connection, self._credential = connection, credential
        lines = [*self._headers, *self._extra, *credential]
        if self.head_in.length is None:
            lines.append((b"Transfer-Encoding", b"chunked"))
        elif self.head_in.length:
            lines.append((b"Content-Length", b"%d" % self.head_in.length))
        elif self.head_in.method in UNSAFE:
            lines.append((b"Content-Length", b"0"))
        head = http.render_request(self.head_in.method, self._cluster.prefix + self._target, lines)
        connection.exchange(self.head_in.method, self)
        self.session.handed(self.conn, Channel.REQUEST, self._head_size)
        self._head_size = 0
        ready, self._ready = self._ready, []
        if self._kept is not None:
            self._kept = list(ready)
        connection.send(head + b"".join(ready))

    def _send(self, data: bytes) -> None:
        assert self._connection is not None
        if self._kept is not None:
            self._kept.append(data)
            if sum(map(len, self._kept)) > REPLAYABLE:
                self._kept = None
        self._connection.send(data)

    def _again(self) -> bool:
        """Send the same request once more, on a new connection, if all of it is still at hand."""
        if self._retried or self._kept is None or not self._in_whole or self.session.muted:
            return False
        self._retried = True
        self._connection = None
        self._ready, self._kept = self._kept, []
        self._cluster.spawn(self._connect_later)
        return True

    # -- from the cluster (handler of the connection) ----------------------------------------------------------------------

    def head(self, answer: http.ResponseHead) -> None:
        if self._done:
            return
        if answer.status == 401:
            self._unauthorized()
            return
        self._answer = answer
        self.code = answer.status
        lines = headers.to_client(answer)
        self._out.append((Channel.RESPONSE, http.render_response(answer.status, lines, b"", framed=False)))
        if answer.length is None and not self._bodyless(answer):
            lines.append((b"Transfer-Encoding", b"chunked"))
        elif answer.length is not None and answer.status not in {204, 304}:
            lines.append((b"Content-Length", b"%d" % answer.length))
        self._wire.append(http.render_response(answer.status, lines, b"", framed=False))
        self._schedule()

    def body(self, data: bytes) -> None:
        if self._done or self._answer is None:
            return
        if self._aligned:
            data = self._whole_events(data)
            if not data:
                return
        self._out.append((self._body_channel, data))
        self._wire.append(http.chunk(data) if self._answer.length is None else data)
        self._schedule()

    def end(self) -> None:
        if self._done or self._answer is None:
            return
        if self._partial:
            rest, self._partial, self._aligned = self._partial, b"", False
            self.body(rest)
        if self._answer.length is None and not self._bodyless(self._answer):
            self._wire.append(http.LAST_CHUNK)
        self._out_whole = True
        self._flush_out()

    def writable(self, yes: bool) -> None:
        """Backpressure of the request, from the cluster's connection."""
        self._cluster_blocked = not yes
        self._throttle_in()

    def lost(self, error: UpstreamError) -> None:
        """The cluster's connection went away in the middle of the answer, or before it."""
        connection, self._connection = self._connection, None
        if self._done:
            return
        stale = connection is not None and connection.reused and not connection.responded
        if stale and self.head_in.method not in UNSAFE and self._again():
            return
        self._fail(502, status.status(502, "ServiceUnavailable", f"jitui: {error}"), Why.UPSTREAM_LOST)

    def _unauthorized(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        if self._retried or self._kept is None or not self._in_whole:
            self._not_accepted()
            return
        self._retried = True
        self._ready, self._kept = self._kept, []
        stale = self._credential

        async def renew() -> None:
            if await self._cluster.renew(stale):
                await self._connect_later()
            elif not self._done:
                self._not_accepted()

        self._cluster.spawn(renew)

    def _not_accepted(self) -> None:
        text = "jitui: the cluster does not accept the gateway's credential; whoever runs this gateway finds out why with: jitui check"
        self._fail(502, status.status(502, "ServiceUnavailable", text), Why.UPSTREAM_LOST)

    def _bodyless(self, answer: http.ResponseHead) -> bool:
        return self.head_in.method == b"HEAD" or answer.status in {204, 304}

    def _whole_events(self, data: bytes) -> bytes:
        """Only up to the last newline; the rest waits for its end. Protobuf and other watches pass as they come."""
        assert self._answer is not None
        if not self._answer.get(b"content-type").startswith(b"application/json"):
            self._aligned = False
            return data
        data = self._partial + data
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) > EVENT_LIMIT:
            cut = len(data)
        self._partial = data[cut:]
        return data[:cut]

    # -- to the client -----------------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_out)

    def _flush_out(self) -> None:
        self._scheduled = False
        if self._done or not (self._out or self._out_whole):
            return
        pieces, self._out = self._out, []
        data = b"".join(self._wire)
        self._wire = []
        whole = self._out_whole
        size = sum(len(body) for _, body in pieces)
        self.bytes_out += size
        self._out_held += size
        if self._out_held > WINDOW and self._connection is not None:
            self._connection.pause_reading()
        if not pieces:  # only the terminator is left
            pieces = [(Channel.MARK, b'{"response":"end"}')]
        self.session.record(self.conn, pieces, lambda: self._pass_out(data, size, whole))

    def _pass_out(self, data: bytes, size: int, whole: bool) -> None:
        if self._done:
            return
        self._answered = True
        clean = data.endswith((b"\n", b"\n\r\n"))
        self._client.outlet.write(data, lambda: self._handed(size, clean))
        if whole:
            self._finish()

    def _handed(self, size: int, clean: bool) -> None:
        self._clean_line = clean
        self._out_held -= size
        self.session.handed(self.conn, Channel.RESPONSE_BODY, size)
        if self._out_held < WINDOW // 2 and self._connection is not None and not self._done:
            self._connection.resume_reading()

    # -- the end -----------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        self._done = True
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._in_whole:
                connection.release()
            else:
                connection.abort()
        self._client.finished(keep=self.head_in.keep_alive and self._in_whole)
        self._close(None)

    def _close(self, end: End | None) -> None:
        self.session.close_conn(self.conn, self)
        self._over(self, self.code, end)

    def _fail(self, code: int, body: bytes, why: Why) -> None:
        """Nothing more comes from the cluster: a Status if the answer has not begun, else a cut."""
        self._done = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        if self._answered or self._answer is not None:
            self._client.abort()
        else:
            self.code = code
            self.session.say(self.conn, [(Channel.GATEWAY, body)], lambda: self._client.answer(code, body, close=not self._in_whole))
        self._close(End(why, "gateway", "", code))

    def client_lost(self) -> None:
        """The client went away: nobody waits for the answer any more."""
        if self._done:
            return
        self._done = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        if self._in_recorded and self._answer is None and self.head_in.method in UNSAFE:
            self.session.say(self.conn, [(Channel.MARK, b'{"outcome":"unknown"}')], lambda: None)
            self.code = None
        self._close(End(Why.CLIENT_CLOSED, "client", ""))

    def cut(self, end: End) -> None:
        """The window is over (or the session was killed): the cluster's side is aborted now, the client gets its last words."""
        if self._done:
            self.session.spoke()
            return
        self._done = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        self._client.outlet.drop()
        sent = self._sent and self._answer is None and self.head_in.method in UNSAFE
        self._over(self, None if sent else self.code, end)
        marks = [(Channel.MARK, b'{"outcome":"unknown"}')] if sent else []
        if not self._answered:
            body = status.status(end.code, end.reason, end.words)
            self._say([*marks, (Channel.GATEWAY, body)], lambda: self._client.answer(end.code, body, close=True))
            return
        words = self._words(end)
        pieces = [*marks, *([(Channel.GATEWAY, words)] if words else [])]
        if self._answer is None or self._answer.length is not None or not words:
            self._say(pieces or [(Channel.MARK, b'{"cut":true}')], self._client.abort)
            return
        # a followed log ends without the terminator, so that kubectl exits 1; a watch ends whole, so that its event is read
        chunk = http.chunk(words) + (http.LAST_CHUNK if self.session.kind == "watch" else b"")

        def say() -> None:
            self._client.outlet.write(chunk)
            self._client.finished(keep=False)

        self._say(pieces, say)

    def _say(self, pieces: list[tuple[Channel, bytes]], then: Callable[[], None]) -> None:
        def spoken() -> None:
            then()
            self.session.spoke()

        self.session.say(self.conn, pieces, spoken)

    def _words(self, end: End) -> bytes:
        if self.session.kind == "logs":
            return (b"" if self._clean_line else b"\n") + status.log_line(end.words)
        if self.session.kind == "watch" and self._answer is not None:
            return status.watch_error(end.words, self._answer.get(b"content-type")) or b""
        return b""
