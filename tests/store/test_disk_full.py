"""A disk that is full: nothing passes, deciding still works, and it goes on by itself when there is room (promises 5 and 11)."""

import asyncio
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.store import Files, Store
from jitui.values.errors import UnrecordableError
from tests.store.life import RESERVE, asked, began, ended, frames, opened, record, until, window

LIMITED = """
import asyncio, sys
from pathlib import Path
from tests.store.test_disk_full import limited
asyncio.run(limited(Path(sys.argv[1])))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


async def fill(store: Store, session: int) -> int:
    """Record random bytes until it is refused; how many frames are on record then."""
    for seq in range(1000):
        try:
            await record(store, frames(session, [random.Random(seq).randbytes(64 << 10)], seq))
        except UnrecordableError:
            return seq
    raise AssertionError("the disk never was full")


@pytest.mark.root
async def test_a_full_disk(small_disk: Path) -> None:
    """The frame that finds no room is not on record; then the reserve is given up for facts; with room again, both go on."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(7 << 20))
    async with opened(small_disk / "state") as store:
        await store.commit([*window(), began(1), began(2)])
        count = await fill(store, 1)
        assert count > 20
        assert "database or disk is full" in str(store.recording_error)
        assert small_disk.joinpath("state/reserve").stat().st_size == 0
        (fact,) = await store.commit([ended(1, "unrecordable")])
        assert fact.what["frames"] == count
        for number in range(2, 38):
            await store.commit([asked(number)])
        await asyncio.sleep(1.2)  # a probe has run: without room for the reserve it is no success
        assert store.recording_error is not None
        told: list[Exception | None] = []
        store.put(Frame(2, 0, 0, 0, Channel.STDIN, b"x"), told.append)
        await asyncio.sleep(0)
        assert [type(error) for error in told] == [UnrecordableError]
        ballast.unlink()
        await until(lambda: store.recording_error is None)
        assert small_disk.joinpath("state/reserve").stat().st_size == RESERVE
        await record(store, frames(2, [b"again"]))
        await store.commit([ended(2)])
    with closing(Files(small_disk / "state")) as files:
        assert [frame.body for frame in files.all_frames(1)] == [random.Random(seq).randbytes(64 << 10) for seq in range(count)]
        assert [frame.body for frame in files.all_frames(2)] == [b"again"]
        assert [verdict.problem for verdict in files.verify() if not verdict.consistent] == []


@pytest.mark.root
async def test_a_gateway_starts_on_a_full_disk(small_disk: Path) -> None:
    """After a crash there: it decides, and says that it does not record."""
    small_disk.joinpath("stone").write_bytes(bytes(7 << 20))
    async with opened(small_disk / "state") as store:
        await store.commit([*window(), began(1)])
        await fill(store, 1)
    assert small_disk.joinpath("state/reserve").stat().st_size > 64 << 10  # what the last facts left of it is kept for the next start
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(store.free_bytes()))
    async with opened(small_disk / "state") as store:
        assert store.loaded.lost_sessions == 1
        assert isinstance(store.recording_error, UnrecordableError)
        await store.commit([asked(2)])
        with pytest.raises(UnrecordableError):
            await record(store, frames(2, [b"x"]))
        ballast.unlink()
        small_disk.joinpath("stone").unlink()
        await until(lambda: store.recording_error is None)
        await record(store, frames(2, [b"x"]))


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """Another way a write fails, which needs no rights: a limit on file sizes (setrlimit(2), RLIMIT_FSIZE)."""
    subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path / "state")], check=True, timeout=60)
    files = Files(tmp_path / "state")
    bodies = [frame.body for frame in files.all_frames(1)]
    assert bodies == [random.Random(seq).randbytes(64 << 10) for seq in range(len(bodies) - 1)] + [b"again"]
    assert [verdict.problem for verdict in files.verify() if not verdict.consistent] == []


async def limited(folder: Path) -> None:
    """In a process of its own: record until the limit, decide, raise the limit, record again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with opened(folder) as store:
        await store.commit([*window(), began(1)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, hard))
        count = await fill(store, 1)
        assert "disk" in str(store.recording_error)
        await store.commit([asked(2)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await until(lambda: store.recording_error is None)
        await record(store, frames(1, [b"again"], count))
        await store.commit([ended(1)])
