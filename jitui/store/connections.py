"""Read-only connections to the files of one record: a live gateway's state folder, a bare copy of one, or one exported file.

Synchronous and thread-safe: call it with `asyncio.to_thread`. A connection is lent for one call of a few short reads, so that no reader pins the
log of a live gateway; a few idle ones are kept.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from jitui.store.folder import tape_numbers
from jitui.store.guard import WHOLE, ReadOnly, check_pages, damage, open_read_only, size_of
from jitui.store.keys import ledger_key
from jitui.store.ours import bundles, indexes, ledgers, logs, tapes
from jitui.values.errors import InvalidError, NotFoundError

UNREADABLE: Final = (ValueError, TypeError, KeyError, OverflowError, RecursionError)  # of a row that is not what was written
KEPT: Final = 12  # idle connections, each with three descriptors: a reader that pages through many tapes leaves no more behind


class Connections:
    """The files in `place`, opened as they are asked for. Raises NotFoundError if there is no ledger."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.single = place.is_file()  # one exported file: ledger and tape in one
        self.ledger = place if self.single else place / "ledger.db"
        self.log = place / "log.db"  # of a state folder; a ledger of an older version has none
        self.index = place / "index.db"  # of a state folder, derived
        self.unindexed = ""  # why the gateway builds none; empty: it does, or nobody says
        if not self.ledger.is_file():
            raise NotFoundError(f"no recordings in {place}; give a state folder, or a file made by: jitui export SESSION --format bundle")
        self._idle: dict[Path, list[ReadOnly]] = {}
        self._guard = threading.Lock()
        with self.reading(self.ledger) as db:
            if self.single and size_of(self.ledger) <= WHOLE:
                check_pages(db, self.ledger)

    @contextmanager
    def reading(self, path: Path) -> Iterator[sqlite3.Connection]:
        """A read-only connection to one of the files, for one call. Raises NotFoundError, InvalidError, ConfigurationError."""
        with reading_of(path):
            db, keep = self._borrow(path)
        try:
            db.begin_call()
            with reading_of(path):
                yield db
        except BaseException:
            db.close()
            raise
        if not (keep and db.inode == _inode(path)):  # of a tape that was removed, the bytes would stay on the disk
            db.close()
            return
        with self._guard:
            self._idle[path] = [*self._idle.pop(path, ()), db]  # at the end: used last
            if sum(map(len, self._idle.values())) > KEPT:
                oldest = next(kept for kept in self._idle.values() if kept)
                oldest.pop(0).close()

    def _borrow(self, path: Path) -> tuple[ReadOnly, bool]:
        """A connection, and whether it may be kept."""
        with self._guard:
            kept, inode = self._idle.get(path, []), _inode(path)
            while kept:
                if (found := kept.pop()).inode == inode:
                    return found, True
                found.close()  # the index was deleted and built again, or another file was put there
        wanted = bundles if self.single else ledgers
        db, keep = open_read_only(path, wanted if path == self.ledger else {self.log: logs, self.index: indexes}.get(path, tapes))
        db.inode = inode
        return db, keep

    def facts_read(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection to the facts, for one short read."""
        return self.reading(self.ledger)

    def close(self) -> None:
        """Close idle connections; later calls open new ones."""
        with self._guard:
            for kept in self._idle.values():
                for db in kept:
                    db.close()
            self._idle.clear()

    def let_go(self, path: Path) -> None:
        """Close what is open of a file that was removed."""
        with self._guard:
            for db in self._idle.pop(path, ()):
                db.close()

    def tapes(self) -> list[Path]:
        """The tape files, oldest first."""
        if self.single:
            return [self.ledger]
        folder = self.place / "tapes"
        return [folder / f"{number:06d}.db" for number in tape_numbers(folder)]

    def check_facts(self) -> None:
        """Check that the index by which facts are found holds all of them: the end of a session that it lacks would not exist for a reader.

        Raises InvalidError.
        """
        with self.reading(self.ledger) as db:
            problem = damage(db, "facts")
        if problem:
            raise InvalidError(f"{self.ledger} is damaged, or was altered page by page ({problem}); nothing of it is believed")

    def keys(self) -> dict[str, bytes]:
        """The public keys (32 raw bytes) that lie in the files, by key id: to be noted elsewhere and given to `verify` later."""
        with self.reading(self.ledger) as db:
            return dict(db.execute("select key_id, public from keys order by key_id limit 1000").fetchall())

    def signing_key(self) -> bytes:
        """The public key of a state folder, or the one that signed last. Raises NotFoundError, UnsafeError."""
        own = b"" if self.single else self.own_key()
        with self.reading(self.ledger) as db:
            row = db.execute("select public from heads join keys using (key_id) order by heads.id desc limit 1").fetchone()
        if not own and (row is None or not isinstance(row[0], bytes) or len(row[0]) != 32):
            raise NotFoundError(f"no key that signs lies in {self.place}")
        return own or bytes(row[0])

    def own_key(self) -> bytes:
        """The 32 public bytes of the key in a state folder; empty if it is not there, or not readable by this user. Raises UnsafeError."""
        path = self.place / "keys" / "ledger.ed25519"
        try:
            return ledger_key(path, make=False).public if path.is_file() and os.access(path, os.R_OK) else b""
        except PermissionError:
            return b""


def _inode(path: Path) -> int:
    """The file that a path leads to; 0: none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


@contextmanager
def reading_of(path: Path) -> Iterator[None]:
    """Turn an error of SQLite, or a value that can't stand in the file, into InvalidError that names the file."""
    try:
        yield
    except (sqlite3.Error, *UNREADABLE) as error:
        why = "a query takes more steps than a file of this size needs" if "interrupted" in str(error) else str(error) or type(error).__name__
        raise InvalidError(f"{path} can't be read ({why}); it is damaged, or no recording of jitui") from error
