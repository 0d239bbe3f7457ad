"""One tape: what a row holds, how the chain is kept, and where spans say the frames are."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from jitui.recording.chain import GENESIS, link
from jitui.recording.frame import Channel, Frame
from jitui.store.folder import Folder
from jitui.store.tape_rows import every, ranges
from jitui.store.tapes import RUN, Tapes, body_of, spanned
from tests.recording.test_verify import verify_frames
from tests.store.life import NOW, frames


@pytest.fixture
def tapes(tmp_path: Path) -> Tapes:
    folder = Folder(tmp_path / "state", reserve_bytes=1 << 20)
    folder.take()
    made = Tapes(folder, 1 << 30)
    assert made.open(NOW) is True
    return made


def test_a_row_holds_what_the_design_says(tapes: Tapes) -> None:
    """Small bodies as they are; from 1 KiB packed where that helps; the link is over the uncompressed body either way."""
    bodies = [b"ls\r", b"", b"x" * 1024, b"x" * 1023, bytes(range(256)) * 4]
    made = frames(1, bodies, channel=Channel.STDIN)
    assert tapes.append([made]) == [None]
    rows = tapes.db.execute("select seq, at_us, conn, channel, flags, hash, body from frames order by id").fetchall()
    prev = GENESIS(1)
    for row, frame in zip(rows, made, strict=True):
        prev = link(prev, frame)
        assert row[:4] == (frame.seq, frame.at_us, 0, 0)
        assert row[5] == prev
        assert body_of(row[4], row[6]) == frame.body
    assert [row[4] for row in rows] == [0, 0, 1, 0, 1]
    assert (tapes.chain(1).frames, tapes.chain(1).head, tapes.chain(1).bytes_in) == (5, prev, sum(map(len, bodies)))


def test_text_behind_dense_data_is_packed_at_once(tapes: Tapes) -> None:
    """A part of each body tells whether to pack it; of bodies whose middle is dense, one in eight is tried as a whole."""
    dense, text = os.urandom(64 << 10), b"a line of a log\n" * 4096
    hidden = bytes(20 << 10) + dense[: 24 << 10] + bytes(20 << 10)
    tapes.append([frames(1, [dense, text, dense, text, *[hidden] * 9])])
    flags = [flags for (flags,) in tapes.db.execute("select flags from frames order by id")]
    assert flags == [0, 1, 0, 1, *[1] * 9]
    tapes.append([frames(2, [dense, *[hidden] * 8])])
    flags = [flags for (flags,) in tapes.db.execute("select flags from frames where session = 2 order by id")]
    assert flags == [0, *[0] * 7, 1]



def test_a_body_from_elsewhere() -> None:
    """A body that is no zstd frame, or claims to be huge, is an error and no allocation."""
    import zstandard  # noqa: PLC0415

    packed = zstandard.ZstdCompressor().compress(bytes(1 << 20))
    assert body_of(1, packed) == bytes(1 << 20)
    with pytest.raises(ValueError, match="larger than any frame"):
        body_of(1, packed, limit=1 << 19)
    for wrong in (b"", b"poem", packed[:-3]):
        with pytest.raises(ValueError, match="unpack"):
            body_of(1, wrong)


def test_more_rows_than_one_statement_takes(tapes: Tapes) -> None:
    """A batch of any size is one transaction, in order."""
    for count in (1, 63, 64, 65, 128, 1000):
        start = tapes.chain(1).frames
        tapes.append([frames(1, [b"%d" % seq for seq in range(start, start + count)], start)])
    assert [row[0] for row in tapes.db.execute("select body from frames order by id")] == [b"%d" % seq for seq in range(1321)]
    assert verify_frames(1, every(tapes.db, 1)).consistent


def test_spans_are_written_once_a_run(tapes: Tapes) -> None:
    """They cover every row up to a point; what comes after it is found without them."""
    for seq in range(0, RUN + 500, 49):
        tapes.append([frames(1, [b"a"] * 49, seq), frames(2, [b"b"] * 49, seq)])
    covered = spanned(tapes.db)
    assert RUN <= covered < 2 * tapes.chain(1).frames
    for session in (1, 2):
        found: list[int] = []
        for first, last in ranges(tapes.db, session, -1):
            found += [row[0] for row in tapes.db.execute("select seq from frames where id between ? and ? and session = ? order by id", (first, last, session))]
        assert found == list(range(tapes.chain(session).frames))


def test_a_failed_commit_leaves_the_chain_where_the_disk_is(tapes: Tapes) -> None:
    """The error is passed on; the next frame follows what is really there, also when spans were due."""
    tapes.append([frames(1, [b"a"] * (RUN + 1))])
    before = tapes.chain(1)
    tapes.db.execute("pragma query_only=on")
    for count in (1, 100):
        with pytest.raises(sqlite3.OperationalError):
            tapes.append([frames(1, [b"b"] * count, RUN + 1)])
    assert (tapes.chain(1), tapes.db.in_transaction) == (before, False)
    tapes.db.execute("pragma query_only=off")
    assert tapes.append([frames(1, [b"c"], RUN + 1)]) == [None]
    assert verify_frames(1, every(tapes.db, 1)).problem == ""
    assert tapes.chain(1).frames == RUN + 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=4), max_size=8))
def test_what_does_not_follow_is_not_recorded(tapes: Tapes, groups: list[list[tuple[int, bool]]]) -> None:
    """Groups with a gap or a repetition are left out whole; all others are on record, each session without a gap."""
    for session in (1, 2, 3):
        tapes.end(session)
    tapes._closed.clear()
    tapes.db.execute("delete from frames")
    count = {1: 0, 2: 0, 3: 0}
    batch, fits = [], []
    for plan in groups:
        after, group, fine = dict(count), [], True
        for session, right in plan:
            seq = after[session] if right else after[session] + 3
            fine &= right
            after[session] += 1
            group.append(Frame(session, seq, 0, 0, Channel.STDOUT, b"%d" % seq))
        batch.append(group)
        fits.append(fine)
        count = after if fine else count
    assert [problem is None for problem in tapes.append(batch)] == fits
    for session, frames_ in count.items():
        verdict = verify_frames(session, every(tapes.db, session))
        assert (verdict.problem, verdict.frames, tapes.chain(session).frames) == ("", frames_, frames_)


def test_a_new_tape_carries_every_chain_that_is_not_ended(tapes: Tapes) -> None:
    """So that the old one can go and the rest still verifies; the old one is one plain file."""
    tapes.append([frames(1, [b"a"] * 3), frames(2, [b"b"])])
    tapes.end(2)
    chain = tapes.chain(1)
    old = tapes.path
    assert tapes.rotate(NOW) == "000002.db"
    assert tapes.db.execute("select * from carried").fetchall() == [(1, 3, chain.head, 0, 3)]
    assert [path.name for path in sorted(old.parent.iterdir()) if path.name.startswith("000001")] == ["000001.db"]
    with closing(sqlite3.connect(old)) as db:
        assert db.execute("pragma journal_mode").fetchone() == ("delete",)
    tapes.append([frames(1, [b"c"], 3)])
    assert (tapes.chain(1).frames, tapes.chain(1).bytes_out) == (4, 4)


def test_full(tapes: Tapes) -> None:
    """Another day, by UTC, or the limit."""
    day = 86_400_000_000
    assert [tapes.full(NOW), tapes.full(NOW // day * day + day - 1), tapes.full(NOW // day * day + day), tapes.full(NOW - day)] == [False, False, True, False]
    tapes.limit = 1
    assert tapes.full(NOW)
