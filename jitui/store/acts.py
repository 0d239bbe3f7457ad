"""Checks each row of `actions` against a recorded request head: the rows are written lazily, and nobody signs them.

Time, hazard, clause and byte counts do not follow from a tape, and rows of denials follow from nothing; docs/evidence.md says so.
"""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from jitui.recording.frame import Channel, Frame
from jitui.recording.objects.exchange import code_of
from jitui.store import gone
from jitui.store.actions import ActionRow, values
from jitui.store.asked import asked_in
from jitui.store.told import Told

PAGE: Final = 1000
TELLING: Final = frozenset({Channel.REQUEST, Channel.RESPONSE, Channel.GATEWAY})
ALLOWED: Final = "allowed"  # the verdict of every row of a session
OWN_WORDS: Final = -1  # as a code: the gateway said something itself
_DERIVED: Final = "verb, grp, resource, subresource, namespace, name, path, argv"
_ROWS: Final = f"select id, session, conn, code, audit_id, verdict, identity, connection, {_DERIVED} from actions where session > 0 and id > ? and id <= ?"  # noqa: S608 - constants


def newest_row(db: sqlite3.Connection) -> int:
    """The id of the newest row; later ones tell of what was recorded meanwhile."""
    return int(db.execute("select coalesce(max(id), 0) from actions").fetchone()[0])


def strangers(db: sqlite3.Connection, *, exported: bool) -> str:
    """Rows that can't be there: of sessions with a negative number, and in an evidence file denials, which are of no session."""
    row = db.execute("select id from actions where session < ? limit 1", (int(exported),)).fetchone()
    return f"row {row[0]} is of no session that is here" if row else ""


def hear(told: Told, frame: Frame) -> None:
    """A frame of one of the channels in TELLING."""
    if frame.channel is Channel.REQUEST:
        try:
            found = asked_in(frame)
        except (ValueError, LookupError, TypeError):  # a forged file holds a request that no client could send
            found = None
        text = "" if found is None else json.dumps(values(_row(found.action))[5:13])
        told.db.execute("insert into asked values(?, ?, ?, ?, 1, 0) on conflict do update set times = times + 1",
                        (frame.session, frame.conn, text, found.audit_id if found else ""))
        return
    code = OWN_WORDS if frame.channel is Channel.GATEWAY else code_of(frame.body)
    if code is not None:
        told.db.execute("insert or ignore into answer values(?, ?, ?)", (frame.session, frame.conn, code))


def _row(action: Any) -> ActionRow:
    return ActionRow(at_us=0, identity="", connection="", action=action, hazard="", verdict="")


def rows(db: sqlite3.Connection, after: int, upto: int, session: int) -> list[tuple[Any, ...]]:
    """One page of what stands in `actions`."""
    sql = _ROWS + (" and session = ?" if session else "") + " order by id limit ?"
    return db.execute(sql, (after, upto, session, PAGE) if session else (after, upto, PAGE)).fetchall()


def compare(told: Told, row: tuple[Any, ...]) -> str:
    """The fault of one row, or ""."""
    ident, session, conn, code, audit_id, verdict, identity, connection, *derived = row
    where = f"row {ident} (s-{session}, connection {conn})"
    if verdict != ALLOWED:
        return f"{where} is of a session, and says {verdict[:20]!r}"
    if (whose := told.whose(session)) and whose != (identity, connection):
        return f"{where} is not of the session's identity and connection, {whose[0]} on {whose[1]}"
    asked = told.db.execute("select text, audit, times from asked where session = ? and conn = ?", (session, conn)).fetchone()
    codes = {each for (each,) in told.db.execute("select code from answer where session = ? and conn = ?", (session, conn))}
    if asked is None:
        # a request that the gateway itself refuses or answers may end before it is on a tape
        if code is None or code >= 400 or str(derived[2]).startswith("selfsubject"):
            return ""
        if gone.of_session(told.db, session):  # its frames are, in part
            return ""
        return f"{where} tells of a request that is not on record"
    told.db.execute("update asked set noted = 1 where session = ? and conn = ?", (session, conn))
    text, audit, times = asked
    if times != 1 or not text:
        return ""
    if json.loads(text) != derived:
        wrong = next(name for name, mine, right in zip(_DERIVED.split(", "), derived, json.loads(text), strict=True) if mine != right)
        return f"{where} is not what was asked: its {wrong} is another on record"
    if audit and audit_id != audit:
        return f"{where} has another audit id than what was sent"
    if code is not None and codes and OWN_WORDS not in codes and code not in codes:
        return f"{where} says {code}, the answer on record says {max(codes)}"
    return ""


def missing(told: Told) -> Iterator[str]:
    """Requests of ended sessions that were answered, and have no row."""
    for session, conn in told.db.execute(
            "select asked.session, asked.conn from asked join life on life.session = asked.session and life.ended > 0 where noted = 0 and text <> '' "
            "and exists(select 1 from answer where answer.session = asked.session and answer.conn = asked.conn and code > 0) order by 1, 2"):
        yield f"a request of s-{session} (connection {conn}) has no row"
