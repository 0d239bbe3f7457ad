"""One plain request and its answer, streamed both ways, recorded before it is passed on.

Also a followed log and a watch: these live in sessions of their own, and end with words.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from jitui.clusters.pool import Connection
from jitui.clusters.port import Headers
from jitui.clusters.way import Way
from jitui.protocol import headers, http, status
from jitui.proxy import links
from jitui.proxy.dialer import Dialer
from jitui.proxy.download import Download
from jitui.proxy.ends import End, Why
from jitui.proxy.farewell import farewell
from jitui.proxy.live import Session
from jitui.proxy.port import Note, PlainRequest
from jitui.proxy.rest import Rest, Untaken, dropped
from jitui.proxy.upload import UNSAFE, Upload
from jitui.recording.frame import Channel
from jitui.values.errors import JituiError, UpstreamError

THAWS_WITHIN: Final = 30.0  # seconds that a request waits in a frozen window of which the cluster has heard nothing
BROKEN_OFF: Final = End(Why.UPSTREAM_LOST, "gateway", "jitui: the cluster closed the connection", 502, "ServiceUnavailable")
UNKNOWN: Final = (Channel.MARK, b'{"outcome":"unknown"}')  # it was sent, and no answer came


class Exchange:
    """From a judged request to the end of its answer. A Leg of its session, the handler of its request, and what its dialer sends."""

    def __init__(
        self, request: PlainRequest, session: Session, way: Way, note: Note, download: type[Download] = Download, *, conn: int | None = None
    ) -> None:
        """`conn`: its number, if it goes on where a Brief of that number stands: then `resume` is next."""
        self.session, self.action = session, request.action
        self._request, self._way, self._note = request, way, note
        self.conn = conn = session.open_conn(self) if conn is None else conn
        self._lines = [*request.lines, (b"Audit-ID", note.audit_id)]
        recorded = http.render_request(request.method, request.target, headers.recordable(self._lines))
        self._dialer = Dialer(way, session, self)
        self._up = Upload(session, conn, request, recorded, chunked=request.length is None, ready=self._dialer.begin)
        self._down = download(self, request, session, conn)
        self._done = False
        request.outlet.gate = session.passing

    def resume(self, *, put: bool, connection: Connection | None, credential: Headers, answer: http.ResponseHead | None, size: int) -> None:
        """Go on where a Brief stands. `put`: the head was given to the recorder. `connection`: it was sent there, with the credential, and no answer came
        yet. `answer`: all of it was given to the recorder, `size` bytes.
        """
        self._up.resume(put=put, connection=connection, went=connection is not None or answer is not None)
        self._dialer.resume(credential)
        self._down.resume(connection, answer, size)
        if connection is not None:
            connection.hand_over(self._down)

    def let_go(self) -> None:
        """The head that a Brief put on record may pass."""
        self._up.let_go()

    def answer_in(self, head: http.ResponseHead) -> None:
        """The head of the answer to what a Brief sent."""
        self._down.head(head)

    def pass_on(self, wire: bytes, size: int) -> None:
        """The answer that a Brief put on record may pass."""
        self._down.deliver(wire, size)

    def handed(self, size: int) -> None:
        """The client's transport took it."""
        self._down.delivered(size)

    # -- handler of the request --------------------------------------------------------------------------------------------

    def body_in(self, data: bytes) -> None:
        self._up.body(data)

    def end_in(self) -> None:
        self._up.whole = True

    def flush_in(self) -> None:
        """Put what came on record; pass it on after the commit."""
        self._up.flush()

    def client_lost(self) -> None:
        """The client went away: nobody waits for the answer any more."""
        if self._done:
            return
        unknown = self._unknown()
        self._abort()
        if unknown:
            self.session.say(self.conn, [UNKNOWN], lambda: None)
        self._close(None if unknown else self._code, End(Why.CLIENT_CLOSED, "client", ""))

    # -- to the cluster ----------------------------------------------------------------------------------------------------

    def connected(self, connection: Connection, credential: Headers) -> None:
        request, down = self._request, self._down
        down.connection = connection
        lines = [*self._lines, *credential]
        if request.length is None:
            lines.append((b"Transfer-Encoding", b"chunked"))
        elif request.length or request.method in UNSAFE:
            lines.append((b"Content-Length", b"%d" % request.length))
        head = http.render_request(request.method, self._way.upstream.prefix + request.target, lines)
        connection.exchange(request.method, down)
        if down.connection is connection:  # else it was lost already
            self._up.attach(connection, head)

    def rewind(self) -> bool:
        return self._up.again()

    def failed(self, error: JituiError) -> None:
        self._fail(str(error), code=error.code)

    def unaccepted(self, why: str, code: int) -> None:
        self._fail(why, refused=True, code=code)

    # -- from the cluster --------------------------------------------------------------------------------------------------

    def to_client(self, answer: http.ResponseHead) -> headers.Lines:
        lines = headers.to_client(answer)
        return links.led_back(lines, self._request.prefix.encode(), self._way.upstream) if links.are_in(lines) else lines

    def unauthorized(self) -> None:
        connection, self._down.connection = self._down.connection, None
        if connection is not None:
            connection.abort()
        self._dialer.unauthorized()

    def lost(self, error: UpstreamError) -> None:
        connection, self._down.connection = self._down.connection, None
        if self._done:
            return
        stale = connection is not None and connection.reused and not connection.responded
        if not (stale and self._request.method not in UNSAFE and self._dialer.again()):
            self._fail(str(error))

    def writable(self, yes: bool) -> None:
        self._up.writable(yes)

    def finish(self) -> None:
        connection, whole = self._stop(), self._up.whole
        if connection is not None:
            if whole:
                connection.release()
            else:
                connection.abort()
        self._close(self._code, None)
        keep = self._request.keep_alive and whole
        self._request.finished(keep=keep, rest=None if keep else Rest(self._request.outlet, self.session.window))

    # -- the end -----------------------------------------------------------------------------------------------------------

    @property
    def _code(self) -> int | None:
        """The status of the cluster's answer, once it has begun."""
        return None if self._down.answer is None else self._down.answer.status

    def _stop(self) -> Connection | None:
        """Nothing more passes through this exchange; the connection it had, to be released or aborted."""
        self._done = True
        self._up.stop()
        self._dialer.stop()
        outlet = self._request.outlet
        outlet.gate = None
        if self.session.frozen_by:
            outlet.drop()
        return self._down.stop()

    def _abort(self) -> None:
        connection = self._stop()
        if connection is not None:
            connection.abort()

    def _close(self, code: int | None, end: End | None) -> None:
        self.session.close_conn(self.conn, self)
        self._note.over(self.conn, code, end, self._up.size, self._down.size)

    def _unknown(self) -> bool:
        """Whether the cluster may have done what nobody will hear of."""
        return self._up.went and self._down.answer is None and self._request.method in UNSAFE

    def _fail(self, text: str, *, refused: bool = False, code: int = 502, why: Why = Why.UPSTREAM_LOST) -> None:
        """Nothing more comes from the cluster: a Status if the answer has not begun, else words where there can be any, behind all that came."""
        down = self._down
        if down.begun:
            down.flush()
            said = farewell(self.session, down.answer, BROKEN_OFF, clean=down.flushed_clean)
            self.session.record(self.conn, [(Channel.GATEWAY, said[0]) if said else (Channel.MARK, b'{"cut":true}')], lambda: self._broken_off(said))
            return
        unknown = self._unknown() and not refused
        self._abort()
        end = End(why, "gateway", "", 502)
        words = f"jitui: {text}; whether the request was carried out is not known" if unknown else f"jitui: {text}"
        body = status.status(code, "ServiceUnavailable", words)

        def told() -> None:
            self._request.answer(code, body, close=not self._up.whole)
            self._close(None if unknown else code, end)

        self.session.say(self.conn, [*([UNKNOWN] if unknown else []), (Channel.GATEWAY, body)], told)

    def _broken_off(self, said: tuple[bytes, bytes] | None) -> None:
        """All that came was handed on, or waits to be: until the client has taken it, and the words, its window may end it."""
        if self._done:
            return

        def over() -> None:
            self._stop()
            self._request.finished(keep=False, rest=Rest(self._request.outlet, self.session.window))
            self._close(self._code, BROKEN_OFF)

        if said is None:
            dropped(self.session, self.conn, self._request.outlet.unread)
            self._request.abort()
            over()
        else:
            self.session.handed(self.conn, Channel.GATEWAY, len(said[0]))
            self._request.outlet.write(said[1], over)

    # -- leg of the session ------------------------------------------------------------------------------------------------

    def freeze(self, on: bool) -> None:
        self._request.outlet.freeze(on)
        if on:
            asyncio.get_running_loop().call_later(THAWS_WITHIN, self._still_frozen)

    def _still_frozen(self) -> None:
        """Nothing of it went anywhere, and nothing will."""
        if not self._done and not self._up.went and self.session.frozen_by:
            self._fail(self.session.frozen_words, code=503, why=Why.FROZEN)

    def cut(self, end: End) -> None:
        """The window is over, the session was killed, or a rule changed: the cluster's side is aborted now, the client gets its last words."""
        if self._done:
            self.session.spoke()
            return
        down, unknown = self._down, self._unknown()
        self._abort()
        self._request.outlet.drop()
        self._note.over(self.conn, None if unknown else self._code, end, self._up.size, down.size)
        marks = [UNKNOWN] if unknown else []
        if not down.begun:
            body = status.status(end.code, end.reason, end.words)
            self._say([*marks, (Channel.GATEWAY, body)], lambda: self._request.answer(end.code, body, close=True))
            return
        said = farewell(self.session, down.answer, end, clean=down.clean)
        if said is None:
            dropped(self.session, self.conn, self._request.outlet.unread)
            self._request.abort()
            self._say(marks or [(Channel.MARK, b'{"cut":true}')], lambda: None)
        else:
            self._say([*marks, (Channel.GATEWAY, said[0])], lambda: self._leave(said[1]))

    def _leave(self, chunk: bytes) -> None:
        Untaken(self._request.outlet, self.session, self.conn)
        self._request.outlet.write(chunk)
        self._request.finished(keep=False)

    def _say(self, pieces: list[tuple[Channel, bytes]], then: Callable[[], None]) -> None:
        def spoken() -> None:
            then()
            self.session.close_flow(self.conn)  # of a session that goes on
            self.session.spoke()

        self.session.say(self.conn, pieces, spoken)
