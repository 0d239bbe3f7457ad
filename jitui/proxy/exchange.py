"""One plain request and its answer, streamed both ways, recorded before it is passed on.

Also a followed log and a watch: these live in sessions of their own, and end with words. A watch is passed in whole events, so that
the event that ends it can always be read.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from jitui.clusters.pool import Connection
from jitui.clusters.port import Headers
from jitui.policy.action import Action
from jitui.protocol import headers, http, status
from jitui.proxy.ends import End, Why
from jitui.proxy.events import Events
from jitui.proxy.farewell import farewell
from jitui.proxy.live import Session
from jitui.proxy.outlet import WINDOW
from jitui.proxy.sides import Client, Cluster
from jitui.proxy.upload import UNSAFE, Upload, framing
from jitui.recording.frame import Channel
from jitui.values.errors import FailedError, JituiError, UpstreamError

THAWS_WITHIN: Final = 30.0  # seconds that a request waits in a frozen window of which the cluster has heard nothing
NOT_ACCEPTED: Final = "the cluster does not accept the gateway's credential; whoever runs this gateway finds out why with: jitui check"
BROKEN_OFF: Final = End(Why.UPSTREAM_LOST, "gateway", "jitui: the cluster closed the connection", 502, "ServiceUnavailable")
UNKNOWN: Final = (Channel.MARK, b'{"outcome":"unknown"}')  # it was sent, and no answer came


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
        notice: Callable[[], bytes | None] = lambda: None,
    ) -> None:
        """`notice`: the value of a Warning header for the answer's head, if there is something to say by then."""
        self.session, self.action, self.head_in, self._client = session, action, head, client
        self.conn = session.open_conn(self)
        self.bytes_out = 0
        self.code: int | None = None
        self._target, self._cluster, self._over, self._notice = target, cluster, over, notice
        self._headers = [*lines, *extra]
        recorded = http.render_request(head.method, target, headers.recordable(self._headers))
        self._up = Upload(session, self.conn, client, recorded, chunked=head.length is None, ready=self._connect)
        self._body_channel = Channel.STDOUT if session.kind == "logs" else Channel.RESPONSE_BODY
        self._connection: Connection | None = None
        self._credential: Headers = ()
        self._out_held = 0  # bytes between the cluster's socket and the client's, put on record
        self._out_new = 0  # and those not yet
        self._out: list[tuple[Channel, bytes]] = []
        self._wire: list[bytes] = []
        self._answer: http.ResponseHead | None = None
        self._answered = False  # the head went to the client
        self._out_whole = self._out_ended = False  # all of it came; all of it was put on record
        self._scheduled = False
        self._events: Events | None = None  # of a watch whose answer has begun
        self._retried = False
        self._done = False
        self._clean_line = self._clean_flush = True  # what the client was handed last, and what was put on record last, ended with a newline
        client.outlet.gate = session.passing

    @property
    def bytes_in(self) -> int:
        return self._up.size  # of the request's body

    # -- from the client ---------------------------------------------------------------------------------------------------

    def body_in(self, data: bytes) -> None:
        self._up.body(data)

    def end_in(self) -> None:
        self._up.whole = True

    def flush_in(self) -> None:
        """Put what came on record; pass it on after the commit."""
        self._up.flush()

    # -- to the cluster ----------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        ready = self._cluster.idle()
        if ready is not None:
            self._connected(*ready)
        else:
            self._later(self._connect_later)

    def _later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """In a task of its own; however that fails, the client is told."""

        async def guarded() -> None:
            try:
                await work()
            except JituiError as error:
                self._fail_now(error)
            except Exception:
                self._fail_now(FailedError())
                raise

        self._cluster.spawn(guarded)

    def _fail_now(self, error: JituiError) -> None:
        if not self._done:
            self._fail(str(error), code=error.code)

    async def _connect_later(self) -> None:
        """A connection, waited for: a new one if this is the second try. Nothing is sent if the window ended meanwhile. Raises UpstreamError."""
        connection, credential = await self._cluster.connection(fresh=self._retried)
        if self._done or not self.session.passing():
            connection.abort()
            return
        self._connection = connection  # which waits for a thaw perhaps: an end before it closes it
        self.session.flow(lambda: self._connected(connection, credential))

    def _still_frozen(self) -> None:
        """Nothing of it went anywhere, and nothing will."""
        if not self._done and not self._up.went and self.session.frozen_by:
            self._fail(self.session.frozen_words, code=503, why=Why.FROZEN)

    def _connected(self, connection: Connection, credential: Headers) -> None:
        if self._done:
            connection.abort()
            return
        self._connection, self._credential = connection, credential
        lines = [*self._headers, *credential, *framing(self.head_in)]
        head = http.render_request(self.head_in.method, self._cluster.prefix + self._target, lines)
        connection.exchange(self.head_in.method, self)
        if self._connection is connection:  # else it was lost already
            self._up.attach(connection, head)

    def _again(self) -> bool:
        """Send the same request once more, on a new connection, if all of it is still at hand."""
        if self._retried or not self.session.passing() or not self._up.again():
            return False
        self._retried = True
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
        if self.session.kind == "watch":
            self._events = Events(answer.get(b"content-type"))
        lines = headers.to_client(answer)
        if not answer.get(b"etag") and (notice := self._notice()):  # what a client may keep in its cache says nothing of today
            lines.append((b"Warning", notice))
        self._out.append((Channel.RESPONSE, http.render_response(answer.status, lines, b"", framed=False)))
        if answer.length is None and not self._bodyless(answer):
            lines.append((b"Transfer-Encoding", b"chunked"))
        elif answer.length is not None and answer.status not in {204, 304}:
            lines.append((b"Content-Length", b"%d" % answer.length))
        if not self.head_in.keep_alive:
            lines.append((b"Connection", b"close"))
        self._wire.append(http.render_response(answer.status, lines, b"", framed=False))
        self._schedule()

    def body(self, data: bytes) -> None:
        if self._done or self._answer is None:
            return
        if self._events is not None:
            data = self._events.whole(data)
            if not data:
                return
        self._out.append((self._body_channel, data))
        self._out_new += len(data)
        if self._out_held + self._out_new > WINDOW and self._connection is not None:
            self._connection.pause_reading()  # now: the loop may read many times before it comes to flush
        self._wire.append(http.chunk(data) if self._answer.length is None else data)
        self._schedule()

    def end(self) -> None:
        if self._done or self._answer is None:
            return
        events, self._events = self._events, None
        if events is not None and (rest := events.rest()):
            self.body(rest)
        if self._answer.length is None and not self._bodyless(self._answer):
            self._wire.append(http.LAST_CHUNK)
        self._out_whole = True
        self._flush_out()

    def writable(self, yes: bool) -> None:
        self._up.writable(yes)  # backpressure of the request

    def lost(self, error: UpstreamError) -> None:
        """The cluster's connection went away in the middle of the answer, or before it."""
        connection, self._connection = self._connection, None
        if self._done:
            return
        stale = connection is not None and connection.reused and not connection.responded
        if stale and self.head_in.method not in UNSAFE and self._again():
            self._later(self._connect_later)
            return
        self._fail(str(error))

    def _unauthorized(self) -> None:
        """The cluster does not take our credential: never the client's business, whose own is fine."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        stale, again = self._credential, self._again()

        async def renew() -> None:
            why, code = "", 502
            try:
                more = await self._cluster.renew(stale)
            except JituiError as error:
                more, why, code = False, str(error), error.code
            if self._done:
                return
            if more and again:
                await self._connect_later()
            else:
                self._fail(why or NOT_ACCEPTED, refused=True, code=code)

        self._later(renew)

    def _bodyless(self, answer: http.ResponseHead) -> bool:
        return self.head_in.method == b"HEAD" or answer.status in {204, 304}

    # -- to the client -----------------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_out)

    def _flush_out(self) -> None:
        self._scheduled = False
        if self._done or self._out_ended or not (self._out or self._out_whole):
            return
        pieces, self._out = self._out, []
        data = b"".join(self._wire)
        self._wire = []
        whole = self._out_ended = self._out_whole
        size = sum(len(body) for _, body in pieces)
        clean = self._clean_flush = not pieces or pieces[-1][0] is Channel.RESPONSE or pieces[-1][1].endswith(b"\n")
        self.bytes_out += size
        self._out_held += size
        self._out_new = 0
        if not pieces:  # only the terminator is left
            pieces = [(Channel.MARK, b'{"response":"end"}')]
        self.session.record(self.conn, pieces, lambda: self._pass_out(data, size, whole=whole, clean=clean))

    def _pass_out(self, data: bytes, size: int, *, whole: bool, clean: bool) -> None:
        if not self._done:
            self._client.outlet.write(data, lambda: self._handed(size, whole=whole, clean=clean))

    def _handed(self, size: int, *, whole: bool, clean: bool) -> None:
        """The client's transport took it. Only with the last of it the exchange is over: until then its window may end it."""
        if self._done:
            return
        self._answered, self._clean_line = True, clean
        self._out_held -= size
        self.session.handed(self.conn, Channel.RESPONSE_BODY, size)
        if whole:
            self._finish()
        elif self._out_held + self._out_new < WINDOW // 2 and self._connection is not None:
            self._connection.resume_reading()

    # -- the end -----------------------------------------------------------------------------------------------------------

    def _stop(self) -> Connection | None:
        """Nothing more passes through this exchange; the connection it had, to be released or aborted."""
        self._done = True
        self._up.stop()
        self._client.outlet.gate = None
        if self.session.frozen_by:
            self._client.outlet.drop()
        connection, self._connection = self._connection, None
        return connection

    def _finish(self) -> None:
        connection = self._stop()
        if connection is not None:
            if self._up.whole:
                connection.release()
            else:
                connection.abort()
        self._close(self.code, None)
        self._client.finished(keep=self.head_in.keep_alive and self._up.whole)

    def _close(self, code: int | None, end: End | None) -> None:
        self.session.close_conn(self.conn, self)
        self._over(self, code, end)

    def _unknown(self) -> bool:
        """Whether the cluster may have done what nobody will hear of."""
        return self._up.went and self._answer is None and self.head_in.method in UNSAFE

    def _fail(self, text: str, *, refused: bool = False, code: int = 502, why: Why = Why.UPSTREAM_LOST) -> None:
        """Nothing more comes from the cluster: a Status if the answer has not begun, else words where there can be any, behind all that came."""
        if self._answered:
            self._flush_out()
            said = farewell(self.session, self._answer, BROKEN_OFF, clean=self._clean_flush)
            self.session.record(self.conn, [(Channel.GATEWAY, said[0]) if said else (Channel.MARK, b'{"cut":true}')], lambda: self._broken_off(said))
            return
        unknown = self._unknown() and not refused
        connection = self._stop()
        if connection is not None:
            connection.abort()
        end = End(why, "gateway", "", 502)
        words = f"jitui: {text}; whether the request was carried out is not known" if unknown else f"jitui: {text}"
        body = status.status(code, "ServiceUnavailable", words)

        def told() -> None:
            self._client.answer(code, body, close=not self._up.whole)
            self._close(None if unknown else code, end)

        self.session.say(self.conn, [*([UNKNOWN] if unknown else []), (Channel.GATEWAY, body)], told)

    def _broken_off(self, said: tuple[bytes, bytes] | None) -> None:
        """All that came was handed on, or waits to be: until the client has taken it, and the words, its window may end it."""
        if self._done:
            return

        def over() -> None:
            self._stop()
            self._client.finished(keep=False)
            self._close(self.code, BROKEN_OFF)

        if said is None:
            self._client.abort()
            over()
        else:
            self.session.handed(self.conn, Channel.GATEWAY, len(said[0]))
            self._client.outlet.write(said[1], over)

    def client_lost(self) -> None:
        """The client went away: nobody waits for the answer any more."""
        if self._done:
            return
        unknown = self._unknown()
        connection = self._stop()
        if connection is not None:
            connection.abort()
        if unknown:
            self.session.say(self.conn, [UNKNOWN], lambda: None)
        self._close(None if unknown else self.code, End(Why.CLIENT_CLOSED, "client", ""))

    def freeze(self, on: bool) -> None:
        self._client.outlet.freeze(on)
        if on:
            asyncio.get_running_loop().call_later(THAWS_WITHIN, self._still_frozen)

    def cut(self, end: End) -> None:
        """The window is over, the session was killed, or a rule changed: the cluster's side is aborted now, the client gets its last words."""
        if self._done:
            self.session.spoke()
            return
        unknown = self._unknown()
        connection = self._stop()
        if connection is not None:
            connection.abort()
        self._client.outlet.drop()
        self._over(self, None if unknown else self.code, end)
        marks = [UNKNOWN] if unknown else []
        if not self._answered:
            body = status.status(end.code, end.reason, end.words)
            self._say([*marks, (Channel.GATEWAY, body)], lambda: self._client.answer(end.code, body, close=True))
            return
        said = farewell(self.session, self._answer, end, clean=self._clean_line)
        if said is None:
            self._client.abort()
            self._say(marks or [(Channel.MARK, b'{"cut":true}')], lambda: None)
        else:
            self._say([*marks, (Channel.GATEWAY, said[0])], lambda: self._leave(said[1]))

    def _leave(self, chunk: bytes) -> None:
        self._client.outlet.write(chunk)
        self._client.finished(keep=False)

    def _say(self, pieces: list[tuple[Channel, bytes]], then: Callable[[], None]) -> None:
        def spoken() -> None:
            then()
            self.session.close_lane(self.conn)  # of a session that goes on
            self.session.spoke()

        self.session.say(self.conn, pieces, spoken)
