"""The ledger's transaction: chained, folded, signed, or nothing of it."""

import json
import sqlite3
from pathlib import Path

import pytest

from jitui.recording.chain import FACTS_GENESIS, fact_digest, fact_link, head_text
from jitui.recording.facts import Fact, Kind
from jitui.recording.verify import Head
from jitui.store.folder import Folder
from jitui.store.keys import ledger_key
from jitui.store.ledger import Batch, Ledger
from jitui.store.tapes import Chain
from jitui.values.clock import ManualClock
from jitui.values.errors import UnrecordableError
from tests.store.life import NOW, asked, attempted, began, ended, window


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    folder = Folder(tmp_path / "state", reserve_bytes=0)
    folder.take()
    return Ledger(folder, ledger_key(folder.ledger_key), ManualClock(), lambda session: Chain(session * 10, bytes([session]) * 32, 1, 2))


def heads(ledger: Ledger) -> list[Head]:
    rows = ledger.db.execute("select facts_seq, hash, at_us, sessions, key_id, sig from heads order by id").fetchall()
    return [Head(seq, link, at_us, {int(key): (count, bytes.fromhex(head)) for key, (count, head) in json.loads(sessions).items()}, key_id, sig)
            for seq, link, at_us, sessions, key_id, sig in rows]


def test_facts_are_numbered_and_chained(ledger: Ledger) -> None:
    """Without gaps, across commits, refused batches and restarts."""
    ledger.commit([Batch([asked(1), asked(2)]), Batch([asked(1)]), Batch([asked(3)])], (), {})
    ledger.commit([Batch([asked(4)])], (), {})
    rows = ledger.db.execute("select seq, at_us, kind, who, subject, what, hash from facts order by seq").fetchall()
    assert [(row[0], row[4]) for row in rows] == [(1, "r-1"), (2, "r-2"), (3, "r-3"), (4, "r-4")]
    prev = FACTS_GENESIS
    for seq, at_us, kind, who, subject, what, link in rows:
        prev = fact_link(prev, fact_digest(Fact(seq, at_us, Kind(kind), who, subject, json.loads(what), b"")))
        assert (link, at_us) == (prev, NOW)
    assert (ledger.seq, ledger.hash) == (4, prev)


def test_the_end_of_a_session_is_completed_and_signed(ledger: Ledger) -> None:
    """With where its record stands; the head speaks of the sessions it is told of."""
    marks = {2: Chain(20, b"\2" * 32, 0, 0)}
    (facts,) = ledger.commit([Batch([*window(), began(1), ended(1, frames=999, head="made up")])], (), marks)
    assert not isinstance(facts, Exception)
    assert {key: facts[-1].what[key] for key in ("frames", "head", "bytes_in", "bytes_out")} == {"frames": 10, "head": "01" * 32, "bytes_in": 1, "bytes_out": 2}
    (head,) = heads(ledger)
    assert (head.facts_seq, head.hash, head.sessions, head.signed_by(ledger.key.public)) == (5, ledger.hash, {2: (20, b"\2" * 32)}, True)
    ledger.key.private.public_key().verify(head.sig, head_text(5, ledger.hash, NOW, {2: (20, b"\2" * 32)}))


def test_every_commit_of_facts_is_signed(ledger: Ledger) -> None:
    """In its own transaction; a head that speaks of no session is replaced by the next one, those that do stay."""
    marks = {1: Chain(4, b"\1" * 32, 0, 0)}
    found = []
    for batches, sign in (([Batch([asked(1)])], False), ([Batch([asked(2)])], False), ([], True), ([Batch([asked(3)])], False), ([Batch([asked(4)])], False)):
        ledger.commit(batches, (), marks, sign=sign)
        found.append([(head.facts_seq, len(head.sessions)) for head in heads(ledger)])
        assert all(head.signed_by(ledger.key.public) for head in heads(ledger))
    assert found == [[(1, 0)], [(2, 0)], [(2, 1)], [(2, 1), (3, 0)], [(2, 1), (4, 0)]]
    assert (heads(ledger)[-1].hash, ledger.marked) == (ledger.hash, False)


def test_a_commit_without_facts_signs_nothing(ledger: Ledger) -> None:
    """Rows of actions alone, and a refused batch, leave the newest head as it is."""
    ledger.commit([Batch([asked(1)])], (), {})
    before = ledger.db.execute("select * from heads").fetchall()
    ledger.commit([Batch([asked(1)])], [(attempted(), True)], {}, sign=True)
    assert ledger.db.execute("select * from heads").fetchall() == before


def test_a_commit_that_fails_leaves_nothing(ledger: Ledger) -> None:
    """Neither facts nor tables nor actions, nor the number and hash in memory."""
    before = ledger.seq, ledger.hash
    ledger.db.execute("pragma query_only=on")
    with pytest.raises(sqlite3.OperationalError):
        ledger.commit([Batch([asked(1)])], [(attempted(), True)], {})
    ledger.db.execute("pragma query_only=off")
    assert (ledger.seq, ledger.hash, ledger.db.in_transaction) == (*before, False)
    ledger.commit([Batch([asked(1)])], [(attempted(), True)], {})
    assert ledger.db.execute("select (select count(*) from facts), (select count(*) from requests), (select sum(count) from actions)").fetchone() == (1, 1, 1)


def test_highest(ledger: Ledger) -> None:
    """The highest numbers, from which the counters go on."""
    ledger.commit([Batch(window(8, 5))], (), {})
    assert [ledger.highest(table) for table in ("requests", "grants", "sessions")] == [8, 5, 0]
    with pytest.raises(UnrecordableError, match="no counter for facts"):
        ledger.highest("facts")
