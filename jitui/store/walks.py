"""The walks over the tapes: each session's chain, what each tape carries over from the ones before, spans, and requests; frame by frame, once."""

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any, Final

from jitui.recording.verify import FrameWalk, Recorded, Signed, Verdict
from jitui.store import acts
from jitui.store.spans import Spans
from jitui.store.tape_rows import END, every_row, recorded_of
from jitui.store.told import Life, Told

OPENED: Final = "altered: frames are on the tape, and no fact tells that it began"


class Walks:
    """A walk for each session that has a frame, until its end."""

    def __init__(self, told: Told, signed: Signed, signed_to: int, here: Collection[str]) -> None:
        """`here`: the names of the tapes that are there."""
        self.spans_wrong = ""
        self.carried_wrong = ""
        self._told, self._signed, self._signed_to, self._here = told, signed, signed_to, here
        self._walks: dict[int, tuple[FrameWalk, Life]] = {}
        self._done: dict[int, Verdict] = {}
        self._extra: dict[int, int] = {}  # frames behind an end
        self._seen: set[int] = set()  # sessions on the tape that is read

    def tape(self, db: sqlite3.Connection, name: str, session: int, *, first: bool, exported: bool) -> None:
        """Walk over all frames of one tape, or those of one session; the spans are checked only with all. Raises ValueError, sqlite3.Error."""
        carried = {row[0]: row[1:] for row in db.execute("select session, seq, hash, bytes_in, bytes_out from carried")}
        spans = None if session else Spans(self._told.db, db.execute("select session, seq, at_us, first, last from spans"), exported=exported)
        self._seen = set()
        self._check_carried(name, {each: row for each, row in carried.items() if session in {0, each}})
        (lowest,) = db.execute("select min(id) from frames").fetchone()
        if lowest is not None and not 0 < lowest < END:
            raise ValueError(f"a frame stands in row {lowest}, rows count from 1")
        for row in every_row(db, session) if session else every_row(db):
            recorded = recorded_of(row)
            if spans is not None:
                spans.feed(row)
            self._feed(recorded, name, carried, first=first)
            if recorded.frame.channel in acts.TELLING and not recorded.broken:
                acts.hear(self._told, recorded.frame)
        if spans is not None and not self.spans_wrong and (problem := spans.finish()):
            self.spans_wrong = f"{name}: {problem}"

    def _check_carried(self, name: str, carried: dict[int, Any]) -> None:
        for session, (frames, link, bytes_in, bytes_out) in carried.items():
            if session in self._done:  # nothing came after, so it did not end before
                life = self._told.life(session)
                fits = (frames, link) == (life.frames, life.head) or not self._done[session].consistent
            else:
                walk, life = self.of(session)
                known = walk.bytes_in < 0 or (bytes_in, bytes_out) == (walk.bytes_in, walk.bytes_out)
                fits = life.opened > 0 and (((frames, link) == (walk.count, walk.prev) and known) or bool(walk.problem))
            if not fits and not self.carried_wrong:
                self.carried_wrong = f"{name} does not carry s-{session} over as it stood on the tapes before"

    def _feed(self, recorded: Recorded, name: str, carried: Collection[int], *, first: bool) -> None:
        session = recorded.frame.session
        if session in self._done:
            self._extra[session] = self._extra.get(session, 0) + 1
            return
        walk, life = self.of(session)
        if walk.count and session not in self._seen and not first and session not in carried and not self.carried_wrong:
            self.carried_wrong = f"{name} does not carry s-{session} over, which goes on there"
        self._seen.add(session)
        walk.feed(recorded)
        if life.ended and walk.count == life.frames and not walk.problem:
            self._finish(session)

    def of(self, session: int) -> tuple[FrameWalk, Life]:
        found = self._walks.get(session)
        if found is None:
            life = self._told.life(session)
            found = self._walks[session] = FrameWalk(session, self._told.marks(life, self._signed_to), self._told.gaps(session, self._here)), life
        return found

    def _finish(self, session: int) -> None:
        walk, life = self.of(session)
        del self._walks[session]
        verdict = walk.verdict(self._signed)
        if verdict.consistent and not life.opened:
            verdict = faulty(verdict, OPENED, 0)
        self._done[session] = verdict

    def verdicts(self, only: int) -> Iterator[tuple[Verdict, Life]]:
        """The verdict on each session, in the order of their numbers; with `only`, on that one."""
        for session in [*self._walks]:
            self._finish(session)
        found = {only} if only else set(self._done)
        if not only:
            for session in self._told.sessions():
                if session not in self._done:
                    self._finish(session)
                found.add(session)
        for session in sorted(found):
            if session not in self._done:
                self._finish(session)
            verdict = self._done[session]
            if (extra := self._extra.get(session)) and verdict.consistent:
                life, at = self._told.life(session), verdict.frames
                verdict = faulty(verdict, f"altered: frame {at} was added after the end; its end (fact {life.ended}) speaks of {at}, {at + extra} are here", at)
            yield verdict, self._told.life(session)


def faulty(verdict: Verdict, problem: str, seq: int = -1) -> Verdict:
    """The verdict with a problem."""
    session = verdict.subject if verdict.subject.startswith("s-") else ""
    return replace(verdict, consistent=False, signed="no", problem=f"{verdict.subject}: {problem}", session=session, seq=seq, signed_to=-1)
