"""The index gets all of a record that may be shown, and nothing else."""

import os
from pathlib import Path

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.store import Files
from jitui.store.index import builder
from jitui.store.index.book import Book
from jitui.store.index.builder import Builder
from jitui.values.errors import UnavailableError
from tests.store.index.shelf import NOW_US, build, find, printed, recorded
from tests.store.life import began, ended, opened, record

SECRETS = (b"ghp_16C7e42F292c6912E7710c838347Ae178B4a", b"AKIAIOSFODNN7EXAMPLE")


async def test_secrets_are_in_no_byte_of_the_file(tmp_path: Path) -> None:
    """They are masked before: printed in a terminal, cut over frames, typed, and in the words of a command."""
    frames = printed(b"\x1b[32mtoken: " + SECRETS[0][:20], SECRETS[0][20:] + b"\x1b[0m behind the token\r\n", b"key " + SECRETS[1] + b" behind the key\r\n")
    frames.append(Frame(1, 3, 3_000_000, 0, Channel.STDIN, b"export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\r"))
    folder = await recorded(tmp_path / "state", frames)
    build(folder)
    raw = b"".join(path.read_bytes() for path in folder.glob("index.db*"))
    assert [text for text in ("behind the token", "behind the key", "AWS_SECRET_ACCESS_KEY") if not find(folder, text).hits] == []
    texts = raw + b"".join(_texts(folder))
    assert [secret for secret in (*SECRETS[1:], SECRETS[0][20:], b"wJalrXUtnFEMI") if secret.lower() in texts.lower()] == []


def _texts(folder: Path) -> list[bytes]:
    """All that is compressed in it: text, and the states of terminals."""
    import sqlite3  # noqa: PLC0415 - as an attacker reads it

    import zstandard  # noqa: PLC0415

    with sqlite3.connect(folder / "index.db") as db:
        rows = db.execute("select text from blocks union all select state from keyframes").fetchall()
    return [zstandard.ZstdDecompressor().decompress(blob) for (blob,) in rows]


async def test_a_stopped_builder_goes_on_where_it_was(tmp_path: Path) -> None:
    """Each turn may be its last: the next process makes the same text and the same keyframes, and nothing is found twice."""
    lines = [b"".join(b"line %d of part %d %s\r\n" % (at, part, b"x" * 60) for at in range(200)) for part in range(40)]
    lines[20] = lines[20][:-2]  # a line that goes on in the next frame
    for name in ("whole", "stopped"):
        await recorded(tmp_path / name, printed(*lines))
    build(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "PAGE", 7)
        patch.setattr(builder, "TURN", 1)
        for _ in range(12):
            build(tmp_path / "stopped", turns=1)
    kept = [_keyframes(tmp_path / name) for name in ("whole", "stopped")]
    assert kept[0] == kept[1]
    assert len(kept[0]) > 5
    for text in ("line 199 of part 20", "line 0 of part 21", "line 7 of part 39"):
        assert [len(find(tmp_path / name, text).hits) for name in ("whole", "stopped")] == [1, 1], text
    assert find(tmp_path / "stopped", "part").notes == []


def _keyframes(folder: Path) -> list[tuple[int, int]]:
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(folder / "index.db") as db:
        return db.execute("select seq, columns from keyframes order by seq").fetchall()


async def test_a_live_session_is_in_it_after_some_seconds(tmp_path: Path) -> None:
    """Its blocks need not be full; what comes later is found, too, and its end."""
    folder = tmp_path / "state"
    async with opened(folder) as store:
        await store.commit([began(1)])
        await record(store, printed(b"first words\r\n"))
        book, files = Book(folder / "index.db"), Files(folder)
        made = Builder(files, book)
        made.turn(NOW_US)
        assert not find(folder, "first words").hits
        made.turn(NOW_US + 2 * builder.LATE_US)
        assert len(find(folder, "first words").hits) == 1
        assert "sessions that go on: 1" in find(folder, "first words").notes[0]
        await record(store, [Frame(1, 1, 2_000_000, 0, Channel.STDOUT, b"last words")])
        await store.commit([ended(1)])
        made.turn(NOW_US + 3 * builder.LATE_US)
        made.turn(NOW_US + 3 * builder.LATE_US)
        book.close()
    assert [hit.moment.seq for hit in find(folder, "words").hits] == [1, 0]
    assert find(folder, "words").notes == []


async def test_what_the_client_did_not_get_is_in_no_keyframe(tmp_path: Path) -> None:
    """It is drawn dim, and only the end tells what it was: keyframes of a live session behind it are taken out then."""
    bodies = [b"x" * 70_000] * 4
    lost = [{"conn": 0, "in": 0, "in_handed": 0, "out": 280_000, "out_handed": 150_000}]
    folder = tmp_path / "state"
    async with opened(folder) as store:
        await store.commit([began(1)])
        await record(store, printed(*bodies))
        build(folder, turns=3)
        assert [seq for seq, _ in _keyframes(folder)] == [0, 1, 2, 3]
        await store.commit([ended(1, conns=lost)])
    build(folder)
    assert [seq for seq, _ in _keyframes(folder)] == [0, 1]


async def test_a_session_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The others are in the index all the same."""
    folder = await recorded(tmp_path / "state", printed(b"words that are kept\r\n"))
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(next((folder / "tapes").glob("*.db"))) as db:
        db.execute("delete from frames")
    build(folder)
    assert "s-1" in find(folder, "shopfront").notes[0]
    assert len(find(folder, "shopfront").hits) == 1


async def test_a_full_disk_takes_no_text_away(tmp_path: Path) -> None:
    """The step that does not fit is undone and said; when there is room, the same process goes on with it."""
    place = await recorded(tmp_path / "state", printed(*[b"first%d " % number + os.urandom(40_000).hex().encode() + b"\r\n" for number in range(8)]))
    book, files = Book(place / "index.db"), Files(place)
    builder = Builder(files, book)
    (pages,) = book._db.execute("pragma page_count").fetchone()
    book._db.execute(f"pragma max_page_count = {pages + 10}")
    with pytest.raises(UnavailableError, match="full"):
        [None for _ in iter(lambda: builder.turn(NOW_US), False)]
    assert find(place, "first7").hits == []
    book._db.execute("pragma max_page_count = 1000000")
    while builder.turn(NOW_US):
        pass
    assert [len(find(place, f"first{number}").hits) for number in range(8)] == [1] * 8
    book.close()
