"""Finding a text, and the keyframe before a moment."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.store import Files
from jitui.store.index.blocks import Source
from jitui.store.index.reader import Query, Reader
from jitui.values.errors import InvalidError
from tests.store.index.shelf import build, find, printed, recorded
from tests.store.life import NOW


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of one session, indexed."""
    frames = [*printed(b"\x1b[32mweb-7c5d9\x1b[0m 0/1 CrashLoopBackOff\r\n", b"connection refused by 10.0.0.7:5432\r\n", "Größe: 3 µs 日本語\r\n".encode()),
              Frame(1, 3, 3_000_000, 0, Channel.STDIN, b"kubctl\x7f\x7f\x7f\x7fectl delete pod shopfront\r"),
              *printed(*[b"x" * 60_000] * 6)]  # fmt: skip
    frames = [frame._replace(seq=seq, at_us=seq * 1_000_000) for seq, frame in enumerate(frames)]
    place = asyncio.run(recorded(tmp_path_factory.mktemp("find") / "state", frames))
    build(place)
    return place


@pytest.mark.parametrize(("text", "seqs"), [
    ("CrashLoop", [0]), ("crashloopbackoff", [0]), ("BackOff", [0]), ("LoopBack", [0]), ("7c5", [0]), ("web-7c5d9 0/1 Crash", [0]), ("refused by", [1]),
    ("connection refused", [1]), ("10.0.0.7:5432", [1]), ("größe", [2]), ("日本語", [2]), ("delete pod shop", [3]),
    ("connection accepted", []), ("by connection", []), ("rash", []), ("32m", []),
])  # fmt: skip
async def test_a_text_is_found_where_its_words_begin(folder: Path, text: str, seqs: list[int]) -> None:
    """In any case of its letters: as it stands in a line as it was shown, without the codes that coloured it; not from the middle of a word on."""
    hits = [hit for hit in find(folder, text).hits if hit.source is not Source.ARGV]
    assert [hit.moment.seq for hit in hits] == seqs
    assert [hit.moment.at_us for hit in hits] == [NOW + seq * 1_000_000 for seq in seqs]
    assert [hit.line[hit.place : hit.place + len(text)].lower() for hit in hits] == [text.lower()] * len(seqs)


@pytest.mark.parametrize(("where", "sources"), [
    ({}, {Source.ARGV, Source.STDIN}), ({"sources": frozenset({Source.STDIN})}, {Source.STDIN}), ({"identity": "agent-b"}, set()),
    ({"connection": "prod", "identity": "agent-a", "kind": "exec"}, {Source.STDIN}), ({"verb": "delete"}, {Source.ARGV}), ({"verb": "exec"}, {Source.STDIN}),
    ({"grant": 1}, {Source.STDIN}), ({"grant": 2}, set()), ({"since_us": NOW + 10_000_000}, set()), ({"limit": 1}, {Source.STDIN}),
])  # fmt: skip
async def test_it_is_found_only_where_it_was_asked_for(folder: Path, where: dict[str, object], sources: set[Source]) -> None:
    """A typed line, and an action that was denied, which has no session."""
    found = find(folder, "shopfront", **where)
    assert {hit.source for hit in found.hits} == sources
    assert all((hit.session is None) == (hit.source is Source.ARGV) for hit in found.hits)
    assert found.notes == []


async def test_what_may_not_be_read_is_counted_and_not_shown(folder: Path) -> None:
    """Whether a session may be read says whoever asks."""
    found = Reader(Files(folder)).find(Query(text="connection"), lambda row: False)
    assert (found.hits, found.left_out) == ([], 1)


@pytest.mark.parametrize("text", ["", "ab", '" OR "', "--", "x" * 201, "^*()"])
async def test_a_text_without_words_cannot_be_looked_for(folder: Path, text: str) -> None:
    """It says why; nothing of it is a query of SQLite."""
    with pytest.raises(InvalidError, match="can't be looked for"):
        find(folder, text)


@pytest.mark.parametrize("text", ['connection" OR "web', "refused NOT web", "text:refused", "connection NEAR refused"])
async def test_operators_of_the_index_are_words(folder: Path, text: str) -> None:
    """They are looked for as they stand."""
    assert find(folder, text).hits == []


async def test_the_keyframe_before_a_moment(folder: Path) -> None:
    """The newest at or before it; none before the first one."""
    reader, files = Reader(Files(folder)), Files(folder)
    row = files.session(1)
    times = [each.at_us if (each := reader.keyframe(row, at_us)) else None for at_us in (0, 4_000_000, 6_500_000, 10**12)]
    assert times == [None, None, 5_000_000, 9_000_000]


async def test_a_record_without_an_index_says_so(tmp_path: Path) -> None:
    """Nothing is found, there are no keyframes, and nothing is made."""
    place = await recorded(tmp_path / "state", printed(b"words\r\n"))
    assert "no index" in find(place, "words").notes[0]
    assert Reader(Files(place)).keyframe(Files(place).session(1), 10**9) is None
    assert not (place / "index.db").exists()


async def test_a_crafted_index_does_nothing_but_an_error(folder: Path, tmp_path: Path) -> None:
    """A gateway deletes it, so that it is built again; bombs in rows, views, numbers out of all range, and lines that would be everybody's to read."""
    for spoil in ("update blocks set text = zeroblob(100)", "update blocks set lines = x'00'", "create view v as select 1",
                  "update keyframes set columns = 9999",
                  "update blocks set session = 0 where source = 2", "update blocks set session = 0, source = 0 where source = 2",
                  "update words_data set block = randomblob(40)", "update keyframes set state = zeroblob(9000000)"):  # fmt: skip
        place = tmp_path / str(abs(hash(spoil)))
        place.mkdir()
        for name in ("ledger.db", "index.db"):
            (place / name).write_bytes((folder / name).read_bytes())
        with sqlite3.connect(place / "index.db") as db:
            db.execute(spoil)
        reader, files = Reader(Files(place), mend=True), Files(place)
        found = reader.find(Query(text="connection"), lambda row: True)
        keyframe = reader.keyframe(files.session(1), 10**12)
        assert found.notes or keyframe is None, spoil
        assert not (place / "index.db").exists(), spoil
        assert "no index" in reader.find(Query(text="connection"), lambda row: True).notes[0]
