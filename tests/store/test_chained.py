"""Facts are handed on only as far as their chain holds, and how far a signature covers them is known afterwards."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from jitui.store.chained import Chained, at_start
from jitui.store.keys import ledger_key
from tests.store.life import added, began, ended, opened, window


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[tuple[sqlite3.Connection, bytes]]:
    """A closed ledger of eight facts, opened by somebody who has the file; and its key."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1), ended(1), added("agent-b")])
    with closing(sqlite3.connect(tmp_path / "state/ledger.db", isolation_level=None)) as db:
        yield db, ledger_key(tmp_path / "state/keys/ledger.ed25519").public


def walked(db: sqlite3.Connection, key: bytes) -> tuple[list[int], Chained]:
    chained = at_start(db, key)
    return [fact.seq for fact in chained], chained


def test_all_of_it(ledger: tuple[sqlite3.Connection, bytes]) -> None:
    """Every fact in order; the newest head covers them all."""
    seqs, chained = walked(*ledger)
    assert seqs == list(range(1, len(seqs) + 1))
    assert (chained.walk.problem, chained.walk.count, chained.walk.sure, chained.walk.unsigned) == ("", len(seqs), len(seqs), 0)


@pytest.mark.parametrize("change", [
    "update facts set who = 'eve' where seq = 3", "update facts set what = '[]' where seq = 3", "update facts set what = '{' where seq = 3",
    "update facts set kind = 'grant.made' where seq = 3", "update facts set at_us = -1 where seq = 3", "delete from facts where seq = 3",
    "update facts set hash = zeroblob(32) where seq = 3", "update facts set hash = x'00' where seq = 3"])
def test_nothing_from_the_first_that_does_not_fit(ledger: tuple[sqlite3.Connection, bytes], change: str) -> None:
    """Facts 1 and 2 are handed on; of the third something is wrong, and it is named."""
    db, key = ledger
    db.execute(change)
    seqs, chained = walked(db, key)
    assert (seqs, chained.walk.seq, bool(chained.walk.problem)) == ([1, 2], 3, True)


def test_a_fact_nested_without_end(ledger: tuple[sqlite3.Connection, bytes]) -> None:
    """It is a fact that was altered, not a traceback."""
    db, key = ledger
    db.execute("update facts set what = ? where seq = 2", ("[" * 100_000 + "]" * 100_000,))
    seqs, chained = walked(db, key)
    assert (seqs, chained.walk.seq) == ([1], 2)


def test_facts_that_nobody_signed(ledger: tuple[sqlite3.Connection, bytes]) -> None:
    """A fact put behind the newest head fits the chain, and is counted; under another key all of them are."""
    db, key = ledger
    everything, _ = walked(db, key)
    db.execute("delete from heads where facts_seq = (select max(facts_seq) from heads)")
    covered = db.execute("select coalesce(max(facts_seq), 0) from heads").fetchone()[0]
    seqs, chained = walked(db, key)
    assert (seqs, chained.walk.unsigned) == (everything, len(everything) - covered)
    assert walked(db, b"k" * 32)[1].walk.unsigned == len(everything)


def test_a_cut_that_a_signed_head_betrays(ledger: tuple[sqlite3.Connection, bytes]) -> None:
    """The newest fact is gone; the head over it is not."""
    db, key = ledger
    last = walked(db, key)[0][-1]
    db.execute("delete from facts where seq = ?", (last,))
    seqs, chained = walked(db, key)
    assert (seqs[-1], chained.walk.problem) == (last - 1, f"cut: fact {last} is missing; a signed head speaks of {last}, {last - 1} are here")


def test_a_head_that_says_something_else(ledger: tuple[sqlite3.Connection, bytes]) -> None:
    """Whoever alters what a head speaks of takes its signature away."""
    db, key = ledger
    (told,) = db.execute("select sessions from heads order by id desc limit 1").fetchone()
    db.execute("update heads set sessions = ? where sessions = ?", (json.dumps({"1": [99, "00" * 32]}), told))
    _, chained = walked(db, key)
    assert (chained.walk.newest, chained.walk.problem) == (None, "")
