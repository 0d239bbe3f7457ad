"""Rows of what was attempted. They are no promise: those of allowed actions can be rebuilt from the tape.

Written lazily with a ledger commit. Equal denials are one row with a count: those within ten seconds of its first, and those that one run
of a client goes on getting (kubectl's `rollout status`, `wait` and `logs -f` ask again and again, with growing pauses).
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from jitui.policy.action import Action
from jitui.values.said import cut, left_out

COLLAPSE_US: Final = 10_000_000  # from the first denial of a row, whoever repeats it
GAP_US: Final = 60_000_000  # from the last one, in the same group
KEPT: Final = 10_000  # rows that may still be counted up
ROW: Final = 256  # bytes that any row takes on disk beside its texts, its indexes included (measured: 150 to 250)
TEXT: Final = 300  # characters kept of each word of an action; names have 253 at most
ARGV: Final = 4096  # and of a command
CLAUSE: Final = 1000  # and of the clause, or of why not


def bounded(action: Action) -> Action:
    """The bounded form of an action, whose words are the agent's: of a very long one its beginning, the amount left out, and a hash of the whole."""
    if action.length <= TEXT:
        return action
    return replace(
        action, argv=beginning(action.argv), verb=cut(action.verb, TEXT), group=cut(action.group, TEXT), version=cut(action.version, TEXT),
        resource=cut(action.resource, TEXT), subresource=cut(action.subresource, TEXT), namespace=cut(action.namespace, TEXT),
        name=cut(action.name, TEXT), path=cut(action.path, TEXT), container=cut(action.container, TEXT),
    )  # fmt: skip


def beginning(argv: tuple[str, ...]) -> tuple[str, ...]:
    """At most ARGV characters of a command, blanks between its words counted; what was left out is said, with a hash of it all."""
    whole = " ".join(argv)
    if len(whole) <= ARGV:
        return argv
    kept: list[str] = []
    room = ARGV
    for word in argv:
        if room <= 0:
            break
        kept.append(word[:room])
        room -= len(word) + 1
    return (*kept, left_out(whole, len(" ".join(kept))))


@dataclass(slots=True, kw_only=True)
class ActionRow:
    """One action with its verdict. Nobody changes it; it is not frozen, because every request makes one, and a frozen one costs three times as much."""

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
    group: str = ""  # of a denial: the run of the client it came from, in the client's own words; counts together, is not kept
    grant: int = 0  # of its session, filled in when read; of a denial the newest live one, which counts together and is not kept
    id: int = 0  # filled in when read


class Alike:
    """The columns that the rows of equal allowed actions of one session share: made once, as clients ask the same again and again."""

    __slots__ = ("columns", "session")

    def __init__(self, row: ActionRow) -> None:
        """`row`: one of them."""
        self.session = row.session
        self.columns = values(row)[3:-5]


class Noted(NamedTuple):
    """The row of one allowed action: what it shares with equal ones, and its own columns. A tuple, as every request makes one."""

    alike: Alike
    at_us: int  # UTC
    conn: int
    code: int | None
    bytes_in: int
    bytes_out: int
    audit_id: str

    @property
    def session(self) -> int:
        return self.alike.session


_COLUMNS: Final = ("session, conn, at_us, identity, connection, verb, grp, resource, subresource, namespace, name, path, argv, "
                   "hazard, verdict, clause, code, bytes_in, bytes_out, audit_id, count")
_AT_ONCE: Final = 25  # rows of one statement
_ONE: Final = f"({', '.join('?' * 21)})"
_INSERTS: Final = tuple(f"insert into actions({_COLUMNS}) values {', '.join([_ONE] * rows)}" for rows in range(_AT_ONCE + 1))  # noqa: S608 - constants


