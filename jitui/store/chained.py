"""Facts as they are read from a ledger: in order, in short reads, each one checked against its chain before it is handed on.

Who folds state from facts, and who proves them, takes them from here. Memory is that of one page.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from jitui.recording.chain import FACTS_GENESIS, fact_digest, fact_link, fact_text_as_kept
from jitui.recording.facts import Fact, Kind
from jitui.recording.verify import FactWalk, Head, Linked
from jitui.values.errors import InvalidError

PAGE: Final = 1000
PAGE_BYTES: Final = 2 << 20
NEWEST: Final = 1 << 62  # above every number of a fact, and of a head
LEAST, MOST = -(1 << 63), (1 << 63) - 1  # rows that SQLite can number
FACTS: Final = "select seq, at_us, kind, who, subject, what, hash from facts"
HEADS: Final = "select id, facts_seq, hash, at_us, sessions, key_id, sig from heads"
_WITH_SEALED: Final = f"""{FACTS} where seq >= ?1 and seq <= ?3
  union all select seq, 0, '', digest, '', '', hash from sealed where seq >= ?1 and seq <= ?3 and digest is not null
  order by seq limit ?2"""  # noqa: S608 - a constant
LATEST_US: Final = 253_402_300_800_000_000  # UTC, the end of the year 9999

Reading = Callable[[], AbstractContextManager[sqlite3.Connection]]  # a connection for one short read


class Chained:
    """Iterates over the facts that fit their chain, once; it stops for good at the first that does not.

    Afterwards `walk` says what was wrong (`problem`, `seq`), how many fit (`count`), the newest signed one (`sure`), the newest head that
    agrees (`newest`) and how many facts no signature covers (`unsigned`). Facts of an exported file that are sealed are walked, not handed on.
    """

    def __init__(self, reading: Reading, walk: FactWalk, *, sealed: bool = False, upto: int = MOST) -> None:
        self.walk = walk
        self._reading, self._sealed, self._upto = reading, sealed, upto

    def __iter__(self) -> Iterator[Fact]:
        for as_kept, fact in self._all():
            linked = as_kept
            if fact is not None and fact_link(self.walk.prev, as_kept.digest) != as_kept.hash:
                linked = Linked(fact.seq, fact_digest(fact), fact.hash)  # its text may be written otherwise, with the same content
            if not self.walk.feed(linked):
                break
            if fact is not None:
                yield fact
        self.walk.finish()

    def _all(self) -> Iterator[tuple[Linked, Fact | None]]:
        since = self.walk.began + 1 if self.walk.began or self._sealed else LEAST  # whatever stands before fact 1 is none of ours
        while True:
            sql = _WITH_SEALED if self._sealed else f"{FACTS} where seq >= ?1 and seq <= ?3 order by seq limit ?2"
            with self._reading() as db:
                found = [linked_of(row) for row in within(db.execute(sql, (since, PAGE, self._upto)), PAGE_BYTES)]
            if not found:
                return
            yield from found
            since = found[-1][0].seq + 1  # the walk has seen that it goes on


def within(rows: Iterable[Sequence[Any]], room: int) -> Iterator[Sequence[Any]]:
    """Rows until they hold `room` bytes of text and bodies; at least one, if there is one."""
    for row in rows:
        yield row
        room -= sum(len(value) for value in row if isinstance(value, str | bytes))
        if room <= 0:
            return


def at_start(db: sqlite3.Connection, public: bytes) -> Chained:
    """The facts of the ledger that `db` has open, with the newest head as the key with these 32 public bytes signed it.

    A head of another key, and one whose signature is false, covers nothing.
    """
    newest = [head_of(row) for row in db.execute(f"{HEADS} order by id desc limit 1").fetchall()]
    return Chained(lambda: nullcontext(db), FactWalk(newest, trusted=public))


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a ledger went at one moment: it may go on while it is read, and its newest head may be replaced."""

    fact: int  # the newest, sealed ones too; 0 if there is none
    head: tuple[Any, ...] | None  # the newest, as its row (HEADS)

    @classmethod
    def now(cls, db: sqlite3.Connection, *, sealed: bool = False) -> "Moment":
        db.execute("begin")
        try:
            fact = db.execute("select max(seq) from facts").fetchone()[0] or 0
            if sealed:
                fact = max(fact, db.execute("select max(seq) from sealed").fetchone()[0] or 0)
            return cls(fact, db.execute(f"{HEADS} order by id desc limit 1").fetchone())
        finally:
            db.execute("commit")


