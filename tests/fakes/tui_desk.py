"""A gateway in memory whose every word a test may choose, for screens that must stand hostile text. Its clock is moved by hand; it decides nothing.

`test_tui_desk.py` shows that a screen can't tell it from a real one by what it reads.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

from jitui.api.operations import Operations
from jitui.api.views import ActionView, ClauseView, FactView, FrameView, GrantView, Hello, LiveChunk, Proof, RequestView, SessionView, Status
from jitui.policy.action import Hazard
from jitui.values.clock import ManualClock
from jitui.values.errors import NotFoundError, UnavailableError
from jitui.values.instant import rfc3339
from jitui.values.said import Said

WORST = list(Hazard)
V = TypeVar("V")


def clauses_of(scope: str) -> tuple[ClauseView, ...]:
    """Hazards by the verb, enough for a screen."""
    hazards = {"exec": "EXEC", "patch": "CHANGE", "create": "SPAWN"}
    return tuple(ClauseView(text=text.strip(), hazard=hazards.get(text.split()[0], "READ")) for text in scope.split(";"))


class FakeDesk(Operations):
    """The reading half of a person's desk, over dictionaries."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.up = True
        self._requests: dict[str, tuple[RequestView, float]] = {}  # with the boot second it was made at
        self._grants: dict[str, tuple[GrantView, float]] = {}
        self._sessions: dict[str, SessionView] = {}
        self._frames: dict[str, list[FrameView]] = {}
        self._actions: list[ActionView] = []
        self._facts: list[FactView] = []
        self._listeners: list[asyncio.Queue[FactView | None]] = []
        self._watchers: dict[str, list[asyncio.Queue[LiveChunk]]] = {}
        self._next = {"r": 41, "g": 17, "s": 204}

    # what a test does to it

    @property
    def desk(self) -> "FakeDesk":
        return self

    @property
    def now_s(self) -> float:
        return self.clock.boot_us / 1e6

    @property
    def at(self) -> str:
        return rfc3339(self.clock.wall_us)

    def advance(self, seconds: float) -> None:
        """Time passes; what is due ends."""
        self.clock.advance(seconds)
        for ident, (view, since) in list(self._grants.items()):
            if not view.ended and since + view.duration_s <= self.now_s:
                self._expire(ident)

    def _ident(self, prefix: str) -> str:
        self._next[prefix] += 1
        return f"{prefix}-{self._next[prefix] - 1}"

    def fact(self, kind: str, subject: str) -> None:
        view = FactView(seq=len(self._facts) + 1, at=self.at, kind=kind, who="gateway", subject=subject, what={}, hash="")
        self._facts.append(view)
        for queue in self._listeners:
            queue.put_nowait(view)

    def ask_for(self, identity: str = "agent-deploybot", scope: str = "read pods,pods/log in web", *, used: str = "", you_may_not: str = "") -> RequestView:
        """An agent asks."""
        clauses = clauses_of(scope)
        digest = sha256(repr((identity, scope)).encode()).hexdigest()[:16]
        view = RequestView(
            id=self._ident("r"), state="pending", identity=identity, owner="bo", connection="prod", duration_s=1800, scope=scope, clauses=clauses,
            hazard=max((clause.hazard for clause in clauses), key=lambda name: WORST.index(Hazard(name))), reason=Said("roll web back to 1.4"), asked=self.at,
            waited_s=0.0, lapses_s=3600.0, approvals=(), approvals_needed=1, rule_duration_s=1800, rule_scope="@debug in web", starts="on-approval",
            from_peer="10.0.4.12", token="jt_7f31", same_user=False, owner_may_approve=False, digest=digest, you_may=("approve", "deny"),
            you_may_not=you_may_not, before="1 window in 30 d: 1 read, 0 denied", used=used,
        )  # fmt: skip
        self._requests[view.id] = (view, self.now_s)
        self.fact("request.asked", view.id)
        return view

    def open_window(self, identity: str = "agent-deploybot", *, duration_s: int = 1800) -> GrantView:
        ends = rfc3339(self.clock.wall_us + duration_s * 1_000_000)
        view = GrantView(
            id=self._ident("g"), state="active", identity=identity, connection="prod", scope="@debug in web", hazard="READ", duration_s=duration_s,
            started=self.at, deadline=ends, remaining_s=float(duration_s), request="r-1", approved_by=("ana",), frozen_by="", open_streams=0, last=Said(""),
            ended="", ended_by="", why=Said(""), cut=0, bytes_in=0, bytes_out=0, you_may=("revoke", "freeze"),
        )  # fmt: skip
        self._grants[view.id] = (view, self.now_s)
        self.fact("grant.started", view.id)
        return view

    def open_session(self, grant: str, argv: Sequence[str] = ("sh",), *, target: str = "web/web-7c") -> SessionView:
        window, since = self._grants[grant]
        view = SessionView(
            id=self._ident("s"), kind="exec", grant=grant, identity=window.identity, connection=window.connection, target=Said(target),
            argv=tuple(Said(word) for word in argv), tty=True, state="open", started=self.at, ended="", ended_why="", ended_by="", frames=0, bytes_in=0,
            bytes_out=0, delivered_in=0, delivered_out=0, may_run_on=0, remaining_s=window.remaining_s, you_may=("kill", "watch", "replay", "freeze"),
        )  # fmt: skip
        self._sessions[view.id] = view
        self._frames[view.id] = []
        self._grants[grant] = (replace(window, open_streams=window.open_streams + 1, last=Said(f"{target}: {' '.join(argv)}")), since)
        self.fact("session.opened", view.id)
        return view

    def frame(self, session: str, channel: str, body: bytes, *, at_s: float) -> None:
        frames = self._frames[session]
        view = FrameView(seq=len(frames), at_us=round(at_s * 1e6), conn=0, channel=channel, data_b64=b64encode(body).decode())
        frames.append(view)
        was = self._sessions[session]
        self._sessions[session] = replace(was, frames=len(frames), bytes_out=was.bytes_out + len(body))
        for queue in self._watchers.get(session, []):
            queue.put_nowait(LiveChunk(kind="frame", frame=view))

    def act(self, grant: str, verb: str, resource: str, name: str = "", *, hazard: str = "READ", code: int | None = 200, verdict: str = "allowed",
            session: str = "", argv: Sequence[str] = ()) -> ActionView:  # fmt: skip
        view = ActionView(
            at=self.at, session=session, grant=grant, conn=0, identity=self._grants[grant][0].identity, verb=verb, resource=resource,
            namespace=Said("web"), name=Said(name), argv=tuple(Said(word) for word in argv), hazard=hazard, verdict=verdict, clause="@debug in web",
            code=code, bytes_in=0, bytes_out=4096, audit_id=f"a-{len(self._actions)}", count=1,
        )  # fmt: skip
        self._actions.append(view)
        return view

    def end_session(self, ident: str, why: str, by: str) -> None:
        view = self._sessions[ident]
        self._sessions[ident] = replace(view, state="ended", ended=self.at, ended_why=why, ended_by=by, you_may=("replay",))
        grant, since = self._grants[view.grant]
        self._grants[view.grant] = (replace(grant, open_streams=max(0, grant.open_streams - 1)), since)
        for queue in self._watchers.pop(ident, []):
            queue.put_nowait(LiveChunk(kind="end", why=f"{why} by {by}"))
        self.fact("session.ended", ident)

    def _expire(self, ident: str) -> None:
        live = [view.id for view in self._sessions.values() if view.grant == ident and view.state != "ended"]
        for session in live:
            self.end_session(session, "expired", "gateway")
        view, since = self._grants[ident]
        over = replace(view, state="expired", ended=self.at, ended_by="gateway", why=Said("its time is over"), cut=len(live), open_streams=0, you_may=())
        self._grants[ident] = (over, since)
        self.fact("grant.expired", ident)

    def cut(self) -> None:
        """The gateway goes away."""
        self.up = False
        for queue in self._listeners:
            queue.put_nowait(None)
        self._listeners.clear()

    # what a screen reads

    def _answering(self) -> None:
        if not self.up:
            raise UnavailableError("the gateway does not answer")

    async def requests(self, *, everything: bool = False, cursor: str = "") -> Sequence[RequestView]:
        self._answering()
        return [replace(await self.request(ident), before="", used="") for ident in self._requests]

    async def request(self, ident: str, *, wait_s: int = 0) -> RequestView:
        self._answering()
        view, since = _found(self._requests, ident)
        age = self.now_s - since
        return replace(view, waited_s=view.waited_s + age, lapses_s=max(0.0, view.lapses_s - age))

    async def hello(self) -> Hello:
        self._answering()
        return Hello(version="0.1.0", api=1, gateway_id="gw-1", you="ana", roles=("approver", "operator"), rights=("see", "decide", "stop", "live", "admin"),
                     solo=False, connections=("prod",))  # fmt: skip

    async def status(self) -> Status:
        self._answering()
        live = [view for view, _ in self._grants.values() if not view.ended]
        return Status(at=self.at, recording=True, recorder_error="", record_bytes_s=1.2e6, disk_free=81 << 30, lag_ms=2.0, waiting=len(self._requests),
                      live=len(live), open_streams=sum(view.open_streams for view in live), lockdown=False, facts=len(self._facts))  # fmt: skip

    async def grants(self, *, everything: bool = False, cursor: str = "") -> Sequence[GrantView]:
        self._answering()
        views = [await self.grant(ident) for ident in self._grants]
        return sorted((view for view in views if everything or not view.ended), key=lambda view: view.remaining_s)

    async def grant(self, ident: str) -> GrantView:
        self._answering()
        view, since = _found(self._grants, ident)
        return replace(view, remaining_s=0.0 if view.ended else max(0.0, view.duration_s - (self.now_s - since)))

    async def sessions(self, *, live: bool = False, grant: str = "", cursor: str = "", brief: bool = False, looks: bool = False) -> Sequence[SessionView]:
        self._answering()
        return [view for view in self._sessions.values() if (not grant or view.grant == grant) and (not live or view.state != "ended")]

    async def session(self, ident: str) -> SessionView:
        self._answering()
        return _found(self._sessions, ident)

    async def watch(self, ident: str, *, unmask: bool = False) -> AsyncIterator[LiveChunk]:
        self._answering()
        queue: asyncio.Queue[LiveChunk] = asyncio.Queue()
        self._watchers.setdefault(ident, []).append(queue)
        for frame in list(self._frames[ident]):
            yield LiveChunk(kind="frame", frame=frame)
        while True:
            chunk = await queue.get()
            yield chunk
            if chunk.kind == "end":
                return

    async def events(self, *, since: int = -1) -> AsyncIterator[FactView]:
        self._answering()
        queue: asyncio.Queue[FactView | None] = asyncio.Queue()
        self._listeners.append(queue)
        for fact in self._facts[since:] if since >= 0 else ():
            yield fact
        while (item := await queue.get()) is not None:
            yield item
        self._answering()

    async def frames(self, ident: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        self._answering()
        return self._frames[ident][after + 1 : after + 1 + limit]

    async def actions(
        self, *, grant: str = "", audit_id: str = "", limit: int = 1000, cursor: str = "", brief: bool = False
    ) -> Sequence[ActionView]:
        self._answering()
        return [view for view in self._actions if grant in {"", view.grant} and audit_id in {"", view.audit_id}][-limit:]

    async def verify(self, session: str = "") -> Sequence[Proof]:
        self._answering()
        frames = len(self._frames.get(session, []))
        return [Proof(subject=session, consistent=True, signed="self-attested", frames=frames, unsigned_tail=0, problem="")]

    async def aclose(self) -> None:
        self.cut()


def _found(things: dict[str, V], ident: str) -> V:
    if ident not in things:
        raise NotFoundError(f"nothing is called {ident}")
    return things[ident]
