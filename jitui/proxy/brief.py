"""The short way of most requests: a GET on a kept connection, whose whole answer comes in one read, or in a few of one moment.

It is the same way as that of an exchange, step by step, without the parts of it that such a request does not need. Whatever else happens to it, at any
step, makes an `Exchange` of it, which goes on from there: no connection is at hand, its client goes away, the answer comes slowly, the credential is
refused, the connection is lost, its session is frozen or ends.

Clients mostly send the same head again on a connection. Its next request takes the same object, with all that equal requests share, through the same steps
(`again`), once the listener has looked that all that was found out about the head still stands. So a request makes nothing but what is its own: its
number, Audit-ID, frames and row.
"""

from typing import Final

from jitui.clusters.pool import Connection
from jitui.clusters.port import Headers
from jitui.clusters.way import Way
from jitui.protocol import headers, http
from jitui.proxy import links
from jitui.proxy.deliveries import Flow
from jitui.proxy.ends import End
from jitui.proxy.exchange import Exchange
from jitui.proxy.heads import Heads
from jitui.proxy.live import Session
from jitui.proxy.port import Note, PlainRequest
from jitui.recording.frame import Channel
from jitui.values.errors import UpstreamError
from jitui.values.instant import Instant

REQUEST: Final = Channel.REQUEST
RESPONSE: Final = Channel.RESPONSE
RESPONSE_BODY: Final = Channel.RESPONSE_BODY


def is_brief(request: PlainRequest, session: Session) -> bool:
    """Whether it may go this way; it is in the shared session of plain requests, which flows."""
    return request.method == b"GET" and request.length == 0 and request.keep_alive and session.stream is None and not session.hold.by


