"""The archive over bare files, a data folder or one exported file, for commands without a gateway."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from jitui.api.findings import ChangesView, ResidueView
from jitui.api.found import FoundView, KeyframeView
from jitui.api.moments import EventView, ExchangeView, MomentView, PastView
from jitui.api.operations import Archive
from jitui.api.reports import ReportView
from jitui.api.service import residue, views
from jitui.api.service.record import Record
from jitui.api.views import ActionView, FactView, FrameView, Proof, SessionView
from jitui.cli.kinds import number
from jitui.recording.verify import Brought
from jitui.store.archive import Files
from jitui.store.changes import everything
from jitui.store.index.reader import Query, sources
from jitui.store.report import asked
from jitui.values.clock import SystemClock
from jitui.values.errors import InvalidError
from jitui.values.page import Page


class Shelf(Archive):
    """The same operations over the same reader as the gateway's. It checks no right: the files' own permissions decide."""

    def __init__(self, place: Path) -> None:
        """Raises NotFoundError if nothing recorded is there, InvalidError if it is damaged."""
        self.files = Files(place)
        self.files.check_facts()
        self._record = Record(self.files)

    async def session(self, ident: str) -> SessionView:
        return await asyncio.to_thread(self._record.session, number(ident))

    async def frames(self, ident: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        """As of a gateway, but for the fact that somebody looked: bare files take none."""
        row = await asyncio.to_thread(self.files.session, number(ident))
        return await asyncio.to_thread(self._record.frames, row, after=after, limit=limit, unmask=unmask)

    async def keyframe(self, ident: str, *, at_us: int, unmask: bool = False) -> KeyframeView:
        row = await asyncio.to_thread(self.files.session, number(ident))
        return await asyncio.to_thread(self._record.keyframe, row, at_us=at_us, unmask=unmask)

    async def find(
        self, text: str, *, grant: str = "", identity: str = "", connection: str = "", kind: str = "", verb: str = "", where: str = "", since_s: int = 0,
        limit: int = 100,
    ) -> FoundView:  # fmt: skip
        at = number(grant, "g", "grant") if grant else 0
        query = Query(text=text, grant=at, identity=identity, connection=connection, kind=kind, verb=verb, sources=sources(where), limit=limit,
                      since_us=max(0, SystemClock().now().wall_us - since_s * 1_000_000) if since_s else 0)
        return await asyncio.to_thread(self._record.find, query, lambda _: True)

    async def actions(
        self, *, grant: str = "", audit_id: str = "", limit: int = 1000, cursor: str = "", brief: bool = False
    ) -> Sequence[ActionView]:
        """All pages, up to the limit."""
        at = number(grant, "g", "grant") if grant else 0
        found: Page[ActionView] = Page()
        while len(found) < limit:
            page = await asyncio.to_thread(self._record.actions, grant=at, audit_id=audit_id, limit=limit - len(found), cursor=cursor)
            found += [views.brief(view) for view in page] if brief else page
            found.older |= page.older
            if not (cursor := page.more):
                break
        return Page(sorted(found, key=lambda view: view.at), older=found.older)

    async def exchange(self, ident: str, *, conn: int, unmask: bool = False) -> ExchangeView:
        row = await asyncio.to_thread(self.files.session, number(ident))
        return await asyncio.to_thread(self._record.exchange, row, conn, unmask=unmask)

    async def timeline(self, ident: str, *, behind: str = "", before: str = "", marks: bool = False, limit: int = 1000) -> Sequence[EventView]:
        call = partial(self._record.timeline, number(ident, "g", "grant"), behind=behind, before=before, marks=marks, limit=min(max(limit, 1), 1000))
        return await asyncio.to_thread(call)

    async def moment(self, ident: str, *, at: str = "") -> MomentView:
        return await asyncio.to_thread(self._record.moment, number(ident, "g", "grant"), at)

    async def past(self, *, at: str) -> PastView:
        return await asyncio.to_thread(self._record.past, at, SystemClock().now().wall_us)

    async def past_sessions(self, *, at: str, grant: str = "") -> Sequence[SessionView]:
        return await asyncio.to_thread(self._record.past_sessions, at, number(grant, "g", "grant") if grant else 0, SystemClock().now().wall_us)

    async def changes(self, *, grant: str = "", identity: str = "", since_s: int = 0, unmask: bool = False) -> ChangesView:
        at = number(grant, "g", "grant") if grant else 0
        now_us = SystemClock().now().wall_us
        call = partial(self._record.changes, everything, grant=at, identity=identity, since_s=since_s, now_us=now_us, unmask=unmask)
        return await asyncio.to_thread(call)

    async def residue(self, ident: str, *, look: bool = True) -> ResidueView:  # noqa: ARG002 - bare files reach no cluster
        at, now_us = number(ident, "g", "grant"), SystemClock().now().wall_us
        found, grant = await asyncio.to_thread(self._record.residue, at, everything), await asyncio.to_thread(self.files.grant, at)
        return residue.view(found, None, grant, now_us)

    async def facts(self, *, after: int = 0, limit: int = 1000) -> Sequence[FactView]:
        return await asyncio.to_thread(self._record.facts, after=after, limit=limit)

    async def report(self, *, since_s: int = 90 * 86400, until_s: int = 0, identity: str = "", connection: str = "") -> ReportView:
        now_us = SystemClock().now().wall_us
        return await asyncio.to_thread(self._record.report, asked(now_us, since_s, until_s, identity, connection), now_us)

    async def verify(self, session: str = "", brought: Brought | None = None) -> Sequence[Proof]:
        return await asyncio.to_thread(self._record.verify, number(session) if session else 0, brought)

    async def only_session(self) -> str:
        """Of an exported file. Raises InvalidError if there is more than one to choose from."""
        rows = await asyncio.to_thread(self.files.sessions, limit=2)
        if len(rows) != 1:
            raise InvalidError(f"{self.files.place} holds {'no session' if not rows else 'more than one session'}; name one: jitui --data-dir DIR ... s-17")
        return f"s-{rows[0].id}"

    async def aclose(self) -> None:
        await asyncio.to_thread(self.files.close)
