"""Opening the files of a record: live ones, bare ones, and those that are none."""

import contextlib
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from jitui.store import Files, connections
from jitui.store.index.book import Book
from jitui.values.errors import ConfigurationError, InvalidError, NotFoundError
from tests.store.life import began, ended, frames, opened, record, window


async def test_bare_files_stay_bare(tmp_path: Path) -> None:
    """Reading a copy needs no gateway, no key and no lock, and leaves nothing beside it."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a"] * 3))
    bare = tmp_path / "bare"
    bare.joinpath("tapes").mkdir(parents=True)
    for name in ("ledger.db", "tapes/000001.db"):
        shutil.copy(tmp_path / "state" / name, bare / name)
    before = sorted(bare.rglob("*"))
    files = Files(bare)
    assert len(files.frames(1)) == 3
    assert [verdict.consistent for verdict in files.verify()] == [True] * 3
    assert sorted(bare.rglob("*")) == before


async def test_a_gateway_starts_beside_an_open_reader(tmp_path: Path) -> None:
    """Files that were read as bare ones are read as live ones from then on."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a"]))
        await store.commit([ended(1)])
    files = Files(tmp_path / "state")
    assert len(files.frames(1)) == 1
    async with opened(tmp_path / "state") as store:
        await store.commit([began(2)])
        await record(store, frames(2, [b"b", b"c"]))
        assert [len(files.frames(session)) for session in (1, 2)] == [1, 2]
    files.close()
    assert [len(files.frames(session)) for session in (1, 2)] == [1, 2]


async def test_a_file_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    """As an index that was deleted and built again: a connection to the one before is not used any more."""
    async with opened(tmp_path / "state"):
        path = tmp_path / "state" / "index.db"
        files, kept = Files(tmp_path / "state"), []
        for made_by in ("one", "two"):
            book = Book(path, made_by)
            with files.reading(path) as db:
                assert db.execute("select made_by from about").fetchone()[0].endswith(made_by)
            kept.append(book)  # so that its inode is not given to the next one
            for each in path.parent.glob("index.db*"):
                each.unlink()
        with pytest.raises(NotFoundError), files.reading(path):
            pass
        files.close()


def test_what_is_no_recording(tmp_path: Path) -> None:
    """Nothing there, a poem, another program's database, a newer jitui's: one clear line each."""
    with pytest.raises(NotFoundError, match="no recordings in "):
        Files(tmp_path / "nowhere")
    tmp_path.joinpath("poem").write_text("roses are red\n" * 100)
    with pytest.raises(InvalidError, match="it is damaged, or no recording of jitui"):
        Files(tmp_path / "poem")
    for version, error, said in ((0, InvalidError, "is no recording"), (99, ConfigurationError, "was written by a newer jitui")):
        with sqlite3.connect(tmp_path / "other.db") as db:
            db.execute(f"pragma user_version={version}")
            db.execute("create table if not exists t(x)")
        with pytest.raises(error, match=said):
            Files(tmp_path / "other.db")


async def test_a_damaged_file(tmp_path: Path) -> None:
    """Pages of nonsense are one clear line, and not SQLite's traceback."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [bytes(range(256)) * 40] * 40))
    tape = tmp_path / "state/tapes/000001.db"
    data = bytearray(tape.read_bytes())
    data[4096 * 2:] = b"\xff" * (len(data) - 4096 * 2)
    tape.write_bytes(data)
    with pytest.raises(InvalidError, match="it is damaged"):
        list(Files(tmp_path / "state").all_frames(1))


def descriptors(folder: Path) -> int:
    """Open ones of this process on files of `folder`."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += link.readlink().is_relative_to(folder)
    return found


async def test_idle_connections_are_few_however_many_tapes_are_read(tmp_path: Path) -> None:
    """Descriptors are for others, too; those used last stay."""
    async with opened(tmp_path / "state", tape_limit=4000) as store:
        await store.commit([*window(), began(1)])
        for at in range(60):
            await record(store, frames(1, [bytes(random.Random(at).randbytes(3000))], at))
    files = Files(tmp_path / "state")
    assert len(files.tapes()) > connections.KEPT * 2
    before = descriptors(tmp_path)
    assert len(list(files.all_frames(1))) == 60
    assert descriptors(tmp_path) - before <= connections.KEPT * 3
    files.close()
    assert descriptors(tmp_path) == 0
