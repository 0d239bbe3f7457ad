"""Rows that somebody planted (where none of ours is, of other types, or hidden from an index) are one line each, at verify and at a start."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from jitui.cli.shelf import Shelf
from jitui.store import Files
from jitui.store.folder import tape_numbers
from jitui.store.repair import repair
from jitui.store.schema import FOLDED
from jitui.values.clock import ManualClock
from jitui.values.errors import BrokenError, InvalidError, JituiError
from tests.store.evidence import life, wrong
from tests.store.life import NOW, opened

CLOCK: Final = ManualClock(NOW + 60_000_000)


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    return await life(tmp_path / "state")


def edit(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(script)


def as_if(path: Path, name: str, change: Callable[[str], str], script: str) -> None:
    """Run a script while a table or index has another text, which it does not have any more afterwards."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (text,) = db.execute("select sql from sqlite_master where name = ?", (name,)).fetchone()
    _put(path, name, change(text))
    edit(path, script)
    _put(path, name, text)


def _put(path: Path, name: str, text: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (version,) = db.execute("pragma schema_version").fetchone()
        db.execute("pragma writable_schema=on")
        db.execute("update sqlite_master set sql = ? where name = ?", (text, name))
        db.execute(f"pragma schema_version={version + 1}")


def untyped(text: str) -> str:
    return text.rpartition(" strict")[0].replace(" integer not null", " blob").replace(" text not null", " blob").replace(" blob not null", " blob")


def hide_the_ends(state: Path) -> None:
    """Take the ends of sessions out of the index that facts are found by."""
    as_if(state / "ledger.db", "facts_subject", lambda text: f"{text} where kind <> 'session.ended'", "reindex facts_subject")


async def refused(state: Path) -> str:
    with pytest.raises(JituiError) as caught:
        async with opened(state, CLOCK):
            pass
    return str(caught.value)


@pytest.mark.parametrize("seq", [0, -5, (1 << 63) - 1])
async def test_a_fact_beside_the_chain(state: Path, seq: int) -> None:
    """It says that s-2 ended after one frame; it has a number that no fact has."""
    edit(state / "ledger.db", f"insert into facts select {seq}, at_us, 'session.ended', who, 's-2', '{{\"frames\":1}}', hash from facts where seq = 1")
    assert any("fact" in problem for problem in wrong(state))
    assert "is broken" in await refused(state)
    with pytest.raises(BrokenError):
        repair(state, CLOCK)


async def test_an_index_that_lacks_the_end(state: Path) -> None:
    """Nothing that is cut, or passed over by its spans, is shown as a whole session; the start stops, and a repair makes the index again."""
    hide_the_ends(state)
    edit(state / "tapes/000001.db", "update spans set last = 6 where session = 1")
    with pytest.raises(InvalidError, match="row 13 missing from index facts_subject"):
        Shelf(state)
    assert "table facts: its pages or indexes are damaged (row 13 missing from index facts_subject)" in await refused(state)
    assert len(repair(state, CLOCK).differences) == 1
    with closing(Files(state)) as files, pytest.raises(InvalidError, match=r"frame 6 does not stand where the spans lead|frame 6 can't be found"):
        list(files.all_frames(1))


@pytest.mark.parametrize("change", ["facts_seq = 'x'", "facts_seq = null", "hash = 'x'", "sig = 7", "key_id = x'ff'", "sessions = x'ff'", "at_us = 'x'"])
async def test_a_head_of_other_types(state: Path, change: str) -> None:
    as_if(state / "ledger.db", "heads", untyped, f"update heads set {change} where id = (select max(id) from heads)")
    assert "ledger.db" in await refused(state)
    with pytest.raises(JituiError):
        repair(state, CLOCK)
    with pytest.raises(InvalidError, match="was altered page by page"):
        Files(state).verify()


async def test_a_key_of_another_type(state: Path) -> None:
    as_if(state / "ledger.db", "keys", lambda text: untyped(text) + " without rowid", "update keys set public = 5")
    assert "public is 5, the facts say" in await refused(state)
    with pytest.raises(BrokenError, match="can't be copied"):
        repair(state, CLOCK)


async def test_a_head_with_the_last_number(state: Path) -> None:
    """The next ones would get numbers by chance."""
    edit(state / "ledger.db", f"update heads set id = {(1 << 63) - 1} where id = (select max(id) from heads)")
    assert "leaves none for the next" in await refused(state)
    with pytest.raises(InvalidError, match="do not stand in order"):
        Files(state).verify()


async def test_text_that_is_none(state: Path) -> None:
    """Of tables it is repaired; a value that is too large is one line."""
    edit(state / "ledger.db", "update sessions set target = cast(x'ff41' as text)")
    assert "sessions, row s-1: target is" in await refused(state)
    assert len(repair(state, CLOCK).differences) == 2
    edit(state / "ledger.db", "update facts set what = '{\"a\":\"' || hex(zeroblob(10000000)) || '\"}' where seq = 2")
    assert "what stands behind fact 0 can't be read: string or blob too big" in await refused(state)
    with pytest.raises(BrokenError, match="string or blob too big"):
        repair(state, CLOCK)


@pytest.mark.parametrize("script", [
    f"update frames set id = {(1 << 63) - 1} where id = (select max(id) from frames)",
    f"insert into carried values({(1 << 63) - 1}, 0, x'00', 0, 0)",
    f"insert into frames select null, {(1 << 63) - 2}, 0, 0, 0, 1, 0, hash, body from frames where id = 1",
])
async def test_a_tape_that_leaves_no_numbers(state: Path, script: str) -> None:
    """Rows and sessions are numbered from the highest one on."""
    edit(state / "tapes/000001.db", script)
    assert "000001.db" in await refused(state)
    assert wrong(state)


async def test_spans_of_rows_that_are_not_there(state: Path) -> None:
    """New rows would be taken for rows that have spans; so spans are made anew, and verify names it."""
    edit(state / "tapes/000001.db", "update spans set last = 9000 where session = 0")
    assert wrong(state) == ["spans: 000001.db: spans go on to row 9000, the frames end at row 15"]
    async with opened(state, CLOCK):
        pass
    assert wrong(state) == []


@pytest.mark.parametrize("change", ["body = 'x'", "seq = 'x'", "flags = 'x'", "channel = 'x'", "hash = 4", "body = null"])
async def test_frames_of_other_types(state: Path, change: str) -> None:
    """One line for who shows, exports and proves; a start ends the session where a signature covers it last."""
    as_if(state / "tapes/000001.db", "frames", untyped, f"update frames set {change} where seq = 2")
    for read in (Files(state).verify, lambda: list(Files(state).all_frames(1)), lambda: Files(state).export(1, state / "out.jitui")):
        with pytest.raises(InvalidError):
            read()
    async with opened(state, CLOCK) as store:
        assert [grant.id for grant in store.loaded.grants] == [1]


def test_flags_that_no_frame_has(state: Path) -> None:
    """They are in no link; so only those that we write are read."""
    edit(state / "tapes/000001.db", "update frames set flags = 2 where session = 1 and seq = 2")
    assert wrong(state) == ["s-1: altered: frame 2: a number in it is out of all range (2)"]


@pytest.mark.parametrize("whole", [True, False])
async def test_an_emptied_ledger_is_no_new_one(state: Path, whole: bool) -> None:
    """Not a file of no bytes, nor one with all tables and nothing in them: frames are on the tape beside it."""
    if not whole:
        for table in ("facts", "heads", "keys", "actions", *FOLDED):
            edit(state / "ledger.db", f"delete from {table}")
    else:
        (state / "ledger.db").write_bytes(b"")
    assert "it is empty, and frames are on 000001.db beside it; nothing was started" in await refused(state)
    with pytest.raises(BrokenError):
        repair(state, CLOCK)


async def test_a_folder_where_a_key_was(state: Path) -> None:
    (state / "keys/ledger.ed25519").unlink()
    (state / "keys/ledger.ed25519").mkdir(mode=0o700)
    assert "is not a ledger key" in await refused(state)


def test_names_that_no_tape_has(state: Path) -> None:
    for name in ("1.db", "0000001.db", "٣.db", "x.db"):
        shutil.copy(state / "tapes/000001.db", state / "tapes" / name)
    assert tape_numbers(state / "tapes") == [1]
    assert wrong(state) == []
