"""After a crash: sessions that nobody ended are ended now, as their tapes tell, and the rows of their actions are made again.

A tape is walked along its chain and against the signed heads that speak of it, as `jitui verify` walks it, without the spans. If a session's frames
are not whole, the session ends where a signature covers it last, the closing fact says what is wrong, and its window ends: how much of its budget it
has used is not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from jitui.policy.action import Action
from jitui.policy.hazard import hazard_of
from jitui.recording.facts import Draft, GrantEnded, SessionEnded
from jitui.recording.frame import TO_CLIENT, TO_UPSTREAM, Channel, Frame
from jitui.recording.objects.exchange import code_of
from jitui.recording.verify import FrameWalk, Mark, Recorded
from jitui.store.actions import ActionRow
from jitui.store.asked import Asked, asked_in
from jitui.store.chained import HEADS, head_of
from jitui.store.frames import Frames
from jitui.store.ledger import Ledger
from jitui.store.rows import SessionRow
from jitui.store.tape_rows import every
from jitui.store.tapes import Chain, Tapes, start_of

HTTP: Final = frozenset({Channel.REQUEST, Channel.REQUEST_BODY, Channel.RESPONSE, Channel.RESPONSE_BODY})
PAGE: Final = 200  # rows of one read: bodies of 64 KiB each


def end_lost_sessions(ledger: Ledger, tapes: Tapes) -> int:
    """End, as gateway-lost, every session that the last gateway left open; returns how many. How much of it was delivered stays unknown."""
    tapes.recover()
    told = ledger.checked.tables
    lost = dict(told.execute("select id, opened_seq from sessions where state <> 'ended' order by id").fetchall())
    if not lost:
        return 0
    files = Frames(ledger.path.parent)
    marks = _newest_marks(ledger, lost)
    found = {ident: Lost(files.session(ident), marks.get(ident, ()),
                         {row[0] for row in ledger.db.execute("select conn from actions where session = ?", (ident,))}) for ident in lost}
    for path in files.tapes():
        with files.reading(path) as db:
            for recorded in every(db, *lost, size=PAGE):
                found[recorded.frame.session].feed(recorded)
    files.close()
    for ident, each in found.items():
        tapes.chains[ident] = each.finish()
    live = {row[0] for row in told.execute("select id from grants where state in ('waiting', 'active')")}
    broken = {each.session.grant: each.problem for each in found.values() if each.problem and each.session.grant in live}
    drafts = [each.ended() for each in found.values()]
    drafts += [GrantEnded(state="revoked", why=f"its record is not whole: {why}").draft(f"g-{grant}", "gateway") for grant, why in broken.items()]
    ledger.commit_now(drafts, [(row, False) for each in found.values() for row in each.actions()])
    for ident in lost:
        tapes.end(ident)
    return len(lost)


def _newest_marks(ledger: Ledger, lost: Mapping[int, int]) -> dict[int, list[Mark]]:
    """Of each lost session, where the newest head that our key signed says its tape stands."""
    marks: dict[int, list[Mark]] = {}
    for row in ledger.db.execute(f"{HEADS} where sessions <> '{{}}' and facts_seq >= ? order by id desc", (min(lost.values()),)):
        head = head_of(row)
        new = (head.sessions.keys() & lost.keys()) - marks.keys()
        if new and head.signed_by(ledger.key.public):
            for ident in new:
                frames, link = head.sessions[ident]
                marks[ident] = [Mark(frames, link, f"the head signed at fact {head.facts_seq}", signed=True)]
        if len(marks) == len(lost):
            break
    return marks


class Lost:
    """A session that a crash left open, as its tape tells. Feed it all its frames, then `finish`."""

    def __init__(self, session: SessionRow, marks: Sequence[Mark], known: set[int]) -> None:
        self.session = session
        self._walk = FrameWalk(session.id, marks)
        self._known = known  # conns whose action has its row
        self._told: dict[int, Asked] = {}
        self._chain = self._sure = start_of(session.id)  # all that fits; the part that a signature covers

    @property
    def problem(self) -> str:
        return self._walk.problem

    def feed(self, recorded: Recorded) -> None:
        walk, frame, was = self._walk, recorded.frame, self._chain
        walk.feed(recorded)
        if walk.problem:
            return
        size = len(frame.body)
        self._chain = Chain(walk.count, walk.prev, was.bytes_in + (size if frame.channel in TO_UPSTREAM else 0),
                            was.bytes_out + (size if frame.channel in TO_CLIENT else 0))
        if walk.sure == walk.count:
            self._sure = self._chain
        if frame.channel in HTTP and frame.conn not in self._known:
            self._tell(frame)

    def finish(self) -> Chain:
        """The chain where its record ends: all of it, or, if it is not whole, the signed part."""
        self._walk.finish()
        return self._sure if self.problem else self._chain

    def ended(self) -> Draft:
        return SessionEnded(why="gateway-lost", by="gateway", problem=self.problem or None).draft(f"s-{self.session.id}", "gateway")

    def _tell(self, frame: Frame) -> None:
        if frame.channel is Channel.REQUEST and (found := asked_in(frame)):
            self._told[frame.conn] = found
        about = self._told.get(frame.conn)
        if about is None:
            return
        if frame.channel is Channel.RESPONSE:
            about.code = code_of(frame.body)
        if frame.channel in TO_UPSTREAM:
            about.bytes_in += len(frame.body)
        else:
            about.bytes_out += len(frame.body)

    def actions(self) -> list[ActionRow]:
        """Rows of the actions that its request heads tell of, but for those that have one; the clause that allowed them isn't on the tape."""
        session = self.session
        row = ActionRow(at_us=0, identity=session.asked_by, connection=session.connection, action=Action("get"), hazard="", verdict="allowed",
                        session=session.id)
        return [replace(row, conn=conn, at_us=session.started.wall_us + each.at_us, action=each.action, hazard=hazard_of(each.action).value, code=each.code,
                        bytes_in=each.bytes_in, bytes_out=each.bytes_out, audit_id=each.audit_id) for conn, each in self._told.items()]
