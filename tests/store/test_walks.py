"""The walks over the tapes."""

from pathlib import Path

import pytest

from jitui.values.errors import InvalidError
from tests.store.evidence import tampering, wrong


def test_what_a_tape_carries_over(state: Path) -> None:
    """The first tape carries nothing: a crash would go on from there."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute("insert into carried values(2, 7, zeroblob(32), 0, 0)")
    assert wrong(state) == ["tapes: 000001.db does not carry s-2 over as it stood on the tapes before"]


def test_a_frame_behind_an_end(state: Path) -> None:
    """It is counted, and named with the fact that tells how many there were."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute("insert into frames select (select max(id) + 1 from frames), 1, 12, at_us, conn, channel, flags, hash, body "
                   "from frames where session = 1 and seq = 11")
    assert any("s-1: altered: frame 12 was added after the end; its end (fact " in each and "speaks of 12, 13 are here" in each for each in wrong(state))


def test_a_frame_before_the_first_row(state: Path) -> None:
    """Rows count from 1: what stands before is read by no reader, and is named."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute("update frames set id = -5 where id = 1")
    with pytest.raises(InvalidError, match=r"tapes/000001.db can't be read \(a frame stands in row -5, rows count from 1\)"):
        wrong(state)
