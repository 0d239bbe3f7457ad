"""Requests of agents and the decisions of people on them, up to the grant."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from jitui.access.cooling import Cooling, CoolingError, Pair
from jitui.access.quota import Quota
from jitui.access.windows import Windows
from jitui.auth.directory import Directory
from jitui.policy import grant as grants, request as requests
from jitui.policy.hazard import Guards
from jitui.policy.persons import Persons
from jitui.policy.rights import why_not_decide
from jitui.policy.scope import Scope
from jitui.policy.terms import Grant, Identity, Request, RequestState, Rule
from jitui.recording.facts import Draft, GrantStarted, RequestApproved, RequestAsked, RequestDenied, RequestLapsed, RequestRefused, RequestWithdrawn
from jitui.store import Store
from jitui.values.clock import Clock
from jitui.values.errors import ConflictError, JituiError, NotFoundError, RefusedError, TooManyError
from jitui.values.instant import NEVER_US, Instant
from jitui.values.said import cut

REMEMBER: Final = 200  # decided requests kept for screens
RULE_GONE: Final = "its rule is gone"
TEXT: Final = 1000  # characters of what was asked and why not, in the fact of a refusal
UNRULED: Final = "connections that no rule lets it use"  # they cool down together: their names are the agent's own words, without number

Still = Callable[[], Identity]  # raises if the right was taken away


@dataclass(frozen=True, slots=True)
class Ask:
    """The words of a request, as the agent sent them."""

    connection: str
    duration_s: int  # 0: the rule's
    reason: str
    scope: str  # "": the rule's
    peer: str
    token: str
    same_user: bool


class Requests:
    """Pending requests and the newest decided ones. One decision at a time: what is decided is what was looked at.

    Nothing that an agent has written stands in the way of a decision: an ask waits only for another of the same identity and connection, and what
    is withdrawn is so at once, and written then.
    """

    def __init__(self, store: Store, clock: Clock, windows: Windows, rules: Mapping[tuple[str, str], Rule],
                 standing: Callable[[str], str], quota: Quota, directory: Directory) -> None:  # fmt: skip
        self.pending: dict[int, Request] = {}
        self.decided: deque[Request] = deque(maxlen=REMEMBER)
        self.rules = rules
        self.lockdown = False
        self._store, self._clock, self._windows = store, clock, windows
        self._standing = standing  # why nothing may be granted to an identity now; empty if it may
        self._quota, self._directory = quota, directory
        self._one = asyncio.Lock()  # of people and of the gateway itself
        self._deciding: set[int] = set()  # requests whose decision is being written
        self._asking: dict[Pair, asyncio.Future[None]] = {}  # the one ask of an identity and connection that is being written
        self._asked_as: dict[int, Ask] = {}  # pending requests in the words they came in
        self._waiting: dict[int, set[asyncio.Future[None]]] = {}  # calls that are held until the request is settled
        self._cooling = Cooling()

    def find(self, ident: int) -> Request:
        if ident in self.pending:
            return self.pending[ident]
        for request in self.decided:
            if request.id == ident:
                return request
        raise NotFoundError(f"no request r-{ident}; jitui requests lists those that wait")

    async def settled(self, ident: int) -> None:
        """Waits until the request is decided, withdrawn or lapsed; returns at once if no such request is pending."""
        if ident not in self.pending:
            return
        future = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(ident, set())
        waiting.add(future)
        try:
            await future
        finally:
            waiting.discard(future)
            if not waiting and self._waiting.get(ident) is waiting:
                del self._waiting[ident]

    def rule(self, request: Request) -> Rule | None:
        return self.rules.get((request.identity, request.connection))

    def rule_of(self, grant: Grant) -> Rule | None:
        """Returns the rule of a window as it is now."""
        return self.rules.get((grant.identity, grant.connection))

    def guarded(self, identity: str, connection: str) -> Guards:
        """Returns the namespaces that the rule of this identity and connection guards besides the built-in ones."""
        rule = self.rules.get((identity, connection))
        return rule.guarded if rule else ()

    # -- the agent's side --------------------------------------------------------------------------------------------------

    async def ask(self, who: Identity, ask: Ask) -> Request:
        """Takes an ask. Returns a new pending request, the pending one that asks the same, or one that an automatic rule approved. Raises RefusedError."""
        pair = (who.name, ask.connection)
        while pair in self._asking:
            await asyncio.wait({self._asking[pair]})
        now = self._clock.now()
        try:
            request = self._asked(who, ask, now)
        except JituiError as error:
            await self._refused(who, ask, error, now)
            raise
        if request.id in self.pending:
            return request
        future = self._asking[pair] = asyncio.get_running_loop().create_future()
        try:
            return await self._write(request, ask, now)
        finally:
            del self._asking[pair]
            future.set_result(None)

    async def _write(self, request: Request, ask: Ask, now: Instant) -> Request:
        """Puts the request on record; then it is pending, or granted if its rule is automatic."""
        drafts = [
            RequestAsked(
                identity=request.identity, connection=request.connection, duration_s=request.duration_s, scope=str(request.scope), reason=request.reason,
                peer=request.peer, token=request.token, same_user=request.same_user, asked_us=now.wall_us, asked_boot_us=now.boot_us, boot_id=now.boot_id,
                pending_us=request.pending_until.wall_us - now.wall_us,
            ).draft(f"r-{request.id}", request.identity)
        ]  # fmt: skip
        if request.state is RequestState.APPROVED:  # the rule is automatic
            rule = self.rule(request)
            assert rule is not None
            grant, started = self._grant(request, rule, now)
            await self._store.commit([*drafts, _approval(request), started])
            approved = replace(request, grant=grant.id)
            self.decided.append(approved)
            self._begin(grant)
            return approved
        await self._store.commit(drafts)
        self.pending[request.id] = request
        self._asked_as[request.id] = ask
        return request

    async def _refused(self, who: Identity, ask: Ask, error: JituiError, now: Instant) -> None:
        """Puts a refused request on record, as long as the hour's share lasts. One that came before its wait was over is only counted."""
        if isinstance(error, (CoolingError, TooManyError)):
            self._quota.count(who.name, "refused")
            return
        self._cooling.slipped(self._cools(who.name, ask.connection), now)
        scope, reason, why = cut(ask.scope, TEXT), cut(ask.reason, TEXT), cut(str(error), TEXT)
        if self._quota.spend(who.name, "refused", len(scope) + len(reason) + len(why)):
            await self._store.commit([
                RequestRefused(connection=cut(ask.connection, TEXT), scope=scope, duration_s=ask.duration_s, reason=reason, why=why).draft(who.name, who.name)
            ])  # fmt: skip

    def _asked(self, who: Identity, ask: Ask, now: Instant) -> Request:
        pair = (who.name, ask.connection)
        if self.lockdown:
            raise RefusedError("lockdown is on: nothing is granted until an admin lifts it")
        if gone := self._standing(who.name):
            raise RefusedError(f"{gone}: nothing is granted to {who.name}")
        present = next((request for request in self.pending.values() if (request.identity, request.connection) == pair), None)
        if present is not None and self._asked_as.get(present.id) == ask:
            return present
        self._cooling.check(self._cools(*pair), now)
        rule = self.rules.get(pair)
        wanted = requests.ask(
            rule, ident=0, identity=who.name, connection=ask.connection, duration_s=ask.duration_s or (rule.duration_s if rule else 0),
            scope=Scope.parse(ask.scope) if ask.scope else None, reason=ask.reason, now=now, peer=ask.peer, token=ask.token, same_user=ask.same_user,
        )  # fmt: skip
        if present is not None:
            if (present.duration_s, str(present.scope), present.reason) == (wanted.duration_s, str(wanted.scope), wanted.reason):
                return present
            raise ConflictError(f"{who.name} has request r-{present.id} pending on {ask.connection}; wait for it, or: jitui withdraw r-{present.id}")
        self._quota.ask(who.name, len(str(wanted.scope)) + len(wanted.reason))
        return replace(wanted, id=self._store.next_request())

    def _cools(self, identity: str, connection: str) -> Pair:
        """Returns the key under which the waits of an identity are kept."""
        return identity, connection if (identity, connection) in self.rules else UNRULED

    async def withdraw(self, who: Identity, ident: int) -> Request:
        """Withdraws a request at once; if that can't be written now, it is owed to the ledger like every end."""
        request = self.find(ident)
        if request.identity != who.name:
            raise RefusedError(f"request r-{ident} is not yours; only {request.identity} may withdraw it")
        if ident in self._deciding:
            raise ConflictError(f"r-{ident} is being decided just now; look at it with: jitui request r-{ident}")
        now = self._clock.now()
        done = requests.withdraw(request, now=now)
        self._settle(done)
        fact = RequestWithdrawn(identity=done.identity).draft(f"r-{ident}", who.name)
        try:
            await self._store.commit([fact])
        except JituiError:
            self._windows.owe([fact])
        self._cooling.slipped((request.identity, request.connection), now)
        return done

    # -- the people's side -------------------------------------------------------------------------------------------------

    def electorate(self, request: Request, agent: Identity) -> tuple[Persons, frozenset[str]]:
        """Returns the persons behind names, and the names whose earlier approval of this request does not count, as they may not approve now."""
        persons, rule = self._directory.persons(request.asked.wall_us), self.rule(request)
        approvers = {each.person: self._directory.named(each.person) for each in request.approvals}
        return persons, frozenset(name for name, who in approvers.items() if who is None or (rule and why_not_decide(who, agent, rule, persons)))

    async def approve(
        self, who: Identity, ident: int, *, agent: Identity, digest: str, duration_s: int, scope: str, reason: str, still: Still | None = None
    ) -> Request:
        """Adds the approval of one person. `still` returns who they are when it is their turn.

        Raises ConflictError if the request is not what they saw any more, RefusedError if they may not approve it.
        """
        async with self._deciding_about(ident):
            who = still() if still else who
            request = self.find(ident)
            rule = self.rule(request)
            now = self._clock.now()
            if gone := self._standing(request.identity):
                raise RefusedError(f"{gone}: nothing is granted to {request.identity}")
            persons, void = self.electorate(request, agent)
            if rule is not None and (why := why_not_decide(who, agent, rule, persons)):
                raise RefusedError(why)
            if digest and request.state is RequestState.PENDING and rule is not None:
                requests.check_digest(request, rule, digest)
            narrowed = Scope.parse(scope) if scope else None
            done = requests.approve(
                request, rule, person=who.name, now=now, duration_s=duration_s, scope=narrowed, reason=reason, persons=persons, void=void
            )
            assert rule is not None
            approval = _approval(done, requests.digest(request, rule))
            if done.state is RequestState.APPROVED:
                grant, started = self._grant(done, rule, now)
                await self._store.commit([approval, started])
                done = replace(done, grant=grant.id)
                self._settle(done)
                self._cooling.forgive((done.identity, done.connection))
                self._begin(grant)
                return done
            await self._store.commit([approval])
            self.pending[ident] = done
            return done

    async def deny(self, who: Identity, ident: int, *, reason: str, still: Still | None = None) -> Request:
        async with self._deciding_about(ident):
            who = still() if still else who
            request = self.find(ident)
            now = self._clock.now()
            done = requests.deny(request, person=who.name, why=reason, now=now)
            await self._store.commit([RequestDenied(why=reason, identity=done.identity).draft(f"r-{ident}", who.name)])
            self._settle(done)
            self._cooling.denied((done.identity, done.connection), now)
            return done

    @asynccontextmanager
    async def _deciding_about(self, *idents: int) -> AsyncIterator[None]:
        """Holds the lock of decisions for one request; meanwhile it neither lapses nor is withdrawn."""
        async with self._one:
            self._deciding.update(idents)
            try:
                yield
            finally:
                self._deciding.difference_update(idents)

    # -- the gateway's side ------------------------------------------------------------------------------------------------

    def tick(self, now: Instant) -> int:
        """Lets requests lapse that nobody answered in time; that is owed to the ledger like every end. Returns the boot time (us) of the next lapse."""
        for request in list(self.pending.values()):
            if request.pending_until.passed(now) and request.id not in self._deciding:
                done = requests.lapse(request, now=now)
                self._settle(done)
                self._windows.owe([RequestLapsed(identity=request.identity).draft(f"r-{request.id}", "clock")])
        limits = [request.pending_until for request in self.pending.values()]
        return min((limit.boot_us if limit.boot_id == now.boot_id else now.boot_us for limit in limits), default=NEVER_US)

    async def deny_all(self, why: str, *, identity: str = "") -> None:
        """Denies every pending request, or those of one identity: after a lockdown, or when it was disabled."""
        async with self._one:
            await self._asked_already()
            await self._refuse([r for r in self.pending.values() if identity in {"", r.identity}], why)

    async def reload(self) -> None:
        """Puts new rules into force, and denies pending requests that they do not allow."""
        async with self._one:
            await self._asked_already()
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

    async def _asked_already(self) -> None:
        """Waits until the requests that were judged before now are pending or granted."""
        if self._asking:
            await asyncio.wait({*self._asking.values()})

    async def _refuse(self, gone: Sequence[Request], why: str) -> None:
        """Denies requests. The caller holds the lock."""
        now = self._clock.now()
        done = [requests.disallow(request, why=why, now=now) for request in gone]
        self._deciding.update(request.id for request in done)
        try:
            if done:
                await self._store.commit([RequestDenied(why=why, identity=r.identity).draft(f"r-{r.id}", "gateway") for r in done])
        finally:
            self._deciding.difference_update(request.id for request in done)
        for request in done:
            self._settle(request)

    def _begin(self, grant: Grant) -> None:
        """Opens the window of a grant that is on record, unless a lockdown came, or the rule went, while it was written."""
        rule = self.rules.get((grant.identity, grant.connection))
        window = self._windows.add(grant, rule.budget if rule else 0)
        if gone := self._standing(grant.identity) or ("" if rule else RULE_GONE):
            self._windows.end(window, grants.Event.CANCEL, by="gateway", why=gone)

    def _settle(self, done: Request) -> None:
        self.pending.pop(done.id, None)
        self._asked_as.pop(done.id, None)
        self.decided.append(done)
        for future in self._waiting.pop(done.id, ()):
            if not future.done():
                future.set_result(None)

    def _grant(self, done: Request, rule: Rule, now: Instant) -> tuple[Grant, Draft]:
        grant = grants.start(done, rule, ident=self._store.next_grant(), now=now)
        started = GrantStarted(
            request=done.id, identity=grant.identity, connection=grant.connection, scope=str(grant.scope), duration_s=grant.duration_s,
            approved_by=grant.approved_by, approved=now, state=str(grant.state), started_us=grant.started_us, deadline=grant.deadline, use_by=grant.use_by,
        )  # fmt: skip
        return grant, started.draft(grant.label, grant.approved_by[-1])


def _approval(done: Request, digest: str = "") -> Draft:
    """Returns the newest approval, with the digest of the request at that time; of an automatic rule, the rule's own."""
    if not done.approvals:
        told = RequestApproved(identity=done.identity, person=done.decided_by, duration_s=done.duration_s, scope=str(done.scope), automatic=True)
        return told.draft(f"r-{done.id}", "gateway")
    yes = done.approvals[-1]
    return RequestApproved(
        identity=done.identity, person=yes.person, at_us=yes.at_us, duration_s=yes.duration_s, scope=str(yes.scope), reason=yes.reason, automatic=False,
        digest=digest, state=str(done.state),
    ).draft(f"r-{done.id}", yes.person)  # fmt: skip
