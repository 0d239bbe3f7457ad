"""Row by row: where the folded tables of ledger.db do not say what the facts say."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from jitui.store.guard import made_by, objects_in
from jitui.store.schema import FOLDED

OLD_TOKENS: Final = "id, identity, expires_us, revoked_us > 0"  # the columns that the first version's table shares with the facts
SHOWN: Final = 60  # characters of a value
LETTERS: Final = {"requests": "r-", "grants": "g-", "sessions": "s-", "tokens": "jt_"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what the facts say; of a whole row the column is empty."""

    table: str
    row: str  # its key: g-3, jt_0a1b2c3d, agent-deploybot; "r-3 ana" of an approval
    column: str
    stored: str  # in the file; "" of a row that is missing
    told: str  # by the facts; "" of a row that no fact tells of

    def __str__(self) -> str:
        if self.table == "schema":
            return f"{self.row}: {self.stored}"
        if not self.column:
            return f"{self.table} has a row {self.row} that no fact tells of" if self.stored else f"{self.table} lacks the row {self.row}"
        return f"{self.table}, row {self.row}: {self.column} is {self.stored}, the facts say {self.told}"


def schema_differences(db: sqlite3.Connection, steps: Sequence[str]) -> Iterator[Difference]:
    """The differences from the tables and indexes that these steps make: views, triggers, other columns."""
    stored, told = ({(kind, name): (table, text) for kind, name, table, text in objects} for objects in (objects_in(db), made_by(tuple(steps))))
    for kind, name in sorted(stored.keys() | told.keys()):
        if (kind, name) not in told:
            yield Difference("schema", f"{kind} {name}", "", "jitui never made it", "")
        elif (kind, name) not in stored:
            yield Difference("schema", f"{kind} {name}", "", "it is missing", "")
        elif stored[kind, name] != told[kind, name]:
            yield Difference("schema", f"{kind} {name}", "", "it is not as jitui made it", "")


def differences(stored: sqlite3.Connection, told: sqlite3.Connection, version: int) -> Iterator[Difference]:
    """Every difference between the folded tables of a ledger and those made of its facts, in the order of tables and keys."""
    for table, since in FOLDED.items():
        if version < since:
            if table == "tokens":
                yield from _of_old_tokens(stored, told)
            continue
        names, keys = _columns(told, table)
        order = ", ".join(names[each] for each in keys)
        sql = f"select * from {table} order by {order}"  # noqa: S608 - names of schema.FOLDED
        yield from _merge(table, names, keys, stored.execute(sql), told.execute(sql))
        for (problem,) in stored.execute(f"pragma integrity_check({table})"):
            if problem != "ok":
                yield Difference("schema", f"table {table}", "", f"its pages or indexes are damaged ({problem[:SHOWN]})", "")


def some(found: Iterator[Difference], limit: int) -> tuple[list[Difference], bool]:
    """The first `limit`, and whether there are more."""
    first = list(islice(found, limit + 1))
    return first[:limit], len(first) > limit


def _columns(db: sqlite3.Connection, table: str) -> tuple[list[str], list[int]]:
    rows = db.execute(f"pragma table_info({table})").fetchall()
    keys = sorted((row[5], row[0]) for row in rows if row[5])
    return [row[1] for row in rows], [place for _, place in keys]


def _merge(table: str, names: Sequence[str], keys: Sequence[int], stored: Iterator[Any], told: Iterator[Any]) -> Iterator[Difference]:
    """Two runs of rows in the order of their keys."""

    def key(row: Any) -> tuple[Any, ...]:
        return tuple("" if row[each] is None else row[each] for each in keys)

    ours, theirs = next(stored, None), next(told, None)
    while ours is not None or theirs is not None:
        if ours == theirs:
            ours, theirs = next(stored, None), next(told, None)
        elif theirs is None or (ours is not None and key(ours) < key(theirs)):
            yield Difference(table, _label(table, key(ours)), "", _shown(ours), "")
            ours = next(stored, None)
        elif ours is None or key(theirs) < key(ours):
            yield Difference(table, _label(table, key(theirs)), "", "", _shown(theirs))
            theirs = next(told, None)
        else:
            for name, mine, right in zip(names, ours, theirs, strict=True):
                if mine != right:
                    yield Difference(table, _label(table, key(ours)), name, _shown(mine), _shown(right))
            ours, theirs = next(stored, None), next(told, None)


def _of_old_tokens(stored: sqlite3.Connection, told: sqlite3.Connection) -> Iterator[Difference]:
    """The first version kept tokens beside the facts. One that was issued and has no row can't be used, which is no harm."""
    known = {row[0]: row for row in told.execute(f"select {OLD_TOKENS} from tokens")}  # noqa: S608 - a constant
    names = ("id", "identity", "expires_us", "revoked")
    for row in stored.execute(f"select {OLD_TOKENS} from tokens order by id"):  # noqa: S608 - a constant
        yield from _merge("tokens", names, (0,), iter([row]), iter([known[row[0]]] if row[0] in known else []))


def _label(table: str, key: Sequence[Any]) -> str:
    first, *rest = key
    letter = "r-" if table == "approvals" else LETTERS.get(table, "")
    return " ".join([f"{letter}{first}", *(str(each) for each in rest)])


def _shown(value: Any) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