def values(row: ActionRow | Noted) -> tuple[Any, ...]:
    """A row as its columns."""
    if isinstance(row, Noted):
        alike, at_us, conn, code, bytes_in, bytes_out, audit_id = row
        return (alike.session, conn, at_us, *alike.columns, code, bytes_in, bytes_out, audit_id, 1)
    action = row.action
    return (row.session, row.conn, row.at_us, row.identity, row.connection, action.verb, action.group, action.resource, action.subresource,
            action.namespace, action.name, action.path, json.dumps(action.argv) if action.argv else "[]", row.hazard, row.verdict, row.clause, row.code,
            row.bytes_in, row.bytes_out, row.audit_id, row.count)


def insert(db: sqlite3.Connection, rows: Sequence[ActionRow | Noted]) -> int:
    """Insert rows in as few statements as can be; the id of the last one, 0 without any."""
    last = 0
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        flat: list[Any] = []
        for row in some:
            flat += values(row)
        last = db.execute(_INSERTS[len(some)], flat).lastrowid or 0
    return last


def from_columns(row: dict[str, Any]) -> ActionRow:
    """Columns as a row; of the action what the table keeps, cut as it would be written today."""
    action = bounded(Action(verb=row["verb"], group=row["grp"], resource=row["resource"], subresource=row["subresource"], namespace=row["namespace"],
                    name=row["name"], path=row["path"], argv=tuple(json.loads(row["argv"]))))
    return ActionRow(id=row["id"], at_us=row["at_us"], identity=row["identity"], connection=row["connection"], action=action,
                     hazard=row["hazard"], verdict=row["verdict"], clause=cut(row["clause"], CLAUSE), session=row["session"], conn=row["conn"],
                     code=row["code"], bytes_in=row["bytes_in"], bytes_out=row["bytes_out"], audit_id=row["audit_id"], count=row["count"],
                     grant=row.get("grant_id") or 0)


@dataclass(slots=True)
class _Row:
    """A row that may still be counted up."""

    id: int
    first_us: int
    last_us: int
    count: int


class Repeats:
    """Denials that are young enough to be counted up, by what was denied and by the group that repeats it."""

    def __init__(self) -> None:
        self._recent: dict[int, _Row] = {}  # by hash: of what was denied nothing is kept here

    def find(self, row: ActionRow) -> _Row | None:
        """The row of the same run, if it was denied a minute ago or less; else the newest one of the same action, if it is young."""
        what = what_of(row)
        own = self._recent.get(hash((*what, row.group)))
        if own is not None and 0 <= row.at_us - own.last_us <= GAP_US:
            return own
        newest = self._recent.get(hash(what))
        return newest if newest is not None and 0 <= row.at_us - newest.first_us < COLLAPSE_US else None

    def keep(self, row: ActionRow, known: _Row | None, ident: int = 0) -> _Row:
        """It was counted up in `known`, or, without one, became the row `ident`."""
        if known is None:
            known = _Row(ident, row.at_us, row.at_us, row.count)
        else:
            known.count += row.count
            known.last_us = max(known.last_us, row.at_us)
        what = what_of(row)
        for key in {hash(what), hash((*what, row.group))}:
            self._recent.pop(key, None)
            self._recent[key] = known
        while len(self._recent) > KEPT:
            del self._recent[next(iter(self._recent))]
        return known

    def forget(self) -> None:
        """Nothing is there any more to be counted up."""
        self._recent.clear()


def what_of(row: ActionRow) -> tuple[Any, ...]:
    """The key of a denial: denials with the same key are counted together."""
    return (row.identity, row.connection, row.grant, row.action)


class Collapsed(Repeats):
    """Rows as they are written: denials that repeat others only count."""

    def write(self, db: sqlite3.Connection, rows: Sequence[tuple[ActionRow | Noted, bool]]) -> None:
        """Insert rows inside the caller's transaction; those marked True are denials, which collapse. On an error call `forget`."""
        plain: list[ActionRow | Noted] = []
        for row, collapses in rows:
            if isinstance(row, Noted) or not collapses:
                plain.append(row)
                continue
            insert(db, plain)
            plain = []
            known = self.find(row)
            if known is None:
                self.keep(row, None, insert(db, [row]))
            else:
                self.keep(row, known)
                db.execute("update actions set count = ? where id = ?", (known.count, known.id))
        insert(db, plain)
