"""The queue writes decisions before all that waits, and nothing out of the order that matters."""

import asyncio
from collections import deque
from pathlib import Path

from hypothesis import given, settings, strategies as st

from jitui.recording.facts import Draft, Kind
from jitui.recording.frame import Channel, Frame
from jitui.store.ledger import Batch
from jitui.store.queue import FACTS_AT_ONCE, Commit, Op, Put, decides, decision_waits, hurry, take
from tests.store.life import approved, asked, began, ended, frames, granted, opened, record, window

REVOKED = {"state": "revoked", "why": "enough", "identity": "agent-a", "connection": "prod", "ended_us": 0}


def commit(*drafts: Draft) -> Commit:
    return Commit(Batch(drafts), lambda result: None)


def put(session: int = 1) -> Put:
    return Put([Frame(session, 0, 0, 0, Channel.STDOUT, b"")], lambda error: None, 1 << 20)


def revoked(grant: int) -> Draft:
    return Draft(Kind.GRANT_ENDED, f"g-{grant}", "ana", REVOKED)


def active(grant: int) -> Draft:
    return Draft(Kind.GRANT_ACTIVE, f"g-{grant}", "agent-a", {"started_us": 0, "deadline": {}})


def test_which_facts_are_decisions() -> None:
    """Decisions of people and ends of windows are such facts; a request, even one that a rule grants, and facts about sessions are not."""
    assert decides(Batch([approved(1), granted(1, 1)]))
    assert decides(Batch([revoked(1)]))
    assert not any(decides(Batch(drafts)) for drafts in ([], [asked(1)], [asked(1), approved(1), granted(1, 1)], [began(1)], [revoked(1), ended(1)]))


def test_a_decision_goes_before_all_that_waits() -> None:
    """Behind 64 MiB of bulk and ten thousand facts of agents it is the next commit, alone."""
    flood: list[Op] = [*(put() for _ in range(64)), *(commit(asked(number)) for number in range(10, 10_010))]
    decision = commit(approved(1), granted(1, 1))
    waiting = deque([*flood, decision])
    assert hurry(waiting) == [decision]
    assert list(waiting) == flood


def test_what_is_about_the_same_thing_comes_along() -> None:
    """In its order: a window's first use and the opening of its session are not on record behind its end."""
    first, opening, other, end = commit(active(1)), commit(began(7, grant=1)), commit(active(2)), commit(revoked(1))
    waiting = deque[Op]([first, put(), opening, other, end])
    assert hurry(waiting) == [first, opening, end]
    assert len(waiting) == 2


def test_the_end_of_a_session_never_overtakes_its_frames() -> None:
    """Where it would have to come along, everything keeps its order."""
    frame, both, end = put(7), commit(revoked(1), ended(7)), commit(Draft(Kind.GRANT_THAWED, "g-1", "ana", {}))
    waiting = deque[Op]([frame, both, end])
    assert hurry(waiting) == [frame]
    assert list(waiting) == [both, end]


def test_a_decision_goes_on_being_in_a_hurry_behind_the_end_of_a_session() -> None:
    """As soon as that end is written it overtakes all the rest."""
    flood: list[Op] = [put(8), commit(asked(2)), put(9)]
    frame, both, end = put(7), commit(revoked(1), ended(7)), commit(Draft(Kind.GRANT_THAWED, "g-1", "ana", {}))
    waiting = deque[Op]([frame, both, *flood, end])
    batches = []
    while decision_waits(waiting):
        batches.append(hurry(waiting))
    assert batches == [[frame], [both], [end]]
    assert list(waiting) == flood


async def test_a_decision_that_could_not_overtake_the_end_of_a_session_overtakes_what_is_behind_it(tmp_path: Path) -> None:
    """It goes on being in a hurry: eight MiB of other frames that came before it are not waited for."""
    order: list[str] = []
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1), began(2)])
        store.put_all(frames(1, [b"y"]), lambda error: None)
        both = asyncio.ensure_future(store.commit([Draft(Kind.SESSION_FROZEN, "s-1", "ana", {"by": "ana", "grant": 1}), ended(1)]))
        await asyncio.sleep(0)
        for frame in frames(2, [b"x" * (64 << 10)] * 128):
            store.put(frame, lambda error: order.append("frame"))
        await asyncio.sleep(0)
        await store.commit([revoked(1)])
        assert len(order) < 64
        await both
        await record(store, frames(2, [b"z"], 128))
        assert len(order) == 128


OPS = st.sampled_from(["put", "asked", "active-1", "active-2", "began-1", "began-2", "revoked-1", "revoked-2", "ended"])


def made(kind: str) -> Op:
    name, _, ident = kind.partition("-")
    if name == "put":
        return put()
    if name == "ended":
        return commit(ended(1))
    if name == "asked":
        return commit(asked(9))
    return commit({"active": active, "began": lambda grant: began(1, grant=grant), "revoked": revoked}[name](int(ident)))


@settings(deadline=None)
@given(st.lists(OPS, max_size=20))
def test_nothing_is_lost_and_one_subject_keeps_its_order(kinds: list[str]) -> None:
    """Whatever waits; the end of a session comes after every put before it."""
    came = [made(kind) for kind in kinds]
    waiting, left = deque(came), list[Op]()
    left += hurry(waiting) if waiting else []
    while waiting:
        left += take(waiting)
    assert sorted(map(id, left)) == sorted(map(id, came))
    commits = [op for op in came if isinstance(op, Commit)]
    for subject in {subject for op in commits for subject in op.subjects}:
        assert [op for op in left if isinstance(op, Commit) and subject in op.subjects] == [op for op in commits if subject in op.subjects]
    for end in (op for op in commits if op.ends):
        before = [op for op in came[:came.index(end)] if isinstance(op, Put)]
        assert all(left.index(op) < left.index(end) for op in before)


def test_one_commit_is_not_everything_that_waits() -> None:
    """Ten thousand facts are fifty commits, so that whatever comes meanwhile waits for one of them."""
    waiting = deque[Op](commit(asked(number)) for number in range(10_000))
    sizes = []
    while waiting:
        sizes.append(len(take(waiting)))
    assert sizes == [FACTS_AT_ONCE] * 50
    whole = commit(*(asked(number) for number in range(10 * FACTS_AT_ONCE)))
    assert take(deque[Op]([whole])) == [whole]


async def test_an_approval_is_on_record_before_the_bulk_that_came_before_it(tmp_path: Path) -> None:
    """Of a real store: sixteen MiB of frames and five hundred facts of others wait, and it is released before most of them."""
    order: list[str] = []
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1), asked(2)])
        for frame in frames(1, [b"x" * (64 << 10)] * 256):
            store.put(frame, lambda error: order.append("frame"))
        floods = [store.commit([asked(number)]) for number in range(10, 510)]
        tasks = [asyncio.ensure_future(flood) for flood in floods]
        await asyncio.sleep(0)
        await store.commit([approved(2), granted(2, 2)])
        assert len(order) < 64
        assert sum(task.done() for task in tasks) < 250
        await asyncio.gather(*tasks)
        assert len(order) == 256
