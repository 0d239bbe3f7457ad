"""Reading frames from one tape file: by session and seq, by time, or all of it in order. Each call is one short read."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

from jitui.store.tapes import body_of, spanned
from jitui.tape.frame import Channel, Frame
from jitui.tape.verify import Recorded

COLUMNS: Final = "id, session, seq, at_us, conn, channel, flags, hash, body"
END: Final = (1 << 63) - 1


def ranges(db: sqlite3.Connection, session: int, after: int) -> list[tuple[int, int]]:
    """Runs of row ids that hold the frames of a session after the seq `after`, the last one open-ended: rows that have no spans yet."""
    found: list[tuple[int, int]] = db.execute(
        "select first, last from spans where session = ?1 and seq >= coalesce((select max(seq) from spans where session = ?1 and seq <= ?2), 0) "
        "order by seq", (session, after + 1)).fetchall()
    return [*found, (spanned(db) + 1, END)]


def page(db: sqlite3.Connection, session: int, after: int, limit: int, channels: Sequence[int] = (), conn: int | None = None) -> list[tuple[Any, ...]]:
    """Rows (COLUMNS) of a session, in order, at most `limit`; only of these channels and this connection if given."""
    sql = f"select {COLUMNS} from frames where id between ? and ? and session = ? and seq > ?"  # noqa: S608 - a constant
    extra: list[int] = []
    if channels:
        sql += f" and channel in ({','.join('?' * len(channels))})"
        extra += channels
    if conn is not None:
        sql += " and conn = ?"
        extra.append(conn)
    found: list[tuple[Any, ...]] = []
    db.execute("begin")  # spans and rows of one moment
    try:
        for first, last in ranges(db, session, after):
            found += db.execute(sql + " order by id limit ?", (first, last, session, after, *extra, limit - len(found)))
            if len(found) >= limit:
                break
    finally:
        db.execute("commit")
    return found


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
    last = 0
    condition = "id > ? and session = ?" if session else "id > ?"
    while True:
        rows = db.execute(f"select {COLUMNS} from frames where {condition} order by id limit ?",  # noqa: S608 - constants
                          (last, session, size) if session else (last, size)).fetchall()
        for row in rows:
            yield recorded_of(row)
        if len(rows) < size:
            return
        last = rows[-1][0]


def frame_of(row: Sequence[Any]) -> Frame:
    """A row (COLUMNS) as a frame. Raises ValueError if its body or channel can't be read."""
    _, session, seq, at_us, conn, channel, flags, _, body = row
    return Frame(session, seq, at_us, conn, Channel(channel), body_of(flags, body))


def recorded_of(row: Sequence[Any]) -> Recorded:
    """A row (COLUMNS) as verify takes it, also if it can't be read."""
    try:
        return Recorded(frame_of(row), row[7])
    except ValueError as error:
        return Recorded(Frame(row[1], row[2], row[3], row[4], Channel.MARK, b""), row[7], str(error))
