"""Rows of what was attempted."""

import sqlite3
from dataclasses import replace

from hypothesis import given, settings, strategies as st

from jitui.rules.action import Action
from jitui.store.actions import ActionRow, Collapsed, from_columns
from jitui.store.rows import cursor
from jitui.store.schema import LEDGER
from tests.store.life import NOW, attempted


def ledger() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(LEDGER[0])
    return db


def rows(db: sqlite3.Connection) -> list[ActionRow]:
    return [from_columns(row) for row in cursor(db, "select * from actions order by id")]


WORDS = st.text(max_size=20)
ACTIONS = st.builds(Action, verb=WORDS, group=WORDS, resource=WORDS, subresource=WORDS, namespace=WORDS, name=WORDS, path=WORDS,
                    argv=st.lists(WORDS, max_size=3).map(tuple))


@settings(deadline=None)
@given(ACTIONS, st.none() | st.integers(100, 599), st.integers(0, 1 << 50))
def test_a_row_comes_back_as_it_was(action: Action, code: int | None, size: int) -> None:
    """Of the action what the table keeps; argv word by word."""
    db = ledger()
    row = attempted(action=action, code=code, bytes_in=size, bytes_out=size, session=3, conn=7, clause="read pods", audit_id="a-1")
    Collapsed().write(db, [(row, False)])
    assert rows(db) == [replace(row, id=1)]


def test_equal_denials_within_ten_seconds_are_one_row() -> None:
    """Ten seconds from the first; then a new row begins."""
    db, collapsed = ledger(), Collapsed()
    for seconds in (0, 1, 9.999, 10, 15, 20):
        collapsed.write(db, [(attempted(at_us=NOW + round(seconds * 1e6)), True)])
    assert [(row.at_us - NOW, row.count) for row in rows(db)] == [(0, 3), (10_000_000, 2), (20_000_000, 1)]


def test_only_equal_ones() -> None:
    """Another identity, connection or action is another row; other words about the same are not. What was allowed never collapses."""
    db, collapsed = ledger(), Collapsed()
    other = Action("list", resource="pods", namespace="db", version="v1")
    denied = [attempted(), attempted(identity="b"), attempted(connection="c"), attempted(action=other), attempted(clause="12 s left")]
    allowed = attempted(verdict="allowed")
    collapsed.write(db, [*((row, True) for row in denied), (allowed, False), (allowed, False)])
    assert [row.count for row in rows(db)] == [2, 1, 1, 1, 1, 1]


def test_what_was_rolled_back_is_not_counted_up() -> None:
    """After an error the next equal denial is a row of its own."""
    db, collapsed = ledger(), Collapsed()
    db.execute("begin")
    collapsed.write(db, [(attempted(), True)])
    db.execute("rollback")
    collapsed.forget()
    collapsed.write(db, [(attempted(), True)])
    assert [row.count for row in rows(db)] == [1]
