"""How everything stood at a past moment, out of the facts up to then."""

import asyncio
from typing import Any

import pytest

from jitui.policy.action import Action
from jitui.recording.facts import (
    Draft,
    GrantActive,
    GrantEnded,
    GrantFrozen,
    GrantThawed,
    LockdownOff,
    LockdownOn,
    RequestDenied,
    RequestLapsed,
    SessionFrozen,
    SessionThawed,
)
from jitui.store.archive import Files
from jitui.store.past import RECENT_US, past, sessions
from jitui.values.clock import ManualClock
from jitui.values.instant import Deadline
from tests.store.life import BOOT, NOW, approved, asked, attempted, began, ended, granted, opened

S = 1_000_000
FOR = 1_800 * S


def at(seconds: float) -> int:
    return NOW + round(seconds * S)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Three requests, one approved by two, one denied, one lapsed; a window that waits for its first use, is frozen and thawed, and ends."""
    folder, clock = tmp_path_factory.mktemp("state"), ManualClock(wall_us=NOW)
    waits = {"state": "waiting", "started_us": 0, "deadline": None, "use_by": {"wall_us": at(900), "boot_us": BOOT + 900 * S, "boot_id": "boot-1"}}

    async def commit(store: Any, seconds: float, *drafts: Draft) -> None:
        clock.wall_us = at(seconds)
        await store.commit(list(drafts))

    async def make() -> None:
        async with opened(folder, clock) as store:
            for number in (1, 2, 3):
                await commit(store, number, asked(number, asked_us=at(number), pending_us=60 * S))
            await commit(store, 10, approved(1), RequestDenied(why="no").draft("r-2", "ana"))
            await commit(store, 20, approved(1, "bo"), granted(1, 1, approved={"wall_us": at(20), "boot_us": BOOT, "boot_id": "boot-1"}, **waits))
            await commit(store, 30, GrantActive(started_us=at(30), deadline=Deadline(at(30) + FOR, BOOT + FOR, "boot-1")).draft("g-1", "agent-a"))
            await commit(store, 40, began(1, started_us=at(40)), began(2, kind="api", tty=False, started_us=at(40)))
            store.note(attempted(at_us=at(41), session=2, verdict="allowed", code=200, action=Action("get", resource="pods", namespace="web", version="v1")))
            await commit(store, 50, GrantFrozen(by="ana").draft("g-1", "ana"), LockdownOn(why="x").draft("gateway", "ana"))
            await commit(store, 60, GrantThawed().draft("g-1", "ana"), LockdownOff().draft("gateway", "root"))
            await commit(store, 63, RequestLapsed().draft("r-3", "gateway"))
            await commit(store, 70, SessionFrozen(by="bo", grant=1, identity="agent-a", connection="prod").draft("s-1", "bo"))
            await commit(store, 80, SessionThawed(grant=1, held=0, identity="agent-a", connection="prod").draft("s-1", "bo"))
            await commit(store, 100, GrantEnded(state="revoked", why="enough").draft("g-1", "ana"), ended(1, why="revoked", ended_us=at(100)),
                         ended(2, why="revoked", ended_us=at(100)))

    asyncio.run(make())
    return Files(folder)


def test_requests_that_waited(files: Files) -> None:
    """With the yeses that they had then; neither those that came later nor those that were settled or had lapsed."""
    waited = {seconds: [(each.id, [one.person for one in each.approvals]) for each in past(files, at(seconds)).requests] for seconds in (0, 2.5, 5, 15, 25, 65)}
    assert waited == {0: [], 2.5: [(1, []), (2, [])], 5: [(1, []), (2, []), (3, [])], 15: [(1, ["ana"]), (3, [])], 25: [(3, [])], 65: []}


def test_a_window_from_moment_to_moment(files: Files) -> None:
    """Its state, its deadline and who had frozen it were as the facts up to then say; an ended one is told for an hour."""
    def told(seconds: float) -> tuple[Any, ...]:
        found = past(files, at(seconds))
        return tuple((str(each.state), bool(each.deadline), each.frozen_by, len(found.streams.get(each.id, ()))) for each in (*found.grants, *found.ended))

    assert [told(seconds) for seconds in (19, 25, 35, 45, 55, 65)] == [
        (), (("waiting", False, "", 0),), (("active", True, "", 0),), (("active", True, "", 2),), (("active", True, "ana", 2),), (("active", True, "", 2),)]
    assert told(101) == (("revoked", True, "", 0),)
    assert [len(past(files, at(100) + RECENT_US + more).ended) for more in (-S, S)] == [1, 0]
    assert [past(files, at(seconds)).lockdown for seconds in (49, 55, 61)] == [False, True, False]
    assert {seconds: len(past(files, at(seconds)).last) for seconds in (40, 45)} == {40: 0, 45: 1}
    assert past(files, at(75)).frozen == {1: "bo"}
    assert past(files, at(85)).frozen == {1: ""}
    assert past(files, at(101)).totals[1].bytes_out == 0


def test_sessions_as_they_stood(files: Files) -> None:
    """One that had not ended says nothing of its end."""
    (first, _), frozen = sessions(files, at(75), 1)
    assert (first.state, first.ended_us, first.ended_why, first.frames, frozen) == ("open", None, "", None, {1: "bo"})
    assert [row.ended_why for row in sessions(files, at(101))[0]] == ["revoked", "revoked"]
    assert sessions(files, at(39)) == ([], {})
    assert sessions(files, at(75), 7)[0] == []
