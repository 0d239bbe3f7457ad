"""Rows of what was attempted. They are no promise: those of allowed actions can be rebuilt from the tape.

Written lazily with a ledger commit. Equal denials within ten seconds are one row with a count.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jitui.rules.action import Action

COLLAPSE_US: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """One action with its verdict."""

    at_us: int  # UTC
    identity: str
    connection: str
    action: Action
    hazard: str
    verdict: str  # allowed or denied
    clause: str = ""  # the clause that allowed it, or why it was denied
    session: int = 0  # 0: a denial
    conn: int = 0
    code: int | None = None  # HTTP status; None: outcome unknown
    bytes_in: int = 0
    bytes_out: int = 0
    audit_id: str = ""
    count: int = 1
    grant: int = 0  # of its session; filled in when read
    id: int = 0  # filled in when read


_COLUMNS: Final = ("session, conn, at_us, identity, connection, verb, grp, resource, subresource, namespace, name, path, argv, "
                   "hazard, verdict, clause, code, bytes_in, bytes_out, audit_id, count")
_INSERT: Final = f"insert into actions({_COLUMNS}) values({', '.join('?' * 21)})"


def values(row: ActionRow) -> tuple[Any, ...]:
    """A row as its columns."""
    action = row.action
    return (row.session, row.conn, row.at_us, row.identity, row.connection, action.verb, action.group, action.resource, action.subresource,
            action.namespace, action.name, action.path, json.dumps(action.argv), row.hazard, row.verdict, row.clause, row.code,
            row.bytes_in, row.bytes_out, row.audit_id, row.count)


def from_columns(row: dict[str, Any]) -> ActionRow:
    """Columns as a row; of the action what the table keeps."""
    action = Action(verb=row["verb"], group=row["grp"], resource=row["resource"], subresource=row["subresource"], namespace=row["namespace"],
                    name=row["name"], path=row["path"], argv=tuple(json.loads(row["argv"])))
    return ActionRow(id=row["id"], at_us=row["at_us"], identity=row["identity"], connection=row["connection"], action=action,
                     hazard=row["hazard"], verdict=row["verdict"], clause=row["clause"], session=row["session"], conn=row["conn"],
                     code=row["code"], bytes_in=row["bytes_in"], bytes_out=row["bytes_out"], audit_id=row["audit_id"], count=row["count"],
                     grant=row.get("grant_id") or 0)


class Collapsed:
    """Denials of the last ten seconds, by what was denied: (row id, time of the first, count)."""

    def __init__(self) -> None:
        self._recent: dict[tuple[Any, ...], tuple[int, int, int]] = {}

    def write(self, db: sqlite3.Connection, rows: Sequence[tuple[ActionRow, bool]]) -> None:
        """Insert rows inside the caller's transaction; those marked True are denials, which collapse. On an error call `forget`."""
        for row, collapses in rows:
            if not collapses:
                db.execute(_INSERT, values(row))
                continue
            key = (row.identity, row.connection, row.action)
            known = self._recent.get(key)
            if known and 0 <= row.at_us - known[1] < COLLAPSE_US:
                ident, first_us, count = known
                db.execute("update actions set count = ? where id = ?", (count + row.count, ident))
                self._recent[key] = (ident, first_us, count + row.count)
            else:
                cursor = db.execute(_INSERT, values(row))
                self._recent.pop(key, None)
                self._recent[key] = (cursor.lastrowid or 0, row.at_us, row.count)
        while len(self._recent) > 10_000:
            del self._recent[next(iter(self._recent))]

    def forget(self) -> None:
        """The transaction was rolled back: what it wrote is not there to be counted up."""
        self._recent.clear()
