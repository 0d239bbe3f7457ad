"""The journal: batches, order, and what happens when a commit fails."""

import asyncio
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from jitui.recording.frame import COST, Channel, Frame
from jitui.store import Files, Store, attempts, company, journal
from jitui.store.checkpoint import Checkpointer
from jitui.store.ledger import Batch
from jitui.store.queue import SMALL, Commit, Op, Put, take
from jitui.values.clock import ManualClock
from jitui.values.errors import UnrecordableError
from tests.store.life import approved, asked, attempted, began, ended, frames, granted, opened, record, until, window

PUTS = st.builds(lambda sessions, size: ("put", tuple(sessions), size), st.lists(st.integers(1, 4), min_size=1, max_size=3),
                 st.sampled_from([0, 1, SMALL, SMALL + 1, 300_000, 2_000_000]))


def ops(plan: Sequence[Any]) -> list[Op]:
    made: list[Op] = []
    for kind, sessions, size in plan:
        if kind == "commit":
            made.append(Commit(Batch(()), lambda result: None))
        else:
            made.append(Put([Frame(session, len(made), 0, 0, Channel.STDOUT, b"") for session in sessions], lambda error: None, size))
    return made


@settings(deadline=None)
@given(st.lists(PUTS | st.just(("commit", (), 0)), max_size=25), st.integers(1, 1_000_000))
def test_take_keeps_every_order_that_matters(plan: list[Any], limit: int) -> None:
    """Nothing is lost; within a session nothing overtakes; a commit comes after all puts before it and before all after it; a batch is one kind."""
    came = ops(plan)
    waiting = deque(came)
    left: list[Op] = []
    while waiting:
        batch = take(waiting, limit)
        assert len({type(op) for op in batch}) == 1
        puts = [op for op in batch if isinstance(op, Put)]
        assert len(puts) < 2 or sum(put.size for put in puts) <= limit
        left += batch
    assert sorted(map(id, left)) == sorted(map(id, came))
    for session in range(1, 5):
        mine = [op for op in came if isinstance(op, Commit) or any(frame.session == session for frame in op.frames)]
        assert [id(op) for op in left if op in mine] == [id(op) for op in mine]


def test_a_keystroke_overtakes_bulk_of_others() -> None:
    """Four waiting chunks of a bulk stream are two batches; the keystroke put after them goes with the first."""
    bulk = ops([("put", (1,), 300_000)] * 4)
    key = ops([("put", (2,), 1)])
    assert take(deque(bulk + key), 700_000) == [bulk[0], bulk[1], key[0]]


