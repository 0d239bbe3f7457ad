"""The checkpointer: the log stays short without any commit paying for it."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jitui.store import Files, checkpoint
from jitui.store.checkpoint import Checkpointer, restart_wal
from jitui.store.schema import connect
from tests.store.life import frames, opened, record, until


async def test_the_log_is_moved_while_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds after a commit its pages are in the database itself: a reader of that file alone finds them."""
    monkeypatch.setattr(checkpoint, "LATE_S", 0.1)
    tape = tmp_path / "state/tapes/000001.db"
    async with opened(tmp_path / "state") as store:
        await record(store, frames(1, [b"needle in the tape"]))
        await until(lambda: b"needle in the tape" in tape.read_bytes())


async def test_a_log_that_outgrows_its_room_begins_at_the_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a load that never pauses the file does not grow without end (16 MiB; here 1)."""
    monkeypatch.setattr(checkpoint, "RESTART_BYTES", 1 << 20)
    monkeypatch.setattr(checkpoint, "EVERY_S", 0.01)
    wal = tmp_path / "state/tapes/000001.db-wal"
    chance = random.Random(1)
    async with opened(tmp_path / "state") as store:
        for seq in range(400):
            await record(store, frames(1, [chance.randbytes(64 << 10)], seq))
        assert store.written_bytes == 400 << 16
        assert wal.stat().st_size < 20 << 20
        assert len(list(Files(tmp_path / "state").all_frames(1))) == 400


def test_a_reader_in_the_way_is_not_waited_for(tmp_path: Path) -> None:
    """A restart that can't be is given up within milliseconds; commits go on."""
    path = tmp_path / "x.db"
    writer, reader = connect(path), connect(path)
    writer.execute("create table t(x blob) strict")
    reader.execute("begin")
    reader.execute("select * from t").fetchall()
    writer.execute("insert into t values(zeroblob(100000))")
    restart_wal(writer)
    writer.execute("insert into t values(zeroblob(100000))")
    assert reader.execute("select count(*) from t").fetchone() == (0,)
    assert writer.execute("pragma busy_timeout").fetchone() == (5000,)
    reader.execute("commit")
    reader.close()
    writer.close()


async def test_it_asks_once_and_rests_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is asked for once until the writer has done it; paused, nothing is moved."""
    monkeypatch.setattr(checkpoint, "RESTART_BYTES", 0)
    monkeypatch.setattr(checkpoint, "EVERY_S", 0.005)
    path = tmp_path / "x.db"
    writer = connect(path)
    writer.execute("create table t(x blob) strict")
    watcher = Checkpointer([path])
    watcher.pause()
    watcher.start()
    await asyncio.sleep(0.1)
    assert watcher.wants_restart(path) is False
    watcher.resume()
    await until(lambda: watcher.wants_restart(path))
    watcher.close()
    writer.close()


def test_a_pause_waits_for_what_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room that a full disk gives up next is for facts: a checkpoint that still runs would take it."""
    monkeypatch.setattr(checkpoint, "EVERY_S", 0.001)
    monkeypatch.setattr(checkpoint, "LATE_S", 0.001)
    began, ended = threading.Event(), threading.Event()

    def slow(self: Checkpointer, path: Path) -> None:
        began.set()
        time.sleep(0.2)
        ended.set()

    monkeypatch.setattr(Checkpointer, "_once", slow)
    watcher = Checkpointer([tmp_path / "x.db"])
    watcher.start()
    try:
        assert began.wait(5)
        watcher.pause()
        assert ended.is_set()
        began.clear()
        watcher.logged(tmp_path / "x.db", 1)
        assert not began.wait(0.05)
    finally:
        watcher.close()


def test_it_runs_for_much_or_after_a_while_and_not_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keystrokes share one checkpoint, bulk has one soon, and an idle gateway none."""
    monkeypatch.setattr(checkpoint, "EVERY_S", 0.001)
    monkeypatch.setattr(checkpoint, "LATE_S", 0.5)
    monkeypatch.setattr(checkpoint, "FULL_BYTES", 1000)
    path, runs = tmp_path / "x.db", list[float]()
    monkeypatch.setattr(Checkpointer, "_once", lambda _, path: runs.append(time.monotonic()))
    watcher = Checkpointer([path])
    watcher.start()
    try:
        began = time.monotonic()
        for _ in range(20):
            watcher.logged(path, 10)
            time.sleep(0.01)
        assert not runs
        until_true(lambda: bool(runs))
        assert runs[0] - began >= 0.4
        time.sleep(0.7)
        assert len(runs) == 1
        watcher.logged(path, 2000)
        until_true(lambda: len(runs) == 2, within=0.3)
    finally:
        watcher.close()


def until_true(true: Callable[[], bool], within: float = 30.0) -> None:
    give_up = time.monotonic() + within
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.005)
