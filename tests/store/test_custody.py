"""The loop may write only while the writer sleeps, and only where commits have been quick."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from math import inf
from pathlib import Path

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.store import Files, Store, custody, journal
from jitui.store.custody import APART, IN_A_ROW, QUICK_S, STALE_S, Custody
from jitui.store.queue import SMALL
from jitui.values.errors import UnrecordableError
from tests.store.life import asked, began, ended, frames, opened, record, until, window

APART_S = APART * QUICK_S


def quick(now: float = -APART_S) -> Custody:
    made = Custody()
    for _ in range(IN_A_ROW):
        made.took(QUICK_S, now)
    return made


def test_only_while_the_writer_sleeps() -> None:
    """It is lent to one at a time, and the writer that wakes up waits for the loop."""
    files = quick()
    assert not files.borrow(0.0)
    files.lend()
    assert files.borrow(0.0)
    assert not files.borrow(0.0)
    writer = threading.Thread(target=files.take_back)
    writer.start()
    writer.join(0.05)
    assert writer.is_alive()
    files.give_back()
    writer.join(5)
    assert not writer.is_alive()
    assert not files.borrow(0.0)


def test_only_where_commits_are_quick() -> None:
    """One that was slow ends it until enough of them were quick again, in a row."""
    files = quick()
    files.lend()
    files.took(QUICK_S * 1.01, 0.0)
    for _ in range(IN_A_ROW - 1):
        files.took(0.0, 0.0)
        assert not files.borrow(1.0)
    files.took(0.0, 0.0)
    assert files.borrow(1.0)


def test_not_where_the_last_commit_is_long_ago_or_just_over() -> None:
    """What was quick then says nothing about now; and where one follows the other, who comes meanwhile shares the next."""
    files = quick(100.0)
    files.lend()
    assert not files.borrow(100.0 + STALE_S)
    assert not files.borrow(100.0 + 0.9 * APART_S)
    assert files.borrow(100.0 + 1.1 * APART_S)


@pytest.fixture
def any_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every disk counts as quick, once there was a commit."""
    monkeypatch.setattr(custody, "QUICK_S", inf)
    monkeypatch.setattr(custody, "IN_A_ROW", 0)
    monkeypatch.setattr(custody, "STALE_S", inf)
    monkeypatch.setattr(custody, "APART", 0)


def watched(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each commit of frames to come, whether the loop's own thread made it."""
    tapes, seen = store._journal._tapes, list[bool]()
    real = tapes.append

    def append(groups: Sequence[Sequence[Frame]]) -> list[Exception | None]:
        seen.append(threading.current_thread() is threading.main_thread())
        return real(groups)

    monkeypatch.setattr(tapes, "append", append)
    return seen


async def asleep(store: Store) -> None:
    await until(lambda: store._journal._asleep and store._journal._custody._lock.acquire(blocking=False))
    store._journal._custody.give_back()


@pytest.mark.interpreted
@pytest.mark.usefixtures("any_disk")
async def test_a_lone_keystroke_is_on_record_before_anything_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's thread commits it, and `done` is called in a later turn; a request, and what is large, are the writer's; the head is signed as ever."""
    monkeypatch.setattr(journal, "HEAD_EVERY_S", 0.05)
    done: list[Exception | None] = []
    async with opened(tmp_path / "state") as store:
        files = Files(tmp_path / "state")
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"o"]))
        seen = watched(store, monkeypatch)
        await asleep(store)
        store.put(Frame(1, 1, 0, 0, Channel.STDIN, b"k"), done.append)
        assert (seen, done, [frame.body for frame in files.frames(1)]) == ([True], [], [b"o", b"k"])
        await until(lambda: done == [None])
        await until(lambda: [verdict.unsigned_tail for verdict in files.verify(1)] == [0, 0])
        await asleep(store)
        await record(store, [])
        for seq, (channel, size) in enumerate([(Channel.REQUEST, 1), (Channel.STDIN, SMALL)], 2):
            await asleep(store)
            await record(store, [Frame(1, seq, 0, 0, channel, bytes(size))])
        assert seen == [True, False, False, False]


@pytest.mark.interpreted
@pytest.mark.usefixtures("any_disk")
async def test_everything_keeps_its_order_whichever_thread_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small and large, of several sessions, with facts between them and new tapes: each is told of in the order in which it was put, and the chains hold."""
    chance, told, put = random.Random(5), list[int](), 0
    async with opened(tmp_path / "state", tape_limit=300_000) as store:
        await store.commit([*window(), *(began(session) for session in (1, 2, 3))])
        seen, seqs = watched(store, monkeypatch), Counter[int]()
        for turn in range(300):
            for _ in range(chance.choice([1, 1, 1, 4])):
                session = chance.randint(1, 3)
                frame = Frame(session, seqs[session], 0, 0, Channel.STDOUT, chance.randbytes(chance.choice([1, 1, 60, 6000])))
                store.put(frame, lambda error, number=put: told.append(number if error is None else -1))  # type: ignore[misc]
                seqs[session], put = seqs[session] + 1, put + 1
            if turn % 50 == 49:
                await store.commit([asked(turn)])
                assert told == list(range(put))
            await asyncio.sleep(chance.choice([0, 0, 0.0005, 0.002]))
        await until(lambda: len(told) == put)
        await store.commit([ended(session) for session in (1, 2, 3)])
        files = Files(tmp_path / "state")
        assert told == list(range(put))
        assert {True, False} == set(seen)
        assert len(files.tapes()) > 1
        assert [sum(1 for _ in files.all_frames(session)) for session in (1, 2, 3)] == [seqs[session] for session in (1, 2, 3)]
        assert {verdict.problem for verdict in files.verify()} == {""}


@pytest.mark.usefixtures("any_disk")
@pytest.mark.interpreted
async def test_a_keystroke_that_the_loop_can_not_record_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer tries it anew and fails, as with anything else: whoever waits is told, and nothing more is taken."""
    done: list[Exception | None] = []
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"o"]))
        seen = watched(store, monkeypatch)
        tmp_path.joinpath("state/tapes/000001.db").rename(tmp_path / "elsewhere.db")
        await asleep(store)
        store.put(Frame(1, 1, 0, 0, Channel.STDIN, b"k"), done.append)
        await until(lambda: len(done) == 1)
        assert seen == [True, False]
        assert isinstance(done[0], UnrecordableError)
        assert store.recording_error is done[0]


@pytest.mark.interpreted
async def test_on_a_slow_disk_the_loop_waits_for_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is the writer's, however many there were."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        seen, check = watched(store, monkeypatch), store._journal._tapes._check_there

        def slow() -> None:
            time.sleep(2 * QUICK_S)
            check()

        monkeypatch.setattr(store._journal._tapes, "_check_there", slow)
        for seq in range(2 * IN_A_ROW):
            await record(store, [Frame(1, seq, 0, 0, Channel.STDIN, b"k")])
        assert seen == [False] * (2 * IN_A_ROW)
