"""Long lists, page by page."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from jitui.policy.action import Action
from jitui.recording.facts import ProcessEnded, ProcessLeft
from jitui.store import Files, listing
from jitui.store.actions import Collapsed
from jitui.store.listing import PAST, PROCESSES, SLACK_US, TEXT, TOTALS, WINDOWS, Query, actions_query, grants_query, requests_query, sessions_query
from jitui.store.schema import LEDGER
from jitui.values.errors import InvalidError
from jitui.values.page import Page
from tests.store.life import NOW, asked, attempted, began, ended, granted, opened, window

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def ledger() -> Iterator[sqlite3.Connection]:
    """Ten windows of each of five identities, four hundred actions of each."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for step in LEDGER:
            db.executescript(step)
        rows = []
        for number in range(50):
            who, grant = f"agent-{number % 5}", number + 1
            at = NOW + number * 1_000_000_000
            db.execute("insert into grants values(?, ?, ?, 'prod', 'read pods in web', 'expired', '', 600, ?, 0, 'b', '[]', ?, null, null, null, null, null, "
                       "null, ?, 'clock', '')", (grant, grant, who, at, at, at + 600_000_000))
            db.execute("insert into sessions values(?, ?, 'api', '', '[]', 0, '', '', 'ended', ?, 0, 'b', ?, 'expired', 'clock', 1, 1, 1, 1, 1, 0, 0, x'', "
                       "1, 2)", (grant, grant, at, at))
            rows += [attempted(at_us=at + each, identity=who, session=grant if each % 2 else 0, conn=each, verdict="allowed" if each % 2 else "denied",
                               audit_id=f"jitui-aa-{grant}-{each}") for each in range(40)]
        Collapsed().write(db, [(row, False) for row in rows])
        yield db


def plan(db: sqlite3.Connection, sql: str, **values: Any) -> list[str]:
    """How SQLite goes about it."""
    names = {"limit": 1000, "from_0": 0, "from_1": 0, "identity": "agent-1", "connection": "prod", "since": 0, "newest": 2000, "ids": "[1, 2]",
             "told": "[]", **values}
    return [row[3] for row in db.execute(f"explain query plan {sql}", names if ":" in sql else ("[1, 2]",))]


def queries(db: sqlite3.Connection) -> Iterator[Query]:
    for grant, session, who, audit_id in ((0, 0, "", ""), (0, 0, "agent-1", ""), (7, 0, "", ""), (7, 0, "agent-1", ""), (0, 7, "", ""),
                                          (0, 0, "", "jitui-aa-7-3"), (0, 0, "agent-1", "jitui-aa-7-3")):
        query = actions_query(db, grant=grant, session=session, identity=who, audit_id=audit_id)
        assert query is not None
        yield query
    for identity in ("", "agent-1"):
        for flag in (False, True):
            yield grants_query(live=flag, identity=identity)
            yield requests_query(pending=flag, identity=identity)
            for grant in (0, 7):
                yield sessions_query(live=flag, grant=grant, identity=identity)


def test_every_list_goes_by_an_index(ledger: sqlite3.Connection) -> None:
    """None looks at a whole table but in its own order, where it ends with the page."""
    for query in queries(ledger):
        table = query.select.split(" from ")[1].split(" ")[0]
        whole = ":" not in query.where  # of everybody, or by a state alone
        for sql in (query.first(), query.page()):
            ways = plan(ledger, sql, **query.values)
            scans = {way.partition(" USING")[0] for way in ways if way.startswith("SCAN")}
            assert scans <= ({f"SCAN {table}"} if whole else set()), (sql, ways)
            if whole or (table == "actions" and "actions.session = " not in query.where):
                assert not any("TEMP B-TREE" in way for way in ways), (sql, ways)
    for sql in (PROCESSES, TOTALS, WINDOWS, PAST):
        ways = [way for way in plan(ledger, sql) if way.startswith("SCAN")]
        assert {way.split(" ")[1] for way in ways} <= {"json_each", "(subquery-1)", "(subquery", "value"}, (sql, ways)


def everything(call: Callable[..., Page[Any]], db: sqlite3.Connection, limit: int, **given: Any) -> tuple[list[Any], int]:
    """All pages, as a client reads them, and how many there were."""
    found: list[Any] = []
    cursor, pages = "", 0
    while True:
        page = call(db, limit=limit - len(found), cursor=cursor, **given)
        found += page
        cursor, pages = page.more, pages + 1
        if not cursor:
            return found, pages


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 2500), st.integers(250, 200_000), st.sampled_from([{}, {"identity": "agent-1"}, {"grant": 7}, {"session": 7}]))
def test_pages_are_the_list(limit: int, size: int, given: dict[str, Any]) -> None:
    """The newest so many, oldest first, whatever a page holds; none twice, none left out."""
    with pytest.MonkeyPatch.context() as patch:
        whole, _ = everything(listing.actions, LISTED[0], 10_000, **given)
        patch.setattr(listing, "TEXT", size)
        found, _ = everything(listing.actions, LISTED[0], limit, **given)
        assert listing.actions(LISTED[0], limit=limit, **given).older is (len(whole) > limit)
    assert [row.id for row in found] == [row.id for row in whole[-limit:]]


