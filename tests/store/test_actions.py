"""Rows of what was attempted."""

import sqlite3
from dataclasses import replace

from hypothesis import given, settings, strategies as st

from jitui.policy.action import Action
from jitui.store.actions import KEPT, ActionRow, Alike, Collapsed, Noted, from_columns
from jitui.store.rows import named
from jitui.store.schema import LEDGER
from tests.store.life import NOW, attempted


def ledger() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(LEDGER[0])
    return db


def rows(db: sqlite3.Connection) -> list[ActionRow]:
    return [from_columns(row) for row in named(db, "select * from actions order by id")]


WORDS = st.text(max_size=20)
ACTIONS = st.builds(Action, verb=WORDS, group=WORDS, resource=WORDS, subresource=WORDS, namespace=WORDS, name=WORDS, path=WORDS,
                    argv=st.lists(WORDS, max_size=3).map(tuple))


@settings(deadline=None)
@given(ACTIONS, st.none() | st.integers(100, 599), st.integers(0, 1 << 50))
def test_a_row_comes_back_as_it_was(action: Action, code: int | None, size: int) -> None:
    """Of the action what the table keeps; argv word by word. Written as one of many that are alike, it is the same."""
    db = ledger()
    row = attempted(action=action, code=code, bytes_in=size, bytes_out=size, session=3, conn=7, clause="read pods", audit_id="a-1", verdict="allowed")
    alike = Alike(attempted(action=action, session=3, clause="read pods", verdict="allowed", at_us=1, code=None))
    Collapsed().write(db, [(row, False), (Noted(alike, row.at_us, 7, code, size, size, "a-1"), False)])
    assert rows(db) == [replace(row, id=1), replace(row, id=2)]


def counted(*at: tuple[float, str]) -> list[tuple[float, int]]:
    """Equal denials at so many seconds, each in a group: the rows' times and counts."""
    db, collapsed = ledger(), Collapsed()
    for seconds, group in at:
        collapsed.write(db, [(attempted(at_us=NOW + round(seconds * 1e6), group=group), True)])
    return [((row.at_us - NOW) / 1e6, row.count) for row in rows(db)]


def test_equal_denials_within_ten_seconds_are_one_row() -> None:
    """Ten seconds from the first, whoever repeats it: a loop that starts kubectl anew each time does not fill the record."""
    assert counted(*((seconds, f"run-{seconds}") for seconds in (0, 1, 9.999, 10, 15, 20))) == [(0, 3), (10, 2), (20, 1)]


def test_one_run_that_goes_on_asking_is_one_row() -> None:
    """As long as its pauses last a minute at most; a client without a name for its runs is one run."""
    assert counted(*((seconds, "a") for seconds in (0, 1, 3, 7, 15, 31, 61, 121, 181))) == [(0, 9)]
    assert counted((0, "a"), (61, "a"), (121, "a"), (181.1, "a")) == [(0, 1), (61, 2), (181.1, 1)]
    assert counted((0, ""), (40, ""), (80, "")) == [(0, 3)]


def test_two_runs_are_two_rows() -> None:
    """Also when they take turns; the second joins the first row only while that is young."""
    turns = ((0, "a"), (20, "b"), (30, "a"), (40, "b"), (80, "a"), (90, "b"))
    assert counted(*turns) == [(0, 3), (20, 3)]
    assert counted((0, "a"), (5, "b"), (30, "b"), (40, "a")) == [(0, 4)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), st.sampled_from(["", "a", "b"])), max_size=30))
def test_no_denial_is_lost_or_counted_twice(steps: list[tuple[int, str]]) -> None:
    """Whatever the pauses and whoever asks."""
    at, asked = 0.0, []
    for pause, group in steps:
        at += pause
        asked.append((at, group))
    assert sum(count for _, count in counted(*asked)) == len(steps)


def test_what_may_be_counted_up_is_bounded() -> None:
    """A client that names each of its requests anew, and asks for another thing each time, fills rows and no memory."""
    db, collapsed = ledger(), Collapsed()
    many = (attempted(action=Action("get", resource="pods", name=f"p-{number}"), group=str(number)) for number in range(KEPT))
    collapsed.write(db, [(row, True) for row in many])
    assert len(collapsed._recent) == KEPT


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
