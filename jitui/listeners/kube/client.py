"""One TCP connection of an agent's client: requests in, one at a time, each judged before anything of it goes anywhere."""

import asyncio
import re
from typing import TYPE_CHECKING, Final

from jitui.access.windows import session_kind
from jitui.listeners.kube import default, notices, openapi
from jitui.listeners.kube.admission import Admission
from jitui.listeners.kube.call import Answered, Call, Waiting
from jitui.listeners.kube.discover import discover
from jitui.listeners.kube.inlet import Inlet
from jitui.listeners.kube.parting import Parting
from jitui.listeners.kube.plan import plan
from jitui.listeners.kube.review import Review, is_review
from jitui.listeners.kube.upgrade import Upgrade
from jitui.listeners.patience import Patience
from jitui.listeners.visitors import Visitor
from jitui.policy import kube
from jitui.policy.action import Action
from jitui.policy.policy import Allow, Deny, is_discovery
from jitui.protocol import headers, http, status
from jitui.proxy.ends import End, Why
from jitui.proxy.exchange import Exchange
from jitui.proxy.live import Session
from jitui.proxy.outlet import Outlet
from jitui.values.errors import JituiError, RefusedError, TooManyError
from jitui.values.said import clean

if TYPE_CHECKING:
    from jitui.listeners.kube.door import KubeDoor

LONG: Final = 1 << 16  # bytes of a target
DISCOVERING: Final = re.compile(rb"(?:/c/[^/?]*)?/(?:version|api(?:/v1)?|apis(?:/[^/?]+/[^/?]+)?)/?(?:\?.*)?", re.DOTALL)


