"""The facts, believed: read along their chain, covered by the newest signature of the key that is here, and folded anew.

The gateway starts from what comes out here, and from nothing else that lies in ledger.db. The chain has no key in it, so anybody
can append to it; a fact therefore counts only if a head signed by the key in the state folder covers it.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jitui.recording.chain import FACTS_GENESIS
from jitui.recording.facts import Fact, Kind, LedgerRepaired, TapeOpened, TokenIssued
from jitui.store.chained import NEWEST, Chained, at_start
from jitui.store.fold import fold
from jitui.store.keys import LedgerKey
from jitui.store.schema import FOLDED, FOLDED_TABLES
from jitui.values.errors import BrokenError, InvalidError

SIGNED_WHOLE: Final = 2  # tables of this number and later: every commit of facts is signed in its own transaction
CACHE_KIB: Final = 64 << 10  # of the folded tables; what is more lies in an unnamed temporary file


@dataclass(slots=True)
class Checked:
    """The state that the facts tell of. Close it."""

    tables: sqlite3.Connection  # the tables of schema.FOLDED, made of the facts
    seq: int = 0  # of the newest fact
    hash: bytes = FACTS_GENESIS
    at_us: int = 0  # when the newest fact was written, UTC; 0 if there is none
    newest_us: int = 0  # the latest time of any fact since the clock was last seen to go back, UTC; 0 if there is none
    signed: int = 0  # up to this fact a signature of the key covers them
    written_for: int = 1  # the highest number of tables that a fact tells of
    adopted: tuple[int, bytes] = (0, b"")  # seq and hash of the fact that took the tokens of an older version over; 0 if there is none

    def follow(self, facts: Iterable[Fact]) -> None:
        """Take in facts that this process just committed, with their signature."""
        for fact in facts:
            self.feed(fact)
            self.signed = fact.seq

    def feed(self, fact: Fact) -> None:
        """Take in one more fact, which fits the chain behind the last. Raises InvalidError, sqlite3.IntegrityError if it can't be folded."""
        self.seq, self.hash, self.at_us = fact.seq, fact.hash, fact.at_us
        self.newest_us = fact.at_us if fact.kind is Kind.CLOCK_WENT_BACK else max(self.newest_us, fact.at_us)
        fold(self.tables, fact)
        if fact.kind is Kind.TAPE_OPENED:
            self.written_for = max(self.written_for, TapeOpened.of(fact).tables)
        elif fact.kind is Kind.LEDGER_REPAIRED:
            self.written_for = max(self.written_for, LedgerRepaired.of(fact).tables)
        elif fact.kind is Kind.TOKENS_ADOPTED:
            self.written_for = max(self.written_for, SIGNED_WHOLE)
            self.adopted = (fact.seq, fact.hash)
        elif fact.kind is Kind.TOKEN_ISSUED and TokenIssued.of(fact).sha256 is not None:
            self.written_for = max(self.written_for, SIGNED_WHOLE)
        elif fact.kind is Kind.SSH_KEY_ADDED:
            self.written_for = max(self.written_for, FOLDED["ssh_keys"])
        elif fact.kind in {Kind.TAPE_RETIRED, Kind.TAPES_HELD, Kind.TAPES_RELEASED}:
            self.written_for = max(self.written_for, FOLDED["retired"])

    def close(self) -> None:
        self.tables.close()


def scratch(more: str = "") -> sqlite3.Connection:
    """The tables of schema.FOLDED, empty, and those that `more` makes, in a temporary file without a name; a transaction has begun in it."""
    db = sqlite3.connect("", isolation_level=None, check_same_thread=False, cached_statements=256)
    db.execute(f"pragma cache_size=-{CACHE_KIB}")
    db.executescript(FOLDED_TABLES + more)
    db.execute("begin")
    return db


def check(db: sqlite3.Connection, key: LedgerKey) -> Checked:
    """Walk over every fact of an open ledger. Raises BrokenError, which says what is broken, and at which fact."""
    tables = scratch()
    checked = Checked(tables)
    facts = at_start(db, key.public)
    try:
        for fact in facts:
            checked.feed(fact)
        tables.execute("commit")
        checked.signed = facts.walk.sure
        _must_hold(db, facts, checked, key)
    except BaseException as error:
        tables.close()
        if isinstance(error, InvalidError):  # which names the fact
            raise BrokenError(str(error)) from error
        if isinstance(error, sqlite3.IntegrityError | ValueError):
            raise BrokenError(f"fact {checked.seq} can't be folded: {error}") from error
        if isinstance(error, sqlite3.DataError):
            raise BrokenError(f"what stands behind fact {checked.seq} can't be read: {error}") from error
        raise
    return checked


def _must_hold(db: sqlite3.Connection, facts: Chained, checked: Checked, key: LedgerKey) -> None:
    walk = facts.walk
    if walk.problem:
        row = db.execute("select kind from facts where seq = ?", (walk.seq,)).fetchone()
        if row and row[0] not in set(Kind):
            raise BrokenError(f"fact {walk.seq} is of a kind that this version of jitui does not know: {row[0]!r:.60}")
        raise BrokenError(walk.problem)
    if not checked.seq:
        return
    newest = db.execute("select facts_seq, key_id, id from heads order by id desc limit 1").fetchone()
    if newest is None:
        raise BrokenError(f"none of its {checked.seq} facts is signed")
    if newest[2] >= NEWEST:
        raise BrokenError(f"its newest head has the number {newest[2]}, which jitui never gave, and which leaves none for the next")
    if walk.newest is None:
        other = f"by key {newest[1]!r:.40}, and the key in its folder is {key.id}" if newest[1] != key.id else f"and that is no signature of key {key.id}"
        raise BrokenError(f"it was signed last at fact {newest[0]}, {other}")
