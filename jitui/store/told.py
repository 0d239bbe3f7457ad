"""The proof remembers here what the facts of a record tell: in a temporary file without a name, however many they are."""

import sqlite3
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from jitui.policy.streams import PROBE
from jitui.recording.facts import Fact, GatewayStarted, Kind, LogBegun, SessionEnded
from jitui.recording.tlog.leaf import SessionLeaf
from jitui.recording.verify import Gap, Head, Mark
from jitui.store import gone
from jitui.store.checked import SIGNED_WHOLE, Checked, scratch
from jitui.store.rows import GATEWAY
from jitui.values.errors import InvalidError

# logged: leaves of the log; asked and answers: requests on the tapes (acts.py); span: of one tape (spans.py)
_TABLES: Final = """
create table life(session integer primary key, opened integer, ended integer, frames integer, head blob);
create table mark(session integer, count integer, head blob, fact integer);
create index mark_session on mark(session);
create table logged(session integer, n integer, frames integer, head blob, primary key(session, n)) without rowid;
create table asked(session integer, conn integer, text text, audit text, times integer, noted integer, primary key(session, conn)) without rowid;
create table answer(session integer, conn integer, code integer, primary key(session, conn, code)) without rowid;
create table span(session integer, seq integer, at_us integer, first integer, last integer);
create index span_first on span(first);
"""


class Life(NamedTuple):
    """A session as the facts tell: the numbers of the facts about its beginning and end, 0 if there is none."""

    session: int
    opened: int
    ended: int
    frames: int
    head: bytes


class Told:
    """Fed with facts in order, and with the heads that agree. Close it."""

    def __init__(self, only: int = 0) -> None:
        """`only`: the one session whose marks are wanted."""
        self.db = scratch(_TABLES)
        self.checked = Checked(self.db)
        self.problem = ""  # why the facts can't be folded
        self.seq = -1
        self.tapes: set[str] = set()
        self.logs: list[str] = []  # origins of transparency logs, the newest last
        self.keys: set[str] = set()  # ids that a gateway said it signs with
        self.used: dict[str, int] = {}  # ids of keys that did sign -> first fact
        self._only = only

    def feed(self, fact: Fact) -> None:
        try:
            self._look_at(fact)
            if not self.problem:
                self.checked.feed(fact)
        except (InvalidError, sqlite3.Error, ValueError, KeyError, TypeError, OverflowError) as error:
            if not self.problem:
                self.problem, self.seq = f"fact {fact.seq} ({fact.kind}) does not follow from those before it: {error}", fact.seq

    def _look_at(self, fact: Fact) -> None:
        if fact.kind is Kind.SESSION_OPENED:
            self.db.execute("insert into life(session, opened) values(?, ?)", (fact.number("s"), fact.seq))
        elif fact.kind is Kind.SESSION_ENDED:
            ended = SessionEnded.of(fact)
            self.db.execute("insert into life values(?1, 0, ?2, ?3, ?4) on conflict(session) do update set ended = ?2, frames = ?3, head = ?4",
                            (fact.number("s"), fact.seq, ended.frames, ended.head))
        elif fact.kind is Kind.TAPE_OPENED:
            self.tapes.add(fact.subject)
        elif fact.kind is Kind.LOG_BEGUN:
            self.logs.append(LogBegun.of(fact).origin)
        elif fact.kind is Kind.GATEWAY_STARTED and (key := GatewayStarted.of(fact).key_id):
            self.keys.add(key)

    def agreed(self, head: Head) -> None:
        """Remember a head that fits the chain."""
        self.used.setdefault(head.key_id, head.facts_seq)
        for session, (frames, link) in head.sessions.items():
            if self._only in {0, session}:
                self.db.execute("insert into mark values(?, ?, ?, ?)", (session, frames, link, head.facts_seq))

    def logged(self, n: int, leaf: SessionLeaf) -> None:
        """Remember a leaf of the log."""
        self.db.execute("insert into logged values(?, ?, ?, ?)", (leaf.session, n, leaf.frames, bytes.fromhex(leaf.head)))

    def logged_to(self, session: int, size: int) -> int:
        """The number of frames of a session in the log's first `size` leaves."""
        return self.db.execute("select max(frames) from logged where session = ? and n < ?", (session, size)).fetchone()[0] or 0

    @property
    def signed_whole(self) -> bool:
        """Whether the gateway that wrote this signed every fact in the commit that wrote it."""
        return self.checked.written_for >= SIGNED_WHOLE

    def life(self, session: int) -> Life:
        row = self.db.execute("select session, coalesce(opened, 0), coalesce(ended, 0), coalesce(frames, 0), head from life where session = ?",
                              (session,)).fetchone()
        return Life(*row) if row else Life(session, 0, 0, 0, b"")

    def whose(self, session: int) -> tuple[str, str] | None:
        """The identity and connection of a session's actions, as far as the facts tell; of the gateway's own looks into pods its name."""
        row = self.db.execute("select case sessions.kind when ? then ? else grants.identity end, grants.connection "
                              "from sessions join grants on grants.id = sessions.grant_id where sessions.id = ?", (PROBE, GATEWAY, session)).fetchone()
        return (row[0], row[1]) if row else None

    def sessions(self) -> Iterator[int]:
        """Every session that a fact tells of, in order."""
        for (session,) in self.db.execute("select session from life order by session"):
            yield session

    def marks(self, life: Life, signed_to: int) -> list[Mark]:
        """Where the chain of a session stood; up to the fact `signed_to` facts are signed."""
        found = [Mark(frames, link, f"the head signed at fact {fact}", signed=True)
                 for frames, link, fact in self.db.execute("select count, head, fact from mark where session = ?", (life.session,))]
        found += [Mark(frames, link, f"leaf {n} of the log", signed=False)
                  for n, frames, link in self.db.execute("select n, frames, head from logged where session = ?", (life.session,))]
        found += [Mark(each.frames, each.head, f"the retirement of tapes/{each.tape} (fact {each.fact})", signed=each.fact <= signed_to)
                  for each in gone.of_session(self.db, life.session)]
        if life.ended:
            found.insert(0, Mark(life.frames, life.head, f"its end (fact {life.ended})", signed=life.ended <= signed_to, final=True))
        return found

    def gaps(self, session: int, here: Collection[str]) -> list[Gap]:
        """The frames of a session that lay on retired tapes, but for tapes that are here still."""
        return [Gap(each.first, each.frames, each.head, each.bytes_in, each.bytes_out, each.words) for each in gone.of_session(self.db, session)
                if each.tape not in here]

    def retired(self) -> dict[str, str]:
        """The tapes that were retired, oldest first, each with a sentence about it."""
        return gone.tapes(self.db)

    def close(self) -> None:
        self.db.close()
