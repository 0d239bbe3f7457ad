"""The transparency log's file: it grows with the ledger's signed heads, and with nothing else."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.tlog import tree
from jitui.recording.tlog.checkpoint import checkpoint_of
from jitui.recording.tlog.leaf import FactsLeaf, SessionLeaf, leaf_of
from jitui.recording.tlog.note import cosign, verified
from jitui.store import Files, Store
from jitui.store.merkle import MerkleLog, begun
from jitui.values.errors import BrokenError, InvalidError, UnrecordableError
from tests.recording.tlog.test_policy import KEYS, WITNESSES
from tests.store.life import added, began, ended, frames, opened, record, window


def logged(store: Store) -> MerkleLog:
    log = store.open_log()
    log.begin(log.new_origin([]))
    return log


def leaves(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "log.db")) as db:
        return [text for (text,) in db.execute("select text from leaves order by n")]


async def test_it_follows_the_ledger(tmp_path: Path) -> None:
    """Each checkpoint has a leaf for each session that changed and one of the facts with counts; without a change there is none."""
    async with opened(tmp_path) as store:
        files = Files(tmp_path)
        log = logged(store)
        await store.commit([added(), *window(), began(1), began(2)])
        first = log.advance(files.facts_read)
        assert first is not None
        assert log.advance(files.facts_read) is None
        await record(store, frames(1, [b"one", b"two"]))
        await record(store, frames(2, [b"three"]))
        await store.commit([ended(1)])
        second = log.advance(files.facts_read)
        assert second is not None
        told = [leaf_of(text) for text in leaves(tmp_path)]
        assert [type(leaf) for leaf in told] == [FactsLeaf, SessionLeaf, SessionLeaf, FactsLeaf]
        assert [(leaf.session, leaf.frames) for leaf in told if isinstance(leaf, SessionLeaf)] == [(1, 2), (2, 1)]
        last = told[-1]
        assert isinstance(last, FactsLeaf)
        assert (last.seq, last.grants, last.sessions, last.ended, last.tapes, last.frames) == (store.newest_fact, 1, 2, 1, 1, 3)
        for note, size in ((first, 1), (second, 4)):
            assert verified(note, [log.key]) == {log.key: 0}
            assert (checkpoint_of(note.text).origin, checkpoint_of(note.text).size) == (f"jitui/{store.key_id}", size)
        proof = log.consistency(1, 4)
        assert tree.grew(1, 4, checkpoint_of(first.text).root, checkpoint_of(second.text).root, proof)
        log.close()


async def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Where it stopped; only checkpoints that a witness saw are kept besides the newest."""
    async with opened(tmp_path) as store:
        log = logged(store)
        await store.commit([added()])
        first = log.advance(Files(tmp_path).facts_read)
        assert first is not None
        log.seen(1, [cosign(first.text, KEYS[0].name, KEYS[0].public, 7, WITNESSES[0].sign)])
        log.seen(99, [cosign(first.text, KEYS[0].name, KEYS[0].public, 7, WITNESSES[0].sign)])
        log.close()
    for name in ("agent-b", "agent-c"):
        async with opened(tmp_path) as store:
            await store.commit([added(name)])
            log = store.open_log()
            assert log.advance(Files(tmp_path).facts_read) is not None
            log.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as db:
        assert db.execute("select size from checkpoints order by size").fetchall() == [(1,), (3,)]
        assert db.execute("select size from cosignatures").fetchall() == [(1,)]


async def test_many_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are taken up in parts, and the counts are those of one part after the other."""
    monkeypatch.setattr("jitui.store.merkle.HEADS_AT_ONCE", 2)
    async with opened(tmp_path) as store:
        await store.commit([added(), *window()])
        for session in range(1, 6):
            await store.commit([began(session)])
            await record(store, frames(session, [b"x"] * session))
            await store.commit([ended(session)])
        log = logged(store)
        rounds = 0
        while log.advance(Files(tmp_path).facts_read):
            rounds += 1
        told = [leaf_of(text) for text in leaves(tmp_path)]
        assert rounds == 3
        assert [(leaf.sessions, leaf.ended, leaf.frames) for leaf in told if isinstance(leaf, FactsLeaf)] == [(2, 2, 3), (4, 4, 10), (5, 5, 15)]
        log.close()


async def test_a_ledger_that_was_set_back(tmp_path: Path) -> None:
    """The log is not gone on with: it would tell another past. A new one has another name, as the facts tell."""
    folder = tmp_path / "state"
    async with opened(folder) as store:
        await store.commit([added()])
    shutil.copy(folder / "ledger.db", tmp_path / "older.db")
    async with opened(folder) as store:
        log = logged(store)
        await store.commit([added("agent-b")])
        assert log.advance(Files(folder).facts_read) is not None
        log.close()
    shutil.copy(tmp_path / "older.db", folder / "ledger.db")
    async with opened(folder) as store:
        log = store.open_log()
        with pytest.raises(BrokenError, match=r"the log knows fact \d+ of this ledger, and it is gone: the ledger was set back"):
            log.advance(Files(folder).facts_read)
        await store.commit([added("agent-c"), added("agent-d")])
        with pytest.raises(BrokenError, match="it is another"):
            log.advance(Files(folder).facts_read)
        assert log.new_origin(["a"]) == f"jitui/{store.key_id}/2"
        assert begun(Files(folder).facts_read) == []
        log.close()


@pytest.mark.parametrize(("change", "why"), [
    ("delete from leaves where n = 0", "not of one tree"), ("delete from hashes where n = 0", "not of one tree"),
    ("delete from checkpoints", "not of one tree"),
    ("update hashes set hash = zeroblob(32) where n = 2", "not of one tree"), ("create view x as select 1", "is no recording of jitui as it was written"),
    ("update about set origin = 'jitui/x'", "is of another log"),
])  # fmt: skip
async def test_a_file_that_was_altered(tmp_path: Path, change: str, why: str) -> None:
    """Nothing is built on it."""
    async with opened(tmp_path) as store:
        log = logged(store)
        for name in ("agent-a", "agent-b"):
            await store.commit([added(name)])
            log.advance(Files(tmp_path).facts_read)
        log.close()
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as db:
            db.execute(change)
        with pytest.raises((BrokenError, InvalidError), match=why):
            store.open_log()


async def test_a_file_that_can_t_be_written(tmp_path: Path) -> None:
    """One line, and the log stands where it stood."""
    async with opened(tmp_path) as store:
        log = logged(store)
        await store.commit([added()])
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as db:
            db.execute("begin immediate")
            log._db.execute("pragma busy_timeout=0")
            with pytest.raises(UnrecordableError, match="can't be read or written"):
                log.advance(Files(tmp_path).facts_read)
            db.execute("rollback")
        assert log.size == 0
        assert log.advance(Files(tmp_path).facts_read) is not None
        log.close()
