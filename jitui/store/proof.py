"""The proof of what is in files: reads for `tape.verify`, which judges."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from jitui.errors import InvalidError, JituiError, NotFoundError
from jitui.facts import Kind
from jitui.store.chained import Chained, heads
from jitui.store.fold import all_facts, fold, number
from jitui.store.schema import FOLDED, FOLDED_TABLES
from jitui.store.tape_rows import every
from jitui.tape.chain import FACTS_GENESIS
from jitui.tape.verify import FactWalk, FrameWalk, Head, Mark, Signed, Verdict, facts_verdict

if TYPE_CHECKING:
    from jitui.store.archive import Files


def verify(files: "Files", session: int = 0, *, key: bytes = b"", witness: Mapping[int, bytes] | None = None) -> list[Verdict]:
    """The proof of everything in the files, or of one session with the facts that speak of it.

    `key`: the 32 raw public bytes of the ledger's key, from elsewhere; `witness`: hashes of facts noted elsewhere, by seq.
    The facts come first, then sessions in order. Raises NotFoundError for a session that is not there.
    """
    files.check_pages(session)
    with files.reading(files.ledger) as db:
        keys = dict(db.execute("select key_id, public from keys").fetchall())
        ends, opened = _sessions(db)
        start = _start(db)
    good: list[Head] = []
    walk = FactWalk(heads(files.facts_read), keys, trusted=key, witness=witness, start=start, agreed=good.append)
    for _ in Chained(files.facts_read, walk, sealed=files.single):
        pass
    facts = facts_verdict(walk)
    signed_to = walk.sure if facts.consistent and walk.newest else 0
    walks = _Walks(_marks(good, ends, signed_to), opened, facts.signed)
    if session:
        if session not in opened and not files.frames(session, limit=1):
            raise NotFoundError(f"no session s-{session} in {files.place}; list them with: jitui sessions")
        walks.of(session)
    for path in files.tapes_of(session) if session else files.tapes():
        with files.reading(path) as db:
            for recorded in every(db, session):
                walks.of(recorded.frame.session).feed(recorded)
    found = [facts, *walks.verdicts({session} if session else opened)]
    return found if session else [*found[:1], *_tables(files), *found[1:]]


class _Walks:
    """A walk for each session that shows up."""

    def __init__(self, marks: Mapping[int, list[Mark]], opened: frozenset[int], signed: Signed) -> None:
        self._marks, self._opened, self._signed = marks, opened, signed
        self._walks: dict[int, FrameWalk] = {}

    def of(self, session: int) -> FrameWalk:
        walk = self._walks.get(session)
        if walk is None:
            walk = self._walks[session] = FrameWalk(session, self._marks.get(session, ()))
        return walk

    def verdicts(self, sessions: set[int] | frozenset[int]) -> Iterator[Verdict]:
        for session in sorted(sessions | self._walks.keys()):
            verdict = self.of(session).verdict(self._signed)
            if verdict.consistent and session not in self._opened:
                text = f"s-{session}: altered: frames are on the tape, and no fact tells that it began"
                verdict = Verdict(subject=verdict.subject, consistent=False, signed="no", frames=verdict.frames, unsigned_tail=verdict.unsigned_tail,
                                  problem=text, session=verdict.subject, seq=0)
            yield verdict


def _sessions(db: sqlite3.Connection) -> tuple[dict[int, tuple[int, int, bytes]], frozenset[int]]:
    """Ends of sessions as (fact, frames, head), and all that began: as the facts tell, not the folded tables."""
    ends, opened = {}, set()
    for seq, kind, subject, what in db.execute("select seq, kind, subject, what from facts where kind in (?, ?)",
                                               (Kind.SESSION_OPENED.value, Kind.SESSION_ENDED.value)):
        try:
            session = number(subject, "s")
            if kind == Kind.SESSION_OPENED:
                opened.add(session)
            else:
                told = json.loads(what)
                ends[session] = (seq, int(told["frames"]), bytes.fromhex(told["head"]))
        except (InvalidError, ValueError, KeyError, TypeError):
            continue  # the walk over the facts names it
    return ends, frozenset(opened)


def _marks(good: list[Head], ends: Mapping[int, tuple[int, int, bytes]], signed_to: int) -> dict[int, list[Mark]]:
    marks: dict[int, list[Mark]] = {}
    for session, (seq, frames, link) in ends.items():
        marks.setdefault(session, []).append(Mark(frames, link, f"its end (fact {seq})", signed=seq <= signed_to, final=True))
    for head in good:
        for session, (frames, link) in head.sessions.items():
            marks.setdefault(session, []).append(Mark(frames, link, f"the head signed at fact {head.facts_seq}", signed=True))
    return marks


def _start(db: sqlite3.Connection) -> tuple[int, bytes]:
    """The fact before the first: of an exported file the last one it leaves out."""
    if not db.execute("select 1 from sqlite_master where name = 'sealed'").fetchone():
        return 0, FACTS_GENESIS
    row = db.execute("select seq, hash from sealed where digest is null").fetchone()
    return (row[0], row[1]) if row else (0, FACTS_GENESIS)


def _tables(files: "Files") -> list[Verdict]:
    """Do the folded tables say what the facts say. An exported file holds only some facts, so there they prove nothing."""
    if files.single:
        return []
    with files.reading(files.ledger) as db, closing(sqlite3.connect(":memory:")) as fresh:
        db.execute("begin")  # facts and tables of one moment
        try:
            fresh.executescript(FOLDED_TABLES)
            for fact in all_facts(db):
                fold(fresh, fact)
            wrong = next((table for table in FOLDED if _rows(db, table) != _rows(fresh, table)), "")
            count = db.execute("select count(*) from facts").fetchone()[0]
        except (ValueError, JituiError) as error:
            wrong, count = f"facts ({error})", 0
        finally:
            db.execute("commit")
    problem = f"tables: altered: {wrong} is not what the facts say" if wrong else ""
    return [Verdict(subject="tables", consistent=not wrong, signed="no", frames=count, unsigned_tail=0, problem=problem)]


def _rows(db: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return db.execute(f"select * from {table} order by 1, 2").fetchall()  # noqa: S608 - names of schema.FOLDED
