"""Opening a ledger of an older version: what it kept beside the facts is taken over once, by a signed fact."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.facts import Draft, Kind
from jitui.store import Files, Store, ledger, opening
from jitui.store.bus import Bus
from jitui.store.schema import LEDGER
from jitui.values.clock import ManualClock
from jitui.values.errors import BrokenError
from tests.store.life import added, asked, issued, opened
from tests.store.older import append, old_issued, old_ledger

TOKENS = {"0a1b2c3d": b"h" * 32, "4e5f6071": b"i" * 32}
FACTS = [added(), old_issued("0a1b2c3d"), old_issued("4e5f6071", who="bo")]


async def refused(folder: Path) -> str:
    """Why a gateway does not start there."""
    with pytest.raises(BrokenError) as caught:
        await Store.open(folder, ManualClock(), Bus(), reserve_bytes=1 << 20)
    return str(caught.value)


async def test_tokens_are_taken_over_once(tmp_path: Path) -> None:
    """With who issued each; the fact that does it is signed, and tells how many facts the older version had left without a signature."""
    folder = tmp_path / "state"
    old_ledger(folder, FACTS, TOKENS, unsigned=[asked(1)])
    for _ in range(2):
        async with opened(folder) as store:
            found = {token.id: (token.identity, token.issued_by, token.sha256) for token in store.loaded.tokens}
            assert found == {"0a1b2c3d": ("agent-a", "root", b"h" * 32), "4e5f6071": ("agent-a", "bo", b"i" * 32)}
            assert [request.id for request in store.loaded.requests] == [1]
    (fact,) = [fact for fact in Files(folder).facts() if fact.kind is Kind.TOKENS_ADOPTED]
    assert (fact.seq, fact.what) == (5, {"tables": len(LEDGER), "unsigned": 1, "tokens": {key: value.hex() for key, value in TOKENS.items()}})
    assert [verdict.problem for verdict in Files(folder).verify() if not verdict.consistent] == []


@pytest.mark.parametrize(("change", "said"), [
    ("insert into tokens values('deadbeef', 'agent-a', zeroblob(32), 3590899200000000, 0, 0)", "tokens has a row jt_deadbeef that no fact tells of"),
    ("update tokens set revoked_us = 0 where id = '0a1b2c3d'", "tokens, row jt_0a1b2c3d: revoked is 0, the facts say 1"),
    ("update tokens set expires_us = 9e15 where id = '4e5f6071'", "tokens, row jt_4e5f6071: expires_us is 9000000000000000, the facts say"),
    ("update tokens set identity = 'root' where id = '4e5f6071'", "tokens, row jt_4e5f6071: identity is root, the facts say agent-a"),
])
async def test_an_edited_table_is_not_taken_over(tmp_path: Path, change: str, said: str) -> None:
    """A token that no fact issued, one that a fact revoked, one that lives longer, one of somebody else."""
    old_ledger(tmp_path / "state", [*FACTS, Draft(Kind.TOKEN_REVOKED, "agent-a", "root", {"token": "0a1b2c3d", "why": "x"})], TOKENS)
    with closing(sqlite3.connect(tmp_path / "state/ledger.db")) as db, db:
        db.execute(change)
    assert said in await refused(tmp_path / "state")


async def test_a_ledger_set_back_is_not_taken_over_again(tmp_path: Path) -> None:
    """Neither with the number and the table of the older version, nor as the backup of the upgrade with another hash in it."""
    folder = tmp_path / "state"
    old_ledger(folder, FACTS, TOKENS)
    async with opened(folder):
        pass
    good = (folder / "ledger.db").read_bytes()
    with closing(sqlite3.connect(folder / "ledger.db")) as db, db:
        db.executescript("drop table tokens; create table tokens(id text primary key, identity text not null, sha256 blob not null, "
                         "expires_us integer not null, used_us integer not null, revoked_us integer not null) strict, without rowid;"
                         "insert into tokens values('0a1b2c3d', 'agent-a', zeroblob(32), 9e15, 0, 0); pragma user_version=1")
    assert f"number of its tables: it was set back to 1, and a signed fact tells of {len(LEDGER)}" in await refused(folder)
    shutil.copy(folder / "ledger.db.before-2", folder / "ledger.db")
    with closing(sqlite3.connect(folder / "ledger.db")) as db, db:
        db.execute("update tokens set sha256 = zeroblob(32)")
    assert "it is older than fact 4, with which its tokens were taken over" in await refused(folder)
    (folder / "ledger.db").write_bytes(good)
    async with opened(folder) as store:
        assert {token.sha256 for token in store.loaded.tokens} == set(TOKENS.values())


@pytest.mark.parametrize("forged", [issued("deadbeef"), Draft(Kind.TOKENS_ADOPTED, "gateway", "gateway", {"tables": 1, "tokens": {}})])
async def test_what_no_older_version_wrote_is_not_believed_unsigned(tmp_path: Path, forged: Draft) -> None:
    """At the upgrade the last facts may lack a signature; a token with its hash among them was never written by that version."""
    folder = tmp_path / "state"
    old_ledger(folder, FACTS, TOKENS)
    with closing(sqlite3.connect(folder / "ledger.db")) as db, db:
        append(db, [forged])
    assert "fact 4 is not signed, and this gateway never wrote one without a signature" in await refused(folder)


async def test_a_ledger_of_the_version_before_this_one_goes_on(tmp_path: Path) -> None:
    """Its tokens are facts already: nothing is taken over once more, and the indexes that are new are made."""
    folder = tmp_path / "state"
    old_ledger(folder, FACTS, TOKENS)
    with pytest.MonkeyPatch.context() as patch:
        for module in (ledger, opening):
            patch.setattr(module, "LEDGER", LEDGER[:2])
        async with opened(folder) as store:
            assert store._ledger.db.execute("pragma user_version").fetchone() == (2,)
    async with opened(folder) as store:
        assert store._ledger.db.execute("pragma user_version").fetchone() == (len(LEDGER),)
        assert {token.sha256 for token in store.loaded.tokens} == set(TOKENS.values())
    with closing(Files(folder)) as files:
        assert [fact.kind for fact in files.facts()].count(Kind.TOKENS_ADOPTED) == 1
        assert [verdict.problem for verdict in files.verify() if not verdict.consistent] == []
