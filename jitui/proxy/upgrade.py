"""From a judged upgrade request and its session to a relay: a connection of its own to the cluster, the cluster's 101, and only then bytes.

Only after the cluster answered 101, with the protocol that was asked for, does anything else flow (CVE-2018-1002105).
"""

import asyncio
from typing import Final, Protocol

from jitui.clusters.pool import Connection
from jitui.clusters.port import Headers
from jitui.clusters.way import Way
from jitui.clusters.wire import rest
from jitui.protocol import headers, http, status
from jitui.protocol.speech import Speech
from jitui.proxy import links
from jitui.proxy.dialer import Dialer
from jitui.proxy.ends import End, Why
from jitui.proxy.live import Session
from jitui.proxy.port import Access, ProxyRequest
from jitui.proxy.relay import Relay
from jitui.proxy.turns import Turns
from jitui.recording.frame import Channel
from jitui.values.errors import FailedError, JituiError, UpstreamError

ANSWER_WITHIN: Final = 30.0  # seconds the cluster may take for its answer to an upgrade
BODY_LIMIT: Final = 256 << 10  # bytes of a refused upgrade's body
RESTS: Final = 0.1  # seconds until a stream's TLS gives back room: sooner, the next one would have it beside what it takes anyway, and need as much of its own


class Switch(Protocol):
    """The protocols that an upgrade asks for, and the form of the cluster's agreement."""

    def request(self, lines: headers.Lines, method: bytes) -> headers.Lines:
        """The headers of the request to the cluster, without its credential."""

    def answered(self, answer: http.ResponseHead) -> tuple[Speech, headers.Lines]:
        """The speech that the cluster's 101 begins, and the 101's headers for the client. Raises UpstreamError if it is none that was asked for."""


