"""The transparency log's file, log.db: leaves, the hashes of the tree over them, and signed checkpoints with the cosignatures and time stamps that others gave.

It is made from the ledger's signed heads, behind them, by a thread that nobody waits for. A log that does not fit its ledger is not gone on with:
whoever saw its checkpoints would be shown another past.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from jitui.recording.facts import Kind, LogBegun
from jitui.recording.tlog import tree
from jitui.recording.tlog.checkpoint import Checkpoint, checkpoint_of
from jitui.recording.tlog.leaf import FactsLeaf, SessionLeaf, leaf_of
from jitui.recording.tlog.note import ED25519, Key, Note, Signature, parse, sign, verified
from jitui.recording.tlog.stamp import Stamp
from jitui.store.chained import FACTS, HEADS, Reading, checked, head_of
from jitui.store.folder import Folder
from jitui.store.keys import LedgerKey
from jitui.store.schema import LOG, open_newest
from jitui.store.tapes import empty_wal, roll_back
from jitui.values.errors import BrokenError, UnrecordableError

HEADS_AT_ONCE: Final = 1000
LOG_PAGES: Final = 1000  # of SQLite, in the file's own log before they are copied
ANEW: Final = "move it away to begin another log, under another name, which a fact tells of"
_COUNTED: Final = (Kind.GRANT_STARTED, Kind.SESSION_OPENED, Kind.SESSION_ENDED, Kind.TAPE_OPENED)


def begun(reading: Reading) -> list[str]:
    """The origins of the logs over a ledger, as its facts tell, the newest last."""
    with reading() as db:
        rows = db.execute(f"{FACTS} where subject = 'log.db' and kind = ? order by seq limit 1000", (Kind.LOG_BEGUN.value,)).fetchall()
    return [LogBegun.of(checked(row)).origin for row in rows]


class MerkleLog:
    """log.db, open for writing. Each call has it alone. Raises BrokenError, ConfigurationError, InvalidError, UnrecordableError."""

    def __init__(self, folder: Folder, key: LedgerKey) -> None:
        self.path = folder.log
        self._key = key
        self._alone = threading.Lock()
        folder.log.touch(0o600)
        with self._writable():
            self._db = open_newest(self.path, LOG)
            self._open()

    def _open(self) -> None:
        try:
            self._db.execute(f"pragma wal_autocheckpoint={LOG_PAGES}")
            row = self._db.execute("select origin, heads from about where id = 1").fetchone()
            self.origin: str = row[0] if row else ""
            self._heads: int = row[1] if row else 0
            (self.size,) = self._db.execute("select count(*) from leaves").fetchone()
            self._check()
        except BaseException:
            self._db.close()
            raise

    def _check(self) -> None:
        newest = self._newest()
        told = checkpoint_of(newest.text) if newest else None
        (kept,) = self._db.execute("select count(*) from hashes").fetchone()
        if kept != tree.kept(self.size) or (told.size if told else 0) != self.size or (told and told.root != tree.root(self.size, self.hash_at)):
            raise BrokenError(f"{self.path} is broken: its leaves, hashes and newest checkpoint are not of one tree; restore it from a copy, or {ANEW}")
        if newest and self.key not in verified(newest, [self.key]):
            raise BrokenError(f"{self.path} is of another log: its newest checkpoint is not signed by {self.key}; restore the one of this folder, or {ANEW}")

    @property
    def key(self) -> Key:
        """The verifier key of the log, as a policy names it."""
        return Key(self.origin, ED25519, self._key.public)

    def new_origin(self, before: Sequence[str]) -> str:
        """The name of the next log over this ledger; there have been these. A name is never used again, as witnesses remember what they saw of it."""
        return f"jitui/{self._key.id}" + (f"/{len(before) + 1}" if before else "")

    def begin(self, origin: str) -> None:
        """Give the empty log its name, once a fact tells of it."""
        with self._writable():
            self._db.execute("insert into about values(1, ?, 0)", (origin,))
        self.origin = origin

    def advance(self, reading: Reading) -> Note | None:
        """Add leaves for what the ledger signed since the last time, and sign a checkpoint; None if that is nothing.

        At most HEADS_AT_ONCE heads: call it again until it gives None. Raises BrokenError if the ledger does not go on from where the log stands.
        """
        with self._alone, self._writable():
            return self._advance(reading)

    def _advance(self, reading: Reading) -> Note | None:
        last = self._last()
        with reading() as db, _at_once(db):
            found = db.execute(f"{HEADS} where id > ? and sessions <> '{{}}' order by id limit ?", (self._heads, HEADS_AT_ONCE)).fetchall()
            newest = found[-1] if len(found) == HEADS_AT_ONCE else db.execute(f"{HEADS} order by id desc limit 1").fetchone()
            head = head_of(newest) if newest else None
            if head is None or (not found and head.facts_seq == last.seq):
                self._must_go_on(db, last)
                return None
            self._must_go_on(db, last)
            counts = dict(db.execute(f"select kind, count(*) from facts where seq > ? and seq <= ? and kind in ({','.join('?' * len(_COUNTED))}) group by kind",  # noqa: S608
                                     (last.seq, head.facts_seq, *(kind.value for kind in _COUNTED))))
        sessions: dict[int, SessionLeaf] = {}
        for each in map(head_of, found):
            sessions |= {session: SessionLeaf(session, frames, link.hex(), each.facts_seq) for session, (frames, link) in each.sessions.items()}
        with self._writing() as db:
            grown = sum(self._add_session(db, leaf) for leaf in sessions.values())
            more = [counts.get(kind.value, 0) for kind in _COUNTED]
            self._add(db, FactsLeaf(head.facts_seq, head.hash.hex(), head.at_us, grants=last.grants + more[0], sessions=last.sessions + more[1],
                                    ended=last.ended + more[2], tapes=last.tapes + more[3], frames=last.frames + grown).text)
            heads = found[-1][0] if found else self._heads
            db.execute("update about set heads = ?", (heads,))
            text = Checkpoint(self.origin, self.size, tree.root(self.size, self.hash_at)).text
            note = sign(text, self.origin, self._key.public, self._key.sign)
            # an older one that no witness saw proves nothing that this one does not
            db.execute("delete from checkpoints where size not in (select size from cosignatures union select size from stamps)")
            db.execute("insert into checkpoints values(?, ?)", (self.size, str(note)))
        self._heads = heads
        return note

    def _must_go_on(self, db: sqlite3.Connection, last: FactsLeaf) -> None:
        row = db.execute("select hash from facts where seq = ?", (last.seq,)).fetchone()
        if last.seq and (row is None or row[0].hex() != last.hash):
            raise BrokenError(f"the log knows fact {last.seq} of this ledger, and it is {'another' if row else 'gone'}: the ledger was set back or exchanged; "
                              f"nothing is added to {self.path}; restore the ledger, or {ANEW}")

    def _last(self) -> FactsLeaf:
        """The newest leaf of facts: the last one of each checkpoint."""
        row = self._db.execute("select text from leaves where n = ?", (self.size - 1,)).fetchone()
        leaf = leaf_of(row[0]) if row else FactsLeaf(0, "0" * 64, 0, 0, 0, 0, 0, 0)
        if not isinstance(leaf, FactsLeaf):
            raise BrokenError(f"{self.path} is broken: it does not end with a leaf of facts; restore it from a copy, or {ANEW}")
        return leaf

    def _add_session(self, db: sqlite3.Connection, leaf: SessionLeaf) -> int:
        """The number of frames that a session has more than its leaf before."""
        row = db.execute("select frames from tips where session = ?", (leaf.session,)).fetchone()
        db.execute("insert or replace into tips values(?, ?, ?)", (leaf.session, self.size, leaf.frames))
        self._add(db, leaf.text)
        return leaf.frames - (row[0] if row else 0)

    def _add(self, db: sqlite3.Connection, text: str) -> None:
        hashes = tree.appended(self.size, tree.leaf_hash(text.encode()), self.hash_at)
        db.execute("insert into leaves values(?, ?)", (self.size, text))
        db.executemany("insert into hashes values(?, ?)", enumerate(hashes, tree.kept(self.size)))
        self.size += 1

    def hash_at(self, place: int) -> bytes:
        row = self._db.execute("select hash from hashes where n = ?", (place,)).fetchone()
        if row is None:
            raise BrokenError(f"{self.path} is broken: hash {place} of its tree is missing; restore it from a copy, or {ANEW}")
        return bytes(row[0])

    def newest(self) -> Note | None:
        """The newest checkpoint; None before the first."""
        with self._alone, self._writable():
            return self._newest()

    def _newest(self) -> Note | None:
        row = self._db.execute("select note from checkpoints order by size desc limit 1").fetchone()
        return parse(row[0]) if row else None

    def consistency(self, old: int, size: int) -> list[bytes]:
        """The proof for a witness that saw `old` leaves. Raises ValueError if the log never was that large."""
        with self._alone:
            return tree.consistency(old, size, self.hash_at)

    def seen(self, size: int, given: Sequence[Signature | Stamp]) -> None:
        """Keep the cosignatures and time stamps of the checkpoint of that size."""
        lines = [(str(each), size) for each in given if isinstance(each, Signature)]
        stamps = [(each.answer, size) for each in given if isinstance(each, Stamp)]
        with self._alone, self._writable(), self._writing() as db:
            db.executemany("insert or ignore into cosignatures select size, ? from checkpoints where size = ?", lines)
            db.executemany("insert or ignore into stamps select size, ? from checkpoints where size = ?", stamps)

    @contextmanager
    def _writable(self) -> Iterator[None]:
        """Turn an error of SQLite into UnrecordableError, which names the file."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise UnrecordableError(f"{self.path} can't be read or written ({error}); make room there, or {ANEW}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; what it did not write is forgotten here too."""
        before = self.size
        self._db.execute("begin immediate")
        try:
            yield self._db
            self._db.execute("commit")
        except BaseException:
            roll_back(self._db)
            self.size = before
            raise

    def close(self) -> None:
        with self._alone:
            empty_wal(self._db)
            self._db.close()


@contextmanager
def _at_once(db: sqlite3.Connection) -> Iterator[None]:
    """All that is read inside is of one moment."""
    db.execute("begin")
    try:
        yield
    finally:
        db.execute("commit")
