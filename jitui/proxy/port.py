"""The proxy's view of the rooms above it: decisions and sessions of `access`, and of a listener one request and the client's end of it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias

from jitui.policy.action import Action
from jitui.policy.policy import Allow, Deny
from jitui.policy.terms import Grant, Identity
from jitui.protocol import headers
from jitui.proxy.ends import End
from jitui.proxy.heads import Heads
from jitui.proxy.live import Session, Window
from jitui.proxy.outlet import Outlet
from jitui.proxy.rest import Rest
from jitui.values.errors import JituiError
from jitui.values.instant import Instant

Spawn: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class Handler(Protocol):
    """Takes the body of a request in progress, and hears of its client's going. Exactly one handler has a request at a time."""

    def body_in(self, data: bytes) -> None: ...

    def end_in(self) -> None:
        """The request is whole."""

    def flush_in(self) -> None:
        """One read brought no more than that; called once behind each read."""

    def client_lost(self) -> None:
        """The connection is gone; nothing can be answered any more."""


class Endpoint(Protocol):
    """The client's end of a request. All of it is called on the loop."""

    @property
    def outlet(self) -> Outlet:
        """Writes to the client."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def answer(self, code: int, body: bytes, *, close: bool = False) -> None:
        """A Status of the gateway's own as the whole answer. The request is over; the connection too, if `close`."""

    def finished(self, *, keep: bool, rest: Rest | None = None) -> None:
        """The answer is written: the next request may come, or, without `keep`, the connection is closed once all is read."""

    def abort(self) -> None:
        """Close the connection now; the answer is cut."""


class StreamEndpoint(Endpoint, Protocol):
    """The client's end of a request that becomes a stream."""

    def leave(self, close: Callable[[], None]) -> tuple[asyncio.Transport, Outlet, bytes]:
        """Give up the connection: its transport, its outlet, and the bytes that came behind the request. `close` ends it from now on."""

    @property
    def closed(self) -> Callable[[], None]:
        """To be called once both sides of the stream are closed. The stream keeps it as long as it lives, and nothing else of the request."""


class ProxyRequest(StreamEndpoint, Protocol):
    """One request of a known agent at a known connection, as a listener read it; `verdict` is set by `Proxy.judge`."""

    who: Identity
    connection: str
    action: Action
    verdict: Allow
    before: Allow | None  # the decision on an equal request; None if there was none, or its kind is not namespaced as it was
    method: bytes
    target: bytes  # path and query as they go to the cluster, behind the connection's own prefix: the very bytes that were judged
    lines: headers.Lines  # for the cluster, without credential and framing
    length: int | None  # bytes of body; None: in chunks
    keep_alive: bool

    @property
    def peer(self) -> str:
        """Address and port of the client, for the record."""

    @property
    def prefix(self) -> str:
        """The path under which the client reaches its connection, for links in an answer that lead back here; empty at an address of the connection's own."""

    @property
    def group(self) -> str:
        """The client's own word for one run of it (Kubectl-Session); decides nothing."""

    def standing(self) -> None:
        """Raises UnknownCallerError if its token or its identity has ended since it came."""

    def streams(self) -> None:
        """A session of its own is about to be opened for it. Raises TooManyError if its agent has too many."""

    def become(self, handler: Handler) -> None:
        """From now on `handler` has the request."""

    def say(self, code: int, reason: str, message: str) -> Handler:
        """Answers with these words."""

    def refuse(self, error: JituiError, *, close: bool = False) -> Handler:
        """Answers with the error's words."""

    def deny(self, verdict: Deny) -> Handler:
        """Answers with what is missing, and notes the denial."""


class PlainRequest(ProxyRequest, Protocol):
    """One that becomes no stream by an upgrade."""

    heads: Heads  # of it and of equal ones, rendered

    def warning(self, grant: Grant, now: Instant) -> bytes | None:
        """The value of a Warning header for the cluster's answer at `now`, under a grant as it is by then, if there is something to say."""


class Note(Protocol):
    """The row of one exchange, written when its answer is known."""

    @property
    def audit_id(self) -> bytes:
        """The id of the API server's audit event, so that both logs can be joined."""

    def begin(self, now: Instant) -> None:
        """The next exchange about the same begins, and has an id of its own; the one before is over."""

    def over(self, conn: int, code: int | None, end: End | None, bytes_in: int, bytes_out: int) -> None:
        """The exchange is over: the code of its answer (None: not known), how it ended if not by itself, and the bytes of both bodies."""


class Notes(Protocol):
    """Rows of what was attempted."""

    def noting(self, session: Session, identity: str, connection: str, action: Action, allow: Allow, now: Instant) -> Note: ...

    def audit_id(self, session: Session, conn: int) -> str: ...

    def upgraded(self, session: Session, identity: str, connection: str, action: Action, allow: Allow, code: int | None) -> None: ...

    def answered(
        self, session: Session, conn: int, identity: str, connection: str, action: Action, allow: Allow, code: int, asked: int, said: int
    ) -> None: ...


class Sessions(Protocol):
    """Live windows and the sessions under them."""

    def session_now(self, grant: Grant, action: Action) -> Session | None:
        """The open session that plain requests of the grant share; None: await `open_session`."""

    async def begin(self, grant: Grant) -> Window:
        """The grant's window, begun if it waited for its first use. Raises JituiError."""

    async def open_session(self, grant: Grant, action: Action, *, peer: str, command_group: str) -> Session:
        """A session whose opening is on record. Raises JituiError."""

    def over(self, session: Session, end: End) -> None: ...


class Record(Protocol):
    """The store, as far as the proxy asks it."""

    @property
    def recording_error(self) -> Exception | None:
        """Why nothing is recorded just now; None while all is well."""


class Access(Protocol):
    """Decisions about what agents may do, now."""

    @property
    def windows(self) -> Sessions: ...

    @property
    def notes(self) -> Notes: ...

    @property
    def store(self) -> Record: ...

    def judge(self, who: Identity, connection: str, action: Action, before: Allow | None = None) -> Allow | Deny: ...

    def has_window(self, who: Identity, connection: str) -> bool:
        """Whether the agent has a live window that is not frozen: without one the cluster hears nothing because of it."""
