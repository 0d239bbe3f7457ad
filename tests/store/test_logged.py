"""The proof of the transparency log: against facts and frames, against its own tree, and against what others saw of it."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.chain import key_id
from jitui.recording.facts import LogBegun
from jitui.recording.tlog import tree
from jitui.recording.tlog.checkpoint import Checkpoint, checkpoint_of
from jitui.recording.tlog.note import ED25519, Key, Note, cosign, sign
from jitui.recording.tlog.policy import Policy, policy_of
from jitui.recording.tlog.stamp import query, roots_of
from jitui.recording.verify import Brought, Verdict
from jitui.store import Files, Store
from jitui.store.keys import LedgerKey, ledger_key
from tests.recording.tlog.test_policy import KEYS, WITNESSES
from tests.store.evidence import made_anew, other, tampering
from tests.store.life import added, began, ended, frames, opened, record, window
from tests.support import tsa

AT = 1_800_000_000  # when a witness saw it, seconds since 1970


def noted(store: Store, folder: Path) -> Note:
    """A checkpoint of what is on record; a log is begun if there is none."""
    log = store.open_log()
    note = log.advance(Files(folder).facts_read)
    assert note is not None
    log.close()
    return note


async def kept(folder: Path) -> list[Note]:
    """A record with two checkpoints: s-1 ended before the first, s-2 still runs."""
    async with opened(folder) as store:
        log = store.open_log()
        origin = log.new_origin([])
        await store.commit([LogBegun(origin=origin).draft("log.db", "gateway"), added(), *window(), began(1), began(2)])
        log.begin(origin)
        log.close()
        await record(store, frames(1, [b"one", b"two"]))
        await record(store, frames(2, [b"three"]))
        await store.commit([ended(1)])
        first = noted(store, folder)
        await record(store, frames(2, [b"four", b"five"], 1))
        store._journal._head_due = 0.0
        await store.commit([added("agent-b"), began(3)])
        await record(store, frames(3, [b"six"]))
        await store.commit([ended(3)])
        return [first, noted(store, folder)]


def cosigned(folder: Path, note: Note, *witnesses: int) -> None:
    """Witnesses give the checkpoint in the folder their signatures."""
    size = checkpoint_of(note.text).size
    with closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as db:
        for each in witnesses:
            line = cosign(note.text, KEYS[each].name, KEYS[each].public, AT + each, WITNESSES[each].sign)
            db.execute("insert or replace into checkpoints values(?, ?)", (size, str(note)))
            db.execute("insert into cosignatures values(?, ?)", (size, str(line)))


def key_of(folder: Path) -> LedgerKey:
    return ledger_key(folder / "keys/ledger.ed25519", make=False)


def policy(folder: Path, quorum: str = "any") -> Policy:
    """That names the log of the folder, and two witnesses."""
    key = key_of(folder)
    return policy_of(f"log {Key(f'jitui/{key.id}', ED25519, key.public)}\nwitness a {KEYS[0]}\nwitness b {KEYS[1]}\ngroup g {quorum} a b\nquorum g\n")


def verdicts(folder: Path, **brought: object) -> dict[str, Verdict]:
    return {each.subject: each for each in Files(folder).verify(brought=Brought(**brought))}  # type: ignore[arg-type]


async def test_three_degrees(tmp_path: Path) -> None:
    """Consistent and signed by the folder's key; seen by the policy's witnesses, when, and up to which fact and frame."""
    first, second = await kept(tmp_path)
    found = verdicts(tmp_path)
    assert [each.problem for each in found.values() if each.problem] == []
    size = checkpoint_of(second.text).size
    assert (found["log"].degree, found["log"].frames, found["log"].signed, found["s-1"].degree) == ("signed", size, "self-attested", "signed")
    cosigned(tmp_path, first, 0, 1)
    cosigned(tmp_path, second, 0)
    for quorum, size, by in (("any", checkpoint_of(second.text).size, ("a",)), ("all", checkpoint_of(first.text).size, ("a", "b"))):
        found = verdicts(tmp_path, policy=policy(tmp_path, quorum))
        log = found["log"]
        assert (log.degree, log.signed, log.cosigned_by, log.cosigned_to) == ("cosigned", "matched", by, size - 1)
        assert log.cosigned_at_us == (AT + len(by) - 1) * 1_000_000
        assert (found["s-1"].degree, found["s-1"].cosigned_to) == ("cosigned", 1)
    assert found["s-2"].cosigned_to == 0  # of three frames the first alone, by then
    assert found["s-3"].degree == "signed"
    assert found["facts"].cosigned_to < found["facts"].signed_to
    assert any("no witness saw it yet" in need for need in found["log"].needs)
    assert verdicts(tmp_path, policy=policy(tmp_path), checkpoints=[second])["log"].cosigned_by == ("a", "the checkpoint that was brought")


async def test_a_policy_that_is_not_met(tmp_path: Path) -> None:
    """Too few witnesses, another log, and a witness's false signature: each is a failure."""
    first, second = await kept(tmp_path)
    assert verdicts(tmp_path, policy=policy(tmp_path))["log"].problem == "log: no checkpoint of it has the cosignatures that the policy asks for"
    cosigned(tmp_path, first, 0)
    assert "no checkpoint of it has" in verdicts(tmp_path, policy=policy(tmp_path, "all"))["log"].problem
    stranger = policy_of(f"log {Key('jitui/other', ED25519, KEYS[3].public)}\nquorum none\n")
    assert "which the policy does not name" in verdicts(tmp_path, policy=stranger)["log"].problem
    cosigned(tmp_path, second, 1)
    with tampering(tmp_path / "log.db") as db:
        db.execute("update cosignatures set size = ? where line like ?", (checkpoint_of(first.text).size, f"%{KEYS[1].name} %"))
    assert "the signature of w.example/1" in verdicts(tmp_path, policy=policy(tmp_path, "all"))["log"].problem


