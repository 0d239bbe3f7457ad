"""Reading frames from one tape file: by session and seq, by time, or all of it in order. Each call is one short read."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, Final

from jitui.store.tapes import body_of, size_of, spanned
from jitui.tape.frame import Channel, Frame
from jitui.tape.verify import Recorded

COLUMNS: Final = "id, session, seq, at_us, conn, channel, flags, hash, body"
END: Final = (1 << 63) - 1
PAGE_BYTES: Final = 2 << 20  # of bodies: who puts a page into text holds up everybody else meanwhile


def ranges(db: sqlite3.Connection, session: int, after: int) -> list[tuple[int, int]]:
    """Runs of row ids that hold the frames of a session after the seq `after`, the last one open-ended: rows that have no spans yet."""
    found: list[tuple[int, int]] = db.execute(
        "select first, last from spans where session = ?1 and seq >= coalesce((select max(seq) from spans where session = ?1 and seq <= ?2), 0) "
        "order by seq", (session, after + 1)).fetchall()
    return [*found, (spanned(db) + 1, END)]


def page(db: sqlite3.Connection, session: int, after: int, limit: int, room: int, *, channels: Sequence[int] = (), conn: int | None = None,
         newest: bool = False) -> list[tuple[Any, ...]]:
    """Rows (COLUMNS) of a session after the seq `after`, in order: at most `limit`, and none more once there are `room` bytes of bodies.

    Only of these channels and this connection if given. `newest`: the last of them instead of the first.
    """
    sql = f"select {COLUMNS} from frames where id between ? and ? and session = ? and seq > ?"  # noqa: S608 - a constant
    extra: list[int] = []
    if channels:
        sql += f" and channel in ({','.join('?' * len(channels))})"
        extra += channels
    if conn is not None:
        sql += " and conn = ?"
        extra.append(conn)
    sql += " order by id desc" if newest else " order by id"
    found: list[tuple[Any, ...]] = []
    db.execute("begin")  # spans and rows of one moment
    try:
        runs = ranges(db, session, after)
        for first, last in reversed(runs) if newest else runs:
            with closing(db.execute(sql, (first, last, session, after, *extra))) as rows:
                while len(found) < limit and room > 0 and (row := rows.fetchone()) is not None:
                    found.append(row)
                    room -= weight(row)
    finally:
        db.execute("commit")
    return found[::-1] if newest else found


def weight(row: Sequence[Any]) -> int:
    """Bytes of a row's (COLUMNS) body as it was recorded; as it is stored, if it can't be read."""
    flags, body = row[6], row[8]
    with suppress(ValueError):
        return size_of(flags, len(body), body[:18])
    return len(body)


def sizes(db: sqlite3.Connection, session: int, upto: int) -> Iterator[tuple[int, Channel, int]]:
    """Of each frame of a session up to the seq `upto`: its connection, channel and bytes, without reading its body. Raises ValueError."""
    runs = db.execute("select first, last from spans where session = ? and seq <= ? order by seq", (session, upto)).fetchall()
    for first, last in [*runs, (spanned(db) + 1, END)] if upto >= 0 else ():
        rows = db.execute("select conn, channel, flags, length(body), substr(body, 1, 18) from frames "
                          "where id between ? and ? and session = ? and seq <= ? order by id", (first, last, session, upto)).fetchall()
        for conn, channel, flags, size, start in rows:
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
