"""Reading frames from one tape file: by session and seq, by time, or all of it in order. Each call is one short read."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, Final

from jitui.recording.frame import Channel, Frame
from jitui.recording.verify import Recorded
from jitui.store.chained import LATEST_US
from jitui.store.tapes import ZSTD, body_of, size_of, spanned

COLUMNS: Final = "id, session, seq, at_us, conn, channel, flags, hash, body"
END: Final = (1 << 63) - 1
MOST_CONNS: Final = 1 << 32
PAGE_BYTES: Final = 2 << 20  # of bodies: who puts a page into text holds up everybody else meanwhile


def ranges(db: sqlite3.Connection, session: int, after: int) -> list[tuple[int, int]]:
    """Runs of row ids that hold the frames of a session after the seq `after`, the last one open-ended: rows that have no spans yet."""
    found: list[tuple[int, int]] = db.execute(
        "select first, last from spans where session = ?1 and seq >= coalesce((select max(seq) from spans where session = ?1 and seq <= ?2), 0) "
        "order by seq", (session, after + 1)).fetchall()
    return [*found, (spanned(db) + 1, END)]


class Run:
    """One page of a session's frames on its way over the tapes: which are wanted, and which must come next.

    The frames of a session have no gaps, so spans that lead past some of them, or past a tape, show here: as ValueError.
    `top` is how many frames the session has, known of one that ended.
    """

    def __init__(self, after: int, limit: int, room: int, channels: Collection[int] = (), conn: int | None = None) -> None:
        self.after = after
        self.limit, self.room = limit, room
        self.channels, self.conn = channels, conn
        self.top: int | None = None
        self._seen: int | None = None  # the seq before the one that must come

    @property
    def full(self) -> bool:
        return self.limit <= 0 or self.room <= 0

    def wants(self, row: Sequence[Any]) -> bool:
        """Count a row (COLUMNS) that comes next, forward."""
        self._must_be(row[2], (self.after if self._seen is None else self._seen) + 1)
        return (not self.channels or row[5] in self.channels) and self.conn in {None, row[4]}

    def wants_back(self, row: Sequence[Any]) -> bool:
        """As `wants`, from the end towards the beginning."""
        if self._seen is not None:
            self._must_be(row[2], self._seen - 1)
        else:
            self._must_be(row[2], row[2] if self.top is None else self.top - 1)
        return True

    def _must_be(self, seq: int, wanted: int) -> None:
        if seq != wanted:
            raise ValueError(f"frame {wanted} does not stand where the spans lead, frame {seq} does")
        self._seen = seq

    def take(self, row: Sequence[Any]) -> None:
        self.limit -= 1
        self.room -= weight(row)

    def finish(self, *, newest: bool) -> None:
        """Every tape was read; `newest`: from the end."""
        if self.full or self.top is None or self.after >= self.top - 1:
            return
        if newest:
            lost = self.after + 1 if self._seen != self.after + 1 else None
        else:
            last = self.after if self._seen is None else self._seen
            lost = last + 1 if last < self.top - 1 else None
        if lost is not None:
            raise ValueError(f"frame {lost} can't be found; its end speaks of {self.top}")


def page(db: sqlite3.Connection, session: int, run: Run, *, newest: bool = False) -> list[tuple[Any, ...]]:
    """Rows (COLUMNS) of a session after the seq `run.after`, in order, until the run is full. `newest`: the last of them instead of the first.

    Raises ValueError where frames are missing.
    """
    # without the body of what isn't wanted: it would be read for nothing
    wanted = [f"channel in ({','.join(str(int(channel)) for channel in sorted(run.channels))})"] if run.channels else []
    if run.conn is not None:
        wanted.append(f"conn = {int(run.conn)}")
    columns = COLUMNS.replace("body", f"case when {' and '.join(wanted)} then body end") if wanted else COLUMNS
    sql = f"select {columns} from frames where id between ? and ? and session = ? and seq > ? order by id"  # noqa: S608 - numbers
    wants = run.wants_back if newest else run.wants
    found: list[tuple[Any, ...]] = []
    db.execute("begin")  # spans and rows of one moment
    try:
        runs = ranges(db, session, run.after)
        for first, last in reversed(runs) if newest else runs:
            with closing(db.execute(sql + " desc" * newest, (first, last, session, run.after))) as rows:
                while not run.full and (row := rows.fetchone()) is not None:
                    if wants(row):
                        found.append(row)
                        run.take(row)
    finally:
        db.execute("commit")
    return found[::-1] if newest else found


def weight(row: Sequence[Any]) -> int:
    """Bytes of a row's (COLUMNS) body as it was recorded; as it is stored, if it can't be read."""
    flags, body = row[6], row[8]
    with suppress(ValueError, TypeError):
        return size_of(flags, len(body), body[:18])
    return len(body)


def sizes(db: sqlite3.Connection, session: int, upto: int, run: Run | None = None) -> Iterator[tuple[int, Channel, int]]:
    """Of each frame of a session up to the seq `upto`: its connection, channel and bytes, without reading its body. Raises ValueError."""
    run = run or Run(-1, END, END)
    runs = db.execute("select first, last from spans where session = ? and seq <= ? order by seq", (session, upto)).fetchall()
    for first, last in [*runs, (spanned(db) + 1, END)] if upto >= 0 else ():
        rows = db.execute("select id, session, seq, at_us, conn, channel, flags, length(body), substr(body, 1, 18) from frames "
                          "where id between ? and ? and session = ? and seq <= ? order by id", (first, last, session, upto)).fetchall()
        for row in rows:
            run.wants(row)
            *_, conn, channel, flags, size, start = row
            yield conn, Channel(channel), size_of(flags, size, start)


def newest_before(db: sqlite3.Connection, session: int, at_us: int) -> int:
    """The seq of a session's last frame at or before `at_us`; -1 if there is none on this tape."""
    best = -1
    db.execute("begin")
    try:
        spans = db.execute("select first, last from spans where session = ? and at_us <= ? order by seq desc limit 1", (session, at_us)).fetchall()
        for first, last in [(spanned(db) + 1, END), *spans]:
            (seq,) = db.execute("select max(seq) from frames where id between ? and ? and session = ? and at_us <= ?",
                                (first, last, session, at_us)).fetchone()
            if seq is not None:
                best = max(best, seq)
    finally:
        db.execute("commit")
    return best