class KubeClient(asyncio.Protocol):
    """The connection. Owned by the loop; closed by whoever ends first."""

    def __init__(self, door: "KubeDoor", visitor: Visitor) -> None:
        self.door, self.visitor = door, visitor
        self.patience = Patience(door.visitors, visitor)
        self.inlet = Inlet(door.turnstile, self._turn, self.pause_reading, self.resume_reading)
        self.parser = http.RequestParser()
        self.transport: asyncio.Transport
        self.outlet: Outlet
        self.peer = ""
        self.current: Call | None = None
        self.parting = Parting(lambda: self.outlet.idle)
        self._turning = False  # `_next` is at work
        self._bodyless = False  # the request in progress is a HEAD
        self._keep = True  # and its client wants to go on behind its answer
        self._as_text = False  # a refusal of the request in progress is shown only if it is text
        self._draining = False  # the next request waits until the last answer is written
        self._retry_after = 0  # seconds, said with the answer to the request in progress
        self._admission: Admission | None = None  # of the request in progress

    # -- transport ---------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.outlet = Outlet(self.transport)
        self.outlet.begin()
        self.peer = ":".join(map(str, (transport.get_extra_info("peername") or ())[:2]))
        self.door.clients.add(self)
        self.visitor.resting = lambda: self.current is None and not self._draining and not self.inlet.waits
        self.patience.begin(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio.Protocol's signature
        self.door.clients.discard(self)
        self.patience.gone()
        self.inlet.close()
        call, self.current = self.current, None
        if call is not None:
            call.client_lost()

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
        elif self.current is not None or self.inlet.open(data):
            self._read(data)

    def _turn(self, data: bytes) -> None:
        """A request may begin: of what just came, or of what waits behind the last one."""
        waits = self.parser.paused
        if data and not self.parting.begun:
            self._read(data)
        if waits:
            self._next(now=True)

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
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Unless there is a pile of requests already."""
        if not self.transport.is_closing() and not self.parser.full:
            self.transport.resume_reading()

    def abort(self) -> None:
        self.transport.abort()

    def close(self) -> None:
        """The gateway stops: at once, or, with last words on their way, once they are read."""
        if not self.parting.begun:
            self.transport.close()

    # -- requests ----------------------------------------------------------------------------------------------------------

    def _events(self, events: list[http.Event]) -> None:
        """Those of one request, or a part of it: the parser pauses behind each."""
        for event in events:
            if isinstance(event, http.RequestHead):
                self.patience.headed()
                self._bodyless, self._keep = event.method == b"HEAD", event.keep_alive
                self.current = self._begin(event)
                if event.get(b"expect").lower() == b"100-continue":
                    self._continue(self.current)
        call = self.current
        if call is None:
            return
        for event in events:
            if isinstance(event, http.Body):
                call.body_in(event.data)
            elif isinstance(event, http.End):
                call.end_in()
        if self.current is call:
            call.flush_in()

    def _continue(self, call: Call) -> None:
        """The client waits for a word before it sends the body (RFC 9110, 10.1.1)."""
        if isinstance(call, Answered):
            call.now()
        else:
            self.outlet.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _begin(self, head: http.RequestHead) -> Call:
        """Judge the head; nothing of the request has gone anywhere yet."""
        self._as_text = DISCOVERING.fullmatch(head.target) is not None
        self._admission, self._retry_after = None, 0
        try:
            admission = self._admission = self.door.admit(head, self)
        except JituiError as error:
            return self.refuse(error)
        broker, target = self.door.broker, admission.target
        if len(target) > LONG and not broker.windows.of(admission.who.name, admission.connection):
            target = target.partition(b"?")[0]  # it is denied anyway, and nobody waits while a megabyte of argv is read for that
        try:
            lines = headers.to_upstream(head, host=admission.way.host, upgrade=bool(head.upgrade))
            action = kube.read(head.method, target, content_type=head.get(b"content-type"))
        except JituiError as error:
            method = head.method.decode("latin-1").lower()
            self._denied(head, admission, Action(method, path=clean(target.decode("latin-1"), 200)), str(error))
            return self.refuse(error)
        if is_discovery(action):
            return discover(self, head, admission, action)
        self._as_text = action.verb == "watch"
        if action.resource and broker.kinds[admission.connection].namespaced(action.group, action.resource) is None:
            return self._look(head, admission, action, lines)
        return self._judge(head, admission, action, lines)

    def _judge(self, head: http.RequestHead, admission: Admission, action: Action, lines: headers.Lines) -> Call:
        """May it pass, now?"""
        broker = self.door.broker
        verdict = broker.judge(admission.who, admission.connection, action)
        if isinstance(verdict, Deny):
            return default.look(self, admission, action, lambda known: self._judge(head, admission, known, lines),
                                lambda: self._deny(head, admission, action, verdict))  # fmt: skip
        if (broken := broker.store.recording_error) is not None:
            return self.say(503, "ServiceUnavailable", f"jitui: this can't be recorded, so it does not pass ({broken}); it passes again once there is room")
        try:
            if head.upgrade or kube.is_upgrade_target(action):
                return self._upgrade(head, admission, action, lines, verdict)
            if is_review(action):
                return Review(self, head, admission, action, lines, verdict)
            return self._pass(head, admission, action, lines, verdict)
        except TooManyError as error:  # of streams
            return self.refuse(error)

    def _look(self, head: http.RequestHead, admission: Admission, action: Action, lines: headers.Lines) -> Call:
        """A kind that nobody has seen may be a second old: look once before it is denied, but for nobody without a window."""
        broker, waiting = self.door.broker, Waiting(self)
        if not broker.has_window(admission.who, admission.connection):
            return self._judge(head, admission, action, lines)

        async def look() -> Call | None:
            await admission.way.discovery.look(action.group, action.resource, lambda: broker.has_window(admission.who, admission.connection))
            if (silence := admission.way.discovery.silence) is not None:
                raise silence  # what can't be judged is not denied: it is the cluster that is missing, not a permission
            self.door.stands(admission)
            return None if waiting.lost else self._judge(head, admission, action, lines)

        waiting.run(look)
        return waiting

    def _deny(self, head: http.RequestHead, admission: Admission, action: Action, verdict: Deny) -> Answered:
        self._denied(head, admission, action, verdict.why)
        return self.say(verdict.code, "Forbidden", clean(verdict.sentence, 1000))

    def _denied(self, head: http.RequestHead, admission: Admission, action: Action, why: str) -> None:
        """One row, however often kubectl tries."""
        group = head.get(b"kubectl-session").decode("latin-1")[:64]
        who, connection, broker = admission.who.name, admission.connection, self.door.broker
        if not self.door.tries.is_second((who, connection, group, action), head.upgrade):
            newest = max((grant.id for grant in broker.windows.of(who, connection)), default=0)
            broker.notes.denied(who, connection, action, why, grant=newest, group=group)

    def pass_on(self, waiting: Waiting, head: http.RequestHead, admission: Admission, action: Action, lines: headers.Lines) -> None:
        """A request that was held back for a look at its body goes to the cluster, if it still may."""
        self.patience.calm()
        waiting.become(self._again(head, admission, action, lines))

    def _again(self, head: http.RequestHead, admission: Admission, action: Action, lines: headers.Lines) -> Call:
        """It waited for something, and meanwhile its token, rules and windows may have changed. Raises UnknownCallerError."""
        self.door.stands(admission)
        verdict = self.door.broker.judge(admission.who, admission.connection, action)
        return self._deny(head, admission, action, verdict) if isinstance(verdict, Deny) else self._pass(head, admission, action, lines, verdict)

    def _pass(self, head: http.RequestHead, admission: Admission, action: Action, lines: headers.Lines, verdict: Allow) -> Call:
        """In the window's session, which may have to be opened first."""
        broker = self.door.broker
        if (session := broker.windows.session_now(verdict.grant, action)) is not None:
            return self._exchange(session, head, admission, action, lines, verdict)
        if session_kind(action) != "api":
            self.door.visitors.stream(self.visitor, verdict.grant.id)
        waiting = Waiting(self)

        async def open_session() -> Call | None:
            group = head.get(b"kubectl-session").decode("latin-1")[:64]
            session = await broker.windows.open_session(verdict.grant, action, peer=self.peer, command_group=group)
            if waiting.lost:
                if session.kind != "api":
                    broker.windows.over(session, End(Why.CLIENT_CLOSED, "client", ""))
                return None
            if session.kind != "api":
                return self._exchange(session, head, admission, action, lines, verdict)
            return self._again(head, admission, action, lines)

        waiting.run(open_session)
        return waiting

    def _exchange(self, session: Session, head: http.RequestHead, admission: Admission, action: Action,
                  lines: list[tuple[bytes, bytes]], allow: Allow) -> Call:  # fmt: skip
        if session.muted:
            assert session.end is not None
            return self.say(session.end.code, session.end.reason, session.end.words)
        broker = self.door.broker
        note = broker.notes.noting(session, admission.who.name, admission.connection, action, allow)
        cluster, kind = admission.way.under(session.window.grant), Exchange
        if openapi.is_index(action):
            lines, kind = openapi.conditions(lines), openapi.Index
        return kind(session, action, head, admission.target, lines, client=self, cluster=cluster, extra=note.extra, over=note.over,
                    notice=lambda: notices.under(broker, session.window.grant, action))  # fmt: skip

    def _upgrade(self, head: http.RequestHead, admission: Admission, action: Action, lines: list[tuple[bytes, bytes]], allow: Allow) -> Call:
        try:
            if not kube.is_upgrade_target(action):
                what = f"an upgrade to {head.upgrade.decode('latin-1')} is not for {clean(kube.describe(action))}"
                raise RefusedError(f"{what}; exec, attach and port-forward of a pod are")
            asked = plan(head, action)
        except JituiError as error:
            self._denied(head, admission, action, str(error))
            return self.refuse(error)
        self.door.visitors.stream(self.visitor, allow.grant.id)
        return Upgrade(self, head, admission, action, lines, asked, allow)

    def leave(self) -> None:
        """An upgrade is through: this connection is the relay's from now on."""
        self.patience.calm()
        self.current = None
        self.door.clients.discard(self)

    # -- answers of the gateway's own --------------------------------------------------------------------------------------

    def say(self, code: int, reason: str, message: str, *, close: bool = False, **details: int) -> Answered:
        """A refusal in words, once the request's body has gone by."""
        # client-go shows text alone of a refused discovery, and so it did of a watch before 0.32; of a Status "unknown" (client-go: rest/request.go)
        if self._as_text and code not in {401, 404}:  # of those it has its own words
            text = clean(message, 1000).encode()
            return Answered(self, lambda late: self.answer(code, text, close=late or close, kind=b"text/plain; charset=utf-8"))
        body = status.status(code, reason, message, **details)
        return Answered(self, lambda late: self.answer(code, body, close=late or close))

    def refuse(self, error: JituiError) -> Answered:
        """The words of an error. At a limit client-go tries up to ten times again where the answer has a Retry-After, and shows them at once where not."""
        if not isinstance(error, TooManyError):
            return self.say(error.code, error.reason, f"jitui: {error}")
        self._retry_after = error.retry_after
        self.inlet.rest()
        more = {"retryAfterSeconds": error.retry_after} if error.retry_after else {}
        return self.say(error.code, error.reason, f"jitui: {error}", close=error.close, **more)

    def answer(self, code: int, body: bytes, *, close: bool = False, kind: bytes = b"application/json") -> None:
        """A Status, with its length."""
        lines = [(b"Content-Type", kind), (b"Cache-Control", b"no-cache, private")]
        if self._admission is not None and (notice := notices.beside(self.door.broker, self._admission)):
            lines.append((b"Warning", notice))
        if self._retry_after:
            lines.append((b"Retry-After", b"%d" % self._retry_after))
        self.give(code, lines, body, close=close)

    def give(self, code: int, lines: headers.Lines, body: bytes, *, close: bool) -> None:
        """An answer of the gateway's own, whole; then the next request, or the end of the connection if `close` or the client says so."""
        close = close or not self._keep
        if close:
            lines = [*lines, (b"Connection", b"close")]
        data = http.render_response(code, lines, body, framed=code != 304)
        self.send_whole(data[: len(data) - len(body)] if self._bodyless else data, close=close)

    def send_whole(self, data: bytes, *, close: bool) -> None:
        if self.current is None or self.transport.is_closing():
            return
        self.outlet.write(data)
        self.finished(keep=not close)

    def finished(self, *, keep: bool) -> None:
        self.current = None
        if self.transport.is_closing():
            return
        if not keep:
            self._close()
            return
        self.patience.next()
        if self.outlet.idle:
            self._next()
        else:  # who does not read gets no further answers
            self._draining = True

    def _next(self, *, now: bool = False) -> None:
        """The requests that came meanwhile, one after the other; a loop, as each may be answered at once."""
        if self._turning:
            return
        self._turning = True
        try:
            while self.current is None and not self.parting.begun and not self._draining:
                if self.parser.holding and not now and not self.inlet.open():
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

    def _close(self) -> None:
        """Once all is written and the client is still; two seconds at most."""
        self.patience.last()
        self.resume_reading()
        self.parting.begin(self.transport)

    def _malformed(self, error: http.Malformed) -> None:
        """A request that can be read in two ways, or not at all: say so once, and close."""
        if self.current is not None:
            call, self.current = self.current, None
            call.client_lost()
            self.transport.abort()
            return
        if self.parting.begun:
            return
        self.door.malformed += 1
        body = status.status(error.code, "BadRequest", f"jitui: {error}")
        self.outlet.write(http.render_response(error.code, [(b"Content-Type", b"application/json"), (b"Connection", b"close")], body))
        self._close()
