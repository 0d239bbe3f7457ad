"""One request of an agent's client, from its head to its answer: all that is known of it, and every form in which the gateway itself answers it."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from jitui.access import Broker
from jitui.auth.callers import Caller, Callers
from jitui.listeners.kube import notices
from jitui.listeners.kube.client import Answered, KubeClient
from jitui.listeners.kube.tries import Tries
from jitui.listeners.visitors import busy
from jitui.policy.action import Action
from jitui.policy.policy import Allow, Deny
from jitui.policy.remaining import LAST_S
from jitui.policy.streams import StreamKind, of_action
from jitui.policy.terms import Grant, Identity, Rule
from jitui.protocol import headers, http, status
from jitui.proxy.heads import Heads
from jitui.proxy.outlet import Outlet
from jitui.proxy.port import Handler
from jitui.values.errors import JituiError, TooManyError
from jitui.values.instant import Instant
from jitui.values.said import clean

LAST_US: Final = LAST_S * 1_000_000
NOTHING: Final = Action("")  # of a request that goes nowhere
DISCOVERING: Final = re.compile(rb"(?:/c/[^/?]*)?/(?:version|api(?:/[^/?]+)?|apis(?:/[^/?]+){0,2})/?(?:\?.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rooms:
    """The parts of the gateway that every request of the listener needs."""

    broker: Broker
    callers: Callers
    tries: Tries


class KubeRequest:
    """One request. What the steps of the pipeline find out is set by them, in their order: who and where, what, whether.

    For the proxy it is the client's end (`jitui.proxy.port.ProxyRequest`).
    """

    __slots__ = (
        "_rooms", "action", "as_text", "before", "caller", "client", "connection", "finished", "head", "heads", "keep_alive", "length",
        "lines", "method", "outlet", "retry_after", "stream", "target", "verdict", "who",
    )  # fmt: skip

    caller: Caller
    who: Identity
    action: Action
    lines: headers.Lines
    heads: Heads
    verdict: Allow

    def __init__(self, rooms: Rooms, client: KubeClient, head: http.RequestHead) -> None:
        self._rooms, self.client, self.head = rooms, client, head
        self.outlet: Outlet = client.outlet
        self.finished = client.finished  # without a call between
        self.method, self.target, self.length, self.keep_alive = head.method, head.target, head.length, head.keep_alive
        self.before: Allow | None = None
        self.stream: StreamKind | None = None  # that it becomes by its upgrade
        self.connection = ""  # until it is known who asks, and where
        self.as_text: bool | None = None  # a refusal of it is shown only if it is text; None: as its target looks, which is not judged yet
        self.retry_after = 0  # seconds, said with the answer

    # -- the client's end, for the proxy -----------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        return self.client.peer

    @property
    def group(self) -> str:
        return self.head.get(b"kubectl-session").decode("latin-1")[:64]

    @property
    def prefix(self) -> str:
        return self.head.target.removesuffix(self.target).decode()

    @property
    def rule(self) -> Rule | None:
        """The rule of its agent on its connection."""
        return self._rooms.broker.requests.rules.get((self.who.name, self.connection))

    def namespaced(self, action: Action) -> bool | None:
        """Whether what the action is about lives in namespaces; None: its kind is not known."""
        return self._rooms.broker.kinds[self.connection].namespaced(action.group, action.resource) if action.resource else False

    def warning(self, grant: Grant, now: Instant) -> bytes | None:
        deadline = grant.deadline
        if deadline is not None and self.action.verb != "create" and deadline.remaining_us(now) > LAST_US:
            return None  # without asking further: most requests
        return notices.under(grant, self.action, now)

    def standing(self) -> None:
        _ = self._rooms.callers.standing(self.caller).who

    def streams(self) -> None:
        if of_action(self.action) is not None:
            self.client.listener.visitors.stream(self.client.visitor, self.verdict.grant.id)

    def become(self, handler: Handler) -> None:
        self.client.current = handler

    def pause_reading(self) -> None:
        self.client.pause_reading()

    def resume_reading(self) -> None:
        self.client.resume_reading()

    def abort(self) -> None:
        self.client.abort()

    def leave(self, close: Callable[[], None]) -> tuple[asyncio.Transport, Outlet, bytes]:
        self.client.visitor.close, self.client.visitor.resting = close, busy
        behind = self.client.leave()
        return self.client.transport, self.outlet, behind

    @property
    def closed(self) -> Callable[[], None]:
        return partial(self.client.listener.visitors.gone, self.client.visitor)

    # -- answers of the gateway's own --------------------------------------------------------------------------------------

    def say(self, code: int, reason: str, message: str, *, close: bool = False, **details: int) -> Answered:
        """A refusal in words, once the request's body has gone by."""
        # client-go shows text alone of a refused discovery, and so it did of a watch before 0.32; of a Status "unknown" (client-go: rest/request.go)
        as_text = DISCOVERING.fullmatch(self.head.target) is not None if self.as_text is None else self.as_text
        if as_text and code not in {401, 404, 421}:  # of the first two it has its own words, of a 421 it shows a Status at most
            text = clean(message, 1000).encode()
            return self.answered(lambda late: self.answer(code, text, close=late or close, kind=b"text/plain; charset=utf-8"))
        body = status.status(code, reason, message, **details)
        return self.answered(lambda late: self.answer(code, body, close=late or close))

    def refuse(self, error: JituiError, *, close: bool = False) -> Answered:
        """The words of an error. At a limit client-go tries up to ten times again where the answer has a Retry-After, and shows them at once where not."""
        if not isinstance(error, TooManyError):
            return self.say(error.code, error.reason, f"jitui: {error}", close=close)
        self.retry_after = error.retry_after
        self.client.inlet.rest()
        more = {"retryAfterSeconds": error.retry_after} if error.retry_after else {}
        return self.say(error.code, error.reason, f"jitui: {error}", close=close or error.close, **more)

    def not_allowed(self) -> Answered:
        """The API server's own answer to a method that a document or a resource does not have."""
        body = status.as_served(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        return self.answered(lambda late: self.answer(405, body, close=late))

    def deny(self, verdict: Deny) -> Answered:
        """Say what is missing; the denial is on record."""
        self.denied(self.action, verdict.why)
        return self.say(verdict.code, "Forbidden", clean(verdict.sentence, 1000))

    def denied(self, action: Action, why: str) -> None:
        """One row, however often kubectl tries."""
        who, connection, group = self.who.name, self.connection, self.group
        if not self._rooms.tries.is_second((who, connection, group, action), self.head.upgrade):
            self._rooms.broker.denied(who, connection, action, why, group=group)

    def answered(self, send: Callable[[bool], None]) -> Answered:
        """The handler of a request that goes nowhere, which calls `send` once its body has gone by, with True if its connection is closed then.

        The head is dropped: it may have a mebibyte, and the body may never come.
        """
        self.head, self.target = replace(self.head, target=b"/", headers=()), b"/"
        self.lines, self.action = [], NOTHING
        return Answered(self.client, send)

    def answer(self, code: int, body: bytes, *, close: bool = False, kind: bytes = b"application/json") -> None:
        """A Status, with its length."""
        lines = [(b"Content-Type", kind), (b"Cache-Control", b"no-cache, private")]
        broker = self._rooms.broker
        if self.connection and (notice := notices.beside(broker.windows.of(self.who.name, self.connection), broker.clock.now())):
            lines.append((b"Warning", notice))
        if self.retry_after:
            lines.append((b"Retry-After", b"%d" % self.retry_after))
        self.give(code, lines, body, close=close)

    def give(self, code: int, lines: headers.Lines, body: bytes, *, close: bool) -> None:
        """An answer of the gateway's own, whole; then the next request, or the end of the connection if `close` or the client says so."""
        close = close or not self.keep_alive
        if close:
            lines = [*lines, (b"Connection", b"close")]
        data = http.render_response(code, lines, body, framed=code != 304)
        self.client.send_whole(data[: len(data) - len(body)] if self.method == b"HEAD" else data, close=close)
