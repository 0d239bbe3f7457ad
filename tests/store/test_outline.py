"""What only all frames of a session tell, found by reading each size once."""

import asyncio
import random
from pathlib import Path

import pytest

from jitui.recording.facts import Undelivered
from jitui.recording.frame import Channel, Frame
from jitui.store import Files
from jitui.store.outline import STEP, Outline
from jitui.values.errors import InvalidError
from tests.recording.test_delivery import delivered
from tests.store.life import began, ended, frames, opened, record, window

SIZED = [Frame(1, seq, seq, 0, Channel.STDOUT if seq % 5 else Channel.RESIZE, b"out" if seq % 5 else b'{"Width":%d,"Height":24}' % (100 + seq))
         for seq in range(4 * STEP + 40)]  # fmt: skip
LOST = [Undelivered(0, recorded_in=100_000, handed_in=2600, recorded_out=100_000, handed_out=1500)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """One record for all: they only read."""
    return asyncio.run(kept(tmp_path_factory.mktemp("record")))


async def kept(folder: Path) -> Files:
    async with opened(folder, tape_limit=30_000) as store:
        await store.commit([*window(), began(1), began(2)])
        for at in range(0, len(SIZED), 64):
            await record(store, [*SIZED[at : at + 64], *frames(2, [b"noise"] * 64, at)])
        await store.commit([ended(1)])
    return Files(folder)


def width(seq: int) -> int:
    """Of the terminal when the frame `seq` came: the newest resize before it tells."""
    return next((100 + at for at in range(seq - 1, -1, -1) if at % 5 == 0), 80)


def test_it_knows_the_terminal_at_every_frame(files: Files) -> None:
    """In any order, over several tapes; whether it read the frames before or was shown them."""
    assert len(files.tapes()) > 2
    edges = {at for step in range(0, len(SIZED), STEP) for at in range(step - 1, step + 7)} | {len(SIZED) - 1, len(SIZED)}
    order = sorted({*range(0, len(SIZED), 29), *edges} - {-1})  # each read of an old one opens files: some of all, and all around the steps
    random.Random(5).shuffle(order)
    outline, shown = Outline(files, 1, ()), Outline(files, 1, ())
    for at in range(0, len(SIZED), 100):
        shown.follow(SIZED[at : at + 100])
    for seq in order:
        assert outline.columns(seq) == shown.columns(seq) == width(seq)


def test_it_knows_which_frames_were_handed_on(files: Files) -> None:
    """As the whole record tells it, of every frame that was reached; frames that do not come next change nothing."""
    outline = Outline(files, 1, LOST)
    outline.follow(SIZED[10:20])
    outline.reach(500)
    outline.follow(SIZED[490:])
    outline.reach(len(SIZED) - 1)
    assert [outline.whole(frame) for frame in SIZED] == [whole for _, whole in delivered(SIZED, LOST)]
    assert {outline.whole(frame) for frame in SIZED} == {True, False}


def test_it_says_where_the_record_ends(files: Files) -> None:
    """A frame that is not there is an error that names the session."""
    with pytest.raises(InvalidError, match=f"s-1: frame {len(SIZED)} can't be found; see: jitui verify s-1"):
        Outline(files, 1, LOST).reach(len(SIZED))
