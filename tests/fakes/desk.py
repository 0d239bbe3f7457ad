"""A small honest gateway in memory: one desk per caller over one list of things, and a note of who asked for what.

It knows just enough to be asked anything the API can ask: agents see and touch their own, nobody grants themselves.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from jitui.api.operation import Given, Operation
from jitui.api.operations import BoundOperations
from jitui.api.service.views import person_key_view
from jitui.api.views import (
    ActionView,
    ClauseView,
    Ended,
    Explained,
    FactView,
    FrameView,
    Frozen,
    GrantView,
    Hello,
    HoldView,
    IdentityView,
    Issued,
    LiveChunk,
    Proof,
    RequestView,
    SessionView,
    SshKeyView,
    Status,
)
from jitui.auth.sshkeys import read_keys
from jitui.auth.standing import Current
from jitui.policy.action import Action
from jitui.policy.terms import Identity, Role
from jitui.values.errors import ConflictError, JituiError, NotFoundError, RefusedError
from jitui.values.said import Said

AT = "2026-11-23T16:04:11.000000Z"
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPQRwL59NKq/AZfGJ/7m4zjDjFKqCo7e2vwy7mt9hqdq spare"
ENDED = "2026-11-23T16:21:40.000000Z"


@dataclass
class Somebody:
    """A caller who is whoever a test says, with the roles it says now; never lost."""

    who: Identity
    token: str = ""
    how: str = ""

    async def lost(self, may: Callable[[Identity], None]) -> JituiError:
        await asyncio.Event().wait()
        raise AssertionError


@dataclass
class FakeGateway:
    """The state that all its desks share."""

    calls: list[tuple[str, str, str, str, bool]] = field(default_factory=list)  # call, identity, peer, token, same user
    requests: dict[str, RequestView] = field(default_factory=dict)
    grants: dict[str, GrantView] = field(default_factory=dict)
    sessions: dict[str, SessionView] = field(default_factory=dict)
    frames: dict[str, list[FrameView]] = field(default_factory=dict)
    actions: list[ActionView] = field(default_factory=list)
    facts: list[FactView] = field(default_factory=list)
    identities: dict[str, IdentityView] = field(default_factory=dict)
    keys: dict[str, list[SshKeyView]] = field(default_factory=dict)  # by identity
    proofs: list[Proof] = field(default_factory=list)
    ledger_key: str = ""
    holds: dict[str, HoldView] = field(default_factory=dict)
    locked: bool = False
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    listeners: int = 0  # event and live streams that are open

    def bind(self, caller: Current, peer: str, same_user: bool) -> "FakeDesk":
        return FakeDesk(self, caller.who, peer, caller.token, same_user, caller)

    async def happen(self, kind: str, who: str, subject: str, **what: Any) -> None:
        """A fact, published."""
        async with self.changed:
            seq = len(self.facts) + 1
            self.facts.append(FactView(seq=seq, at=AT, kind=kind, who=who, subject=subject, what=what, hash=f"{seq:064x}"))
            self.changed.notify_all()

    async def record(self, session: str, channel: str, body: bytes) -> None:
        """A frame of a session, shown to its viewers."""
        async with self.changed:
            seq = len(self.frames.setdefault(session, []))
            self.frames[session].append(FrameView(seq=seq, at_us=seq * 1000, conn=0, channel=channel, data_b64=b64encode(body).decode()))
            self.changed.notify_all()


def request_view(ident: str, identity: str, connection: str, duration_s: int, **more: Any) -> RequestView:
    given: dict[str, Any] = {
        "id": ident, "state": "pending", "identity": identity, "owner": "bo", "connection": connection, "duration_s": duration_s,
        "scope": "read pods in web", "clauses": (ClauseView(text="read pods in web", hazard="READ"),), "hazard": "READ", "reason": Said(""),
        "asked": AT, "waited_s": 1.0, "lapses_s": 3599.0, "approvals": (), "approvals_needed": 1, "rule_duration_s": 1800,
        "rule_scope": "read pods in web", "starts": "on-approval", "from_peer": "127.0.0.1", "token": "", "same_user": False,
        "owner_may_approve": False, "digest": "d-1", "you_may": (), "you_may_not": ""}
    return RequestView(**given | more)


def grant_view(ident: str, identity: str, connection: str, **more: Any) -> GrantView:
    given: dict[str, Any] = {
        "id": ident, "state": "active", "identity": identity, "connection": connection, "scope": "read pods in web", "hazard": "READ",
        "duration_s": 1800, "started": AT, "deadline": "2026-11-23T16:34:11.000000Z", "remaining_s": 1800.0, "request": "r-1",
        "approved_by": ("ana",), "frozen_by": "", "open_streams": 0, "last": Said(""), "ended": "", "ended_by": "", "why": Said(""), "cut": 0,
        "bytes_in": 0, "bytes_out": 0, "you_may": ()}
    return GrantView(**given | more)


def session_view(ident: str, **more: Any) -> SessionView:
    given: dict[str, Any] = {
        "id": ident, "kind": "exec", "grant": "g-1", "identity": "agent-a", "connection": "prod", "target": Said("web/web-7c"), "argv": (Said("sh"),),
        "tty": False, "state": "open", "started": AT, "ended": "", "ended_why": "", "ended_by": "", "frames": 0, "bytes_in": 0, "bytes_out": 0,
        "delivered_in": 0, "delivered_out": 0, "may_run_on": 0, "remaining_s": 60.0, "you_may": ()}
    return SessionView(**given | more)


def action_view(**more: Any) -> ActionView:
    given: dict[str, Any] = {
        "at": AT, "session": "s-1", "grant": "g-1", "conn": 0, "identity": "agent-a", "verb": "get", "resource": "pods", "namespace": Said("web"),
        "name": Said(""), "argv": (), "hazard": "READ", "verdict": "allowed", "clause": "read pods in web", "code": 200, "bytes_in": 0,
        "bytes_out": 100, "audit_id": "a-1", "count": 1}
    return ActionView(**given | more)


@dataclass
class FakeDesk(BoundOperations):
    """The operations for one caller."""

    house: FakeGateway
    who: Identity
    peer: str
    token: str
    same_user: bool
    caller: Current | None = None

    async def lost(self, operation: Operation, given: Given) -> JituiError:
        assert self.caller is not None
        return await self.caller.lost(lambda who: operation.check(who, given))

    def _note(self, call: str, *needs: Role) -> None:
        self.house.calls.append((call, self.who.name, self.peer, self.token, self.same_user))
        if needs and not self.who.roles & set(needs):
            raise RefusedError(f"{self.who.name} may not {call.replace('_', ' ')}")

    # decisions
    async def requests(self, *, everything: bool = False, cursor: str = "") -> Sequence[RequestView]:
        self._note("requests")
        return [view for view in self.house.requests.values() if (everything or view.state == "pending") and self._sees(view.identity)]

    def _sees(self, identity: str) -> bool:
        return not self.who.is_agent or identity == self.who.name

    async def request(self, ident: str, *, wait_s: int = 0) -> RequestView:
        self._note("request")
        if wait_s and ident in self.house.requests:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s), self.house.changed:
                    await self.house.changed.wait_for(lambda: self.house.requests[ident].state != "pending")
        if ident not in self.house.requests or not self._sees(self.house.requests[ident].identity):
            raise NotFoundError(f"no request {ident}")
        return self.house.requests[ident]

    async def ask(self, connection: str, *, duration_s: int = 0, reason: str = "", scope: str = "", identity: str = "", approval: str = "") -> RequestView:
        self._note("ask", Role.AGENT)
        if identity not in {"", self.who.name}:
            raise RefusedError(f"identity {identity} in the request, but the token is {self.who.name}'s")
        if approval not in {"", "required"}:
            raise RefusedError(f"approval {approval} in the request, the rule says required")
        if duration_s > 1800:
            raise RefusedError("window too long, rule allows 30m")
        ident = f"r-{len(self.house.requests) + 1}"
        self.house.requests[ident] = request_view(ident, self.who.name, connection, duration_s or 1800, reason=Said(reason),
                                                  scope=scope or "read pods in web", token=self.token, same_user=self.same_user, from_peer=self.peer)
        await self.house.happen("request.asked", self.who.name, ident)
        return self.house.requests[ident]

    async def approve(self, ident: str, *, digest: str = "", duration_s: int = 0, scope: str = "", reason: str = "") -> RequestView:
        self._note("approve", Role.APPROVER)
        asked = await self._pending(ident)
        if digest not in {"", asked.digest}:
            raise ConflictError(f"{ident} changed since you saw it")
        grant = f"g-{ident.removeprefix('r-')}"
        length = duration_s or asked.duration_s
        self.house.grants[grant] = grant_view(grant, asked.identity, asked.connection, duration_s=length, approved_by=(self.who.name,), request=ident,
                                              scope=scope or asked.scope, remaining_s=float(length))
        return await self._settle(replace(asked, state="approved", decided_by=self.who.name, why=Said(reason), grant=grant, duration_s=length,
                                          scope=scope or asked.scope, deadline=self.house.grants[grant].deadline))

    async def deny(self, ident: str, *, reason: str) -> RequestView:
        self._note("deny", Role.APPROVER)
        return await self._settle(replace(await self._pending(ident), state="denied", decided_by=self.who.name, why=Said(reason)))

    async def withdraw(self, ident: str) -> RequestView:
        self._note("withdraw", Role.AGENT)
        return await self._settle(replace(await self._pending(ident), state="withdrawn", decided_by=self.who.name))

    async def _pending(self, ident: str) -> RequestView:
        view = await self.request(ident)
        if view.state != "pending":
            raise ConflictError(f"{ident} is already {view.state} by {view.decided_by}")
        return view

    async def _settle(self, view: RequestView) -> RequestView:
        self.house.requests[view.id] = view
        await self.house.happen(f"request.{view.state}", self.who.name, view.id)
        return view

    # floor
    async def hello(self) -> Hello:
        self._note("hello")
        roles = tuple(sorted(role.value for role in self.who.roles))
        return Hello(version="0.1.0", api=1, gateway_id="gw", you=self.who.name, roles=roles, rights=(), solo=False, connections=("prod",),
                     kube="https://127.0.0.1:8443", kube_connections={"prod": "https://127.0.0.1:8445"},
                     ca_pem="-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n", ledger_key=self.house.ledger_key)

    async def status(self) -> Status:
        self._note("status")
        waiting = sum(view.state == "pending" for view in self.house.requests.values())
        return Status(at=AT, recording=True, recorder_error="", record_bytes_s=0.0, disk_free=1 << 40, lag_ms=0.1, waiting=waiting,
                      live=len(self.house.grants), open_streams=0, lockdown=self.house.locked, facts=len(self.house.facts))

    async def grants(self, *, everything: bool = False, cursor: str = "") -> Sequence[GrantView]:
        self._note("grants")
        return [view for view in self.house.grants.values() if (everything or view.state == "active") and self._sees(view.identity)]

    async def grant(self, ident: str) -> GrantView:
        self._note("grant")
        if ident not in self.house.grants:
            raise NotFoundError(f"no grant {ident}")
        return self.house.grants[ident]

    async def sessions(self, *, live: bool = False, grant: str = "", cursor: str = "", brief: bool = False,
                       looks: bool = False) -> Sequence[SessionView]:  # fmt: skip
        self._note("sessions")
        return [view for view in self.house.sessions.values() if (not live or view.state == "open") and grant in {"", view.grant}]

    async def revoke(self, ident: str, *, reason: str) -> Ended:
        self._note("revoke", Role.APPROVER, Role.OPERATOR)
        return await self._end(ident, "revoked", reason)

    async def release(self, ident: str) -> Ended:
        self._note("release", Role.AGENT)
        if (await self.grant(ident)).identity != self.who.name:
            raise RefusedError(f"{ident} is not yours")
        return await self._end(ident, "released", "")

    async def _end(self, grant: str, state: str, reason: str) -> Ended:
        self.house.grants[grant] = replace(await self.grant(grant), state=state, ended=ENDED, ended_by=self.who.name, why=Said(reason), remaining_s=0.0)
        await self.house.happen(f"grant.{state}", self.who.name, grant)
        return Ended(id=grant, streams=1, took_ms=2.5, may_run_on=(), said=f"{grant} {state}: 1 stream closed in 2.5 ms")

    async def kill(self, ident: str, *, reason: str) -> Ended:
        self._note("kill", Role.APPROVER, Role.OPERATOR)
        self.house.sessions[ident] = replace(await self.session(ident), state="ended", ended=ENDED, ended_why="killed", ended_by=self.who.name)
        await self.house.happen("session.ended", self.who.name, ident)
        return Ended(id=ident, streams=1, took_ms=2.5, may_run_on=("web-7c",), said=f"{ident} killed: 1 process may go on in web-7c")

    async def freeze(self, ident: str) -> Frozen:
        self._note("freeze", Role.APPROVER, Role.OPERATOR)
        return await self._frost(ident, self.who.name)

    async def thaw(self, ident: str) -> Frozen:
        self._note("thaw", Role.APPROVER, Role.OPERATOR)
        return await self._frost(ident, "")

    async def holds(self) -> list[HoldView]:
        self._note("holds")
        return list(self.house.holds.values())

    async def hold_tapes(self, ident: str, *, reason: str) -> HoldView:
        self._note("hold_tapes")
        view = self.house.holds[ident] = HoldView(grant=ident, held=True, by=self.who.name, at=AT, reason=Said(reason), gone=("tapes/000001.db was retired",))
        return view

    async def release_tapes(self, ident: str, *, reason: str) -> HoldView:
        self._note("release_tapes")
        del self.house.holds[ident]
        return HoldView(grant=ident, held=False, by=self.who.name, at=AT, reason=Said(reason))

    async def _frost(self, target: str, by: str) -> Frozen:
        """Set or clear the flag; a grant or session that has it, or has it not, already conflicts."""
        grants = [view for view in self.house.grants.values() if target in {"all", view.id}]
        sessions = [view for view in self.house.sessions.values() if target in {"all", view.id, view.grant}]
        held = sum(view.held for view in sessions)
        if not grants and not sessions and target != "all":
            raise NotFoundError(f"nothing is called {target}")
        if target != "all" and bool((grants or sessions)[0].frozen_by) is bool(by):
            raise ConflictError(f"{target} was already frozen by {(grants or sessions)[0].frozen_by}" if by else f"{target} is not frozen")
        self.house.grants |= {view.id: replace(view, frozen_by=by) for view in grants}
        self.house.sessions |= {view.id: replace(view, frozen_by=by, held=view.held if by else 0) for view in sessions}
        for view in grants:
            await self.house.happen("grant.frozen" if by else "grant.thawed", self.who.name, view.id)
        words = f"frozen: {len(sessions)} held" if by else f"thawed: {held} B held go on"
        return Frozen(id=target, frozen_by=by, windows=tuple(view.id for view in grants), streams=len(sessions), held=0 if by else held,
                      said=f"{target} {words}")

    async def watch(self, ident: str, *, unmask: bool = False) -> AsyncIterator[LiveChunk]:
        self._note("watch")
        await self.session(ident)
        self.house.listeners += 1
        try:
            sent = 0
            while self.house.sessions[ident].state == "open":
                for frame in self.house.frames.get(ident, [])[sent:]:
                    sent += 1
                    yield LiveChunk(kind="frame", frame=frame)
                async with self.house.changed:
                    await self.house.changed.wait()
            yield LiveChunk(kind="end", why=self.house.sessions[ident].ended_why)
        finally:
            self.house.listeners -= 1

    async def events(self, *, since: int = -1) -> AsyncIterator[FactView]:
        self._note("events")
        self.house.listeners += 1
        try:
            seq = len(self.house.facts) if since < 0 else since
            while True:
                while len(self.house.facts) > seq:
                    seq += 1
                    yield self.house.facts[seq - 1]
                async with self.house.changed:
                    await self.house.changed.wait()
        finally:
            self.house.listeners -= 1

    # archive
    async def session(self, ident: str) -> SessionView:
        self._note("session")
        if ident not in self.house.sessions:
            raise NotFoundError(f"no session {ident}")
        return self.house.sessions[ident]

    async def frames(self, ident: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        self._note("frames")
        await self.session(ident)
        return [frame for frame in self.house.frames.get(ident, []) if frame.seq > after][:limit]

    async def actions(self, *, grant: str = "", audit_id: str = "", limit: int = 1000, cursor: str = "", brief: bool = False) -> Sequence[ActionView]:
        self._note("actions")
        return [action for action in self.house.actions if grant in {"", action.grant} and audit_id in {"", action.audit_id}][-limit:]

    async def facts(self, *, after: int = 0, limit: int = 1000) -> Sequence[FactView]:
        self._note("facts")
        return [fact for fact in self.house.facts if fact.seq > after][:limit]

    async def verify(self, session: str = "") -> Sequence[Proof]:
        self._note("verify")
        return [proof for proof in self.house.proofs if session in {"", proof.subject}]

    # clerk
    async def identity_add(self, name: str, *, roles: Sequence[str], owner: str = "", ssh_keys: str = "") -> Issued:
        self._note("identity_add", Role.ADMIN)
        if name in self.house.identities:
            raise ConflictError(f"{name} is there already")
        self.house.keys[name] = [person_key_view(key) for key in (read_keys(ssh_keys) if ssh_keys else ())]
        self.house.identities[name] = IdentityView(name=name, roles=tuple(roles), owner=owner, created_by=self.who.name, disabled=False,
                                                   ssh_keys=tuple(key.fingerprint for key in self.house.keys[name]))
        return Issued(identity=self.house.identities[name], token=f"jt_00000000_{name:x<43}", expires=AT)

    async def identities(self) -> Sequence[IdentityView]:
        self._note("identities", Role.ADMIN)
        return list(self.house.identities.values())

    async def identity_rotate(self, name: str) -> Issued:
        self._note("identity_rotate", Role.ADMIN)
        return Issued(identity=self.house.identities[name], token=f"jt_00000001_{name:y<43}", expires=AT)

    async def identity_disable(self, name: str, *, reason: str) -> IdentityView:
        self._note("identity_disable", Role.ADMIN)
        self.house.identities[name] = replace(self.house.identities[name], disabled=True)
        return self.house.identities[name]

    async def identity_keys(self, name: str) -> Sequence[SshKeyView]:
        self._note("identity_keys", Role.ADMIN)
        return self.house.keys[name]

    async def identity_key_add(self, name: str, *, ssh_keys: str) -> Sequence[SshKeyView]:
        self._note("identity_key_add", Role.ADMIN)
        self.house.keys[name] += [person_key_view(key) for key in read_keys(ssh_keys)]
        return self.house.keys[name]

    async def identity_key_revoke(self, name: str, *, fingerprint: str, reason: str) -> Sequence[SshKeyView]:
        self._note("identity_key_revoke", Role.ADMIN)
        self.house.keys[name] = [replace(key, revoked=AT) if key.fingerprint == fingerprint else key for key in self.house.keys[name]]
        return self.house.keys[name]

    async def lockdown(self, on: bool, *, reason: str = "") -> Status:
        self._note("lockdown", Role.ADMIN, Role.APPROVER, Role.OPERATOR)
        self.house.locked = on
        return await self.status()

    async def reload(self) -> str:
        self._note("reload", Role.ADMIN)
        return "nothing changed"

    async def stop(self) -> str:
        self._note("stop", Role.ADMIN)
        self.house.stopped.set()
        return "stopping"

    async def explain(self, connection: str, action: Action, *, identity: str = "") -> Explained:
        self._note("explain")
        return Explained(verdict="denied", hazard="READ", identity=identity or self.who.name, connection=connection, rule="read pods in web", grant="",
                         clause="", why=f"no window for {action.verb} {action.kind}", how=f"jitui request {connection}")

    async def aclose(self) -> None:
        pass
