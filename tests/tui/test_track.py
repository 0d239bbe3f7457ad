"""One stream of a window's replay over a real store: any moment of a long one is drawn from a bounded part of it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from jitui.cli.shelf import Shelf
from jitui.recording.frame import Channel, Frame
from jitui.tui import track
from jitui.tui.track import Track, fetch, further
from tests.store.index.shelf import build
from tests.store.life import began, ended, opened, record, window

MS = 1000


@asynccontextmanager
async def recorded(folder: Path, frames: Sequence[Frame]) -> AsyncIterator[Shelf]:
    async with opened(folder) as store:
        await store.commit([*window(), began(1)])
        await record(store, frames)
        await store.commit([ended(1, frames=len(frames))])
    shelf = Shelf(folder)
    yield shelf
    await shelf.aclose()


def lines(count: int, size: int = 20) -> list[Frame]:
    return [Frame(1, seq, seq * MS, 0, Channel.STDOUT, b"\r\n%05d %s" % (seq, b"x" * size)) for seq in range(count)]


def drawn(found: Track, at_us: float) -> str:
    """The last line on the screen at a moment."""
    while not found.turn(at_us, lambda: False):
        pass
    return [line for line in found.emulator.text() if line][-1][:5]


async def test_a_long_stream_is_held_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It plays on and steps back over what it holds; further frames push out those that were shown; where it began makes no difference to the screen."""
    monkeypatch.setattr(track, "HELD", 300_000)
    async with recorded(tmp_path, lines(6000)) as shelf:
        session, most = await shelf.session("s-1"), 0
        found = Track(session, 5 * MS, await fetch(shelf, session, -1, -1, unmask=False))
        for seq in range(0, 6000, 250):
            at_us = seq * MS + 5 * MS
            while found.runs_out(at_us):
                found.add(await further(shelf, found, unmask=False))
            assert drawn(found, at_us) == f"{seq:05d}"
            most = max(most, found._reel.held)
        assert most < 900_000
        assert found.end_us >= 5805 * MS
        assert found.beside(5800 * MS + 5 * MS) == (5805 * MS, 5806 * MS)
        assert found.before(5800 * MS + 5 * MS) == 5804 * MS
        assert drawn(found, 5700 * MS + 5 * MS) == "05700"
        assert not found.holds(100 * MS)
        whole = Track(session, 5 * MS, await fetch(shelf, session, 5900 * MS, 5900, unmask=False))
        assert whole.whole
        assert drawn(whole, 5905 * MS) == "05900"
        drawn(found, 5905 * MS)
        assert whole.emulator.text() == found.emulator.text()


async def test_a_moment_far_in_a_large_stream_is_drawn_from_its_last_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the way from its beginning is too long; it says so. The end is the end."""
    monkeypatch.setattr(track, "EXACT", 50_000)
    async with recorded(tmp_path, lines(3000)) as shelf:
        session = await shelf.session("s-1")
        part = await fetch(shelf, session, 2500 * MS, 2500, unmask=False)
        found = Track(session, 0, part)
        assert (found.whole, len(part.frames) <= track.LAST + 2 * track.PAGE) == (False, True)
        assert drawn(found, 2500 * MS) == "02500"
        last = Track(session, 0, await fetch(shelf, session, 9000 * MS, 2999, unmask=False))
        assert (last.over, last.holds(9000 * MS), drawn(last, 9000 * MS)) == (True, True, "02999")


async def test_with_an_index_any_moment_is_drawn_from_the_keyframe_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same screen as from the beginning, of few frames; a damaged keyframe is passed over."""
    async with recorded(tmp_path, [Frame(1, 0, 0, 0, Channel.STDOUT, b"\x1b[31mfirst\x1b[44m"), *lines(3000, 60)[1:]]) as shelf:
        session = await shelf.session("s-1")
        whole = Track(session, 0, await fetch(shelf, session, 2500 * MS, 2500, unmask=False))
        assert drawn(whole, 2500 * MS) == "02500"
        await asyncio.to_thread(build, tmp_path)
        part = await fetch(shelf, session, 2500 * MS, 2500, unmask=False)
        found = Track(session, 0, part)
        assert (part.whole, part.kept is not None, len(part.frames) < 1000, part.from_us >= 1900 * MS) == (True, True, True, True)
        assert drawn(found, 2500 * MS) == "02500"
        assert [found.emulator.line(y) for y in range(24)] == [whole.emulator.line(y) for y in range(24)]
        assert (found.holds(part.from_us), found.holds(part.from_us - 1)) == (True, False)
        with closing(sqlite3.connect(tmp_path / "index.db")) as db:
            db.execute("update keyframes set state = x'00'")
            db.commit()
        assert (await fetch(shelf, session, 2500 * MS, 2500, unmask=False)).kept is None


async def test_frames_that_are_none(tmp_path: Path) -> None:
    """Malformed sizes, and terminals of 5000 by 500 cells, draw something bounded."""
    hostile: list[tuple[Channel, bytes]] = [(Channel.RESIZE, b'{"Width":5000,"Height":500}'), (Channel.RESIZE, b"{"), (Channel.RESIZE, b'{"Width":-1}'),
                                            (Channel.STDOUT, b"\x1b[1;2;3H\x1b]0;" + b"x" * 5000), (Channel.ERROR, b"\xff"), (Channel.STDOUT, b"\x07\x1b\\end")]
    frames = [Frame(1, seq, seq * MS, 0, channel, body) for seq, (channel, body) in enumerate(hostile)]
    async with recorded(tmp_path, frames) as shelf:
        session = await shelf.session("s-1")
        found = Track(session, 0, await fetch(shelf, session, 10 * MS, 5, unmask=False))
        assert found.turn(10 * MS, lambda: False)
        assert (found.emulator.columns, found.emulator.lines) == (500, 200)
        assert any("end" in line for line in found.emulator.text())