class Streams:
    """All streams of a gateway, each until both its sides are closed, and the turns that they share."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.open: set[Relay] = set()


class Upgrade:
    """One upgrade on its way: the handler of its request and of its connection to the cluster, a Leg until the relay takes over."""

    def __init__(self, request: ProxyRequest, session: Session, way: Way, switch: Switch, access: Access, streams: Streams) -> None:
        self.action, self.done = request.action, False  # done: answered, lost, cut, or the relay's
        self._request, self._session, self._way, self._switch, self._access, self._streams = request, session, way, switch, access, streams
        self._conn = session.open_conn(self)
        self._dialer = Dialer(way, session, self, stream=True)
        self._lines = [*switch.request(request.lines, request.method), (b"Audit-ID", access.notes.audit_id(session, self._conn).encode())]
        self._recorded = http.render_request(request.method, request.target, headers.recordable(self._lines))
        self._connection: Connection | None = None
        self._transport: asyncio.Transport | None = None  # of the connection that was switched
        self._answer: http.ResponseHead | None = None
        self._body = b""
        self._timer: asyncio.TimerHandle | None = None
        self._begun = False
        self._sent = 0  # how often the cluster was asked
        self._asked = False  # it was, and has not answered
        self._may_run = False  # it was asked, and has not refused: what it starts is nobody's yet

    # -- handler of the request --------------------------------------------------------------------------------------------

    def body_in(self, data: bytes) -> None:
        """An upgrade request has no body (the parser refuses one)."""

    def end_in(self) -> None:
        """It was whole with its head."""

    def flush_in(self) -> None:
        """Put the request on record, then go to the cluster."""
        if not self._begun and not self.done:
            self._begun = True
            self._arm()
            self._session.record(self._conn, [(Channel.REQUEST, self._recorded)], self._dialer.begin)

    def client_lost(self) -> None:
        if not self.done:
            self.done = True
            self._leave()
            self._access.windows.over(self._session, End(Why.CLIENT_CLOSED, "client", ""))

    # -- leg of the session ------------------------------------------------------------------------------------------------

    def freeze(self, on: bool) -> None:
        """Nothing waits to be written yet: the session holds what is on record."""

    def cut(self, end: End) -> None:
        """The session ended before the cluster answered."""
        self._leave()
        session, request = self._session, self._request
        if self.done:
            session.spoke()
            return
        self.done = True
        body = status.status(end.code, end.reason, end.words)

        def say() -> None:
            request.answer(end.code, body, close=True)
            session.spoke()

        session.say(self._conn, [(Channel.GATEWAY, body)], say)

    # -- to the cluster ----------------------------------------------------------------------------------------------------

    def connected(self, connection: Connection, credential: Headers) -> None:
        request = self._request
        self._connection = connection
        self._arm()  # the wait for a thaw was not the cluster's
        connection.exchange(request.method, self, upgrade=True)
        if self._connection is not connection:  # it was lost while it waited
            return
        self._asked = self._may_run = True
        connection.send(http.render_request(request.method, self._way.upstream.prefix + request.target, [*self._lines, *credential]))
        if not self._sent:
            self._session.handed(self._conn, Channel.REQUEST, len(self._recorded))
        self._sent += 1

    def rewind(self) -> bool:
        return True

    def failed(self, error: JituiError) -> None:
        if isinstance(error, FailedError):
            self._refuse(error.code, status.of(error), Why.UPSTREAM_LOST)
        else:
            code = error.code if isinstance(error, UpstreamError) else 502
            self._refuse(code, _unavailable(str(error), code), Why.UPSTREAM_LOST)

    def unaccepted(self, why: str, code: int) -> None:
        self._refuse(code, _unavailable(why, code), Why.UPSTREAM_LOST)

    # -- from the cluster -------------------------------------------------------------------------------------------------

    def head(self, head: http.ResponseHead) -> None:
        connection = self._connection
        if self.done or connection is None:
            return
        if head.status == 401:
            self._asked = self._may_run = False
            self._connection = None
            connection.abort()
            self._dialer.unauthorized()
            return
        self._answer = head
        if head.status == 101:
            self._transport = connection.transport
            connection.pause_reading()  # from here on it is the relay's to read
        elif head.status < 300:  # perhaps a watch without an end: a proxy on the way drops the headers of an upgrade
            self._refuse(502, _unavailable(f"the cluster, or a proxy in front of it, answered {head.status} to a request for an upgrade"), Why.UPSTREAM_LOST)

    def body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > BODY_LIMIT:
            self._refuse(502, _unavailable("the cluster's answer to an upgrade is too long"), Why.UPSTREAM_LOST)

    def end(self) -> None:
        """The cluster's answer is whole."""
        answer = self._answer
        if self.done or answer is None:
            return
        self._asked, self._may_run = False, answer.status == 101
        if not self._session.passing():  # its end has cut this leg
            return
        self._calm()
        if answer.status == 101:
            self._switched(answer)
        else:
            self._refuse(answer.status, self._body, Why.CLUSTER_CLOSED, answer)

    def lost(self, error: UpstreamError) -> None:
        self._connection = None
        if not self.done:
            self._refuse(error.code, _unavailable(str(error), error.code), Why.UPSTREAM_LOST)

    def writable(self, yes: bool) -> None:
        """The request is a head alone."""

    # -- what comes of it --------------------------------------------------------------------------------------------------

    def _switched(self, answer: http.ResponseHead) -> None:
        """101: check that it is the protocol that was asked for, put it on record, then pass it on and become a relay."""
        try:
            speech, lines = self._switch.answered(answer)
        except JituiError as error:
            self._refuse(502, _unavailable(str(error)), Why.UNDECODABLE)
            return
        line = http.render_response(101, lines, framed=False)
        self._note(101)
        self._session.record(self._conn, [(Channel.RESPONSE, line)], lambda: self._relay(speech, line))

    def _relay(self, speech: Speech, line: bytes) -> None:
        connection, to_cluster = self._connection, self._transport
        if self.done or connection is None or to_cluster is None:
            return
        self.done = True
        session, request, relays, over = self._session, self._request, self._streams.open, self._access.windows.over
        gone = request.closed

        def closed(relay: Relay) -> None:
            relays.discard(relay)
            gone()

        relay = Relay(session, self._conn, speech, self._streams.turns, lambda _, end: over(session, end), closed)
        relays.add(relay)
        session.hand_over(self, relay)
        self._may_run = False
        to_client, outlet, behind = request.leave(relay.client.abort)
        outlet.write(line)
        session.handed(self._conn, Channel.RESPONSE, len(line))
        relay.client.take(to_client, outlet)
        relay.cluster.take(to_cluster)
        asyncio.get_running_loop().call_later(RESTS, rest, to_cluster)
        relay.begin(behind, connection.switch())
        if not to_client.is_closing():
            to_client.resume_reading()
        if connection.transport is None:  # lost before the relay could hear of it
            relay.cluster.connection_lost(None)
        elif not to_cluster.is_closing():
            to_cluster.resume_reading()

    def _refuse(self, code: int, body: bytes, why: Why, answer: http.ResponseHead | None = None) -> None:
        """No upgrade: the Status and its length to the client, and the end of both connections. If the session ends first, its words are said instead."""
        heard, session, request = not self._asked, self._session, self._request
        self._leave()
        if self.done or session.muted:
            return
        if heard:
            self._note(code)
        lines = [(b"Content-Type", b"application/json")] if answer is None else headers.to_client(answer)
        if links.are_in(lines):
            lines = links.led_back(lines, request.prefix.encode(), self._way.upstream)
        channel = Channel.GATEWAY if answer is None else Channel.RESPONSE
        whole = http.render_response(code, [*lines, (b"Connection", b"close")], body)

        def say() -> None:
            if self.done:
                return
            self.done = True
            session.handed(self._conn, channel, len(whole))
            request.outlet.write(whole)
            request.finished(keep=False)
            self._access.windows.over(session, End(why, "cluster", ""))

        session.record(self._conn, [(channel, whole)], say)

    def _too_late(self) -> None:
        """The cluster took too long, or the session is still frozen: then nothing of it went anywhere, and nothing will."""
        if self.done:
            return
        if self._session.frozen_by and not self._asked:
            self._note(503)
            words = f"jitui: {self._session.frozen_words}"  # the gateway's own words are not held
            self._access.windows.over(self._session, End(Why.FROZEN, "gateway", words, 503, "ServiceUnavailable"))
        else:
            self._refuse(502, _unavailable("the cluster did not answer the upgrade in time"), Why.UPSTREAM_LOST)

    def _note(self, code: int | None) -> None:
        request = self._request
        self._access.notes.upgraded(self._session, request.who.name, request.connection, self.action, request.verdict, code)

    def _arm(self) -> None:
        self._calm()
        self._timer = asyncio.get_running_loop().call_later(ANSWER_WITHIN, self._too_late)

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave(self) -> None:
        """Let the cluster go. It may have started the command, whether or not it said so."""
        session = self._session
        if self._may_run:
            session.may_run_on = 1 if session.stream is not None and session.stream.leaves_process else 0
        if self._asked:
            self._note(None)
        self._asked = self._may_run = False
        self._calm()
        self._dialer.stop()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()


def _unavailable(text: str, code: int = 502) -> bytes:
    return status.status(code, "ServiceUnavailable", f"jitui: {text}")
