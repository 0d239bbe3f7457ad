"""The broker: what the doors ask and what the counter orders."""

from collections.abc import Mapping

from jitui.broker.notes import Notes
from jitui.broker.requests import Requests
from jitui.broker.roster import Roster
from jitui.broker.windows import Spawn, Windows
from jitui.clock import Clock
from jitui.errors import ConflictError, RefusedError
from jitui.facts import Draft, Kind
from jitui.identity.people import People
from jitui.instant import Instant
from jitui.rules import grant as grants, policy
from jitui.rules.action import Action
from jitui.rules.scope import Kinds
from jitui.rules.terms import Grant, Identity, Rule
from jitui.session.live import Why
from jitui.store import Store

CLOCK_WENT_BACK = "clock-went-back: the wall clock stands before the newest fact, after a restart of the machine"


class Broker:
    """One gateway's decisions. Lives on the loop."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        gateway: str,
        people: People,
        rules: Mapping[tuple[str, str], Rule],
        kinds: Mapping[str, Kinds],
        spawn: Spawn,
    ) -> None:
        self.store, self.clock, self.gateway, self.kinds, self.spawn = store, clock, gateway, kinds, spawn
        self.roster = Roster(store, clock, people)
        self.windows = Windows(store, clock, spawn)
        self.requests = Requests(store, clock, self.windows, rules)
        self.notes = Notes(store, clock, gateway, self.windows.over)
        self.bad_input = 0  # requests that can be read in two ways, since the start

    async def recover(self) -> None:
        """Take up what was live in the ledger: windows go on to their deadlines, or end if they should have."""
        loaded, now = self.store.loaded, self.clock.now()
        self.requests.lockdown = loaded.lockdown
        self.requests.pending = {request.id: request for request in loaded.requests}
        back = now.wall_us < loaded.newest_us
        if back:
            await self.store.commit([Draft(Kind.CLOCK_WENT_BACK, "gateway", "gateway", {"newest_us": loaded.newest_us, "now_us": now.wall_us})])
        for grant in loaded.grants:
            window = self.windows.add(grant)
            limit = grant.deadline or grant.use_by
            if back and limit is not None and limit.boot_id != now.boot_id:
                self.windows.end(window, grants.Event.CANCEL, by="gateway", why=CLOCK_WENT_BACK)
        self.tick(now)

    def tick(self, now: Instant) -> None:
        """Every 100 ms."""
        self.windows.tick(now)
        self.requests.tick(now)

    # -- the doors ---------------------------------------------------------------------------------------------------------

    def judge(self, who: Identity, connection: str, action: Action) -> policy.Allow | policy.Deny:
        """The decision about one action of an agent, now."""
        return policy.decide(
            action, agent=who.name, connection=connection, rule=self.requests.rules.get((who.name, connection)),
            grants=self.windows.of(who.name, connection), now=self.clock.now(), kinds=self.kinds[connection],
        )  # fmt: skip

    # -- the counter -------------------------------------------------------------------------------------------------------

    async def lockdown(self, on: bool, *, by: Identity, reason: str) -> None:
        """On: every window ends and nothing is granted until it is lifted. Survives a restart."""
        if on == self.requests.lockdown:
            raise ConflictError(f"lockdown is {'on' if on else 'off'} already")
        if not on:
            await self.store.commit([Draft(Kind.LOCKDOWN_OFF, "gateway", by.name, {"why": reason})])
            self.requests.lockdown = False
            return
        self.requests.lockdown = True
        for window in list(self.windows.live.values()):
            self.windows.end(window, grants.Event.CANCEL, by=by.name, why=f"lockdown: {reason}", session_why=Why.LOCKDOWN)
        await self.store.commit([Draft(Kind.LOCKDOWN_ON, "gateway", by.name, {"why": reason})])
        await self.requests.deny_all("lockdown")

    async def disable(self, name: str, *, by: Identity, reason: str) -> Identity:
        """Everything of an identity ends at once."""
        if name == by.name:
            raise RefusedError("nobody disables themselves")
        gone = await self.roster.disable(name, by=by, reason=reason)
        for window in [w for w in self.windows.live.values() if w.grant.identity == name]:
            self.windows.end(window, grants.Event.CANCEL, by="gateway", why=f"{name} was disabled", session_why=Why.DISABLED)
        await self.requests.deny_all(f"{name} was disabled", identity=name)
        return gone

    async def reload(self, rules: Mapping[tuple[str, str], Rule], people: People, digest: str) -> None:
        """New rules and people: windows whose rule is gone end; those of a narrower rule are judged by both."""
        self.roster.people = people
        await self.requests.reload(rules)
        for window in list(self.windows.live.values()):
            if (window.grant.identity, window.grant.connection) not in rules:
                self.windows.end(window, grants.Event.CANCEL, by="gateway", why="its rule is gone", session_why=Why.RULE_CHANGED)
        await self.store.commit([Draft(Kind.CONFIG_LOADED, digest[:12], "gateway", {"rules": len(rules), "people": len(people.named)})])

    def grant_of(self, who: Identity, ident: int) -> Grant:
        """A live grant that is the agent's own. Raises RefusedError for another's."""
        grant = self.windows.window(ident).grant
        if grant.identity != who.name:
            raise RefusedError(f"grant {grant.label} is not yours; only {grant.identity} may release it")
        return grant
