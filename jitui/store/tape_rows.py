"""Reading frames from one tape file: by session and seq, or all of it in the order of its rows. Each call is one short read."""

import json
import sqlite3
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, Final, NamedTuple

from jitui.recording.frame import Channel, Frame
from jitui.recording.verify import Recorded
from jitui.store.chained import LATEST_US
from jitui.store.tapes import ZSTD, body_of, size_of, spanned

COLUMNS: Final = "id, session, seq, at_us, conn, channel, flags, hash, body"
END: Final = (1 << 63) - 1
MOST_CONNS: Final = 1 << 32
PAGE_BYTES: Final = 2 << 20  # of bodies: a reader that puts a page into text holds up all others meanwhile


class Size(NamedTuple):
    """A frame without its body, unless that is a resize message."""

    conn: int
    channel: Channel
    size: int  # bytes of the body as it was recorded
    resize: bytes = b""


def ranges(db: sqlite3.Connection, session: int, after: int, upto: int = END) -> list[tuple[int, int]]:
    """Runs of row ids that hold the frames of a session after the seq `after`, up to `upto`; the last one open-ended: rows that have no spans yet.

    The first span counts whatever its seq: the one of an evidence file may name any of its frames.
    """
    found: list[tuple[int, int]] = db.execute(
        "select first, last from spans where session = ?1 and seq >= coalesce((select max(seq) from spans where session = ?1 and seq <= ?2), 0) "
        "and seq <= max(?3, (select min(seq) from spans where session = ?1)) order by seq", (session, after + 1, upto)).fetchall()
    return [*found, (spanned(db) + 1, END)]


class Run:
    """One page of a session's frames on its way over the tapes: which are wanted, and which must come next.

    The frames of a session have no gaps, so spans that lead past some of them, or past a tape, show here: as ValueError.
    """

    def __init__(self, after: int, limit: int, room: int, *, upto: int | None = None, channels: Collection[int] = (), conn: int | None = None,
                 newest: bool = False) -> None:
        """Frames after the seq `after`, up to `upto` if given: at most `limit`, and no more once they hold `room` bytes; `newest`: the last of them."""
        self.after, self.upto = after, upto
        self.limit, self.room = limit, room
        self.channels, self.conn = channels, conn
        self.newest = newest
        self.top: int | None = None  # how many frames the session has, if it ended
        self._seen: int | None = None  # the seq before the one that must come

    @property
    def full(self) -> bool:
        """Whether nothing more is wanted."""
        return self.limit <= 0 or self.room <= 0 or (self._seen is not None and self._seen == (self.after + 1 if self.newest else self.upto))

    @property
    def last(self) -> int | None:
        """The seq of the last frame that must be there; None if nobody knows."""
        if self.upto is not None:
            return self.upto
        return None if self.top is None else self.top - 1

    def wants(self, row: Sequence[Any]) -> bool:
        """Count a row (COLUMNS) that comes next in the run's direction; whether it is one of those that are asked for."""
        seq = row[2]
        if self._seen is not None:
            wanted = self._seen + (-1 if self.newest else 1)
        elif self.newest:
            wanted = seq if self.last is None else self.last
        else:
            wanted = self.after + 1
        if seq != wanted:
            raise ValueError(f"frame {wanted} does not stand where the spans lead, frame {seq} does")
        self._seen = seq
        return (not self.channels or row[5] in self.channels) and self.conn in {None, row[4]}

    def take(self, row: Sequence[Any]) -> None:
        self.limit -= 1
        self.room -= weight(row)

    def finish(self) -> None:
        """Every tape was read. Raises ValueError if a frame that must be there did not come."""
        last = self.last
        if self.full or last is None or self.after >= last:
            return
        if self.newest:
            lost = self.after + 1 if self._seen != self.after + 1 else None
        else:
            seen = self.after if self._seen is None else self._seen
            lost = seen + 1 if seen < last else None
        if lost is not None:
            raise ValueError(f"frame {lost} can't be found" + (f"; its end speaks of {self.top}" if self.upto is None else ""))


