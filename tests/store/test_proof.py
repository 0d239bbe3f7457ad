"""Tampering with real files is found, and named by session and seq (promise 7)."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from jitui.recording.chain import GENESIS, link
from jitui.recording.facts import PAYLOADS, Kind, canonical
from jitui.recording.verify import Verdict
from jitui.store import Files
from jitui.store.keys import ledger_key
from jitui.values.errors import NotFoundError
from tests.store.life import began, ended, frames, opened, record, window

SAMPLES = sorted((Path(__file__).parents[2] / "recordings").glob("*.jitui"))
LONG = b'{"kind":"PodList","items":[]}' * 100  # stored packed


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """Two ended sessions with interleaved frames, and a live one; closed cleanly."""
    folder = tmp_path / "state"
    async with opened(folder) as store:
        await store.commit([*window(), began(1), began(2), began(3)])
        for seq in range(6):
            await record(store, [*frames(1, [b"one %d" % seq], seq), *frames(2, [LONG + b"%d" % seq], seq), *frames(3, [b"live"], seq)])
        await store.commit([ended(1), ended(2)])
    return folder


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """Write to a file as somebody who has it, and not the key."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def wrong(folder: Path) -> list[tuple[str, str, int]]:
    return [(verdict.subject, verdict.problem, verdict.seq) for verdict in Files(folder).verify() if not verdict.consistent]


def row_of(db: sqlite3.Connection, session: int, seq: int) -> int:
    found: int = db.execute("select id from frames where session = ? and seq = ?", (session, seq)).fetchone()[0]
    return found


def test_untouched(state: Path) -> None:
    """Everything fits, and all of it is signed: also the frames of the session that has not ended."""
    assert [(verdict.subject, verdict.consistent, verdict.signed, verdict.frames, verdict.unsigned_tail) for verdict in Files(state).verify()] == [
        ("facts", True, "self-attested", 9, 0), ("tables", True, "no", 9, 0), ("s-1", True, "self-attested", 6, 0), ("s-2", True, "self-attested", 6, 0),
        ("s-3", True, "self-attested", 6, 0)]
    assert [verdict.subject for verdict in Files(state).verify(2)] == ["facts", "s-2"]
    with pytest.raises(NotFoundError, match="no session s-9"):
        Files(state).verify(9)


@pytest.mark.parametrize("change", [
    "body = x'00'", "body = zeroblob(40)", "at_us = 7", "channel = 2", "channel = 99", "conn = 5", "hash = zeroblob(32)", "flags = 1"])
def test_an_altered_frame(state: Path, change: str) -> None:
    """Any column of any frame; the others are untouched by it."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute(f"update frames set {change} where id = ?", (row_of(db, 1, 3),))
    ((subject, problem, seq),) = wrong(state)
    assert (subject, problem.startswith("s-1: altered: frame 3"), seq) == ("s-1", True, 3)


def test_an_altered_packed_body(state: Path) -> None:
    """Bytes that can't be unpacked are named, not a crash."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute("update frames set body = x'28b52ffd00' where id = ?", (row_of(db, 2, 1),))
    assert [(subject, seq) for subject, _, seq in wrong(state)] == [("s-2", 1)]


def test_a_cut_frame_and_a_cut_tail(state: Path) -> None:
    """In the middle, at the end of an ended session, at the end of a live one."""
    with tampering(state / "tapes/000001.db") as db:
        for session, seq in ((1, 2), (2, 5), (3, 4), (3, 5)):
            db.execute("delete from frames where id = ?", (row_of(db, session, seq),))
    found = wrong(state)
    assert [(subject, seq) for subject, _, seq in found] == [("s-1", 2), ("s-2", 5), ("s-3", 4)]
    assert found[0][1] == "s-1: cut: frame 2 is missing"
    assert found[1][1] == "s-2: cut: frame 5 is missing; its end (fact 9) speaks of 6, 5 are here"


def test_reordered_frames(state: Path) -> None:
    """Two frames of a session changed places."""
    with tampering(state / "tapes/000001.db") as db:
        one, two = row_of(db, 1, 1), row_of(db, 1, 4)
        db.execute("update frames set id = -1 where id = ?", (one,))
        db.execute("update frames set id = ? where id = ?", (one, two))
        db.execute("update frames set id = ? where id = -1", (two,))
    assert wrong(state) == [("s-1", "s-1: reordered: frame 1 does not stand where it was written", 1)]


