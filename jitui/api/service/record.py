"""The record as views, for the gateway's archive and for the command line where no gateway answers.

Its calls read files: make them in a thread, not on the loop. It checks no right and writes no fact; its callers do.
"""

from typing import Final

from jitui.api.findings import ChangesView
from jitui.api.found import FoundView, HitView, KeyframeView
from jitui.api.moments import EventView, ExchangeView, MomentView, PastView
from jitui.api.reports import ReportView
from jitui.api.service import changes, moments, past, views
from jitui.api.service.report import report
from jitui.api.views import ActionView, FactView, FrameView, Proof, SessionView
from jitui.recording.verify import Brought
from jitui.store.archive import Files
from jitui.store.changes import May
from jitui.store.index.reader import Hit, May as MayRead, Query, Reader
from jitui.store.playback import Playback
from jitui.store.report import Asked
from jitui.store.residue import Residue, residue
from jitui.store.rows import SessionRow
from jitui.values.instant import rfc3339
from jitui.values.page import Page
from jitui.values.said import Said

DAY_S: Final = 86_400
AROUND: Final = 80  # characters of a line that are shown before a text, and twice as many behind it


class Record:
    """The files of one record."""

    def __init__(self, files: Files, *, mend: bool = False) -> None:
        """`mend`: an index that is broken is deleted, so that it is built again."""
        self.files = files
        self.index = Reader(files, mend=mend)
        self.playback = Playback(files)

    def session(self, ident: int) -> SessionView:
        """Raises NotFoundError."""
        return views.session_view(self.files.session(ident))

    def frames(self, row: SessionRow, *, after: int, limit: int, reader: str = "", unmask: bool = False) -> list[FrameView]:
        """One page of frames behind the seq `after`. `reader` names the caller: the masking of their next page goes on where this one ends."""
        page = self.playback.page(row.id, after=after, limit=limit, tty=row.tty, reader=reader, unmask=unmask)
        return [views.frame_view(shown) for shown in page]

    def keyframe(self, row: SessionRow, *, at_us: int, unmask: bool = False) -> KeyframeView:
        """The newest keyframe at or before a time since the session's start."""
        return KeyframeView.of(self.index.keyframe(row, at_us, clean=unmask))

    def find(self, query: Query, may: MayRead) -> FoundView:
        """Lines with a text; `may`: whether a session may be read. Raises InvalidError for a text that can't be looked for, NotFoundError."""
        if query.grant:
            self.files.grant(query.grant)
        found = self.index.find(query, may)
        notes = list(found.notes)
        if found.older:
            notes.insert(0, f"there may be more than these {len(found.hits)}: ask for a shorter time, one agent, or one kind of text")
        if found.left_out:
            notes.append(f"lines of sessions that you may not replay are left out: {found.left_out}")
        return FoundView(hits=tuple(_hit(hit, len(query.text)) for hit in found.hits), notes=tuple(notes))

    def actions(self, *, grant: int = 0, identity: str = "", audit_id: str = "", limit: int, cursor: str = "") -> Page[ActionView]:
        """The newest `limit`, oldest first; of one identity if given."""
        rows = self.files.actions(grant=grant, identity=identity, audit_id=audit_id, limit=limit, cursor=cursor)
        return Page((views.action_view(row) for row in rows), rows.more, older=rows.older)

    def timeline(self, grant: int, *, behind: str, before: str, marks: bool, limit: int) -> list[EventView]:
        """One page of the events of a window, oldest first. Raises InvalidError, NotFoundError."""
        return moments.timeline(self.files, grant, behind=behind, before=before, marks=marks, limit=limit)

    def moment(self, grant: int, at: str) -> MomentView:
        """A window and the streams that ran in it then; without a time, as it begins. Raises InvalidError, NotFoundError."""
        return moments.moment(self.files, grant, at)

    def past(self, at: str, now_us: int) -> PastView:
        """How everything stood then. Raises InvalidError, also for a time that is still to come."""
        return past.past_view(self.files, at, now_us)

    def past_sessions(self, at: str, grant: int, now_us: int) -> list[SessionView]:
        """The sessions that had begun by then, of one grant if given. Raises InvalidError."""
        return past.sessions(self.files, at, grant, now_us)

    def exchange(self, row: SessionRow, conn: int, *, unmask: bool = False) -> ExchangeView:
        """One request of a session, opened. Raises NotFoundError."""
        return moments.exchange(self.playback, row, conn, unmask=unmask)

    def changes(self, may: May, *, grant: int, identity: str, since_s: int, now_us: int, unmask: bool) -> ChangesView:
        """Of a window, of an identity (of all, if empty), in the last `since_s` seconds; 0: all of a window, otherwise a day. `may`: whether an exchange may
        be read.
        """
        since_us = max(0, now_us - (since_s or DAY_S) * 1_000_000) if since_s or not grant else 0
        return changes.changes(self.files, may, grant=grant, identity=identity, since_us=since_us, unmask=unmask)

    def residue(self, grant: int, may: May) -> Residue:
        """Everything on record that a window may have left behind; `may` as for `changes`."""
        return residue(self.files, grant, may=may)

    def facts(self, *, after: int, limit: int) -> list[FactView]:
        """Facts after the seq `after`, oldest first."""
        return [views.fact_view(fact) for fact in self.files.facts(after=after, limit=limit)]

    def report(self, asked: Asked, now_us: int) -> ReportView:
        """Of a time; it takes as long as the time has facts."""
        return report(self.files, asked, now_us=now_us)

    def verify(self, session: int = 0, brought: Brought | None = None) -> list[Proof]:
        """The proof of everything, or of one session with the facts. Raises NotFoundError."""
        return [views.proof_view(verdict) for verdict in self.files.verify(session, brought=brought)]


def _hit(hit: Hit, size: int) -> HitView:
    row, moment = hit.session, hit.moment
    first = max(0, hit.place - AROUND)
    line = hit.line[first : hit.place + size + 2 * AROUND]
    return HitView(
        at=rfc3339(moment.at_us), session=f"s-{row.id}" if row else "", started=rfc3339(row.started.wall_us) if row else "", conn=moment.conn, seq=moment.seq,
        where=hit.source.label, identity=row.identity if row else hit.identity, connection=row.connection if row else hit.connection,
        grant=f"g-{row.grant}" if row else "", kind=row.kind if row else "", target=Said(row.target if row else ""), line=Said(line), place=hit.place - first,
    )  # fmt: skip