class Brief:
    """From a judged request to the end of its answer; then the next equal one. A Leg of its session, the handler of its request, and that of its connection
    to the cluster.
    """

    __slots__ = ("_answer", "_audit_id", "_connection", "_credential", "_done", "_exchange", "_flow", "_head", "_heads", "_note", "_now", "_put", "_request",
                 "_size", "_way", "_wire", "action", "conn", "session")  # fmt: skip

    def __init__(self, request: PlainRequest, session: Session, way: Way, note: Note, now: Instant) -> None:
        """`now`: it is put on record in the same pass. `note`: of this request; it is begun."""
        self.action, self.session = request.action, session
        self._request, self._way, self._note = request, way, note
        self._heads: Heads = request.heads
        self._exchange: Exchange | None = None  # that it became
        self._connection: Connection | None = None  # it was sent there, and the answer is due
        self._credential: Headers = ()
        self._flow = Flow()  # of the request: the part that is on record, and the part of that which was handed on
        self._begin(now)

    def _begin(self, now: Instant) -> None:
        self._now, self._audit_id = now, self._note.audit_id
        self._head = b""  # as it is on record
        self._answer: http.ResponseHead | None = None
        self._wire = b""  # the answer for the client
        self._size = 0  # bytes of the answer on record
        self._put = self._done = False
        self.conn = self.session.open_conn(self, self._flow)
        self._request.outlet.gate = self.session.passing

    def again(self, now: Instant) -> bool:
        """Begin the next equal request, which may pass under the same grant; False, and nothing has happened: it takes an object of its own.

        All that the listener does for a new request between the verdict and here is looked at: the session is still the one that such requests share. The
        count of the last one's bytes is free for this one: nothing of it was lost.
        """
        session = self.session
        if not self._done or self._exchange is not None or session.gate.muted or session.hold.by or session.full or self.conn in session.deliveries.flows:
            return False
        self._note.begin(now)
        self._begin(now)
        return True

    # -- handler of the request --------------------------------------------------------------------------------------------

    def body_in(self, data: bytes) -> None:
        """There is none."""

    def end_in(self) -> None:
        """It came with its head."""

    def flush_in(self) -> None:
        """Put the head on record; send it after the commit."""
        if not self._put:
            self._put = True
            request = self._request
            self._head = self._heads.recorded(request.method, request.target, request.lines, self._way.upstream.prefix, self._audit_id)
            self.session.recorder.record(((self.conn, REQUEST, self._head),), self._send, self._now, self._flow)

    def client_lost(self) -> None:
        if not self._done:
            self._become(handler=False).client_lost()

    # -- to the cluster ----------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        """It is on record, and may pass."""
        if self._exchange is not None:
            self._exchange.let_go()
            return
        way = self._way
        credential = way.upstream.ready(self.session.window.grant)
        connection = None if credential is None else way.pool.take()
        if connection is None or credential is None:
            self._become().let_go()
            return
        self._connection, self._credential = connection, credential
        size = len(self._head)
        self._flow.handed_in += size
        self.session.deliveries.handed_in += size
        connection.ask(self._heads.sent(self._audit_id, self.session.proof.rendered(credential)), self, self._audit_id)

    # -- from the cluster --------------------------------------------------------------------------------------------------

    def answered(self, known: http.KnownHead, body: bytes) -> None:
        """Put the whole answer on record; pass it on after the commit."""
        session, request, head = self.session, self._request, known.head
        front = known.client if known.client is not None else self._rendered(known)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()
        self._answer, self._credential = head, ()
        # an answer that a client may keep in its cache says nothing of today
        now = session.recorder.clock.now()
        warning = None if known.cached else request.warning(session.window.grant, now)
        front = front.replace(http.MARK, self._audit_id)
        if warning is not None:
            front = b"%bWarning: %b\r\n" % (front, warning)
        recorded = front + b"\r\n"
        if known.chunked:
            self._wire = http.in_one_chunk(front, body)
        else:
            self._wire = b"%bContent-Length: %d\r\n\r\n%b" % (front, len(body), body)
        conn = self.conn
        self._size = len(recorded) + len(body)
        pieces = ((conn, RESPONSE, recorded), (conn, RESPONSE_BODY, body)) if body else ((conn, RESPONSE, recorded),)
        session.recorder.record(pieces, self._deliver, now, self._flow)

    def head(self, head: http.ResponseHead) -> None:
        """The answer comes in pieces, or its head is unusual."""
        self._become().answer_in(head)

    def body(self, data: bytes) -> None:
        """It goes to the exchange, behind the head."""

    def end(self) -> None:
        """It goes to the exchange, behind the head."""

    def lost(self, error: UpstreamError) -> None:
        self._become().lost(error)

    def writable(self, yes: bool) -> None:
        """All that is sent is a head, which the transport has."""

    def _rendered(self, known: http.KnownHead) -> bytes:
        """The head of the answer as the client gets it, without framing and the empty line; kept for equal ones where it is the same for every client."""
        lines = headers.to_client(known.head)
        linked = links.are_in(lines)
        if linked:
            lines = links.led_back(lines, self._request.prefix.encode(), self._way.upstream)
        front = http.render_response(known.head.status, lines, framed=False)[:-2]
        if known.value:
            front = front.replace(known.value, http.MARK)
        if not linked:
            known.client = front
        return front

    # -- to the client -----------------------------------------------------------------------------------------------------

    def _deliver(self) -> None:
        """The answer is on record, and may pass."""
        if self._exchange is not None:
            self._exchange.pass_on(self._wire, self._size)
        elif not self._done:
            self._request.outlet.write(self._wire, self._handed)

    def _handed(self) -> None:
        """The client's transport took all of it: until then its window may end it."""
        if self._exchange is not None:
            self._exchange.handed(self._size)
            return
        if self._done:
            return
        self._done = True
        self._head = self._wire = b""  # a client that rests keeps this object, and nothing of what passed
        session, request = self.session, self._request
        request.outlet.gate = None
        self._flow.handed_out += self._size
        session.deliveries.handed_out += self._size
        session.close_conn(self.conn, self)
        self._note.over(self.conn, None if self._answer is None else self._answer.status, None, 0, self._size)
        request.finished(keep=True)

    # -- leg of the session ------------------------------------------------------------------------------------------------

    def freeze(self, on: bool) -> None:
        if on and not self._done:
            self._become()  # which is told as it comes in

    def cut(self, end: End) -> None:
        if self._done:
            self.session.spoke()
        else:
            self._become(leg=False).cut(end)

    # -- the long way ------------------------------------------------------------------------------------------------------

    def _become(self, *, leg: bool = True, handler: bool = True) -> Exchange:
        """The exchange that goes on from here. `leg`: it takes this one's place in the session. `handler`: and for the client, which is there still."""
        request, session, connection = self._request, self.session, self._connection
        exchange = self._exchange = Exchange(request, session, self._way, self._note, conn=self.conn)
        exchange.resume(put=self._put, connection=connection, credential=self._credential, answer=self._answer, size=self._size)
        self._done, self._connection, self._credential = True, None, ()
        if leg:
            session.hand_over(self, exchange)
        if handler:
            request.become(exchange)
        return exchange