def page(db: sqlite3.Connection, session: int, run: Run) -> list[tuple[Any, ...]]:
    """Rows (COLUMNS) of a session that the run asks for, in order, until it is full. Raises ValueError where frames are missing."""
    # without the body of what isn't wanted: it would be read for nothing
    wanted = [f"channel in ({','.join(str(int(channel)) for channel in sorted(run.channels))})"] if run.channels else []
    if run.conn is not None:
        wanted.append(f"conn = {int(run.conn)}")
    columns = COLUMNS.replace("body", f"case when {' and '.join(wanted)} then body end") if wanted else COLUMNS
    found: list[tuple[Any, ...]] = []
    db.execute("begin")  # spans and rows of one moment
    try:
        with closing(_rows(db, session, run, columns)) as rows:
            for row in rows:
                if run.wants(row):
                    found.append(row)
                    run.take(row)
                if run.full:
                    break
    finally:
        db.execute("commit")
    return found[::-1] if run.newest else found


def _rows(db: sqlite3.Connection, session: int, run: Run, columns: str) -> Generator[tuple[Any, ...], None, None]:
    """These columns of a session's rows that lie in the run, in its direction; none if it is full."""
    upto = END if run.upto is None else run.upto
    sql = f"select {columns} from frames where id between ? and ? and session = ? and seq > ? and seq <= ? order by id"  # noqa: S608 - constants and numbers
    runs = [] if run.full else ranges(db, session, run.after, upto)
    for first, last in reversed(runs) if run.newest else runs:
        with closing(db.execute(sql + " desc" * run.newest, (first, last, session, run.after, upto))) as rows:
            yield from rows


def seq_at(db: sqlite3.Connection, session: int, at_us: int) -> int | None:
    """The seq of the newest frame of a session on this tape that came within so many microseconds of its start; None if none did.

    A frame that came sooner by its clock than one before it, as after a suspend on an old kernel, counts with that one or is left out.
    """
    spans = db.execute("select first, last from spans where session = ?1 and (at_us <= ?2 or seq = (select min(seq) from spans where session = ?1)) "
                       "order by seq desc limit 1", (session, at_us)).fetchall()  # fmt: skip
    for first, last in ((spanned(db) + 1, END), *spans):
        (found,) = db.execute("select max(seq) from frames where id between ? and ? and session = ? and at_us <= ?", (first, last, session, at_us)).fetchone()
        if found is not None:
            return int(found)
    return None


def weight(row: Sequence[Any]) -> int:
    """Bytes of a row's (COLUMNS) body as it was recorded; as it is stored, if it can't be read."""
    flags, body = row[6], row[8]
    with suppress(ValueError, TypeError):
        return size_of(flags, len(body), body[:18])
    return len(body)


def sizes(db: sqlite3.Connection, session: int, run: Run) -> Iterator[Size]:
    """The size of each frame that lies in the run. Raises ValueError where frames are missing, or can't be read."""
    resize = int(Channel.RESIZE)
    columns = COLUMNS.replace("body", f"length(body), case when channel = {resize} then body else substr(body, 1, 18) end")
    for row in _rows(db, session, run, columns):
        run.wants(row)
        _, _, _, _, conn, channel, flags, _, size, start = row
        start = start or b""  # substr() of an empty body is null
        yield Size(conn, Channel(channel), size_of(flags, size, start[:18]), body_of(flags, start) if channel == resize else b"")


def every(db: sqlite3.Connection, *sessions: int, size: int = 500) -> Iterator[Recorded]:
    """All frames of a tape in the order of its rows, or those of these sessions, without trusting the spans; in short reads."""
    for row in every_row(db, *sessions, size=size):
        yield recorded_of(row)


def every_row(db: sqlite3.Connection, *sessions: int, size: int = 500) -> Iterator[tuple[Any, ...]]:
    """As `every`, as rows (COLUMNS), from row 1 on. Raises ValueError if they do not stand in order, as on a tape that leads in circles."""
    last = 0
    condition = "and session in (select value from json_each(?2))" if sessions else ""
    sql = f"select {COLUMNS} from frames where id > ?1 {condition} order by id limit {size:d}"  # noqa: S608 - constants and a number
    values = (json.dumps(sessions),) if sessions else ()
    while True:
        start, room = last, PAGE_BYTES
        with closing(db.execute(sql, (last, *values))) as rows:
            for row in rows:
                if row[0] <= last:
                    raise ValueError(f"row {row[0]} of the frames stands behind row {last}")
                last = row[0]
                yield row
                room -= len(row[8]) if isinstance(row[8], bytes) else 0
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