def test_swapped_sessions(state: Path) -> None:
    """Each under the other's number: neither fits from its first frame on."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute("update frames set session = 3 - session where session in (1, 2)")
    assert [(subject, seq) for subject, _, seq in wrong(state)] == [("s-1", 0), ("s-2", 0)]


def test_a_chain_made_anew(state: Path) -> None:
    """Somebody without the key recomputes every link after his change: the signed end speaks of another chain."""
    with tampering(state / "tapes/000001.db") as db:
        head = GENESIS(1)
        for frame in frames(1, [b"one %d" % seq if seq < 2 else b"forged" for seq in range(6)]):
            head = link(head, frame)
            db.execute("update frames set body = ?, hash = ? where id = ?", (frame.body, head, row_of(db, 1, frame.seq)))
    assert wrong(state) == [("s-1", "s-1: altered: from frame 0 on the chain is another than its end (fact 8) speaks of", 0)]


def test_frames_nobody_began(state: Path) -> None:
    """A session smuggled into the tape, its own chain in order."""
    with tampering(state / "tapes/000001.db") as db:
        (frame,) = frames(77, [b"never happened"])
        db.execute("insert into frames(session, seq, at_us, conn, channel, flags, hash, body) values(77, 0, 0, 0, 1, 0, ?, ?)",
                   (link(GENESIS(77), frame), frame.body))
    assert wrong(state) == [("s-77", "s-77: altered: frames are on the tape, and no fact tells that it began", 0)]


def test_a_tape_that_is_gone(state: Path) -> None:
    """Every session that should be on it is cut from its first frame."""
    state.joinpath("tapes/000001.db").unlink()
    assert [(subject, seq) for subject, _, seq in wrong(state)] == [("s-1", 0), ("s-2", 0), ("s-3", 0)]


async def test_the_first_of_two_tapes_is_gone(tmp_path: Path) -> None:
    """The second tape's carried links are no proof of the first."""
    async with opened(tmp_path / "state", tape_limit=200_000) as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [random.Random(1).randbytes(200_000)]))
        await record(store, frames(1, [b"later"], 1))
        await store.commit([ended(1)])
    assert (len(Files(tmp_path / "state").tapes()), wrong(tmp_path / "state")) == (2, [])
    tmp_path.joinpath("state/tapes/000001.db").unlink()
    assert wrong(tmp_path / "state") == [("s-1", "s-1: cut: frame 0 is missing", 0)]


def test_tampered_facts(state: Path) -> None:
    """An approver's name, a missing fact, the tail with its head left."""
    copies = [Path(shutil.copytree(state, state.with_name(f"copy{number}"))) for number in range(3)]
    changes = ("update facts set who = 'eve' where seq = 3", "delete from facts where seq = 3", "delete from facts where seq > 7")
    for folder, change in zip(copies, changes, strict=True):
        with tampering(folder / "ledger.db") as db:
            db.execute(change)
    assert [wrong(folder)[0] for folder in copies] == [
        ("facts", "facts: altered: fact 3 is not what was recorded, or not of this chain", 3),
        ("facts", "facts: cut: fact 3 is missing", 3),
        ("facts", "facts: cut: fact 8 is missing; a signed head speaks of 9, 7 are here", 8)]


def test_a_fact_that_is_no_json(state: Path) -> None:
    """Named like any other."""
    with tampering(state / "ledger.db") as db:
        db.execute("update facts set what = '{' where seq = 2")
    assert wrong(state)[0] == ("facts", "facts: altered: fact 2 is not what was recorded, or not of this chain", 2)


def test_a_grant_brought_back_to_life(state: Path) -> None:
    """The tables are folded from the facts; a row that says something else is found."""
    with tampering(state / "ledger.db") as db:
        db.execute("update grants set deadline_us = deadline_us * 2")
    assert wrong(state) == [("tables", "tables: altered: grants is not what the facts say", -1)]


def test_keys_and_witnesses(state: Path) -> None:
    """A key or a hash that came another way makes the proof more than self-attested; a false one is said."""
    files = Files(state)
    key = ledger_key(state / "keys/ledger.ed25519").public
    fact = files.facts()[-1]

    def signed(found: list[Verdict]) -> set[str]:
        return {verdict.signed for verdict in found if verdict.subject != "tables"}

    assert list(files.keys().values()) == [key]
    assert signed(files.verify(key=key)) == {"matched"}
    assert signed(files.verify(witness={fact.seq: fact.hash})) == {"matched"}
    assert files.verify(key=b"\0" * 32)[0].problem == "facts: none of the 1 signed heads is of the key that was given"
    assert files.verify(witness={3: b"w" * 32})[0].seq == 1


async def test_verify_beside_a_live_gateway(tmp_path: Path) -> None:
    """The unsigned tail of what is being recorded is counted, and is no fault."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a"] * 4))
        await store.commit([ended(1), began(2)])
        await record(store, frames(2, [b"b"] * 3))
        found = {verdict.subject: (verdict.consistent, verdict.signed, verdict.unsigned_tail) for verdict in Files(tmp_path / "state").verify()}
    assert found == {"facts": (True, "self-attested", 0), "tables": (True, "no", 0), "s-1": (True, "self-attested", 0), "s-2": (True, "no", 3)}
    assert Kind.SESSION_ENDED in {fact.kind for fact in Files(tmp_path / "state").facts(subject="s-1")}


@pytest.mark.parametrize("sample", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_the_sample_recordings_hold(sample: Path) -> None:
    """Facts and frames verify; each fact is read by the class of its kind, which would write the same bytes."""
    with closing(Files(sample)) as files:
        verdicts = files.verify()
        facts = files.facts()
    assert [(verdict.consistent, verdict.problem) for verdict in verdicts] == [(True, "")] * len(verdicts)
    assert {verdict.signed for verdict in verdicts if verdict.frames} == {"self-attested"}
    assert len(facts) >= 7
    assert [canonical(PAYLOADS[fact.kind].of(fact).json()) for fact in facts] == [canonical(fact.what) for fact in facts]


def test_there_are_sample_recordings() -> None:
    """Two: one that ended by itself, and one that was cut."""
    assert [path.stem for path in SAMPLES] == ["cut-at-the-deadline", "shell"]