async def test_an_older_copy(tmp_path: Path) -> None:
    """It is consistent, and the checkpoint that a witness kept shows it; so does the fork that it becomes."""
    state, older = tmp_path / "state", tmp_path / "older"
    await kept(state)
    shutil.copytree(state, older)
    async with opened(state) as store:
        await store.commit([added("agent-c")])
        newest = noted(store, state)
    assert [each.problem for each in verdicts(older).values() if each.problem] == []
    size = checkpoint_of(newest.text).size
    log = verdicts(older, checkpoints=[newest])["log"]
    assert log.problem.startswith(f"log: rolled back: the checkpoint that was brought speaks of {size} leaves, {size - 1} are here")
    assert verdicts(state, checkpoints=[newest])["log"].degree == "cosigned"
    async with opened(older) as store:
        await store.commit([added("agent-d")])
        forked = noted(store, older)
    assert verdicts(older)["log"].problem == ""
    for brought in ([newest], [newest, forked], [forked, newest]):  # of one size: a witness that is told both pasts keeps both
        assert "speaks of another tree: what stands here is another past" in verdicts(older, checkpoints=brought)["log"].problem


async def test_a_replaced_key(tmp_path: Path) -> None:
    """Everything made anew with another key, log and all: consistent and signed; whoever brings key, policy or checkpoint sees it."""
    state = tmp_path / "state"
    (first, _) = await kept(state)
    was, key = policy(state), key_of(state).public
    (state / "log.db").unlink()
    (state / "keys/ledger.ed25519").unlink()
    new = ledger_key(state / "keys/ledger.ed25519")
    with tampering(state / "ledger.db") as db:
        made_anew(db, lambda fact: other(fact) | ({"origin": f"jitui/{new.id}"} if fact.kind == "log.begun" else {}), new.private)
        db.execute("update keys set public = ?, key_id = ?", (new.public, new.id))
    async with opened(state) as store:
        log = store.open_log()
        log.begin(f"jitui/{new.id}")
        log.close()
        other_first = noted(store, state)
    assert verdicts(state)["log"].problem == ""
    assert not verdicts(state, checkpoints=[first, other_first])["log"].consistent
    for brought in ({"policy": was}, {"checkpoints": [first]}, {"key": key}):
        assert not verdicts(state, **brought)["log"].consistent
    assert "its key was replaced" in verdicts(state, checkpoints=[first])["log"].problem
    assert "its key was replaced" in verdicts(state, policy=was)["log"].problem
    assert key_id(key) != new.id


async def test_a_deleted_session(tmp_path: Path) -> None:
    """Frames that are gone with the session's facts are a missing number, also where the key was at hand."""
    state = tmp_path / "state"
    (_, second) = await kept(state)
    with tampering(state / "tapes/000001.db") as db:
        db.execute("delete from frames where session = 3")
    secret = key_of(state).private
    with tampering(state / "ledger.db") as db:
        db.execute("delete from facts where subject = 's-3'")
        renumber(db)
        made_anew(db, lambda fact: dict(fact.what), secret)
    assert "leaf" in verdicts(state)["log"].problem
    assert not verdicts(state, checkpoints=[second])["log"].consistent


def renumber(db: sqlite3.Connection) -> None:
    rows = db.execute("select seq from facts order by seq").fetchall()
    for new, (old,) in enumerate(rows, 1):
        db.execute("update facts set seq = ? where seq = ?", (new, old))


LEAVES: list[tuple[str, str]] = [
    ("update leaves set text = replace(text, '\"frames\":2', '\"frames\":9') where n = 0", "leaf 0 is not the one in the tree"),
    ("delete from leaves where n = 1", "leaf 1 is missing"),
    ("delete from hashes where n = 1", "leaf 1 is not the one in the tree"),
    ("delete from checkpoints", "no checkpoint stands behind its last leaf"),
    ("update checkpoints set size = size + 1", "no checkpoint stands behind its last leaf"),
    ("delete from leaves; delete from hashes", "a checkpoint speaks of"),
    ("update checkpoints set note = 'x'", "no signed note"),
    ("update leaves set n = 99 where n = 1; update leaves set n = 1 where n = 2; update leaves set n = 2 where n = 99", "leaf 1 is not the one in the tree"),
    ("update about set origin = 'jitui/x'", "and the newest that the facts tell of is"),
    ("update about set heads = 1000000", "it says that it holds the heads up to 1000000"),
    ("update about set heads = -1", "it says that it holds the heads up to -1"),
    ("update about set id = 2", "it says that it holds the heads up to"),
    ("delete from about", "log.db is missing, and a fact tells of the log"),
]


