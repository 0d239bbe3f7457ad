"""A gateway in memory for the screens' tests: the same protocol, a clock that is moved by hand, no sockets.

It keeps the rules that screens depend on: digests change with what they cover, late decisions conflict, windows end at their deadline.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from hashlib import sha256

from jitui.api.operations import Operations
from jitui.api.views import ActionView, ClauseView, Ended, FactView, FrameView, Frozen, GrantView, Hello, LiveChunk, Proof, RequestView, SessionView, Status
from jitui.policy.action import Hazard
from jitui.values.atwork import AtWork
from jitui.values.clock import ManualClock
from jitui.values.errors import ConflictError, InvalidError, NotFoundError, RefusedError, UnavailableError, UnknownCallerError
from jitui.values.instant import rfc3339
from jitui.values.said import Said

WORST = list(Hazard)


def clauses_of(scope: str) -> tuple[ClauseView, ...]:
    """Hazards by the verb, enough for a screen."""
    hazards = {"exec": "EXEC", "patch": "CHANGE", "apply": "CHANGE", "delete": "CHANGE", "create": "SPAWN", "impersonate": "ESCAPE"}
    return tuple(ClauseView(text=text.strip(), hazard=hazards.get(text.split()[0].split(",")[0], "READ")) for text in scope.split(";"))


class FakeDesk(Operations):
    """Everything a person's desk does, over dictionaries."""

    def __init__(self, you: str = "ana", clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.you = you
        self.up = True
        self.solo = False
        self.rights: tuple[str, ...] = ("see", "decide", "stop", "live", "admin")
        self.nobody = ""  # why the caller is nobody there any more
        self.asked = 0  # how often anything was asked
        self.recording = True
        self.locked = False
        self.trouble = ""
        self.limits: tuple[AtWork, ...] = ()
        self.queue_refused = ""
        self._requests: dict[str, tuple[RequestView, float]] = {}  # with the boot second it was made at
        self._grants: dict[str, tuple[GrantView, float]] = {}
        self._sessions: dict[str, SessionView] = {}
        self._frames: dict[str, list[FrameView]] = {}
        self._actions: list[ActionView] = []
        self._facts: list[FactView] = []
        self._listeners: list[asyncio.Queue[FactView | None]] = []
        self._watchers: dict[str, list[asyncio.Queue[LiveChunk]]] = {}
        self.proofs: list[Proof] = []
        self.calls: list[tuple[str, ...]] = []
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
            if not view.ended and view.state == "active" and since + view.duration_s <= self.now_s:
                self._end(ident, "expired", "gateway", "its time is over")

    def _ident(self, prefix: str) -> str:
        self._next[prefix] += 1
        return f"{prefix}-{self._next[prefix] - 1}"

    def fact(self, kind: str, subject: str) -> None:
        view = FactView(seq=len(self._facts) + 1, at=self.at, kind=kind, who="gateway", subject=subject, what={}, hash="")
        self._facts.append(view)
        for queue in self._listeners:
            queue.put_nowait(view)

    def ask_for(self, identity: str = "agent-deploybot", scope: str = "read pods,pods/log in web", *, connection: str = "prod-eks", duration_s: int = 1800,
                reason: str = "roll web back to 1.4, OPS-1182", approvals: int = 1, used: str = "", **more: object) -> RequestView:  # fmt: skip
        """An agent asks."""
        parts = clauses_of(scope)
        view = RequestView(
            id=self._ident("r"), state="pending", identity=identity, owner="bo", connection=connection, duration_s=duration_s, scope=scope, clauses=parts,
            hazard=max((part.hazard for part in parts), key=lambda name: WORST.index(Hazard(name))), reason=Said(reason), asked=self.at, waited_s=0.0,
            lapses_s=3600.0, approvals=(), approvals_needed=approvals, rule_duration_s=1800, rule_scope="@debug in web", starts="on-approval",
            from_peer="10.0.4.12", token="jt_7f31 (12 d old)", same_user=False, owner_may_approve=False, digest="", you_may=("approve", "deny"),
            you_may_not="", before="5 windows in 30 d: 41 reads, 6 patches in web, 0 execs, 2 denied", used=used,
        )  # fmt: skip
        self._keep(replace(view, **more))  # type: ignore[arg-type]
        self.fact("request.asked", view.id)
        return self._requests[view.id][0]

    def _keep(self, view: RequestView) -> RequestView:
        words = repr((view.identity, view.scope, view.duration_s, view.rule_scope, view.rule_duration_s, view.approvals))
        view = replace(view, digest=sha256(words.encode()).hexdigest()[:16])
        self._requests[view.id] = (view, self._requests.get(view.id, (view, self.now_s))[1])
        return view

    def change(self, ident: str, change: Callable[[RequestView], RequestView]) -> None:
        """Something about a request changes while people look at it."""
        self._keep(change(self._requests[ident][0]))
        self.fact("config.loaded", ident)

    def open_window(self, identity: str = "agent-deploybot", *, scope: str = "@debug in web", connection: str = "prod-eks", duration_s: int = 1800,
                    request: str = "r-1", **more: object) -> GrantView:  # fmt: skip
        parts = clauses_of(scope)
        ends = rfc3339(self.clock.wall_us + duration_s * 1_000_000)
        view = GrantView(
            id=self._ident("g"), state="active", identity=identity, connection=connection, scope=scope, hazard=parts[0].hazard, duration_s=duration_s,
            started=self.at, deadline=ends, remaining_s=float(duration_s), request=request, approved_by=("ana",), frozen_by="", open_streams=0, last=Said(""),
            ended="", ended_by="", why=Said(""), cut=0, bytes_in=0, bytes_out=0, you_may=("revoke", "freeze"),
        )  # fmt: skip
        view = replace(view, **more)  # type: ignore[arg-type]
        self._grants[view.id] = (view, self.now_s)
        self.fact("grant.started", view.id)
        return view

    def open_session(self, grant: str, argv: Sequence[str] = ("sh",), *, kind: str = "exec", target: str = "web/web-7c", tty: bool = True,
                     **more: object) -> SessionView:  # fmt: skip
        window = self._grants[grant][0]
        view = SessionView(
            id=self._ident("s"), kind=kind, grant=grant, identity=window.identity, connection=window.connection, target=Said(target),
            argv=tuple(Said(word) for word in argv), tty=tty, state="open", started=self.at, ended="", ended_why="", ended_by="", frames=0, bytes_in=0,
            bytes_out=0, delivered_in=0, delivered_out=0, may_run_on=0, remaining_s=window.remaining_s, you_may=("kill", "watch", "replay", "freeze"),
        )  # fmt: skip
        view = replace(view, **more)  # type: ignore[arg-type]
        self._sessions[view.id] = view
        self._frames[view.id] = []
        self._grants[grant] = (replace(window, open_streams=window.open_streams + 1, last=Said(f"exec {target}: {' '.join(argv)}")), self._grants[grant][1])
        self.fact("session.opened", view.id)
        return view

    def frame(self, session: str, channel: str, body: bytes, *, at_s: float, delivered: bool = True, conn: int = 0) -> None:
        frames = self._frames[session]
        view = FrameView(seq=len(frames), at_us=round(at_s * 1e6), conn=conn, channel=channel, data_b64=b64encode(body).decode(), delivered=delivered)
        frames.append(view)
        was = self._sessions[session]
        self._sessions[session] = replace(was, frames=len(frames), bytes_out=was.bytes_out + len(body))
        for queue in self._watchers.get(session, []):
            queue.put_nowait(LiveChunk(kind="frame", frame=view))

    def act(self, grant: str, verb: str, resource: str, name: str = "", *, hazard: str = "READ", code: int | None = 200, verdict: str = "allowed",
            session: str = "", argv: Sequence[str] = (), namespace: str = "web", bytes_out: int = 4096) -> ActionView:  # fmt: skip
        view = ActionView(
            at=self.at, session=session, grant=grant, conn=0, identity=self._grants[grant][0].identity, verb=verb, resource=resource,
            namespace=Said(namespace), name=Said(name), argv=tuple(Said(word) for word in argv), hazard=hazard, verdict=verdict, clause="@debug in web",
            code=code, bytes_in=0, bytes_out=bytes_out, audit_id=f"a-{len(self._actions)}", count=1,
        )  # fmt: skip
        self._actions.append(view)
        return view

    def end_session(self, ident: str, why: str, by: str = "gateway") -> None:
        view = self._sessions[ident]
        self._sessions[ident] = replace(view, state="ended", ended=self.at, ended_why=why, ended_by=by, you_may=("replay",))
        grant, since = self._grants[view.grant]
        self._grants[view.grant] = (replace(grant, open_streams=max(0, grant.open_streams - 1)), since)
        for queue in self._watchers.pop(ident, []):
            queue.put_nowait(LiveChunk(kind="end", why=why))
        self.fact("session.ended", ident)

    def _end(self, ident: str, state: str, by: str, why: str) -> Ended:
        live = [view.id for view in self._sessions.values() if view.grant == ident and view.state != "ended"]
        for session in live:
            self.end_session(session, state, by)
        view, since = self._grants[ident]
        self._grants[ident] = (replace(view, state=state, ended=self.at, ended_by=by, why=Said(why), cut=len(live), open_streams=0, you_may=()), since)
        self.fact("grant.ended", ident)
        pods = tuple(sorted({str(self._sessions[session].target) for session in live}))
        said = f"{len(live)} streams closed in 21 ms" + (f"; 1 process may go on in {pods[0]}" if pods else "")
        return Ended(id=ident, streams=len(live), took_ms=21.0, may_run_on=pods, said=said)

    # Decisions

    def _answering(self) -> None:
        self.asked += 1
        if self.nobody:
            raise UnknownCallerError(self.nobody)
        if not self.up:
            raise UnavailableError("the gateway does not answer")

    def _now_request(self, ident: str) -> RequestView:
        if ident not in self._requests:
            raise NotFoundError(f"no request {ident}")
        view, since = self._requests[ident]
        age = self.now_s - since
        return replace(view, waited_s=view.waited_s + age, lapses_s=max(0.0, view.lapses_s - age) if view.state == "pending" else 0.0)

    async def requests(self, *, everything: bool = False, cursor: str = "") -> Sequence[RequestView]:
        self._answering()
        if self.queue_refused:
            raise RefusedError(self.queue_refused)
        return [view for ident in self._requests if (view := self._now_request(ident)).state == "pending" or everything]

    async def request(self, ident: str) -> RequestView:
        self._answering()
        return self._now_request(ident)

    async def ask(self, connection: str, *, duration_s: int = 0, reason: str = "", scope: str = "", identity: str = "", approval: str = "") -> RequestView:
        raise RefusedError("people do not ask")

    async def approve(self, ident: str, *, digest: str = "", duration_s: int = 0, scope: str = "", reason: str = "") -> RequestView:
        self._answering()
        self.calls.append(("approve", ident, digest, str(duration_s), scope))
        view = self._pending(ident)
        if digest and digest != view.digest:
            raise ConflictError(f"{ident} is not what you saw")
        if duration_s > view.duration_s:
            raise InvalidError("a window can only be tightened")
        view = replace(view, duration_s=duration_s or view.duration_s, scope=scope or view.scope, approvals=(*view.approvals, self.you))
        if len(view.approvals) < view.approvals_needed:
            return self._keep(view)
        grant = self.open_window(view.identity, scope=view.scope, connection=view.connection, duration_s=view.duration_s, request=ident)
        view = replace(view, state="approved", decided_by=self.you, decided=self.at, grant=grant.id, deadline=grant.deadline, you_may=())
        self.fact("request.approved", ident)
        return self._keep(view)

    def _pending(self, ident: str) -> RequestView:
        view = self._now_request(ident)
        if view.state != "pending":
            raise ConflictError(f"{ident} already {view.state} by {view.decided_by}")
        if self.you in view.approvals:
            raise ConflictError(f"{self.you} has said yes to {ident} already")
        return self._requests[ident][0]

    async def deny(self, ident: str, *, reason: str) -> RequestView:
        self._answering()
        self.calls.append(("deny", ident, reason))
        view = self._keep(replace(self._pending(ident), state="denied", decided_by=self.you, decided=self.at, why=Said(reason), you_may=()))
        self.fact("request.denied", ident)
        return view

    async def withdraw(self, ident: str) -> RequestView:
        raise RefusedError("people do not withdraw")

    # Floor

    async def hello(self) -> Hello:
        self._answering()
        return Hello(version="0.1.0", api=1, gateway_id="gw-1", you=self.you, roles=("approver", "operator"), rights=self.rights, solo=self.solo,
                     connections=("prod-eks", "staging"))  # fmt: skip

    async def status(self) -> Status:
        self._answering()
        live = [view for view, _ in self._grants.values() if not view.ended]
        return Status(at=self.at, recording=self.recording, recorder_error="" if self.recording else "database or disk is full", record_bytes_s=1.2e6,
                      disk_free=81 << 30, lag_ms=2.0, waiting=sum(view.state == "pending" for view, _ in self._requests.values()), live=len(live),
                      open_streams=sum(view.open_streams for view in live), lockdown=self.locked, facts=len(self._facts),
                      trouble=self.trouble, limits=self.limits)  # fmt: skip

    def _now_grant(self, ident: str) -> GrantView:
        if ident not in self._grants:
            raise NotFoundError(f"no grant {ident}")
        view, since = self._grants[ident]
        return view if view.ended else replace(view, remaining_s=max(0.0, view.duration_s - (self.now_s - since)))

    async def grants(self, *, everything: bool = False, cursor: str = "") -> Sequence[GrantView]:
        self._answering()
        views = [self._now_grant(ident) for ident in self._grants]
        return sorted((view for view in views if everything or not view.ended), key=lambda view: view.remaining_s)

    async def grant(self, ident: str) -> GrantView:
        self._answering()
        return self._now_grant(ident)

    async def sessions(self, *, live: bool = False, grant: str = "", cursor: str = "") -> Sequence[SessionView]:
        self._answering()
        return [view for view in self._sessions.values() if (not grant or view.grant == grant) and (not live or view.state != "ended")]

    async def revoke(self, grant: str, *, reason: str) -> Ended:
        self._answering()
        self.calls.append(("revoke", grant, reason))
        if self._now_grant(grant).ended:
            raise ConflictError(f"{grant} ended already")
        return self._end(grant, "revoked", self.you, reason)

    async def lockdown(self, on: bool, *, reason: str = "") -> Status:
        self._answering()
        self.calls.append(("lockdown", str(on), reason))
        self.locked = on
        if on:
            for ident in [ident for ident, (view, _) in self._grants.items() if not view.ended]:
                self._end(ident, "revoked", self.you, reason)
        return await self.status()

    async def release(self, grant: str) -> Ended:
        raise RefusedError("an agent releases its own")

    async def kill(self, session: str, *, reason: str) -> Ended:
        self._answering()
        self.calls.append(("kill", session, reason))
        self.end_session(session, "killed", self.you)
        return Ended(id=session, streams=1, took_ms=21.0, may_run_on=("web-7c",), said="1 stream closed in 21 ms; 1 process may go on in web-7c")

    async def freeze(self, target: str) -> Frozen:
        self._answering()
        self.calls.append(("freeze", target))
        return self._frost(target, self.you)

    async def thaw(self, target: str) -> Frozen:
        self._answering()
        self.calls.append(("thaw", target))
        return self._frost(target, "")

    def _frost(self, target: str, by: str) -> Frozen:
        """A window moves all its sessions, which can't be moved alone while it is frozen. All: those windows that it can move."""
        if target == "all":
            each = [view.id for view, _ in self._grants.values() if not view.ended and bool(view.frozen_by) is not bool(by)]
            held = sum(self._frost(ident, by).held for ident in each)
            said = f"{len(each)} windows {'frozen: nothing passes' if by else 'thawed'}"
            return Frozen(id="all", frozen_by=by, windows=tuple(each), streams=0, held=held, said=said)
        if target in self._grants:
            view, since = self._grants[target]
            if view.ended or bool(view.frozen_by) is bool(by):
                raise ConflictError(f"{target} was already frozen by {view.frozen_by}; thaw or revoke it" if by else f"{target} is not frozen")
            self._grants[target] = (replace(view, frozen_by=by, held=0, you_may=("revoke", "thaw" if by else "freeze")), since)
        moved = [session for session in self._sessions.values() if target in {session.id, session.grant} and session.state != "ended"]
        for session in moved:
            may = () if by and target in self._grants else ("thaw",) if by else ("freeze",)
            self._sessions[session.id] = replace(session, frozen_by=by, held=0, you_may=("kill", "watch", "replay", *may))
        self.fact("grant.frozen" if by else "grant.thawed", target)
        held = sum(session.held for session in moved)
        said = f"{target} frozen: nothing passes" if by else f"{target} thawed: {held} B held go on in order"
        return Frozen(id=target, frozen_by=by, windows=(), streams=len(moved), held=held, said=said)

    def hold(self, session: str, count: int) -> None:
        """So many bytes came to a frozen session."""
        view = self._sessions[session]
        self._sessions[session] = replace(view, held=view.held + count)
        grant, since = self._grants[view.grant]
        self._grants[view.grant] = (replace(grant, held=grant.held + count), since)

    async def watch(self, session: str, *, unmask: bool = False) -> AsyncIterator[LiveChunk]:
        self._answering()
        queue: asyncio.Queue[LiveChunk] = asyncio.Queue()
        self._watchers.setdefault(session, []).append(queue)
        for frame in list(self._frames[session]):
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
        if since >= 0:
            for fact in self._facts[since:]:
                yield fact
        while (item := await queue.get()) is not None:
            yield item
        self._answering()

    def lose(self, why: str) -> None:
        """The caller's token ends; their streams say so."""
        self.nobody = why
        for queue in self._listeners:
            queue.put_nowait(None)

    def cut(self) -> None:
        """The gateway goes away."""
        self.up = False
        for queue in self._listeners:
            queue.put_nowait(None)
        self._listeners.clear()

    # Archive

    async def session(self, ident: str) -> SessionView:
        self._answering()
        if ident not in self._sessions:
            raise NotFoundError(f"no session {ident}")
        return self._sessions[ident]

    async def frames(self, session: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        self._answering()
        return self._frames[session][after + 1 : after + 1 + limit]

    async def actions(self, *, grant: str = "", audit_id: str = "", limit: int = 1000, cursor: str = "") -> Sequence[ActionView]:
        self._answering()
        return [view for view in self._actions if grant in {"", view.grant} and audit_id in {"", view.audit_id}][-limit:]

    async def facts(self, *, after: int = 0, limit: int = 1000) -> Sequence[FactView]:
        self._answering()
        return self._facts[after : after + limit]

    async def verify(self, session: str = "") -> Sequence[Proof]:
        self._answering()
        frames = len(self._frames.get(session, []))
        return self.proofs or [Proof(subject=session, consistent=True, signed="self-attested", frames=frames, unsigned_tail=0, problem="")]

    async def aclose(self) -> None:
        self.cut()


def busy_house() -> FakeDesk:
    """A house as it looks on a working day: three ask, four windows are live, one has ended."""
    desk = FakeDesk()
    old = desk.open_window("agent-sre", duration_s=600, scope="exec pods in web")
    desk.open_session(old.id)
    desk.open_session(old.id, ("sleep", "900"))
    desk.advance(600)
    soon = desk.open_window("agent-sre", duration_s=900, scope="exec pods in web", approved_by=("bo",))
    desk.advance(800)
    deploy = desk.open_window("agent-deploybot", scope="apply deployments.apps in web", request="r-39")
    desk.advance(50)
    triage = desk.open_window("agent-triage", connection="staging", duration_s=1200, frozen_by="ana", held=12_345, open_streams=1, you_may=("revoke", "thaw"))
    desk.open_window("ci-nightly", connection="staging", duration_s=3600, scope="read * in ci", last=Said("watch pods in ci 200"))
    desk.open_session(soon.id, ("psql", "-c", "select * from orders"), target="web/web-7c")
    shell = desk.open_session(deploy.id)
    desk.act(deploy.id, "get", "pods", bytes_out=12_288)
    desk.act(deploy.id, "get", "deployments.apps", "web")
    desk.advance(4)
    desk.act(deploy.id, "patch", "deployments.apps", "web", hazard="CHANGE")
    desk.act(deploy.id, "get", "secrets", "db", hazard="SECRET", code=403, verdict="denied", bytes_out=0)
    desk.advance(2)
    desk.act(deploy.id, "exec", "pods/exec", "web-7c", hazard="EXEC", code=101, session=shell.id, argv=("sh",), bytes_out=2048)
    typed = b"/ $ "
    desk.frame(shell.id, "resize", b'{"Width":80,"Height":24}', at_s=0.0)
    desk.frame(shell.id, "stdout", typed, at_s=0.2)
    for index, piece in enumerate((b"l", b"s", b" ", b"-", b"l", b"a", b"\r\n")):
        desk.frame(shell.id, "stdin", piece, at_s=1.0 + index * 0.15)
        desk.frame(shell.id, "stdout", piece, at_s=1.02 + index * 0.15)
    entry = b"drwxr-xr-x    1 root     root          4096 Nov 23 16:01 \x1b[1;34m%s\x1b[0m\r\n"
    desk.frame(shell.id, "stdout", b"total 64\r\n" + entry % b"." + entry % b".." + entry % b"etc" + b"/ $ ", at_s=2.3)
    for index, piece in enumerate((b"kill ", b"1", b"\r")):
        desk.frame(shell.id, "stdin", piece, at_s=9.0 + index * 0.4, delivered=piece != b"\r")
        desk.frame(shell.id, "stdout", piece.replace(b"\r", b"\r\nsh: can't kill pid 1\r\n"), at_s=9.02 + index * 0.4, delivered=piece != b"\r")
    desk.advance(6)
    desk.ask_for("agent-deploybot", "patch deployments.apps:web in web; read pods,pods/log in web", used="patch deployments.apps:web in web")
    desk.advance(80)
    desk.ask_for("agent-triage", "exec pods:web-* in web", duration_s=900, reason="the queue worker hangs, I want to look at its open files")
    desk.advance(38)
    desk.ask_for("ci-nightly", "@view in *", connection="staging", duration_s=3600, approvals=2, reason="nightly report", approvals_needed=2)
    desk.advance(3)
    assert triage.frozen_by
    return desk