LISTED: list[sqlite3.Connection] = []


@pytest.fixture(scope="module", autouse=True)
def _listed(ledger: sqlite3.Connection) -> None:
    LISTED.append(ledger)


def test_what_belongs_to_a_window(ledger: sqlite3.Connection) -> None:
    """The list has the actions of its sessions, and the denials of its identity while it was open."""
    found = listing.actions(ledger, grant=7, limit=1000)
    assert len(found) == 40
    assert {(row.identity, row.grant) for row in found} == {("agent-1", 7)}
    assert listing.actions(ledger, grant=7, identity="agent-2", limit=1000) == []
    assert listing.actions(ledger, grant=77, limit=1000) == []
    assert [row.conn for row in listing.actions(ledger, audit_id="jitui-aa-7-3", limit=1000)] == [3]
    assert listing.actions(ledger, audit_id="jitui-aa-7-3", identity="agent-2", limit=1000) == []
    assert listing.actions(ledger, audit_id="another's", limit=1000) == []


async def test_a_page_ends_by_bytes(tmp_path: Path) -> None:
    """Of rows that hold much (an older version kept every word) it has fewer, and never none."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        store._ledger.db.execute("begin")
        large = Action("get", resource="pods", namespace="web", path="p" * 300_000)
        Collapsed().write(store._ledger.db, [(attempted(at_us=NOW + number, action=large), False) for number in range(20)])
        store._ledger.db.execute("commit")
        with closing(Files(tmp_path / "state")) as files, files.reading(files.ledger) as db:
            assert len(listing.actions(db, limit=1000)) == TEXT // 300_000 + 1
            found, pages = everything(listing.actions, db, 1000)
            assert (len(found), pages) == (20, 5)
            assert max(len(row.action.path) for row in found) < 1000, "and what is shown of them is cut as if it were written today"


@pytest.mark.parametrize("cursor", ["x", "1.2.3", "-1", "1.5", "' or 1", "9" * 40, "1.", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_a_cursor_comes_from_outside(ledger: sqlite3.Connection, cursor: str) -> None:
    """A cursor of another list is refused in words; one that is too large gives nothing."""
    with pytest.raises(InvalidError, match="no cursor of this list"):
        listing.actions(ledger, limit=10, cursor=cursor)
    assert listing.actions(ledger, limit=10, cursor="9" * 19) == []


async def test_a_clock_that_was_set_hides_no_action(tmp_path: Path) -> None:
    """Of a window in which the wall clock went back, or ran ahead of the end."""
    async with opened(tmp_path / "state") as store:
        await store.commit([asked(1), granted(1, 1), began(1)])
        for hours in (-5, 0, 5):
            store.note(attempted(at_us=NOW + hours * 3_600_000_000, session=1, verdict="allowed"))
        await store.commit([ended(1)])
        with closing(Files(tmp_path / "state")) as files:
            assert [(row.at_us - NOW) // 3_600_000_000 for row in files.actions(grant=1)] == [-5, 0, 5]
            assert SLACK_US >= DAY_US


async def test_the_processes_of_a_window_are_folded_from_its_facts(tmp_path: Path) -> None:
    """The last word about each; of a session that facts tell of, its own count of processes does not count beside them."""
    where: dict[str, Any] = {"grant": 1, "pod": "web/web-7c", "pod_uid": "u", "container": "app", "container_id": "c"}
    left = ProcessLeft(**where, session=1, pid=7, start=100, argv=("sleep", "9"), state="not-proved", why="no shell")
    gone = ProcessEnded(**where, session=1, pid=7, start=100, argv=("sleep", "9"), state="ended", proof=("gone",))
    async with opened(tmp_path) as store:
        files = Files(tmp_path)
        try:
            await store.commit([*window(), began(1), began(2)])
            assert files.sums([1])[1][0].proving == 2
            await store.commit([ended(1, may_run_on=1), ended(2, may_run_on=1)])
            assert (files.sums([1])[1][0].may_run_on, files.processes(1), files.sums([1])[1][0].proving) == (2, (), 0)
            await store.commit([left.draft("g-1", "gateway")])
            assert (files.sums([1])[1][0].may_run_on, files.processes(1)) == (2, (left,))
            await store.commit([gone.draft("g-1", "gateway")])
            assert (files.sums([1])[1][0].may_run_on, files.processes(1), files.sums([1])[1][0].processes) == (1, (gone,), (gone,))
        finally:
            files.close()
