"""The tapes: the only place of bodies. One multi-row INSERT a commit; the chain is computed here, in the writer thread.

A tape is one SQLite file, a new one each day or `limit` bytes. What the chains were goes along as `carried`.
Spans (where a session's frames are) are derived and written once a `RUN` of rows, inside a commit that happens anyway.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import zstandard

from jitui.recording.chain import GENESIS, link_of
from jitui.recording.frame import COST, LARGEST, TO_CLIENT, TO_UPSTREAM, Frame
from jitui.store.folder import Folder
from jitui.store.keys import ANEW
from jitui.store.schema import TAPE, TAPE_PAGE, connect, open_newest
from jitui.values.errors import BrokenError, UnrecordableError

_new: Final = tuple.__new__  # without the Python function of a NamedTuple
ZSTD: Final = 1  # flag: the body is stored as one zstd frame
ZSTD_FROM: Final = 1024  # bytes
DENSE: Final = 8  # bodies: encrypted and compressed data is tried whole again so often
SAMPLE: Final = 1024  # bytes of a body that tell whether it is such data: 5 us, where the whole of 64 KiB takes 20
RUN: Final = 2048  # rows between two writings of spans
COLUMNS: Final = 8  # of a row of frames, its id not counted
COPIED: Final = 4096  # bytes; sqlite3 looks in vain for an adapter for each `bytes`, but not for a bytearray: up to this size the copy is cheaper
ROWS: Final = 64  # rows of one INSERT; statements of that size are worth caching
DAY_US: Final = 86_400_000_000
NEWEST: Final = 1 << 62  # above every row and session
RESTORE: Final = f"nothing was started; restore it from a copy, or go on with a new ledger beside it: {ANEW}"
_INTO: Final = "insert into frames(session, seq, at_us, conn, channel, flags, hash, body) values "
INSERTS: Final = tuple(_INTO + ",".join(["(?,?,?,?,?,?,?,?)"] * rows) for rows in range(ROWS + 1))


class Chain(NamedTuple):
    """Where the record of a session stands: so many frames, the link of the last one, bytes of either direction. A tuple, as one is made for each put."""

    frames: int
    head: bytes
    bytes_in: int
    bytes_out: int


def start_of(session: int) -> Chain:
    return Chain(0, GENESIS(session), 0, 0)


class _Batch:
    """The rows of one commit, as one flat list, and what they change."""

    __slots__ = ("chains", "runs", "size", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.chains: dict[int, Chain] = {}
        self.runs: dict[int, list[int]] = {}  # session -> seq and at_us of its first frame here, where its first and last row begin in `values`
        self.size = 0  # bytes of bodies


class Tapes:
    """The newest tape, open for writing. Used by one thread at a time."""

    def __init__(self, folder: Folder, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self.chains: dict[int, Chain] = {}  # of sessions that are not ended
        self.changed: set[int] = set()  # sessions with frames since the last signed head
        self.highest_session = 0  # on this tape
        self.number = 0
        self.path = folder.tape(0)
        self.opened_us = 0
        self.written = 0  # body bytes since open, uncompressed
        self._closed: set[int] = set()  # sessions that ended without a frame; of others the gap tells
        self._db: sqlite3.Connection | None = None
        self._file, self._inode = "", 0
        self._size = 0
        self._rows = 0  # of the current run
        self._run: dict[int, list[int]] = {}  # session -> first seq, its at_us, first and last row id
        self._dense: dict[int, int] = {}  # session -> bodies in a row that zstd does not make smaller
        self._pack = zstandard.ZstdCompressor(level=1).compress

    @property
    def db(self) -> sqlite3.Connection:
        if self._db is None:
            raise UnrecordableError("no tape is open; the store was closed")
        return self._db

    def open(self, now_us: int) -> bool:
        """Open the newest tape, or make the first; True if it was made. Raises sqlite3.Error, ConfigurationError."""
        numbers = self.folder.tape_numbers()
        made = not numbers
        if made:
            self._make(1)
        self._use(numbers[-1] if numbers else 1, now_us)
        for number in numbers[:-1]:
            path = self.folder.tape(number)
            if path.with_name(f"{path.name}-wal").exists():
                close_for_good(connect(path))
        return made

    def _make(self, number: int) -> None:
        """A new tape with what is carried, complete or not there at all."""
        draft = self.folder.tapes / f"{number:06d}.part"
        for path in self.folder.tapes.glob(f"{draft.name}*"):
            path.unlink()
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        db = open_newest(draft, TAPE, TAPE_PAGE)
        try:
            db.execute("begin")
            db.executemany("insert into carried values(?, ?, ?, ?, ?)",
                           [(session, chain.frames, chain.head, chain.bytes_in, chain.bytes_out) for session, chain in self.chains.items()])
            db.execute("commit")
        finally:
            db.close()
        draft.rename(self.folder.tape(number))
        sync_folder(self.folder.tapes)

    def _use(self, number: int, now_us: int) -> None:
        path = self.folder.tape(number)
        db = open_newest(path, TAPE)
        self._db, self.number, self.path, self.opened_us = db, number, path, now_us
        found = path.stat()
        self._file, self._inode, self._size = str(path), found.st_ino, found.st_size
        self._rows, self._run = 0, {}

    def full(self, now_us: int) -> bool:
        """Is it time for a new tape: another day (UTC), or the limit reached."""
        return self.over_limit or now_us // DAY_US > self.opened_us // DAY_US

    def rotate(self, now_us: int) -> str:
        """Close this tape for good and go on in a new one; its name. On an error the old one stays in use."""
        self.write_spans()
        self._make(self.number + 1)
        old = self.db
        self._use(self.number + 1, now_us)
        close_for_good(old)
        return self.path.name

    def append(self, groups: Sequence[Sequence[Frame]]) -> list[Exception | None]:
        """Commit all groups at once; None, or why that group is not among them. Raises sqlite3.Error, OSError: then nothing is on record."""
        batch = _Batch()
        results = [self._stage(group, batch) for group in groups]
        if batch.values:
            rows = len(batch.values) // COLUMNS
            self._committed(batch, self._insert(batch.values, rows), rows)
        return results

    def _stage(self, group: Sequence[Frame], batch: "_Batch") -> Exception | None:
        """Make the rows of a group, and follow its chains. A session's frames have no gaps: a group with one that does not follow the last gets no row."""
        values = batch.values
        begins, chains, runs = len(values), batch.chains, batch.runs
        mine: dict[int, Chain] = {}
        spans: dict[int, list[int]] = {}
        span: list[int] = []
        session, total = -1, 0
        count, head, bytes_in, bytes_out = 0, b"", 0, 0
        for ident, seq, at_us, conn, channel, body in group:
            if ident != session:
                if session >= 0:
                    mine[session] = _new(Chain, (count, head, bytes_in, bytes_out))
                    span[3] = len(values) - COLUMNS
                session = ident
                count, head, bytes_in, bytes_out = mine.get(ident) or chains.get(ident) or self.chains.get(ident) or start_of(ident)
                span = spans.setdefault(ident, [seq, at_us, len(values), 0])
            if seq != count or (not seq and ident in self._closed):
                del values[begins:]
                return self._misfit(ident, seq, count)
            size = len(body)
            head = link_of(head, ident, seq, at_us, conn, channel, body)
            count += 1
            total += size
            if channel in TO_CLIENT:
                bytes_out += size
            elif channel in TO_UPSTREAM:
                bytes_in += size
            if size < ZSTD_FROM:
                values += (ident, seq, at_us, conn, int(channel), 0, bytearray(head), bytearray(body))
                continue
            packed = self._packed(ident, body)
            stored = packed or body
            values += (ident, seq, at_us, conn, int(channel), ZSTD if packed else 0, bytearray(head), bytearray(stored) if len(stored) <= COPIED else stored)
        if session >= 0:
            mine[session] = _new(Chain, (count, head, bytes_in, bytes_out))
            span[3] = len(values) - COLUMNS
        chains.update(mine)
        batch.size += total
        for ident, span in spans.items():
            before = runs.setdefault(ident, span)
            before[3] = span[3]
        return None

    def _misfit(self, session: int, seq: int, count: int) -> Exception:
        if not count and session in self._closed:
            return UnrecordableError(f"s-{session} has ended; nothing more of it can be recorded")
        return UnrecordableError(f"frame {seq} of s-{session} does not follow the {count} on record; it can't be recorded")

    def _packed(self, session: int, body: bytes) -> bytes:
        """A body as one zstd frame; empty if it would not get smaller. In a session whose last one did not, a part is tried first, but for one in DENSE."""
        misses = self._dense.get(session, 0)
        if misses % DENSE and len(body) > SAMPLE:
            middle = (len(body) - SAMPLE) // 2
            if len(self._pack(body[middle : middle + SAMPLE])) > SAMPLE - SAMPLE // 16:
                self._dense[session] = misses + 1
                return b""
        packed = self._pack(body)
        if len(packed) < len(body) - len(body) // 16:
            self._dense.pop(session, None)
            return packed
        self._dense[session] = misses + 1
        return b""

    def _insert(self, values: list[Any], rows: int) -> int:
        """One transaction; the id of its first row."""
        self._check_there()
        db = self.db
        if rows <= ROWS and self._rows < RUN:
            return (db.execute(INSERTS[rows], values).lastrowid or 0) - rows + 1
        spans = self._rows >= RUN
        db.execute("begin immediate")
        try:
            if spans:
                self._insert_spans()
            done, last = 0, 0
            while done < rows:
                some = min(rows - done, ROWS)
                last = db.execute(INSERTS[some], values[done * COLUMNS : (done + some) * COLUMNS]).lastrowid or 0
                done += some
            db.execute("commit")
        except BaseException:
            roll_back(db)
            raise
        if spans:
            self._rows, self._run = 0, {}
        return last - rows + 1

    def _committed(self, batch: "_Batch", first: int, rows: int) -> None:
        """The rows of a batch are on record, from the id `first` on."""
        run = self._run
        for session, (seq, at_us, begins, ends) in batch.runs.items():
            span = run.get(session)
            if span is None:
                run[session] = [seq, at_us, first + begins // COLUMNS, first + ends // COLUMNS]
            else:
                span[3] = first + ends // COLUMNS
        self._rows += rows
        self._size += batch.size + COST * rows
        self.written += batch.size
        self.chains.update(batch.chains)
        self.changed.update(batch.chains)

    def _check_there(self) -> None:
        """SQLite goes on writing to a file that was deleted; we don't. Raises OSError."""
        if os.stat(self._file).st_ino != self._inode:  # noqa: PTH116 - three times as fast, once a commit
            raise OSError(f"{self.path} is not the file that was opened")

    def _insert_spans(self) -> None:
        rows = [(session, *span) for session, span in self._run.items()]
        if rows:
            first, last = min(row[3] for row in rows), max(row[4] for row in rows)
            rows.append((0, first, 0, first, last))
        self.db.executemany("insert or replace into spans values(?, ?, ?, ?, ?)", rows)

    def write_spans(self) -> None:
        """Write what is known of spans now: before a rotation, at the end, after a crash."""
        if not self._run:
            return
        self.db.execute("begin immediate")
        try:
            self._insert_spans()
            self.db.execute("commit")
        except BaseException:
            roll_back(self.db)
            raise
        self._rows, self._run = 0, {}

    def chain(self, session: int) -> Chain:
        """Where the record of a session that is not ended stands."""
        return self.chains.get(session) or start_of(session)

    def end(self, session: int) -> None:
        """Forget a session whose end is on record."""
        if self.chains.pop(session, None) is None:
            self._closed.add(session)
        self.changed.discard(session)
        self._dense.pop(session, None)

    @property
    def over_limit(self) -> bool:
        return self._size >= self.limit

    def recover(self) -> None:
        """Make the spans that a crash left unwritten, and see which session numbers are taken."""
        (highest,) = self.db.execute("select max(id) from frames").fetchone()
        if (highest or 0) >= NEWEST:
            raise BrokenError(f"{self.path} has a frame in row {highest}, where jitui put none, and which leaves no order for the next; {RESTORE}")
        covered = spanned(self.db)
        if covered > (highest or 0):  # of rows that are not there: spans are derived, and made anew
            self.db.execute("delete from spans")
            covered = 0
        for ident, session, seq, at_us in self.db.execute("select id, session, seq, at_us from frames where id > ? order by id", (covered,)):
            span = self._run.get(session)
            if span is None:
                self._run[session] = [seq, at_us, ident, ident]
            else:
                span[3] = ident
        with suppress(sqlite3.OperationalError):  # on a full disk: they are written later
            self.write_spans()
        (highest,) = self.db.execute("select max(session) from spans").fetchone()
        known = max(self._run, default=0)
        (carried,) = self.db.execute("select max(session) from carried").fetchone()
        self.highest_session = max(highest or 0, carried or 0, known)
        if self.highest_session >= NEWEST:
            raise BrokenError(f"{self.path} tells of a session s-{self.highest_session}, which jitui never began; {RESTORE}")

    def probe(self, now_us: int) -> None:
        """A tiny real write. Raises sqlite3.Error, OSError."""
        self._check_there()
        self.db.execute("insert or replace into probe values(1, ?)", (now_us,))

    def close(self) -> None:
        """Write the last spans if it is still possible, and close in any case."""
        if self._db is None:
            return
        try:
            with suppress(sqlite3.Error):
                self.write_spans()
            empty_wal(self._db)
        finally:
            self._db.close()
            self._db = None


def spanned(db: sqlite3.Connection) -> int:
    """The last row id that spans cover; 0 if none."""
    row = db.execute("select last from spans where session = 0 order by seq desc limit 1").fetchone()
    return row[0] if row else 0


def roll_back(db: sqlite3.Connection) -> None:
    """SQLite has rolled back by itself after some errors, and not after others."""
    if db.in_transaction:
        db.execute("rollback")


def empty_wal(db: sqlite3.Connection) -> None:
    """Bring everything into the database itself, so that a copy of that one file is whole; unless a reader is in the way."""
    with suppress(sqlite3.Error):
        db.execute("pragma busy_timeout=0")
        db.execute("pragma wal_checkpoint(truncate)").fetchall()


def close_for_good(db: sqlite3.Connection) -> None:
    """Close a tape nobody writes any more; as one plain file, unless a reader has it open just now."""
    try:
        empty_wal(db)
        with suppress(sqlite3.Error):
            db.execute("pragma journal_mode=delete")
    finally:
        db.close()


def sync_folder(path: Path) -> None:
    """A file's name is on disk once its folder is."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def size_of(flags: int, size: int, start: bytes, limit: int = LARGEST) -> int:
    """Bytes of a body as it was recorded, from those that are stored and the first 18 of them. Raises ValueError if no frame is like that."""
    if flags & ZSTD:
        try:
            size = zstandard.frame_content_size(start)
        except zstandard.ZstdError as error:
            raise ValueError(f"the stored body can't be unpacked: {error}") from error
    if not 0 <= size <= limit:
        raise ValueError(f"the stored body claims to be larger than any frame is: {size} bytes, {limit} at most")
    return size


def body_of(flags: int, body: bytes, limit: int = LARGEST) -> bytes:
    """A stored body as it was recorded. Raises ValueError if it is no zstd frame, or claims more than `limit` bytes."""
    size = size_of(flags, len(body), body[:18], limit)
    if not flags & ZSTD:
        return body
    try:
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=size)
    except zstandard.ZstdError as error:
        raise ValueError(f"the stored body can't be unpacked: {error}") from error
