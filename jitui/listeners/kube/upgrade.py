"""From a judged upgrade request to a relay: a session, a new connection to the cluster, its 101, and only then bytes.

Only after the cluster answered 101, with the protocol that was asked for, does anything else flow (CVE-2018-1002105).
"""

import asyncio
from typing import TYPE_CHECKING, Final

from jitui.clusters.dial import cut
from jitui.listeners.kube.admission import Admission
from jitui.listeners.kube.handshake import Handshake
from jitui.listeners.kube.plan import Plan
from jitui.policy.action import Action
from jitui.policy.policy import Allow
from jitui.policy.terms import Grant
from jitui.protocol import headers, http, status
from jitui.protocol.speech import Speech
from jitui.proxy.ends import End, Why
from jitui.proxy.live import Session
from jitui.proxy.relay import Relay
from jitui.recording.frame import Channel
from jitui.values.errors import FailedError, JituiError, RefusedError, UpstreamError

if TYPE_CHECKING:
    from jitui.listeners.kube.client import KubeClient

ANSWER_WITHIN: Final = 30.0  # seconds the cluster may take for its answer to an upgrade


class Upgrade:
    """One exec, attach or port-forward on its way. The call of its client, and the leg of its session until the relay takes over."""

    def __init__(self, client: "KubeClient", head: http.RequestHead, admission: Admission, action: Action, lines: list[tuple[bytes, bytes]],
                 plan: Plan, allow: Allow) -> None:  # fmt: skip
        self._client, self._head, self._admission, self.action, self._lines = client, head, admission, action, lines
        self._plan, self._allow = plan, allow
        self._session: Session | None = None
        self._handshake: Handshake | None = None
        self._on_record: asyncio.Future[None] | None = None
        self._conn = 0
        self._over = False  # answered, lost or cut
        self._begun = False
        self._asked = False  # the cluster was asked, and has not answered
        self._may_run = False  # it was asked, and has not refused: what it starts is nobody's yet

    # -- the client's call -------------------------------------------------------------------------------------------------

    def body_in(self, data: bytes) -> None:
        """An upgrade request has no body (the parser refuses one)."""

    def end_in(self) -> None:
        if not self._begun:
            self._begun = True
            self._client.pause_reading()
            self._client.door.spawn(self._run)

    def flush_in(self) -> None:
        pass

    def client_lost(self) -> None:
        if not self._over:
            self._over = True
            self._leave()
            if self._session is not None:
                self._client.door.broker.windows.over(self._session, End(Why.CLIENT_CLOSED, "client", ""))

    def freeze(self, on: bool) -> None:
        """Nothing waits to be written yet: the session holds what is on record."""

    def cut(self, end: End) -> None:
        """The session ended before the cluster answered."""
        self._leave()
        session = self._session
        assert session is not None
        if self._over:
            session.spoke()
            return
        self._over = True
        body = status.status(end.code, end.reason, end.words)

        def say() -> None:
            self._client.answer(end.code, body, close=True)
            session.spoke()

        session.say(self._conn, [(Channel.GATEWAY, body)], say)

    # -- the way to the cluster --------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        broker = self._client.door.broker
        try:
            session = await broker.windows.open_session(
                self._allow.grant, self.action, peer=self._client.peer, command_group=self._head.get(b"kubectl-session").decode("latin-1")[:64]
            )
        except JituiError as error:
            self._unopened(error)
            return
        except Exception:
            self._unopened(FailedError())
            raise
        self._session = session
        self._conn = session.open_conn(self)
        if self._over:
            broker.windows.over(session, End(Why.CLIENT_CLOSED, "client", ""))
            return
        if session.muted:
            assert session.end is not None
            self._over = True
            self._client.answer(session.end.code, status.status(session.end.code, session.end.reason, session.end.words), close=True)
            return
        try:
            async with asyncio.timeout(ANSWER_WITHIN) as patience:
                answer, body = await self._ask(session, session.window.grant, patience)
        except TimeoutError:
            if session.frozen_by and not self._asked:
                self._still_frozen(session)
                return
            self._refuse(session, 502, _unavailable("the cluster did not answer the upgrade in time"), Why.UPSTREAM_LOST)
        except JituiError as error:
            code = error.code if isinstance(error, UpstreamError) else 502
            self._refuse(session, code, _unavailable(str(error), code), Why.UPSTREAM_LOST)
        except Exception:
            self._refuse(session, FailedError.code, status.of(FailedError()), Why.UPSTREAM_LOST)
            raise
        else:
            self._told(session, answer, body)

    def _unopened(self, error: JituiError) -> None:
        """There is no session to say it in."""
        if not self._over:
            self._over = True
            self._client.answer(error.code, status.of(error), close=True)

    def _told(self, session: Session, answer: http.ResponseHead, body: bytes) -> None:
        """The cluster's answer is there."""
        if self._done_with(session):
            self._let_go()
        elif answer.status == 101:
            self._answered(session, answer)
        elif answer.status == 401:
            self._refuse(session, 502, _unavailable("the cluster does not accept the gateway's credential; see: jitui check"), Why.UPSTREAM_LOST)
        else:
            self._refuse(session, answer.status, body, Why.CLUSTER_CLOSED, answer)

    async def _ask(self, session: Session, grant: Grant, patience: asyncio.Timeout) -> tuple[http.ResponseHead, bytes]:
        """Send the upgrade request and wait for the answer; once more after a refreshed credential."""
        upstream = self._admission.way.upstream
        note = self._client.door.broker.notes.audit_id(session, self._conn)
        lines = [*self._plan.request(self._lines, self._head.method), (b"Audit-ID", note.encode())]
        recorded = http.render_request(self._head.method, self._admission.target, headers.recordable(lines))
        await self._record(session, [(Channel.REQUEST, recorded)])
        for last in (False, True):
            credential = await upstream.authorization(grant)
            if self._done_with(session):
                break
            _, self._handshake = await upstream.open(lambda: Handshake(self._head.method), stream=True)
            await self._flowing(session)
            patience.reschedule(asyncio.get_running_loop().time() + ANSWER_WITHIN)  # the wait for a thaw was not the cluster's
            self._asked = self._may_run = True
            self._handshake.transport.write(http.render_request(self._head.method, upstream.prefix + self._admission.target, [*lines, *credential]))
            if not last:
                session.handed(self._conn, Channel.REQUEST, len(recorded))
            answer, body = await self._handshake.answer
            self._asked, self._may_run = False, answer.status == 101
            if answer.status != 401 or not await upstream.renew(grant, credential) or last:
                return answer, body
            self._let_go()
        raise RefusedError("the session ended before the cluster answered")

    def _done_with(self, session: Session) -> bool:
        """Whether it ended, or its time ran out, while something was awaited."""
        return self._over or not session.passing()

    async def _flowing(self, session: Session) -> None:
        """Until bytes may pass: at once, unless the session was frozen meanwhile. Raises RefusedError when it is over."""
        if self._done_with(session):
            raise RefusedError("the session ended before the cluster answered")
        self._on_record = flowing = asyncio.get_running_loop().create_future()
        session.flow(lambda: None if flowing.done() else flowing.set_result(None))
        await flowing

    async def _record(self, session: Session, pieces: list[tuple[Channel, bytes]]) -> None:
        self._on_record = on_record = asyncio.get_running_loop().create_future()
        session.record(self._conn, pieces, lambda: None if on_record.done() else on_record.set_result(None))
        await on_record

    def _answered(self, session: Session, answer: http.ResponseHead) -> None:
        """101: check that it is the protocol that was asked for, put it on record, then pass it on and become a relay."""
        assert self._handshake is not None
        try:
            speech, lines = self._plan.answered(answer)
        except JituiError as error:
            self._refuse(session, 502, _unavailable(str(error)), Why.UNDECODABLE)
            return
        switch = http.render_response(101, lines, framed=False)
        self._note(session, 101)
        session.record(self._conn, [(Channel.RESPONSE, switch)], lambda: self._begin(session, speech, switch))

    def _begin(self, session: Session, speech: Speech, switch: bytes) -> None:
        if self._over:
            return
        self._over = True
        client, handshake = self._client, self._handshake
        assert handshake is not None
        door, visitor = client.door, client.visitor
        relay = Relay(session, self._conn, speech, door.turns, lambda _, end: door.broker.windows.over(session, end),
                      lambda relay: door.relayed(relay, visitor))  # fmt: skip
        door.streams.add(relay)
        visitor.close = relay.client.abort
        session.hand_over(self, relay)
        self._may_run = False
        client.leave()
        client.outlet.write(switch)
        session.handed(self._conn, Channel.RESPONSE, len(switch))
        relay.client.take(client.transport, client.outlet)
        relay.cluster.take(handshake.transport)
        relay.begin(client.parser.rest(), handshake.parser.rest())
        client.resume_reading()
        if handshake.gone:  # before the relay could hear of it
            relay.cluster.connection_lost(None)
        elif not handshake.transport.is_closing():
            handshake.transport.resume_reading()

    def _refuse(self, session: Session, code: int, body: bytes, why: Why, answer: http.ResponseHead | None = None) -> None:
        """No upgrade: the Status and its length to the client, and the end of both connections. If the session ends first, its words are said instead."""
        heard = not self._asked
        self._leave()
        if self._over or session.muted:
            return
        if heard:
            self._note(session, code)
        kind = (answer.get(b"content-type") if answer is not None else b"") or b"application/json"
        whole = http.render_response(code, [(b"Content-Type", kind), (b"Connection", b"close")], body)
        channel = Channel.GATEWAY if answer is None else Channel.RESPONSE

        def say() -> None:
            if self._over:
                return
            self._over = True
            session.handed(self._conn, channel, len(whole))
            self._client.send_whole(whole, close=True)
            self._client.door.broker.windows.over(session, End(why, "cluster", ""))

        session.record(self._conn, [(channel, whole)], say)

    def _still_frozen(self, session: Session) -> None:
        """Nothing of it went anywhere, and nothing will. The gateway's own words are not held."""
        self._note(session, 503)
        self._client.door.broker.windows.over(session, End(Why.FROZEN, "gateway", f"jitui: {session.frozen_words}", 503, "ServiceUnavailable"))

    def _note(self, session: Session, code: int | None) -> None:
        admission = self._admission
        self._client.door.broker.notes.upgraded(session, admission.who.name, admission.connection, self.action, self._allow, code)

    def _leave(self) -> None:
        """Let the cluster go. It may have started the command, whether or not it said so."""
        session = self._session
        if session is not None and self._may_run:
            session.may_run_on = 1 if session.kind == "exec" else 0
        if session is not None and self._asked:
            self._note(session, None)
        self._asked = self._may_run = False
        self._let_go()

    def _let_go(self) -> None:
        if self._on_record is not None and not self._on_record.done():
            self._on_record.set_exception(RefusedError("the session ended before the cluster was asked"))
        handshake, self._handshake = self._handshake, None
        if handshake is not None:
            cut(handshake.transport)


def _unavailable(text: str, code: int = 502) -> bytes:
    return status.status(code, "ServiceUnavailable", f"jitui: {text}")