def every(db: sqlite3.Connection, session: int = 0, size: int = 500) -> Iterator[Recorded]:
    """All frames of a tape in the order of its rows, or those of one session, without trusting the spans; in short reads."""
    for row in every_row(db, session, size):
        yield recorded_of(row)


def every_row(db: sqlite3.Connection, session: int = 0, size: int = 500) -> Iterator[tuple[Any, ...]]:
    """As `every`, as rows (COLUMNS). Raises ValueError if they do not stand in order, as on a tape that leads in circles."""
    last = 0
    (first,) = db.execute("select min(id) from frames").fetchone()
    if first is not None and not 0 < first < END:
        raise ValueError(f"a frame stands in row {first}, rows count from 1")
    condition = "id > ? and session = ?" if session else "id > ?"
    while True:
        sql = f"select {COLUMNS} from frames where {condition} order by id limit ?"  # noqa: S608 - constants
        start, room = last, PAGE_BYTES
        with closing(db.execute(sql, (last, session, size) if session else (last, size))) as rows:
            for row in rows:
                if row[0] <= last:
                    raise ValueError(f"row {row[0]} of the frames stands behind row {last}")
                last = row[0]
                yield row
                room -= len(row[8])
                if room <= 0:
                    break
        if last == start:
            return


def frame_of(row: Sequence[Any]) -> Frame:
    """A row (COLUMNS) as a frame. Raises ValueError if it is none."""
    ident, session, seq, at_us, conn, channel, flags, link, body = row
    for value, most in ((ident, END), (session, END), (seq, END), (at_us, LATEST_US), (conn, MOST_CONNS), (channel, 255), (flags, ZSTD + 1)):
        if type(value) is not int or not 0 <= value < most:
            raise ValueError(f"a number in it is out of all range ({value!r:.40})")
    if not (isinstance(link, bytes) and isinstance(body, bytes)):
        raise ValueError("it holds something of another type than was written")  # noqa: TRY004 - as every other row that was tampered with
    return Frame(session, seq, at_us, conn, Channel(channel), body_of(flags, body))


def recorded_of(row: Sequence[Any]) -> Recorded:
    """A row (COLUMNS) as verify takes it, also if it can't be read."""
    try:
        return Recorded(frame_of(row), row[7])
    except ValueError as error:
        session, seq, at_us, conn = (value if type(value) is int else -1 for value in row[1:5])
        return Recorded(Frame(session, seq, at_us, conn, Channel.MARK, b""), row[7], str(error))