@pytest.mark.interpreted
async def test_waiting_frames_share_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand puts of one turn of the loop cost a handful of commits, not a thousand."""
    batches: list[int] = []
    real = journal.Journal._write_frames

    def count(self: Any, puts: Sequence[Put]) -> Any:
        batches.append(len(puts))
        return real(self, puts)

    monkeypatch.setattr(journal.Journal, "_write_frames", count)
    done: list[Exception | None] = []
    async with opened(tmp_path / "state") as store:
        for frame in frames(1, [b"x" * 200] * 1000):
            store.put(frame, done.append)
        await until(lambda: len(done) == 1000)
    assert (sum(batches), len(batches) < 5) == (1000, True)


@pytest.mark.interpreted
@pytest.mark.parametrize(("size", "batches"), [(SMALL, [8, 9]), (SMALL + 1, [8, 1, 8])])
async def test_a_small_frame_waits_for_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, batches: list[int]) -> None:
    """One that came during a commit of eight waits until the loop went through those, and shares a commit with what they bring; a large one does not."""
    seen: list[int] = []
    gate = threading.Event()
    real = journal.Journal._write_frames

    def write(self: Any, puts: Sequence[Put]) -> Any:
        seen.append(len(puts))
        gate.wait(10)
        return real(self, puts)

    monkeypatch.setattr(journal.Journal, "_write_frames", write)
    done: list[Exception | None] = []
    async with opened(tmp_path / "state") as store:

        def answer(session: int, error: Exception | None) -> None:
            assert error is None
            store.put(Frame(session, 1, 0, 0, Channel.RESPONSE, b"y"), done.append)

        for session in range(1, 9):
            store.put(Frame(session, 0, 0, 0, Channel.REQUEST, b"x"), partial(answer, session))
        await until(lambda: seen == [8])
        store.put(Frame(9, 0, 0, 0, Channel.STDOUT, bytes(size - COST)), done.append)
        gate.set()
        for _ in range(30):  # the loop hears nothing of the first commit meanwhile
            if len(seen) == 1:
                time.sleep(0.01)  # noqa: ASYNC251
        await until(lambda: len(done) == 9)
    assert (seen, done) == (batches, [None] * 9)


@pytest.mark.interpreted
async def test_bulk_that_flows_shares_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces wait for more until there is enough; a keystroke, a decision and the end of the gateway take along what waits."""
    seen: list[int] = []
    real = journal.Journal._write_frames

    def write(self: Any, puts: Sequence[Put]) -> Any:
        seen.append(len(puts))
        return real(self, puts)

    monkeypatch.setattr(journal.Journal, "_write_frames", write)
    monkeypatch.setattr(journal, "WAIT_S", 60.0)
    monkeypatch.setattr(company, "FLOWS_S", 60.0)
    done: list[Exception | None] = []
    seq = 0

    async def say(store: Store, size: int, *, times: int = 1) -> None:
        nonlocal seq
        for _ in range(times):
            store.put(Frame(1, seq, 0, 0, Channel.STDOUT, bytes(size)), done.append)
            seq += 1
            await asyncio.sleep(0.002)

    async with opened(tmp_path / "state") as store:
        await say(store, 32 << 10)
        await until(lambda: len(done) == 1)
        await say(store, 32 << 10, times=3)
        assert seen == [1]
        store.put(Frame(2, 0, 0, 0, Channel.STDIN, b"k"), done.append)
        await until(lambda: len(done) == 5)
        assert seen == [1, 4]
        await say(store, 32 << 10)
        await until(lambda: len(done) == 6)
        await say(store, 32 << 10, times=8)
        await until(lambda: len(done) == 14)
        assert seen == [1, 4, 1, 8]
        await say(store, 32 << 10)
        await store.commit([*window(), began(3), asked(2)])
        await until(lambda: len(done) == 15)
        await say(store, 32 << 10, times=2)
        assert len(done) == 15
        await store.commit([approved(2), granted(2, 2)])
        await say(store, 32 << 10)
    assert (sum(seen), done) == (18, [None] * 18)


async def test_a_waiters_mistake_is_its_own(tmp_path: Path) -> None:
    """A `done` that raises is reported to the loop, and the next one runs."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))
    mistake = ValueError("oops")

    def bad(error: Exception | None) -> None:
        raise mistake

    async with opened(tmp_path / "state") as store:
        store.put(Frame(1, 0, 0, 0, Channel.STDIN, b"a"), bad)
        await record(store, frames(1, [b"b"], 1))
    assert reported == [mistake]


class Failing:
    """Tapes whose commits fail at an instant the test chooses; test_disk_full.py has the real thing."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: Exception | None = None
        tapes = store._tapes
        real_insert, real_probe = tapes._insert, tapes.probe

        def insert(values: list[Any], rows: int) -> int:
            if self.error:
                raise self.error
            return real_insert(values, rows)

        def probe(now_us: int) -> None:
            if self.error:
                raise self.error
            real_probe(now_us)

        monkeypatch.setattr(tapes, "_insert", insert)
        monkeypatch.setattr(tapes, "probe", probe)


