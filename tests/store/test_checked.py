"""The facts, believed only as far as a signature of the key covers them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.chain import FACTS_GENESIS
from jitui.recording.facts import Draft, Fact, Kind
from jitui.store.checked import Checked, check, scratch
from jitui.store.keys import LedgerKey, ledger_key
from jitui.store.schema import LEDGER
from jitui.values.errors import BrokenError, InvalidError
from tests.store.life import NOW, added, asked, issued, opened


def fact(seq: int, draft: Draft, at_us: int = NOW) -> Fact:
    return Fact(seq, at_us, draft.kind, draft.who, draft.subject, draft.what, bytes([seq]) * 32)


async def signed(folder: Path) -> tuple[Path, LedgerKey]:
    """A ledger with one agent and one ask, and its key."""
    async with opened(folder) as store:
        await store.commit([added(), asked(1)])
    return folder / "ledger.db", ledger_key(folder / "keys/ledger.ed25519")


def broken(path: Path, key: LedgerKey, script: str = "") -> str:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(script)
        with pytest.raises(BrokenError) as caught:
            check(db, key)
    return str(caught.value)


async def test_it_says_up_to_which_fact_the_key_signed(tmp_path: Path) -> None:
    """That is the newest one, its number and link are known, and the tables hold the rows."""
    path, key = await signed(tmp_path / "state")
    with closing(sqlite3.connect(path, isolation_level=None)) as db, closing(check(db, key)) as checked:
        newest = db.execute("select seq, hash, at_us from facts order by seq desc").fetchone()
        assert (checked.seq, checked.hash, checked.at_us) == newest
        assert (checked.signed, checked.newest_us, checked.written_for) == (checked.seq, checked.at_us, len(LEDGER))
        assert checked.tables.execute("select id, identity from requests").fetchall() == [(1, "agent-a")]


def test_a_ledger_without_facts(tmp_path: Path) -> None:
    """It is whole, and nothing is in it: no signature is missed."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for step in LEDGER:
            db.executescript(step)
        with closing(check(db, ledger_key(tmp_path / "key"))) as checked:
            assert (checked.seq, checked.hash, checked.signed, checked.newest_us) == (0, FACTS_GENESIS, 0, 0)


async def test_it_says_which_key_signed_and_which_one_is_here(tmp_path: Path) -> None:
    """A head of another key counts for nothing; one with a number that leaves none for the next is not believed either."""
    path, key = await signed(tmp_path / "state")
    other = ledger_key(tmp_path / "other")
    assert broken(path, other).endswith(f"by key {key.id!r}, and the key in its folder is {other.id}")
    assert "which jitui never gave" in broken(path, key, f"update heads set id = {(1 << 63) - 1} where id = (select max(id) from heads)")
    assert broken(path, key, "delete from heads") == f"none of its {path_count(path)} facts is signed"


def path_count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("select count(*) from facts").fetchone()[0])


def test_the_latest_time_begins_anew_where_the_clock_went_back() -> None:
    """An earlier fact behind a later one does not lower it; a fact about the clock does."""
    with closing(Checked(scratch())) as checked:
        checked.feed(fact(1, added(), NOW))
        checked.feed(fact(2, added("agent-b"), NOW - 5))
        assert (checked.at_us, checked.newest_us) == (NOW - 5, NOW)
        checked.feed(fact(3, Draft(Kind.CLOCK_WENT_BACK, "gateway", "gateway", {"newest_us": NOW, "now_us": NOW - 9}), NOW - 9))
        assert (checked.at_us, checked.newest_us) == (NOW - 9, NOW - 9)


def test_a_fact_that_can_not_be_folded() -> None:
    """It is named; facts that this process committed count as signed."""
    with closing(Checked(scratch())) as checked:
        checked.follow([fact(1, added()), fact(2, issued("0a1b2c3d"))])
        assert (checked.seq, checked.signed, checked.written_for) == (2, 2, 2)
        with pytest.raises(InvalidError, match="fact 3 "):
            checked.feed(fact(3, Draft(Kind.GRANT_ENDED, "nothing", "ana")))
        assert (checked.seq, checked.signed) == (3, 2)
