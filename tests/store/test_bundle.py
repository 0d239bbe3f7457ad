"""One evidence file: readable, provable, and silent about everybody else."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jitui.store import Files
from jitui.values.errors import ConflictError, NotFoundError
from tests.store.life import added, asked, attempted, began, ended, frames, granted, opened, record, until, window


async def made(tmp_path: Path) -> Path:
    """A session among others, exported."""
    async with opened(tmp_path / "state", tape_limit=40_000) as store:
        await store.commit([added(), added("agent-secret", owner="bob")])
        await store.commit([*window(), began(1), began(2)])
        for seq in range(0, 40, 4):
            mine = [b"mine %d " % each + b"x" * each * 40 for each in range(seq, seq + 4)]
            await record(store, [*frames(1, mine, seq), *frames(2, [b"not mine" * 100] * 4, seq)])
        store.note(attempted(session=1, verdict="allowed", code=None))  # no answer: nothing of it is on the tape
        store.note(attempted(session=2, verdict="allowed", code=200))
        await store.commit([asked(2, reason="somebody else's secret"), granted(2, 2), ended(1)])
        await store.commit([ended(2)])
        files = Files(tmp_path / "state")
        await until(lambda: len(files.actions()) == 2)
        assert len(files.tapes()) > 1
        assert files.export(1, tmp_path / "s-1.jitui") == 40
    return tmp_path / "s-1.jitui"


async def test_it_reads_like_a_folder(tmp_path: Path) -> None:
    """Session, grant, request, actions and frames are those of the ledger it came from."""
    bundle = await made(tmp_path)
    files, whole = Files(bundle), Files(tmp_path / "state")
    assert files.session(1) == whole.session(1)
    assert (files.grant(1), files.request(1)) == (whole.grant(1), whole.request(1))
    assert files.frames(1) == whole.frames(1)
    assert files.frames(1, after=20, limit=3) == whole.frames(1, after=20, limit=3)
    assert [row.session for row in files.actions()] == [1]
    assert {fact.subject for fact in files.facts()} == {"agent-a", "r-1", "g-1", "s-1"}
    assert bundle.stat().st_mode & 0o777 == 0o600


async def test_it_proves_itself(tmp_path: Path) -> None:
    """Chain, end and signature, without the folder; and an alteration is found."""
    bundle = await made(tmp_path)
    assert [(verdict.subject, verdict.problem, verdict.signed, verdict.unsigned_tail) for verdict in Files(bundle).verify()] == [
        ("facts", "", "self-attested", 0), ("s-1", "", "self-attested", 0)]
    with closing(sqlite3.connect(bundle, isolation_level=None)) as db:
        db.execute("update frames set body = x'00' where seq = 7")
        db.execute("update facts set who = 'eve' where subject = 'r-1'")
    assert [(verdict.subject, verdict.consistent) for verdict in Files(bundle).verify()] == [("facts", False), ("s-1", False)]
    assert Files(bundle).verify()[1].seq == 7


async def test_it_is_silent_about_others(tmp_path: Path) -> None:
    """Of other facts it holds a digest; of other sessions nothing."""
    data = (await made(tmp_path)).read_bytes()
    assert b"mine 0" in data
    assert [word for word in (b"not mine", b"somebody else", b"agent-secret", b"bob") if word in data] == []


async def test_it_overwrites_nothing(tmp_path: Path) -> None:
    """A file that is there stays; a session that is not there leaves none."""
    bundle = await made(tmp_path)
    before = bundle.read_bytes()
    files = Files(tmp_path / "state")
    with pytest.raises(ConflictError, match="is there already"):
        files.export(1, bundle)
    with pytest.raises(NotFoundError, match="no session s-9"):
        files.export(9, tmp_path / "s-9.jitui")
    assert (bundle.read_bytes() == before, tmp_path.joinpath("s-9.jitui").exists()) == (True, False)
