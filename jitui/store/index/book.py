"""The file index.db for its one writer. It is derived: one that is broken, not ours, or of another version is deleted, and a new one begun."""

import os
import re
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jitui.recording.keyframe import Keyframe
from jitui.store.guard import check_pages, check_tables, harden
from jitui.store.index.blocks import Block, Opened, Source
from jitui.store.ours import indexes
from jitui.store.schema import INDEX
from jitui.values.errors import JituiError
from jitui.values.private_file import create_private

FORM: Final = "1"  # of blocks and keyframes
HUMPS: Final = re.compile(r"([A-Z])(?<=[a-z0-9].)(?=([a-z][^\W_]*))")  # LoopBackOff, BackOff and Off of CrashLoopBackOff begin words, too
LARGEST: Final = 4 << 30  # bytes of blocks and states, beside which the index of words takes half as much again; the oldest go then
DROPPED: Final = 256  # blocks that go at once


@dataclass(slots=True)
class Cursor:
    """How far the book reaches into one session."""

    session: int
    seq: int = -1  # every frame up to it is in blocks
    keyed: int = -1  # every keyframe up to it is there
    over: bool = False  # its end is taken up
    problem: str = ""  # why its frames can't be read


@dataclass(frozen=True, slots=True)
class Of:
    """The session and the agent that a text is of."""

    session: int  # 0: of a denial
    identity: str
    connection: str
    kind: str