def heads(reading: Reading, moment: Moment) -> Iterator[Head]:
    """Every signed head up to that moment in the order of signing, in short reads."""
    if moment.head is None:
        return
    after, newest = -NEWEST, moment.head[0]
    while True:
        with reading() as db:
            found = list(within(db.execute(f"{HEADS} where id > ? and id < ? order by id limit ?", (after, newest, PAGE)), PAGE_BYTES))
        for row in found or [moment.head]:
            if not max(after, 0) < row[0] < NEWEST:
                raise InvalidError(f"the heads of the ledger do not stand in order at number {row[0]}; it is damaged, or no recording of jitui")
            after = row[0]
            yield head_of(row)
        if not found:
            return


def head_of(row: Sequence[Any]) -> Head:
    """A row (HEADS) as a head; one that can't be read has no sessions and no signature."""
    _, facts_seq, link, at_us, sessions, key_id, sig = row
    if not (type(facts_seq) is int and isinstance(link, bytes) and isinstance(key_id, str) and isinstance(sig, bytes)):
        return Head(0, b"", 0, {}, str(key_id), b"")
    try:
        told: Mapping[str, Any] = json.loads(sessions)
        marks = {int(session): (int(frames), bytes.fromhex(head)) for session, (frames, head) in told.items()}
        if not 0 <= at_us < LATEST_US or any(not (0 < session < NEWEST and 0 <= frames < NEWEST) for session, (frames, _) in marks.items()):
            raise ValueError("a number is out of all range")  # noqa: TRY301 - as whatever else no head of ours holds
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        marks, sig = {}, b""
    return Head(facts_seq, link, at_us, marks, key_id, sig)


def linked_of(row: Sequence[Any]) -> tuple[Linked, Fact | None]:
    """A row (FACTS) as the chain sees it, and as a fact; of one that is sealed no fact.

    Of one that can't be a fact the digest of its text, which fits no chain.
    """
    if not row[2] and isinstance(row[3], bytes):
        return Linked(row[0], row[3], row[6]), None
    try:
        fact = checked(row)
    except ValueError:
        return Linked(row[0], sha256(repr(row).encode()).digest(), row[6]), None
    text = fact_text_as_kept(fact.seq, fact.at_us, fact.kind, fact.who, fact.subject, row[5])
    return Linked(fact.seq, sha256(text).digest(), fact.hash), fact


def checked(row: Sequence[Any]) -> Fact:
    """A row (FACTS) as a fact, every field of it looked at. Raises ValueError."""
    seq, at_us, kind, who, subject, what, link = row
    if not (type(seq) is int and type(at_us) is int and 0 < seq < NEWEST and 0 <= at_us < LATEST_US):
        raise ValueError(f"number {seq!r} or time {at_us!r} of a fact is out of all range")
    if not (isinstance(who, str) and isinstance(subject, str) and isinstance(what, str) and isinstance(link, bytes) and len(link) == len(FACTS_GENESIS)):
        raise ValueError(f"fact {seq} holds something of another type than was written")
    try:
        told = json.loads(what)
    except RecursionError as error:
        raise ValueError(f"fact {seq} is nested deeper than any fact is") from error
    if not isinstance(told, dict):
        raise ValueError(f"fact {seq} is no JSON object")  # noqa: TRY004 - as every other row that was tampered with
    return Fact(seq, at_us, Kind(kind), who, subject, told, link)
