"""The events of a window in one order, page by page in both directions, with their marks, and the streams that ran at a moment."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jitui.policy.action import Action
from jitui.recording.facts import Draft, GrantEnded, GrantFrozen, GrantThawed, SessionFrozen, Viewed
from jitui.recording.frame import Channel, Frame
from jitui.store.archive import Files
from jitui.store.listing import TEXT
from jitui.store.timeline import Event, Key, Timeline, key_of
from jitui.values.clock import ManualClock
from jitui.values.errors import InvalidError, NotFoundError
from jitui.values.instant import rfc3339
from tests.store.life import NOW, attempted, began, ended, opened, record, window

S = 1_000_000
SECRET = Action("get", resource="secrets", namespace="web", name="db", version="v1")
READ = Action("list", resource="pods", namespace="web", version="v1")
WRITE = Action("patch", resource="deployments", group="apps", namespace="web", name="web", version="v1")
ASK = Action("create", group="authorization.k8s.io", resource="selfsubjectaccessreviews", version="v1")


def done(at_s: float, action: Action, hazard: str, conn: int, *, session: int = 1, **more: Any) -> Any:
    fields = {"verdict": "allowed", "clause": "c", "code": 200, **more}
    return attempted(at_us=NOW + round(at_s * S), action=action, hazard=hazard, session=session, conn=conn, **fields)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A window with requests beside two terminals, frozen and thawed, with a denial, and cut at its end; and another one of the same agent meanwhile."""
    folder, clock = tmp_path_factory.mktemp("state"), ManualClock(wall_us=NOW)

    async def commit(store: Any, at_s: float, *drafts: Draft) -> None:
        clock.wall_us = NOW + round(at_s * S)
        await store.commit(list(drafts))

    async def make() -> None:
        async with opened(folder, clock) as store:
            await commit(store, 0, *window(), *window(2, 2))
            await commit(store, 1, began(1, kind="api", tty=False, argv=[]), began(9, grant=2, kind="api", tty=False, argv=[]))
            store.note(done(1, ASK, "READ", 0))
            store.note(done(2, SECRET, "SECRET", 1))
            store.note(done(3, WRITE, "CHANGE", 2))
            store.note(done(4, WRITE, "CHANGE", 3))
            store.note(done(4, WRITE, "CHANGE", 0, session=9))
            store.note(attempted(at_us=NOW + 5 * S))
            for number, at_s in ((2, 6), (3, 8)):
                await commit(store, at_s, began(number, started_us=NOW + at_s * S))
            await record(store, [Frame(2, seq, seq * S, 0, Channel.STDOUT, b"%d" % seq) for seq in range(5)])
            await commit(store, 10, GrantFrozen(streams=2).draft("g-1", "ana"), Viewed(how="recorded").draft("s-2", "aud"))
            store.note(done(10.5, WRITE, "CHANGE", 4))  # it waits
            await commit(store, 11, GrantThawed(streams=2).draft("g-1", "ana"))
            await commit(store, 12, SessionFrozen(by="ana", grant=1, identity="agent-a", connection="prod").draft("s-3", "ana"))
            await commit(store, 20, ended(2, ended_us=NOW + 20 * S))
            await commit(store, 30, GrantEnded(state="revoked", why="enough").draft("g-1", "ana"), ended(3, why="revoked", ended_us=NOW + 30 * S), ended(1))

    asyncio.run(make())
    return Files(folder)


def said(events: Sequence[Event]) -> list[str]:
    """Each event in a word, with its second and its mark."""
    return [f"{(event.key.at_us - NOW) // S} {_kind(event)}{event.mark and f' {event.mark}'}" for event in events]


def _kind(event: Event) -> str:
    if event.action is not None:
        return event.action.action.verb
    if (row := event.opened or event.ended) is not None:
        return f"s-{row.id} {'opened' if event.opened else 'ended'}"
    assert event.fact is not None
    return event.fact.kind


ALL = ["0 request.asked", "0 request.approved", "0 grant.started", "1 create", "2 get S", "3 patch W", "4 patch", "5 list D", "6 s-2 opened", "8 s-3 opened",
       "10 grant.frozen F", "10 patch H", "11 grant.thawed T", "12 session.frozen F", "20 s-2 ended", "30 grant.ended Z", "30 s-3 ended X"]


def test_everything_of_one_window_in_one_order(files: Files) -> None:
    """Nothing of another window of the same agent, and nothing that people looked at afterwards."""
    assert said(Timeline(files, 1).page()) == ALL
    assert said(Timeline(files, 1).page(marks=True)) == [each for each in ALL if each[-1].isupper()]


