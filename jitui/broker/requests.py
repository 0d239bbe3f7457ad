"""Asks, and what people say to them, until a grant comes of it (design, section 9, the table of requests)."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from jitui.broker.windows import Windows, deadline_json
from jitui.clock import Clock
from jitui.errors import ConflictError, JituiError, NotFoundError, RefusedError
from jitui.facts import Draft, Kind
from jitui.instant import Instant
from jitui.rules import grant as grants, request as requests
from jitui.rules.rights import why_not_decide
from jitui.rules.scope import Scope
from jitui.rules.terms import Grant, Identity, Request, RequestState, Rule
from jitui.store import Store

REMEMBER: Final = 200  # decided requests kept for screens
COOL_S: Final = 60  # after a denial, doubling with each
COOL_MAX_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Ask:
    """What an agent asks, as it came in."""

    connection: str
    duration_s: int  # 0: the rule's
    reason: str
    scope: str  # "": the rule's
    peer: str
    token: str
    same_user: bool


@dataclass(slots=True)
class Cooling:
    """An identity that was denied on a connection, and may not ask again before a while."""

    until_us: int
    seconds: int


class Requests:
    """Pending requests and the newest decided ones. One decision at a time: what is decided is what was looked at."""

    def __init__(self, store: Store, clock: Clock, windows: Windows, rules: Mapping[tuple[str, str], Rule],
                 standing: Callable[[str], str]) -> None:  # fmt: skip
        self.pending: dict[int, Request] = {}
        self.decided: deque[Request] = deque(maxlen=REMEMBER)
        self.rules = rules
        self.lockdown = False
        self._store, self._clock, self._windows = store, clock, windows
        self._standing = standing  # why nothing may be granted to an identity now; empty if it may
        self._one = asyncio.Lock()
        self._cooling: dict[tuple[str, str], Cooling] = {}

    def find(self, ident: int) -> Request:
        if ident in self.pending:
            return self.pending[ident]
        for request in self.decided:
            if request.id == ident:
                return request
        raise NotFoundError(f"no request r-{ident}; jitui requests lists those that wait")

    def rule(self, request: Request) -> Rule | None:
        return self.rules.get((request.identity, request.connection))

    # -- the agent's side --------------------------------------------------------------------------------------------------

    async def ask(self, who: Identity, ask: Ask) -> Request:
        """A new pending request, the one already pending if it asks the same, or an approved one under an automatic rule. Raises RefusedError."""
        async with self._one:
            now = self._clock.now()
            rule = self.rules.get((who.name, ask.connection))
            try:
                request = self._asked(who, ask, rule, now)
            except JituiError as error:
                await self._store.commit([
                    Draft(Kind.REQUEST_REFUSED, who.name, who.name, {"connection": ask.connection, "scope": ask.scope[:2000], "duration_s": ask.duration_s,
                                                                     "reason": ask.reason[:2000], "why": str(error)})
                ])  # fmt: skip
                raise
            if request.id in self.pending:
                return request
            drafts = [
                Draft(Kind.REQUEST_ASKED, f"r-{request.id}", who.name, {
                    "identity": who.name, "connection": request.connection, "duration_s": request.duration_s, "scope": str(request.scope),
                    "reason": request.reason, "peer": request.peer, "token": request.token, "same_user": request.same_user,
                    "asked_us": now.wall_us, "asked_boot_us": now.boot_us, "boot_id": now.boot_id,
                    "pending_us": request.pending_until.wall_us - now.wall_us,
                })
            ]  # fmt: skip
            assert rule is not None
            if request.state is RequestState.APPROVED:  # the rule is automatic
                grant, more = self._grant(request, rule, now)
                await self._store.commit([*drafts, *more])
                approved = replace(request, grant=grant.id)
                self.decided.append(approved)
                self._begin(grant)
                return approved
            await self._store.commit(drafts)
            self.pending[request.id] = request
            return request

    def _asked(self, who: Identity, ask: Ask, rule: Rule | None, now: Instant) -> Request:
        if self.lockdown:
            raise RefusedError("lockdown is on: nothing is granted until an admin lifts it")
        if gone := self._standing(who.name):
            raise RefusedError(f"{gone}: nothing is granted to {who.name}")
        cooling = self._cooling.get((who.name, ask.connection))
        if cooling is not None and now.boot_us < cooling.until_us:
            wait = (cooling.until_us - now.boot_us) // 1_000_000 + 1
            raise RefusedError(f"{who.name} was denied on {ask.connection} a moment ago; it may ask again in {wait} s")
        scope = Scope.parse(ask.scope) if ask.scope else None
        wanted = requests.ask(
            rule, ident=0, identity=who.name, connection=ask.connection, duration_s=ask.duration_s or (rule.duration_s if rule else 0),
            scope=scope, reason=ask.reason, now=now, peer=ask.peer, token=ask.token, same_user=ask.same_user,
        )  # fmt: skip
        for present in self.pending.values():
            if present.identity == who.name and present.connection == ask.connection:
                if (present.duration_s, str(present.scope), present.reason) == (wanted.duration_s, str(wanted.scope), wanted.reason):
                    return present
                raise ConflictError(f"{who.name} has request r-{present.id} pending on {ask.connection}; wait for it, or: jitui withdraw r-{present.id}")
        return replace(wanted, id=self._store.next_request())

    async def withdraw(self, who: Identity, ident: int) -> Request:
        async with self._one:
            request = self.find(ident)
            if request.identity != who.name:
                raise RefusedError(f"request r-{ident} is not yours; only {request.identity} may withdraw it")
            done = requests.withdraw(request, now=self._clock.now())
            await self._store.commit([Draft(Kind.REQUEST_WITHDRAWN, f"r-{ident}", who.name, {"identity": done.identity})])
            self._settle(done)
            return done

    # -- the people's side -------------------------------------------------------------------------------------------------

    async def approve(self, who: Identity, ident: int, *, owner: Identity, digest: str, duration_s: int, scope: str, reason: str) -> Request:
        """One person's yes. Raises ConflictError if what they saw has changed, RefusedError if they may not."""
        async with self._one:
            request = self.find(ident)
            rule = self.rule(request)
            now = self._clock.now()
            if gone := self._standing(request.identity):
                raise RefusedError(f"{gone}: nothing is granted to {request.identity}")
            if rule is not None and (why := why_not_decide(who, owner, rule)):
                raise RefusedError(why)
            if digest and request.state is RequestState.PENDING and rule is not None:
                requests.check_digest(request, rule, digest)
            narrowed = Scope.parse(scope) if scope else None
            done = requests.approve(request, rule, person=who.name, now=now, duration_s=duration_s, scope=narrowed, reason=reason)
            assert rule is not None
            if done.state is RequestState.APPROVED:
                grant, drafts = self._grant(done, rule, now)
                await self._store.commit(drafts)
                done = replace(done, grant=grant.id)
                self._settle(done)
                self._cooling.pop((done.identity, done.connection), None)
                self._begin(grant)
                return done
            await self._store.commit([self._approval(done)])
            self.pending[ident] = done
            return done

    async def deny(self, who: Identity, ident: int, *, reason: str) -> Request:
        async with self._one:
            request = self.find(ident)
            now = self._clock.now()
            done = requests.deny(request, person=who.name, why=reason, now=now)
            await self._store.commit([Draft(Kind.REQUEST_DENIED, f"r-{ident}", who.name, {"why": reason, "identity": done.identity})])
            self._settle(done)
            key = (done.identity, done.connection)
            last = self._cooling.get(key)
            again = last is not None and now.boot_us < last.until_us + COOL_MAX_S * 1_000_000  # an hour of peace, and it starts anew
            seconds = min(COOL_MAX_S, last.seconds * 2) if last is not None and again else COOL_S
            self._cooling[key] = Cooling(now.boot_us + seconds * 1_000_000, seconds)
            return done

    # -- the gateway's side ------------------------------------------------------------------------------------------------

    def tick(self, now: Instant) -> None:
        """Requests that nobody answered in time lapse; that is owed to the ledger like every end."""
        for request in list(self.pending.values()):
            if request.pending_until.passed(now) and not self._one.locked():
                done = requests.lapse(request, now=now)
                self._settle(done)
                self._windows.owe([Draft(Kind.REQUEST_LAPSED, f"r-{request.id}", "clock", {"identity": request.identity})])

    async def deny_all(self, why: str, *, identity: str = "") -> None:
        """A lockdown, or an identity that was disabled: what it asked is answered no."""
        async with self._one:
            await self._refuse([r for r in self.pending.values() if identity in {"", r.identity}], why)

    async def reload(self, rules: Mapping[tuple[str, str], Rule]) -> None:
        """New rules: what they no longer allow is denied."""
        async with self._one:
            self.rules = rules
            gone = []
            for request in self.pending.values():
                try:
                    requests.ask(
                        self.rule(request), ident=request.id, identity=request.identity, connection=request.connection, duration_s=request.duration_s,
                        scope=request.scope, reason=request.reason, now=request.asked, peer=request.peer, token=request.token, same_user=request.same_user,
                    )  # fmt: skip
                except JituiError:
                    gone.append(request)
            await self._refuse(gone, "the rule does not allow it any more")

    async def _refuse(self, gone: list[Request], why: str) -> None:
        now = self._clock.now()
        done = [requests.disallow(request, why=why, now=now) for request in gone]
        if done:
            await self._store.commit([Draft(Kind.REQUEST_DENIED, f"r-{r.id}", "gateway", {"why": why, "identity": r.identity}) for r in done])
        for request in done:
            self._settle(request)

    def _begin(self, grant: Grant) -> None:
        """The grant is on record: its window opens, unless a lockdown came while that was written."""
        rule = self.rules.get((grant.identity, grant.connection))
        window = self._windows.add(grant, rule.budget if rule else 0)
        if gone := self._standing(grant.identity):
            self._windows.end(window, grants.Event.CANCEL, by="gateway", why=gone)

    def _settle(self, done: Request) -> None:
        self.pending.pop(done.id, None)
        self.decided.append(done)

    def _approval(self, done: Request) -> Draft:
        """The newest yes; of an automatic rule, the rule's."""
        if not done.approvals:
            what = {"identity": done.identity, "person": done.decided_by, "duration_s": done.duration_s, "scope": str(done.scope), "automatic": True}
            return Draft(Kind.REQUEST_APPROVED, f"r-{done.id}", "gateway", what)
        approval = done.approvals[-1]
        return Draft(Kind.REQUEST_APPROVED, f"r-{done.id}", approval.person, {
            "identity": done.identity, "person": approval.person, "at_us": approval.at_us, "duration_s": approval.duration_s, "scope": str(approval.scope),
            "reason": approval.reason, "automatic": False, "state": str(done.state),
        })  # fmt: skip

    def _grant(self, done: Request, rule: Rule, now: Instant) -> tuple[Grant, list[Draft]]:
        grant = grants.start(done, rule, ident=self._store.next_grant(), now=now)
        what: dict[str, object] = {
            "request": done.id, "identity": grant.identity, "connection": grant.connection, "scope": str(grant.scope), "duration_s": grant.duration_s,
            "approved_by": list(grant.approved_by), "state": str(grant.state), "started_us": grant.started_us,
            "approved": {"wall_us": now.wall_us, "boot_us": now.boot_us, "boot_id": now.boot_id},
        }  # fmt: skip
        if grant.deadline is not None:
            what["deadline"] = deadline_json(grant.deadline)
        if grant.use_by is not None:
            what["use_by"] = deadline_json(grant.use_by)
        return grant, [self._approval(done), Draft(Kind.GRANT_STARTED, grant.label, grant.approved_by[-1], what)]