@pytest.mark.interpreted
async def test_a_failed_commit_fails_all_that_wait_and_what_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets the error once; later puts fail at once; deciding goes on; a probe brings recording back, on the chain as it is on disk."""
    monkeypatch.setattr(journal, "PROBE_S", 0.05)
    told: list[Exception | None] = []
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1), began(2)])
        await record(store, frames(1, [b"a", b"b"]))
        failing = Failing(store, monkeypatch)
        failing.error = sqlite3.OperationalError("disk I/O error")
        for frame in [*frames(1, [b"c", b"d"], 2), *frames(2, [b"e"])]:
            store.put(frame, told.append)
        await until(lambda: len(told) == 3)
        said = f"nothing can be recorded in {tmp_path}/state, so nothing passes (disk I/O error); make room there; recording goes on by itself"
        assert [str(error) for error in told] == [said] * 3
        assert isinstance(store.recording_error, UnrecordableError)
        store.put(Frame(1, 2, 0, 0, Channel.STDIN, b"c"), told.append)
        await asyncio.sleep(0)
        assert told[3] is store.recording_error
        assert not tmp_path.joinpath("state/reserve").stat().st_size
        assert [fact.subject for fact in await store.commit([asked(2)])] == ["r-2"]
        (fact,) = await store.commit([ended(2, "unrecordable")])
        assert fact.what["frames"] == 0
        failing.error = None
        await until(lambda: store.recording_error is None)
        assert tmp_path.joinpath("state/reserve").stat().st_size == 1 << 20
        await record(store, frames(1, [b"C"], 2))
        await store.commit([ended(1)])
        files = Files(tmp_path / "state")
        assert [frame.body for frame in files.frames(1)] == [b"a", b"b", b"C"]
        assert [verdict.problem for verdict in files.verify()] == [""] * 4


async def test_a_tape_that_is_gone_records_nothing(tmp_path: Path) -> None:
    """SQLite would go on writing to the deleted file."""
    async with opened(tmp_path / "state") as store:
        await record(store, frames(1, [b"a"]))
        tmp_path.joinpath("state/tapes/000001.db").rename(tmp_path / "elsewhere.db")
        with pytest.raises(UnrecordableError, match="nothing can be recorded"):
            await record(store, frames(1, [b"b"], 1))


async def test_a_ledger_that_is_gone_decides_nothing(tmp_path: Path) -> None:
    """And then nothing is recorded either: it would have no end."""
    async with opened(tmp_path / "state") as store:
        tmp_path.joinpath("state/ledger.db").rename(tmp_path / "elsewhere.db")
        with pytest.raises(UnrecordableError, match="nothing can be recorded"):
            await store.commit([asked(1)])
        assert store.recording_error is not None


@pytest.mark.interpreted
async def test_rows_of_actions_come_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that frames don't wait behind thousands of them; but a session does not end before its rows are there."""
    monkeypatch.setattr(attempts, "AT_ONCE", 7)
    portions: list[int] = []
    async with opened(tmp_path / "state") as store:
        ledger, files = store._ledger, Files(tmp_path / "state")
        real = ledger.commit

        def commit(batches: Any, notes: Any, marks: Any, **options: Any) -> Any:
            portions.append(len(notes))
            return real(batches, notes, marks, **options)

        monkeypatch.setattr(ledger, "commit", commit)
        await store.commit([*window(), began(1), began(2)])
        for conn in range(50):
            store.note(attempted(session=1, conn=conn, verdict="allowed"))
        await until(lambda: len(files.actions()) == 50)
        assert (max(portions), [row.conn for row in files.actions()]) == (7, list(range(50)))
        for conn in range(50):
            store.note(attempted(session=2, conn=conn, verdict="allowed"))
        await store.commit([ended(2)])
        assert len(files.actions(session=2)) == 50


async def keep_recording(store: Store) -> None:
    for seq in range(1000):
        await record(store, frames(1, [b"x"], seq))
        await asyncio.sleep(0.001)


@pytest.mark.interpreted
async def test_the_writer_outlives_its_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong in its thread, those who wait are told, and recording comes back."""
    monkeypatch.setattr(journal, "PROBE_S", 0.05)
    async with opened(tmp_path / "state") as store:
        with monkeypatch.context() as broken:
            broken.setattr(store._journal, "_patience", lambda: "soon")
            with pytest.raises(UnrecordableError):  # the thread notices at its next wait
                await keep_recording(store)
        await until(lambda: store.recording_error is None)
        await record(store, frames(1, [b"x"], store.recorded(1)))


@pytest.mark.interpreted
async def test_a_mistake_while_bulk_waits_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next stream is alone, and waits for no company that would have come with the bulk."""
    monkeypatch.setattr(journal, "PROBE_S", 0.05)
    real, fails = journal.Journal._sleep, [1]

    def sleep(self: Any, waiting: Any, patience: float | None) -> None:
        if self._lacks and fails:
            fails.pop()
            self._asleep = True
            raise ValueError("a mistake")
        real(self, waiting, patience)

    monkeypatch.setattr(journal.Journal, "_sleep", sleep)
    async with opened(tmp_path / "state") as store:
        monkeypatch.setattr(company.Flow, "lacks", lambda *_: 1 << 20 if fails else 0)
        with pytest.raises(UnrecordableError):
            await record(store, frames(1, [bytes(32 << 10)]))
        await until(lambda: store.recording_error is None)
        async with asyncio.timeout(30):
            await record(store, frames(1, [bytes(32 << 10)], store.recorded(1)))
        assert not fails


