"""The broker decides the requests that listeners bring, and carries out the orders of people."""

from collections.abc import Mapping
from dataclasses import replace

from jitui.access.freezer import Freezer
from jitui.access.notes import Notes
from jitui.access.pressure import Pressure
from jitui.access.quota import Quota
from jitui.access.requests import RULE_GONE, Requests
from jitui.access.retention import Retirement
from jitui.access.room import Level, Room
from jitui.access.roster import Roster
from jitui.access.windows import Spawn, Windows
from jitui.auth.certificates import Trust
from jitui.auth.people import People
from jitui.auth.tokens import Minted
from jitui.policy import grant as grants, policy
from jitui.policy.action import Action
from jitui.policy.scope import Kinds
from jitui.policy.terms import Grant, Identity, Rule
from jitui.proxy.ends import End, Why
from jitui.proxy.live import Window
from jitui.recording.facts import ClockWentBack, ConfigLoaded, GrantActive, LockdownOff, LockdownOn
from jitui.store import Store
from jitui.values.clock import Clock
from jitui.values.errors import ConflictError, RefusedError
from jitui.values.instant import Instant
from jitui.values.limits import Limits

CLOCK_WENT_BACK = "clock-went-back: the wall clock stands before the newest fact, after a restart of the machine"


def anchor(grant: Grant, now: Instant) -> Grant:
    """Returns a grant of an earlier boot with its times put on this boot's clock."""
    return replace(
        grant, deadline=grant.deadline.anchored(now) if grant.deadline else None, use_by=grant.use_by.anchored(now) if grant.use_by else None
    )


