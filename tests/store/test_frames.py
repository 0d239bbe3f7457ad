"""Pages of frames, beside a live gateway and from bare files."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.store import Files
from jitui.values.errors import InvalidError
from tests.store.life import began, frames, opened, record, window


async def test_pages_of_frames(tmp_path: Path) -> None:
    """In order of seq, whatever was recorded between them, with and without spans, by channel and connection."""
    made = [Frame(1, seq, seq * 1000, seq % 3, Channel.STDOUT if seq % 2 else Channel.STDIN, b"%d" % seq) for seq in range(5000)]
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        for at in range(0, 5000, 100):
            await record(store, [*made[at:at + 100], *frames(2, [b"noise"] * 50, at // 2)])
        files = Files(tmp_path / "state")
        with files.reading(files.tapes()[0]) as db:
            assert db.execute("select count(*) from spans where session = 1").fetchone()[0] > 1
        assert files.frames(1) == made[:1000]
        assert files.frames(1, after=4321) == made[4322:]
        assert files.frames(1, after=2500, limit=3) == made[2501:2504]
        assert files.frames(1, after=4999) == []
        assert list(files.all_frames(1, size=777)) == made
        assert files.frames(1, channels=[Channel.STDIN], conn=2, limit=4) == [frame for frame in made if frame.channel is Channel.STDIN and frame.conn == 2][:4]
        assert [frame.body for frame in files.frames(2, after=2497)] == [b"noise"] * 2
        assert files.frames(3) == []


async def test_many_threads_read_while_it_records(tmp_path: Path) -> None:
    """Files is safe for asyncio.to_thread, and what it reads is always whole: a page has no gap."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        files = Files(tmp_path / "state")
        stop = asyncio.Event()

        async def read() -> int:
            most = 0
            while not stop.is_set():
                seqs = [frame.seq for frame in await asyncio.to_thread(files.frames, 1, after=most - 1)]
                assert seqs == list(range(most, most + len(seqs)))
                most += len(seqs)
            return most

        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(read()) for _ in range(3)]
            for at in range(0, 4500, 90):
                await record(store, frames(1, [b"x"] * 90, at))
            stop.set()
        assert all(reader.result() > 0 for reader in readers)


async def test_a_body_that_can_t_be_read(tmp_path: Path) -> None:
    """An altered body is one clear line that names the session."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a" * 5000]))
    with sqlite3.connect(tmp_path / "state/tapes/000001.db") as db:
        db.execute("update frames set body = x'00'")
    with pytest.raises(InvalidError, match="see: jitui verify s-1"):
        Files(tmp_path / "state").frames(1)