class Book:
    """Used by one thread at a time."""

    def __init__(self, path: Path, made_by: str = "", largest: int = LARGEST) -> None:
        """`made_by`: the version of what makes keyframes; those of another one are not read. Raises OSError, sqlite3.Error, UnsafeError."""
        self.path, self.word = path, ""  # why it was begun again
        self._made_by, self._largest = f"{FORM} {made_by}", largest
        try:
            self._db = self._open()
        except (JituiError, sqlite3.Error, ValueError, TypeError) as error:
            self.word = f"{path} was begun again: {error}"
            remove(path)
            self._db = self._open()
        self._inode = path.stat().st_ino
        self._grown = 0  # bytes, in this commit
        (self._next,) = self._db.execute("select coalesce(max(id), 0) + 1 from blocks").fetchone()

    def _open(self) -> sqlite3.Connection:
        new = not self.path.is_symlink() and not self.path.exists()
        if new:
            remove(self.path)  # a log without its file
            os.close(create_private(self.path))
        elif not ordinary(self.path):
            raise ValueError("it is no ordinary file of ours alone")
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
        try:
            for setting in ("page_size=8192", "journal_mode=wal", "synchronous=normal", "temp_store=memory", "cache_size=-16000", "secure_delete=off",
                            "journal_size_limit=16777216"):
                db.execute(f"pragma {setting}")
            harden(db)
            if new:
                db.executescript("\n".join(["begin immediate;", *INDEX, f"pragma user_version = {len(INDEX)};"]))
                db.execute("insert into about values(1, ?, 0, 0, 0)", (self._made_by,))
                db.execute("commit")
            else:
                check_tables(db, self.path, indexes)
                check_pages(db, self.path, quick=True)
                self._check_version(db)
        except BaseException:
            db.close()
            raise
        return db

    def _check_version(self, db: sqlite3.Connection) -> None:
        found = db.execute("select made_by from about").fetchall()
        if found != [(self._made_by,)]:
            raise ValueError("another version made it")

    @property
    def there(self) -> bool:
        """Whether the file is still the one that was opened: anybody may delete it."""
        with suppress(OSError):
            return self.path.stat().st_ino == self._inode
        return False

    def over(self) -> set[int]:
        """The sessions that it holds whole."""
        return {ident for (ident,) in self._db.execute("select id from sessions where over = 1")}

    def cursor(self, session: int) -> Cursor:
        row = self._db.execute("select seq, keyed, over, problem from sessions where id = ?", (session,)).fetchone()
        return Cursor(session, row[0], row[1], bool(row[2]), row[3]) if row else Cursor(session)

    def keyframe(self, session: int, upto: int) -> Keyframe | None:
        """The newest one up to that seq."""
        row = self._db.execute(f"{KEYFRAMES} where session = ? and seq <= ? order by seq desc limit 1", (session, upto)).fetchone()
        return keyframe_of(row) if row else None

    @property
    def actions(self) -> int:
        """The id of the newest action in it."""
        (found,) = self._db.execute("select actions from about").fetchone()
        return int(found)

    def put(self, of: Of, blocks: Iterable[Block], cursor: Cursor, keyframes: Sequence[Keyframe] = ()) -> None:
        """Text and keyframes of a session, and how far they reach."""
        with self._commit():
            self._blocks(of, blocks)
            self._hold(sum(len(key.state) for key in keyframes))
            self._db.executemany("insert or replace into keyframes values(?, ?, ?, ?, ?, ?, ?, ?, ?)", (
                (cursor.session, key.seq, key.at_us, key.columns, key.lines, key.newline, key.clean, key.tail, key.state) for key in keyframes))
            self._db.execute("insert or replace into sessions values(?, ?, ?, ?, ?)",
                             (cursor.session, cursor.seq, cursor.keyed, cursor.over, cursor.problem[:500]))

    def put_actions(self, several: Iterable[tuple[Of, Block]], upto: int) -> None:
        """The words of actions, and the id of the newest."""
        with self._commit():
            for of, block in several:
                self._blocks(of, [block])
            self._db.execute("update about set actions = ?", (upto,))

    def cut(self, session: int, seq: int) -> None:
        """Take out the keyframes of a session from this seq on: the client did not get what they show."""
        with self._commit():
            self._cut(session, seq)

    def _cut(self, session: int, seq: int = 0) -> None:
        (size,) = self._db.execute("select coalesce(sum(length(state)), 0) from keyframes where session = ? and seq >= ?", (session, seq)).fetchone()
        self._db.execute("delete from keyframes where session = ? and seq >= ?", (session, seq))
        self._hold(-size)

    def _hold(self, size: int) -> None:
        """So many bytes came; they are counted once, with the commit: each such step would make FTS5 write down the words that it has gathered."""
        self._grown += size

    def _blocks(self, of: Of, blocks: Iterable[Block]) -> None:
        for block in blocks:
            text, lines = block.packed()
            self._hold(len(text) + len(lines))
            last_us = max(moment.at_us for moment in block.moments)
            self._db.execute("insert into blocks values(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             (self._next, of.session, int(block.source), of.identity, of.connection, of.kind, last_us, text, lines))
            self._db.execute("insert into words(rowid, text) values(?, ?)", (self._next, indexed(block.whole)))
            self._next += 1

    def forget(self, session: int) -> None:
        """Take out everything of a session but its actions: a tape that it was on was retired."""
        with self._commit():
            rows = self._db.execute("select id, session, text, lines from blocks where session = ? and source <> ?", (session, int(Source.ARGV))).fetchall()
            self._take_out(rows)
            self._cut(session)
            self._db.execute("insert or replace into sessions values(?, -1, -1, 1, 'its tapes were retired')", (session,))

    def _take_out(self, rows: Iterable[tuple[int, int, bytes, bytes]]) -> None:
        for ident, session, text, lines in rows:
            self._db.execute("insert into words(words, rowid, text) values('delete', ?, ?)", (ident, indexed(Opened(text, lines).text)))
            self._db.execute("delete from blocks where id = ?", (ident,))
            self._hold(-len(text) - len(lines))
            self._cut(session)

    def shrink(self) -> bool:
        """Let the oldest blocks and the keyframes of their sessions go, if there is as much as there may be; whether there was."""
        (held,) = self._db.execute("select held from about").fetchone()
        if held < self._largest:
            return False
        rows = self._db.execute("select id, session, text, lines from blocks order by id limit ?", (DROPPED,)).fetchall()
        with self._commit():
            self._take_out(rows)
            self._db.execute("update about set dropped = ?", (rows[-1][0] if rows else 0,))
        return bool(rows)

    @contextmanager
    def _commit(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        self._grown = 0
        try:
            yield
            if self._grown:
                self._db.execute("update about set held = held + ?", (self._grown,))
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise

    def close(self) -> None:
        self._db.close()


KEYFRAMES: Final = "select seq, at_us, columns, lines, newline, clean, tail, state from keyframes"


def keyframe_of(row: Sequence[object]) -> Keyframe:
    """A row (KEYFRAMES). Raises ValueError if it is none."""
    seq, at_us, columns, lines, newline, clean, tail, state = row
    numbers = (seq, at_us, columns, lines)
    if not (all(type(number) is int for number in numbers) and isinstance(tail, bytes) and isinstance(state, bytes)):
        raise ValueError("a keyframe is none: it holds something of another type")
    return Keyframe(*numbers, bool(newline), bool(clean), tail, state)  # type: ignore[arg-type]


def indexed(text: str) -> str:
    """A block's text as it goes into the index of words: the words that begin inside of others once more, behind it."""
    return f"{text}\n{' '.join(sorted({first + rest for first, rest in HUMPS.findall(text)}))}"


def ordinary(path: Path) -> bool:
    """Whether it is a file of ours alone, and no link."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1


def remove(path: Path) -> None:
    """Delete the file and the logs beside it; a link, not where it leads."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