class Broker:
    """Makes the decisions of one gateway. Owned by the event loop."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        gateway: str,
        people: People,
        trust: Trust | None = None,
        rules: Mapping[tuple[str, str], Rule],
        kinds: Mapping[str, Kinds],
        spawn: Spawn,
        limits: Limits | None = None,
        pressure: Pressure | None = None,
    ) -> None:
        self.pressure = pressure or Pressure(clock)
        self.store, self.clock, self.gateway, self.kinds, self.spawn = store, clock, gateway, kinds, spawn
        self.roster = Roster(store, clock, people, trust)
        self.windows = Windows(store, clock, spawn)
        self.windows.changed = self._changed
        self._leaving: set[str] = set()  # identities that are being disabled
        self.freezer = Freezer(self.windows)
        self.quota = Quota(clock, self.windows.owe, limits or Limits(), self.pressure.at_work)
        self.requests = Requests(store, clock, self.windows, rules, self._standing, self.quota, self.roster.directory)
        self.requests.lockdown = store.loaded.lockdown  # before anybody can ask
        self.room = Room(store.room, limits or Limits(), self._room_changed, self.pressure.at_work)
        self.retention = Retirement(store, clock, self.room)
        self.notes = Notes(store, clock, gateway, self.windows.over, self.quota, self.requests.guarded)

    async def recover(self) -> None:
        """Takes up the grants and requests that the ledger has as live: windows run on to their deadlines, or end if those have passed."""
        loaded, now = self.store.loaded, self.clock.now()
        self.requests.pending = {request.id: replace(request, pending_until=request.pending_until.anchored(now)) for request in loaded.requests}
        back = now.wall_us < loaded.newest_us
        if back:
            await self.store.commit([ClockWentBack(newest_us=loaded.newest_us, now_us=now.wall_us).draft("gateway", "gateway")])
        moved = []
        for grant in loaded.grants:
            limit = grant.deadline or grant.use_by
            gone = CLOCK_WENT_BACK if back and limit is not None and limit.boot_id != now.boot_id else self._standing(grant.identity)
            if not gone and (grant.identity, grant.connection) not in self.requests.rules:
                gone = RULE_GONE
            anchored = anchor(grant, now)
            if anchored.deadline is not None and anchored.deadline != grant.deadline and not gone and not anchored.deadline.passed(now):
                moved.append(GrantActive(started_us=grant.started_us, deadline=anchored.deadline).draft(grant.label, "gateway"))
            rule = self.requests.rules.get((grant.identity, grant.connection))
            window = self.windows.add(anchored, rule.budget if rule else 0, loaded.used.get(grant.id, (0, 0, 0)))
            if gone:
                self.windows.end(window, grants.Event.CANCEL, by="gateway", why=gone)
            elif window.left <= 0:
                self.windows.spent(window)
        if moved:  # the same instant on this boot's clock, so that a wall clock set back later moves nothing, in this run or the next
            await self.store.commit(moved)
        self.tick(now)
        if loaded.lockdown:
            await self.requests.deny_all("lockdown")

    def _standing(self, identity: str) -> str:
        """Returns why nothing may be live or granted for an identity now; empty if it may."""
        if self.requests.lockdown:
            return "lockdown is on"
        return f"{identity} was disabled" if identity in self._leaving or self.roster.agent(identity).disabled else ""

    def _room_changed(self, room: Room) -> None:
        """Called when the room on the record's disk has reached another level."""
        self.quota.low = room.level >= Level.NO_ROWS
        self.windows.full = f"{room.words}; your window stays open, try again once there is room" if room.level >= Level.NO_STREAMS else ""
        if room.level is Level.NOTHING:
            for session in list(self.windows.sessions.values()):
                self.windows.over(session, End(Why.UNRECORDABLE, "gateway", f"jitui: {self.windows.full}", 503, "ServiceUnavailable"))
        self.windows.owe([room.fact])

    def tick(self, now: Instant) -> float:
        """Does what is due by time; returns the seconds until something is. It is called again then, and after a second at the latest."""
        until_us = min(self.windows.tick(now), self.requests.tick(now))
        for row in self.roster.tokens.aged(now.wall_us):
            self._keyless(row.identity, f"token jt_{row.id} of {row.identity} expired")
        self.quota.tick(now)
        return (min(until_us, now.boot_us + self.roster.tokens.due_us - now.wall_us) - now.boot_us) / 1e6

    # -- listeners ---------------------------------------------------------------------------------------------------------

    def judge(self, who: Identity, connection: str, action: Action, before: policy.Allow | None = None) -> policy.Allow | policy.Deny:
        """Decides one action of an agent, now.

        `before`: the decision on an equal action of the same agent and connection, while its kind was namespaced as it is now. It is the decision of now as
        well if the rule and the only grant are those it was made by: nothing else is looked at but the time.
        """
        now = self.clock.now()
        if before is not None and self.stands(before, who.name, connection, now):
            return before
        rule, live = self.requests.rules.get((who.name, connection)), self.windows.of(who.name, connection)
        return policy.decide(action, agent=who.name, connection=connection, rule=rule, grants=live, now=now, kinds=self.kinds[connection])

    def stands(self, before: policy.Allow, agent: str, connection: str, now: Instant) -> bool:
        """Whether a decision on an equal action is that of `now` as well, by the rule and the only grant, whose time is running."""
        pair = agent, connection
        window = self.windows.only(pair)
        return window is not None and window.grant is before.grant and self.requests.rules.get(pair) is before.rule and window.open_at(now)

    def denied(self, agent: str, connection: str, action: Action, why: str, *, group: str) -> None:
        """Puts a denial on record, with the newest window that is open and does not cover it. `group`: as `Notes.denied` has it."""
        newest = max((grant.id for grant in self.windows.of(agent, connection)), default=0)
        self.notes.denied(agent, connection, action, why, grant=newest, group=group)

    def has_window(self, who: Identity, connection: str) -> bool:
        """Whether a grant of the agent's lives and is not frozen, by the clock and by the rules: without one the cluster hears nothing because of it."""
        if (who.name, connection) not in self.requests.rules:
            return False
        now = self.clock.now()
        return any(grants.due(grant, now) is None and not grant.frozen_by for grant in self.windows.of(who.name, connection))

    # -- people ------------------------------------------------------------------------------------------------------------

    async def lockdown(self, on: bool, *, by: Identity, reason: str) -> None:
        """Turns the lockdown on or off. While it is on, no window lives and nothing is granted, also after a restart."""
        if on == self.requests.lockdown:
            raise ConflictError(f"lockdown is {'on' if on else 'off'} already")
        if not on:
            await self.store.commit([LockdownOff(why=reason).draft("gateway", by.name)])
            self.requests.lockdown = False
            return
        self.requests.lockdown = True
        self._end_all(f"lockdown: {reason}", by=by.name, why=Why.LOCKDOWN)
        self.windows.owe([LockdownOn(why=reason).draft("gateway", by.name)])
        await self.requests.deny_all("lockdown")  # behind whatever was being approved
        await self.windows.decided()

    async def disable(self, name: str, *, by: Identity, reason: str) -> Identity:
        """Disables an identity: everything of it ends at once, even if that can't be recorded just now."""
        if name == by.name:
            raise RefusedError("nobody disables themselves")
        self.roster.must(name)
        self._leaving.add(name)  # nothing is granted to it while that is written, either
        try:
            self._end_all(f"{name} was disabled", by="gateway", why=Why.DISABLED, identity=name)
            gone = await self.roster.disable(name, by=by, reason=reason)
            await self.requests.deny_all(f"{name} was disabled", identity=name)
        finally:
            self._leaving.discard(name)
        return gone

    async def rotate(self, name: str, *, by: Identity) -> tuple[Identity, Minted]:
        """Issues a new token and revokes the older ones; streams that were opened with those end."""
        made = await self.roster.rotate(name, by=by)
        self._keyless(name, f"the token of {name} was revoked for a new one")
        return made

    def _keyless(self, identity: str, why: str) -> None:
        self.windows.keyless(identity, End(Why.DISABLED, "gateway", f"jitui: {why}; the window stays open for its next token", 401, "Unauthorized"))

    def _end_all(self, words: str, *, by: str, why: Why, identity: str = "") -> None:
        for window in [window for window in self.windows.live.values() if identity in {"", window.grant.identity}]:
            self.windows.end(window, grants.Event.CANCEL, by=by, why=words, session_why=why)

    async def reload(self, rules: Mapping[tuple[str, str], Rule], people: People, digest: str, trust: Trust | None = None) -> None:
        """Puts new rules and people into force. In the same pass, without an await, windows without a rule end, and streams that no rule allows.

        Raises ConfigurationError, and changes nothing, if a key of the configuration is an identity's.
        """
        self.roster.directory.name_people(people, trust)
        self.requests.rules = rules
        for window in list(self.windows.live.values()):
            self._rejudge(window)
        self.windows.owe([ConfigLoaded(rules=len(rules), people=len(people.named)).draft(digest[:12], "gateway")])  # it counts already
        await self.requests.reload()
        await self.windows.decided()

    def _rejudge(self, window: Window) -> None:
        """Judges everything that runs under a window again. Sessions that are being opened are judged again once they are on record (`Windows.changed`)."""
        rule = self.requests.rules.get((window.grant.identity, window.grant.connection))
        if rule is None:
            self.windows.end(window, grants.Event.CANCEL, by="gateway", why=RULE_GONE, session_why=Why.RULE_CHANGED)
            return
        self.windows.allow(window, rule.budget)
        for session in list(window.sessions.values()):
            if session.stream is None:
                session.cut_those(lambda leg: self._changed(window.grant, leg.action))
            elif (end := self._changed(window.grant, session.action)) is not None:
                self.windows.over(session, end)

    def _changed(self, grant: Grant, action: Action | None) -> End | None:
        """Returns the end of a session whose action the rules do not allow any more; None if they do. An `api` session has no action of its own."""
        rule = self.requests.rules.get((grant.identity, grant.connection))
        if action is None or (rule and (policy.is_around(action) or rule.covers(grant, action, self.kinds[grant.connection]))):
            return None
        return End(Why.RULE_CHANGED, "gateway", f"jitui: the rule for {grant.identity} on {grant.connection} was changed and does not allow this any more")

    def grant_of(self, who: Identity, ident: int) -> Grant:
        """Returns a live grant of the agent's own. Raises RefusedError for another's."""
        grant = self.windows.window(ident).grant
        if grant.identity != who.name:
            raise RefusedError(f"grant {grant.label} is not yours; only {grant.identity} may release it")
        return grant
