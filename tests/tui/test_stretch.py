"""A long recording in stretches: any moment from the keyframe before it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from jitui.api.found import KeyframeView
from jitui.cli.shelf import Shelf
from jitui.recording.keyframe import compressed
from jitui.tui import stretch as stretches
from jitui.tui.reel import Reel
from jitui.tui.stretch import FAR, ROOM, end_of, held, stretch
from tests.store.index.shelf import build, printed, recorded

FRAMES = [b"".join(b"\x1b[3%dmframe %d line %d\x1b[0m %s\r\n" % (at % 8, part, at, b"x" * 60) for at in range(40)) for part in range(120)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = asyncio.run(recorded(tmp_path_factory.mktemp("stretch") / "state", printed(*FRAMES)))
    build(place)
    return place


async def test_every_moment_is_drawn_as_from_the_beginning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few frames, whose bytes are bounded; it ends where the whole does."""
    monkeypatch.setattr(stretches, "LONG", 1 << 18)
    shelf = Shelf(folder)
    session = await shelf.session("s-1")
    end_us = await end_of(shelf, session, unmask=False)
    assert end_us == (len(FRAMES) - 1) * 1_000_000
    whole = Reel(session)
    whole.add(await shelf.frames("s-1"))
    for at in (0, 7, 30, 64, 119):
        found = await stretch(shelf, session, at * 1e6 + 5, end_us, unmask=False)
        assert found is not None
        reel = Reel(session, found.kept)
        reel.add(found.frames)
        due = next((index for index, us in enumerate(reel.times) if us > at * 1e6 + 5), len(reel.times))
        list(reel.goto(due))
        list(whole.goto(at + 1))
        assert [reel.emulator.line(y) for y in range(24)] == [whole.emulator.line(y) for y in range(24)], at
        assert held(found.frames) < ROOM / 2
        assert found.since_us <= at * 1e6
    await shelf.aclose()


async def test_without_an_index_or_where_it_is_short_everything_is_loaded(folder: Path, tmp_path: Path) -> None:
    """As before."""
    shelf = Shelf(folder)
    session = await shelf.session("s-1")
    assert await end_of(shelf, session, unmask=False) == 0
    place = await recorded(tmp_path / "state", printed(b"x"))
    bare = Shelf(place)
    assert await end_of(bare, replace(await bare.session("s-1"), bytes_out=1 << 30), unmask=False) == 0
    await shelf.aclose()
    await bare.aclose()


async def test_a_crafted_keyframe_is_not_used(folder: Path) -> None:
    """Nothing is drawn from it; Replay loads the recording as without an index."""
    shelf = Shelf(folder)
    session = await shelf.session("s-1")
    good = await shelf.keyframe("s-1", at_us=FAR)
    assert good.seq > 0
    for crafted in (replace(good, columns=5000), replace(good, state_b64="AAAA"), KeyframeView.of(replace(good.keyframe(), state=compressed(b"\0" * 999))),  # type: ignore[type-var]
                    replace(good, tail_b64="A" * 400)):  # fmt: skip

        async def keyframe(*_: object, given: KeyframeView = crafted, **__: object) -> KeyframeView:
            return given

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shelf, "keyframe", keyframe)
            assert await stretch(shelf, session, 5e6, 10**9, unmask=False) is None
    await shelf.aclose()