async def test_the_writer_never_sleeps_on_a_row(tmp_path: Path) -> None:
    """A row that comes between two looks is waited for no longer than any other."""
    async with opened(tmp_path / "state") as store:
        assert store._journal._note_due == float("inf")
        store._journal._notes.append((attempted(), False))
        patience = store._journal._patience()
        assert patience is not None
        assert 0 <= patience <= attempts.ROWS_S


@pytest.mark.interpreted
async def test_heads_are_signed_while_a_session_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every ten seconds (here: a tenth) in which something changed; nothing is signed while nothing changes."""
    monkeypatch.setattr(journal, "HEAD_EVERY_S", 0.1)
    async with opened(tmp_path / "state") as store:
        files = Files(tmp_path / "state")
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a"] * 7))
        await until(lambda: [verdict.unsigned_tail for verdict in files.verify(1)] == [0, 0])
        with files.reading(files.ledger) as db:
            before = db.execute("select count(*) from heads").fetchone()
        await asyncio.sleep(0.3)
        with files.reading(files.ledger) as db:
            assert db.execute("select count(*) from heads").fetchone() == before


async def test_a_new_tape_each_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session goes on in it; both are read as one, and the fact tells of it."""
    clock = ManualClock()
    async with opened(tmp_path / "state", clock) as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"monday"]))
        clock.advance(86_400)
        store._journal._day_due = 0.0
        await record(store, frames(1, [b"tuesday"], 1))
        await store.commit([ended(1)])
        files = Files(tmp_path / "state")
        assert [path.name for path in files.tapes()] == ["000001.db", "000002.db"]
        assert [fact.subject for fact in files.facts() if fact.kind == "tape.opened"] == ["000001.db", "000002.db"]
        assert [frame.body for frame in files.frames(1)] == [b"monday", b"tuesday"]
        assert [verdict.problem for verdict in files.verify()] == ["", "", ""]


async def test_a_new_tape_at_the_limit(tmp_path: Path) -> None:
    """However many tapes a session spans, its chain goes on, and a page may begin in any of them."""
    bodies = [random.Random(seq).randbytes(40_000) for seq in range(30)]
    async with opened(tmp_path / "state", tape_limit=200_000) as store:
        await store.commit([*window(), began(1), began(2)])
        for seq, body in enumerate(bodies):
            await record(store, [*frames(1, [body], seq), *frames(2, [b"x"], seq)])
        await store.commit([ended(1), ended(2)])
        files = Files(tmp_path / "state")
        assert len(files.tapes()) > 4
        assert [frame.body for frame in files.frames(1)] == bodies
        assert [frame.seq for frame in files.frames(1, after=11, limit=9)] == list(range(12, 21))
        assert [verdict.problem for verdict in files.verify()] == [""] * 4
        assert [frame.seq for frame in files.newest_frames(1, after=2, room=100_000, upto=17)] == [15, 16, 17]


async def test_what_is_on_record_is_told_so_whatever_becomes_of_the_logs_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault behind a commit neither ends the writer's thread nor makes facts unrecorded that are on record; recording goes on by itself."""
    fails = [True]

    def restarted(*_: object) -> bool:
        if fails and fails.pop():
            raise RuntimeError("no room for the log")
        return False

    async with opened(tmp_path / "state") as store:
        monkeypatch.setattr(Checkpointer, "wants_restart", restarted)
        assert len(await store.commit([began(1)])) == 1
        await until(lambda: store.recording_error is not None)
        await until(lambda: store.recording_error is None)
        fails.append(True)
        done: list[Exception | None] = []
        store.put(frames(1, [b"x"])[0], done.append)
        await until(lambda: done == [None])
        await until(lambda: store.recording_error is not None)
        await until(lambda: store.recording_error is None)