@pytest.mark.parametrize("marks", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_in_both_directions_are_the_whole(files: Files, limit: int, marks: bool) -> None:
    """However short; each begins where the last one ended."""
    line, forth, back = Timeline(files, 1), list[Event](), list[Event]()
    while page := line.page(after=forth[-1].key if forth else None, marks=marks, limit=limit):
        forth += page
    while page := line.page(before=back[0].key if back else key_of(rfc3339(NOW + 3600 * S), behind=True), marks=marks, limit=limit):
        back = page + back
    assert said(forth) == said(back) == [each for each in ALL if each[-1].isupper() or not marks]


def test_a_moment_lies_behind_all_of_it(files: Files) -> None:
    """`after` it: the events that come next; `before` it: those up to it."""
    moment = key_of(rfc3339(NOW + 12 * S), behind=True)
    assert said(Timeline(files, 1).page(after=moment, limit=1)) == ["20 s-2 ended"]
    assert said(Timeline(files, 1).page(before=moment, limit=2)) == ["11 grant.thawed T", "12 session.frozen F"]


@pytest.mark.parametrize("text", ["", "1.2", "1.9.1", "yesterday", "2026-11-23T16:07:52", "9" * 40 + ".1.1", "1.1.1' or 1"])
def test_a_key_that_is_none(text: str) -> None:
    """An error says which ones there are."""
    with pytest.raises(InvalidError, match="is neither the key of an event nor a time"):
        key_of(text, behind=True)
    assert key_of(str(Key(NOW, 2, 7)), behind=True) == Key(NOW, 2, 7)


def test_streams_that_ran(files: Files) -> None:
    """The newest first; where none did, the one that ended last; before the first, none. Where their frames stood."""
    line = Timeline(files, 1)
    ran = {at_s: [row.id for row in line.running(NOW + round(at_s * S))] for at_s in (5, 6, 9, 20, 25, 31)}
    assert ran == {5: [], 6: [2], 9: [3, 2], 20: [3, 2], 25: [3], 31: [3]}
    assert [files.seq_at(2, round(at_s * S)) for at_s in (-1, 0, 0.5, 1, 3.9, 100)] == [-1, 0, 0, 1, 3, 4]
    assert files.seq_at(3, S) == -1
    with pytest.raises(NotFoundError, match="no grant g-7"):
        Timeline(files, 7)


def test_a_page_ends_after_a_mebibyte(files: Files, tmp_path: Path) -> None:
    """Whatever the rows hold: long commands make it shorter, never empty."""

    async def make() -> None:
        async with opened(tmp_path) as store:
            await store.commit([*window(), began(1)])
            for conn in range(600):
                store.note(done(conn, Action("create", resource="pods", subresource="exec", namespace="web", argv=("x" * 4000,)), "EXEC", conn))
            await store.commit([])

    asyncio.run(make())
    page = Timeline(Files(tmp_path), 1).page()
    assert 0 < sum(event.weight for event in page) < TEXT + 10_000
    assert len(page) < 300


@pytest.mark.parametrize("marks", [False, True])
@pytest.mark.parametrize("back", [False, True])
def test_no_source_is_read_whole(files: Files, marks: bool, back: bool) -> None:
    """Each goes by an index: neither the facts nor the actions nor the sessions of other windows are looked at."""
    moment = key_of(rfc3339(NOW + 2 * S), behind=True)
    with files.reading(files.ledger) as db:
        sent: list[str] = []
        db.set_trace_callback(sent.append)
        try:
            line = Timeline(_Same(db), 1)  # type: ignore[arg-type]
            line.page(**{"before" if back else "after": moment}, marks=marks, limit=10)
            line.running(NOW)
        finally:
            db.set_trace_callback(None)
        steps = [row[3] for sql in sent for row in db.execute(f"explain query plan {sql}")]
    assert len(sent) > 6
    assert [step for step in steps if step.startswith("SCAN") and not step.startswith("SCAN still ")] == []


class _Same:
    """One connection for every short read."""

    ledger = None

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @contextmanager
    def reading(self, _path: object) -> Iterator[sqlite3.Connection]:
        yield self._db


async def test_a_window_that_was_frozen_often(tmp_path: Path) -> None:
    """A request that comes while it stands still is told to be held, after however many freezes."""
    clock = ManualClock(wall_us=NOW)
    async with opened(tmp_path / "state", clock) as store:
        await store.commit([*window(), began(1, kind="api", tty=False, argv=[])])
        for at_s in range(1, 300, 2):
            clock.wall_us = NOW + at_s * S
            await store.commit([GrantFrozen(streams=0).draft("g-1", "ana")])
            clock.wall_us += S
            await store.commit([GrantThawed(streams=0).draft("g-1", "ana")])
        for conn, came_s in enumerate((0.5, 299.5, 300.5)):
            store.note(done(came_s, READ, "READ", conn))
    marked = [event for event in Timeline(Files(tmp_path / "state"), 1).page(marks=True) if event.action is not None]
    assert said(marked) == ["299 list H"]
