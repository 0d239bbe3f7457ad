"""The archive for one caller: recorded sessions, frames, actions, facts and their proof, each after the check of the caller's right."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from jitui.api.findings import ChangesView, ResidueView
from jitui.api.found import FoundView, KeyframeView
from jitui.api.moments import EventView, ExchangeView, MomentView, PastView
from jitui.api.operations import Archive
from jitui.api.reports import ReportView
from jitui.api.service import residue, views
from jitui.api.service.bound import HOUR_US, Bound, number
from jitui.api.service.record import Record
from jitui.api.views import ActionView, FactView, FrameView, Proof, SessionView
from jitui.clusters.look import Looked, lists, look
from jitui.policy.rights import Right, require, rights_of
from jitui.policy.terms import Grant
from jitui.recording.facts import ClusterLooked, Viewed
from jitui.store.exchanges import Spot
from jitui.store.index.reader import Query, sources
from jitui.store.report import asked
from jitui.store.residue import Residue
from jitui.store.rows import SessionRow
from jitui.values.errors import RefusedError
from jitui.values.page import Page

PAGE: Final = 1000
VIEWERS: Final = 10_000  # of whom it is remembered what they looked at


class ArchiveService(Bound, Archive):
    """Reads the record."""

    @property
    def _record(self) -> Record:
        return self._backend.record

    async def session(self, ident: str) -> SessionView:
        at = number(ident, "s", "session")
        present = self._broker.windows.sessions.get(at)
        if present is not None and self._sees(present.window.grant):
            return views.live_session_view(present, caller=self._who, now=self._broker.clock.now())
        row = await asyncio.to_thread(self._files.session, at)
        if not self._sees_name(row.identity):
            raise RefusedError(f"session {ident} is not yours")
        return views.session_view(row, may=views.may_replay(self._who))

    async def frames(self, ident: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        at = number(ident, "s", "session")
        row = await asyncio.to_thread(self._files.session, at)
        await self._may_read(row.grant, row.ended_us)
        await self._viewed(at, "unmasked" if unmask else "recorded", first=after < 0)
        page = await self._read(self._record.frames, row, after=after, limit=min(max(limit, 1), PAGE), reader=self._who.name, unmask=unmask)
        await self._may_read(row.grant, row.ended_us)  # as they are when it is shown
        return page

    async def exchange(self, ident: str, *, conn: int, unmask: bool = False) -> ExchangeView:
        at = number(ident, "s", "session")
        row = await asyncio.to_thread(self._files.session, at)
        await self._may_read(row.grant, row.ended_us)
        await self._viewed(at, "unmasked" if unmask else "recorded", first=unmask)
        found = await self._read(self._record.exchange, row, conn, unmask=unmask)
        await self._may_read(row.grant, row.ended_us)
        return found

    async def timeline(self, ident: str, *, behind: str = "", before: str = "", marks: bool = False, limit: int = 1000) -> Sequence[EventView]:
        at = number(ident, "g", "grant")
        return await self._read(self._record.timeline, at, behind=behind, before=before, marks=marks, limit=min(max(limit, 1), PAGE))

    async def moment(self, ident: str, *, at: str = "") -> MomentView:
        return await self._read(self._record.moment, number(ident, "g", "grant"), at)
    async def keyframe(self, ident: str, *, at_us: int, unmask: bool = False) -> KeyframeView:
        at = number(ident, "s", "session")
        row = await asyncio.to_thread(self._files.session, at)
        await self._may_read(row.grant, row.ended_us)
        await self._viewed(at, "unmasked" if unmask else "recorded", first=False)
        return await self._read(self._record.keyframe, row, at_us=at_us, unmask=unmask)

    async def past(self, *, at: str) -> PastView:
        return await self._read(self._record.past, at, self._broker.clock.now().wall_us)

    async def past_sessions(self, *, at: str, grant: str = "") -> Sequence[SessionView]:
        return await self._read(self._record.past_sessions, at, number(grant, "g", "grant") if grant else 0, self._broker.clock.now().wall_us)

    async def find(
        self, text: str, *, grant: str = "", identity: str = "", connection: str = "", kind: str = "", verb: str = "", where: str = "", since_s: int = 0,
        limit: int = 100,
    ) -> FoundView:  # fmt: skip
        now_us = self._broker.clock.now().wall_us
        at = number(grant, "g", "grant") if grant else 0
        query = Query(text=text, grant=at, identity=identity, connection=connection, kind=kind, verb=verb, sources=sources(where),
                      limit=min(max(limit, 1), PAGE), since_us=max(0, now_us - since_s * 1_000_000) if since_s else 0)
        query.match()
        await self._viewed(identity, "find", first=False)
        return await self._read(self._record.find, query, self._may_see(now_us))

    async def actions(self, *, grant: str = "", audit_id: str = "", limit: int = 1000, cursor: str = "", brief: bool = False) -> Page[ActionView]:
        at = number(grant, "g", "grant") if grant else 0
        await self._broker.store.settle()  # a row that waits for company is in the list, too
        found = await self._read(self._record.actions, grant=at, identity=self._only(), audit_id=audit_id, limit=min(max(limit, 1), PAGE), cursor=cursor)
        return Page(map(views.brief, found), found.more, older=found.older) if brief else found

    async def changes(self, *, grant: str = "", identity: str = "", since_s: int = 0, unmask: bool = False) -> ChangesView:
        at, now = number(grant, "g", "grant") if grant else 0, self._broker.clock.now()
        if at:
            found = await self._find_grant(at)
            await self._may_read(at, found.ended_us)
        how = "unmasked" if unmask else "changes"
        await self._broker.store.commit([Viewed(how=how).draft(f"g-{at}" if at else identity or "all", self._who.name)])
        may = self._may_see(now.wall_us)
        return await self._read(self._record.changes, may, grant=at, identity=identity, since_s=since_s, now_us=now.wall_us, unmask=unmask)

    async def residue(self, ident: str, *, look: bool = True) -> ResidueView:
        at = number(ident, "g", "grant")
        grant = await self._find_grant(at)
        await self._may_read(at, grant.ended_us)
        await self._broker.store.commit([Viewed(how="residue").draft(f"g-{at}", self._who.name)])
        found = await self._read(self._record.residue, at, self._may_see(self._broker.clock.now().wall_us))
        looked = await self._look(grant, found) if look else None
        await self._may_read(at, grant.ended_us)
        return residue.view(found, looked, grant, self._broker.clock.now().wall_us)

    async def _look(self, grant: Grant, found: Residue) -> Looked | None:
        """Ask the cluster, once it is on record what it will be asked. None: there is nothing to ask for, or no way to the cluster any more."""
        way, (wanted, makers) = self._backend.ways.get(grant.connection), residue.targets(found)
        if way is None or not (wanted or makers):
            return None
        self._still(Archive.residue)
        paths = tuple(target.path for target in (*wanted, *lists(makers)))
        await self._broker.store.commit([ClusterLooked(connection=grant.connection, targets=paths).draft(grant.label, self._who.name)])
        return await look(way, wanted, makers)

    async def facts(self, *, after: int = 0, limit: int = 1000) -> Sequence[FactView]:
        return await self._read(self._record.facts, after=after, limit=min(max(limit, 1), PAGE))

    async def report(self, *, since_s: int = 90 * 86400, until_s: int = 0, identity: str = "", connection: str = "") -> ReportView:
        now_us = self._broker.clock.now().wall_us
        return await self._backend.readers.read(self._who, "report", self._record.report, asked(now_us, since_s, until_s, identity, connection), now_us)

    async def verify(self, session: str = "") -> Sequence[Proof]:
        at = number(session, "s", "session") if session else 0
        return await self._backend.readers.read(self._who, "verify", self._record.verify, at)

    async def _viewed(self, what: int | str, how: str, *, first: bool) -> None:
        """Write the fact that the caller looks at a session, or for a text in the records of an identity or of all (empty).

        At the first page and wherever else they begin, not for the pages that follow.
        """
        subject = f"s-{what}" if isinstance(what, int) else what or "all"
        seen, now_us, key = self._backend.viewed, self._broker.clock.now().boot_us, (self._who.name, subject, how)
        last = seen.pop(key, None)
        seen[key] = now_us
        while len(seen) > VIEWERS:
            del seen[next(iter(seen))]
        if first or last is None or now_us - last > HOUR_US:
            await self._broker.store.commit([Viewed(how=how).draft(subject, self._who.name)])

    def _may_see(self, now_us: int) -> Callable[[Spot | SessionRow], bool]:
        """Whether the caller may read a recorded exchange, as `_may_read` says it; to be asked in a thread, about many."""
        rights, name, decided = rights_of(self._who), self._who.name, dict[int, bool]()

        def may(spot: Spot | SessionRow) -> bool:
            if Right.RECORDED in rights or (Right.RECORDED_HOUR in rights and (not spot.ended_us or now_us - spot.ended_us < HOUR_US)):
                return True
            if Right.RECORDED_DECIDED in rights and spot.grant not in decided:
                decided[spot.grant] = name in self._files.grant(spot.grant).approved_by
            return decided.get(spot.grant, False)

        return may

    async def _may_read(self, grant: int, ended_us: int | None) -> None:
        """Check the right to recorded content: auditors read all of it, operators the last hour, approvers the grants they decided. Raises RefusedError."""
        rights = rights_of(self._who)
        if Right.RECORDED in rights:
            return
        now_us = self._broker.clock.now().wall_us
        if Right.RECORDED_HOUR in rights and (not ended_us or now_us - ended_us < HOUR_US):
            return
        if Right.RECORDED_DECIDED in rights and self._who.name in (await self._find_grant(grant)).approved_by:
            return
        require(self._who, Right.RECORDED)
