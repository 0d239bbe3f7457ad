"""Reading one tape file."""

import sqlite3
from collections.abc import Sequence

import pytest
import zstandard

from jitui.recording.frame import Channel
from jitui.recording.verify import Recorded
from jitui.store.schema import TAPE
from jitui.store.tape_rows import END, Run, every, page, ranges, sizes


def tape(rows: list[tuple[int, int, int]], spans: Sequence[tuple[int, ...]] = ()) -> sqlite3.Connection:
    """Rows of (session, seq, at_us) with ids from 1."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(TAPE[0])
    db.executemany("insert into frames(session, seq, at_us, conn, channel, flags, hash, body) values(?, ?, ?, 0, 1, 0, x'', x'78')", rows)
    db.executemany("insert into spans values(?, ?, ?, ?, ?)", spans)
    return db


ROWS = [(1, 0, 0), (2, 0, 0), (1, 1, 10), (1, 2, 20), (2, 1, 30), (1, 3, 30), (1, 4, 40)]
SPANS = [(0, 1, 0, 1, 3), (1, 0, 0, 1, 3), (2, 0, 0, 2, 2), (0, 4, 0, 4, 5), (1, 2, 20, 4, 4), (2, 1, 30, 5, 5)]


def test_ranges() -> None:
    """From the span that holds the next frame; then the rows that no span covers yet."""
    db = tape(ROWS, SPANS)
    assert ranges(db, 1, -1) == [(1, 3), (4, 4), (6, END)]
    assert ranges(db, 1, 1) == [(4, 4), (6, END)]
    assert ranges(db, 1, 3) == [(4, 4), (6, END)]
    assert ranges(db, 9, -1) == [(6, END)]
    assert ranges(tape(ROWS), 1, -1) == [(1, END)]
    assert ranges(db, 1, -1, 1) == [(1, 3), (6, END)]


def test_the_one_span_of_an_evidence_file() -> None:
    """It names the last of its frames, and holds all of them."""
    db = tape([(1, seq, seq) for seq in range(9)], [(0, 1, 0, 1, 9), (1, 8, 8, 1, 9)])
    assert [row[2] for row in page(db, 1, Run(3, 10, 100, upto=5))] == [4, 5]
    assert [row[2] for row in page(db, 1, Run(-1, 3, 100, upto=4, newest=True))] == [2, 3, 4]
    assert len(list(sizes(db, 1, Run(-1, END, END, upto=6)))) == 7


def test_page_with_and_without_spans() -> None:
    """The same frames either way."""
    for db in (tape(ROWS, SPANS), tape(ROWS)):
        assert [row[2] for row in page(db, 1, Run(-1, 10, 100))] == [0, 1, 2, 3, 4]
        assert [row[2] for row in page(db, 1, Run(1, 2, 100))] == [2, 3]
        assert page(db, 1, Run(4, 10, 100)) == []
        assert page(db, 1, Run(-1, 10, 100, channels=[Channel.STDERR])) == []
        assert [row[2] for row in page(db, 1, Run(-1, 2, 100, newest=True))] == [3, 4]
        assert db.in_transaction is False


def test_a_page_ends_with_its_room() -> None:
    """By the bytes that were recorded, whatever is stored of them; one frame is there in any case, also if it can't be read."""
    db = tape(ROWS, SPANS)
    assert [row[2] for row in page(db, 1, Run(-1, 10, 3))] == [0, 1, 2]
    assert [row[2] for row in page(db, 1, Run(-1, 10, 2, newest=True))] == [3, 4]
    db.execute("update frames set flags = 1, body = ? where session = 1 and seq = 1", (zstandard.compress(bytes(5000)),))
    assert [row[2] for row in page(db, 1, Run(-1, 10, 5000))] == [0, 1]
    assert [row[2] for row in page(db, 1, Run(0, 10, 1))] == [1]
    db.execute("update frames set body = x'00' where session = 1 and seq = 1")
    assert [row[2] for row in page(db, 1, Run(0, 10, 2))] == [1, 2]
    assert db.in_transaction is False


def test_sizes() -> None:
    """Those of the bodies as they were recorded, up to a frame."""
    for db in (tape(ROWS, SPANS), tape(ROWS)):
        db.execute("update frames set flags = 1, body = ? where session = 1 and seq = 2", (zstandard.compress(bytes(5000)),))
        assert [each[:3] for each in sizes(db, 1, Run(-1, END, END, upto=3))] == [
            (0, Channel.STDOUT, 1), (0, Channel.STDOUT, 1), (0, Channel.STDOUT, 5000), (0, Channel.STDOUT, 1)]
        assert list(sizes(db, 1, Run(-1, END, END, upto=-1))) == []
        db.execute("update frames set channel = 4 where session = 1 and seq = 1")
        assert list(sizes(db, 1, Run(0, END, END, upto=1))) == [(0, Channel.RESIZE, 1, b"x")]


def test_a_run_up_to_a_frame() -> None:
    """Either way it ends there; a frame that must be there and is not is an error."""
    for db in (tape(ROWS, SPANS), tape(ROWS)):
        assert [row[2] for row in page(db, 1, Run(0, 10, 100, upto=2))] == [1, 2]
        assert [row[2] for row in page(db, 1, Run(0, 2, 100, upto=3, newest=True))] == [2, 3]
        assert page(db, 1, Run(3, 10, 100, upto=3)) == []
        run = Run(0, 10, 100, upto=7)
        assert [row[2] for row in page(db, 1, run)] == [1, 2, 3, 4]
        with pytest.raises(ValueError, match="frame 5 can't be found"):
            run.finish()
        with pytest.raises(ValueError, match="frame 7 does not stand where the spans lead, frame 4 does"):
            page(db, 1, Run(0, 10, 100, upto=7, newest=True))


def test_every_goes_on_where_a_page_ends() -> None:
    """Rows in the order of their ids, whatever the page size; of one session if told."""
    for size in (1, 2, 3, 100):
        assert [(each.frame.session, each.frame.seq) for each in every(tape(ROWS, SPANS), size=size)] == [(row[0], row[1]) for row in ROWS]
        assert [each.frame.seq for each in every(tape(ROWS, SPANS), 1, size=size)] == [0, 1, 2, 3, 4]
        assert len(list(every(tape(ROWS, SPANS), 2, 1, 9, size=size))) == len(ROWS)


def test_a_row_that_can_t_be_read_is_handed_on() -> None:
    """With what is wrong with it, for verify to name."""
    db = tape([(1, 0, 0)])
    db.execute("update frames set channel = 77")
    (found,) = every(db)
    assert isinstance(found, Recorded)
    assert found.broken == "77 is not a valid Channel"