@pytest.mark.parametrize(("change", "why"), LEAVES)
async def test_a_log_that_was_altered(tmp_path: Path, change: str, why: str) -> None:
    """Leaf, hash, checkpoint, name: the leaf is named."""
    await kept(tmp_path)
    with tampering(tmp_path / "log.db") as db:
        db.executescript(change)
    assert why in verdicts(tmp_path)["log"].problem


REMADE: list[tuple[Callable[[str], str], str, str]] = [
    (lambda text: text.replace('"frames":2,', '"frames":1,', 1), "log", "counts 3 frames"),
    (lambda text: text.replace('"grants":1', '"grants":2'), "log", "counts 2 grants up to fact"),
    (lambda text: text.replace('"sessions":2', '"sessions":3'), "log", "counts 3 sessions"),
    (lambda text: text.replace('"session":2', '"session":7'), "log", "tells of s-7, and no fact tells that it began"),
]


@pytest.mark.parametrize(("change", "subject", "why"), REMADE)
async def test_a_log_that_does_not_fit_its_ledger(tmp_path: Path, change: Callable[[str], str], subject: str, why: str) -> None:
    """Made anew with the right key, over leaves that say something else."""
    await kept(tmp_path)
    remade(tmp_path, change)
    assert why in verdicts(tmp_path)[subject].problem


def remade(folder: Path, change: Callable[[str], str]) -> None:
    key, edge = key_of(folder), tree.Edge()
    with tampering(folder / "log.db") as db:
        (origin,) = db.execute("select origin from about").fetchone()
        sizes = {size for (size,) in db.execute("select size from checkpoints")}
        texts = [change(text) for (text,) in db.execute("select text from leaves order by n")]
        db.executescript("delete from leaves; delete from hashes; delete from checkpoints")
        for n, text in enumerate(texts):
            db.execute("insert into leaves values(?, ?)", (n, text))
            db.executemany("insert into hashes values(?, ?)", enumerate(edge.add(tree.leaf_hash(text.encode())), tree.kept(n)))
            if n + 1 in sizes:
                note = sign(Checkpoint(origin, n + 1, edge.root).text, origin, key.public, key.sign)
                db.execute("insert into checkpoints values(?, ?)", (n + 1, str(note)))


async def test_a_leaf_that_tells_of_other_frames(tmp_path: Path) -> None:
    """Of a session whose frames are others than a leaf says: the session and frame are named."""
    await kept(tmp_path)
    remade(tmp_path, lambda text: text.replace('"head":"' + text.partition('"head":"')[2][:64], '"head":"' + "ab" * 32) if '"session":1' in text else text)
    found = verdicts(tmp_path)["s-1"]
    assert (found.consistent, "leaf 0 of the log speaks of" in found.problem) == (False, True)


async def test_a_missing_log(tmp_path: Path) -> None:
    """It is named, as a fact tells of it; where no fact does, nothing is said but to who brings a policy."""
    await kept(tmp_path / "a")
    (tmp_path / "a" / "log.db").unlink()
    assert "log.db is missing" in verdicts(tmp_path / "a")["log"].problem
    async with opened(tmp_path / "b") as store:
        await store.commit([added()])
    assert "log" not in verdicts(tmp_path / "b")
    stranger = sign(Checkpoint("x", 1, bytes(32)).text, "x", bytes(32), lambda _: bytes(64))
    assert "no checkpoint speaks of this record" in verdicts(tmp_path / "b", checkpoints=[stranger])["log"].problem


async def test_a_time_stamp_says_when_an_authority_saw_the_record(tmp_path: Path) -> None:
    """Up to the leaf of its checkpoint; with the certificates of another authority, or without any stamp, that is a failure."""
    first, _ = await kept(tmp_path / "state")
    folder, authority, other = tmp_path / "state", tsa.authority(tmp_path / "tsa"), tsa.authority(tmp_path / "other")
    roots, others = (roots_of(each.roots.read_bytes()) for each in (authority, other))
    assert verdicts(folder, roots=roots)["log"].problem == "log: no checkpoint of it has a time stamp"
    size = checkpoint_of(first.text).size
    with closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as db:
        db.execute("insert or replace into checkpoints values(?, ?)", (size, str(first)))
        db.execute("insert into stamps values(?, ?)", (size, authority.reply(query(first.text))))
    found = verdicts(folder, roots=roots)
    assert (found["log"].cosigned_by, found["log"].cosigned_to) == (("an authority for time stamps",), size - 1)
    assert abs(found["log"].cosigned_at_us - time.time() * 1e6) < 60e6
    assert found["s-1"].cosigned_to >= 0
    assert verdicts(folder, roots=others)["log"].problem.startswith("log: altered: the time stamp is false")
    assert verdicts(folder)["log"].consistent
