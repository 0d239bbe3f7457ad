"""The log in an evidence file: its session and facts in the tree, as others saw it."""

import base64
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.tlog.checkpoint import Checkpoint, checkpoint_of
from jitui.recording.tlog.note import ED25519, Key, parse, sign
from jitui.recording.tlog.policy import policy_of
from jitui.recording.tlog.stamp import query, roots_of
from jitui.recording.verify import Brought, Verdict
from jitui.store import Files
from jitui.store.bundled import FACTS, POLICY, SESSION
from tests.recording.tlog.test_note import PUBLIC, SECRET
from tests.store.evidence import life, tampering
from tests.store.life import added, opened
from tests.store.seen import bundled, seen
from tests.store.test_logged import cosigned, key_of, noted, policy
from tests.support import tsa


def verdicts(file: Path, **brought: object) -> dict[str, Verdict]:
    return {each.subject: each for each in Files(file).verify(brought=Brought(**brought))}  # type: ignore[arg-type]


async def test_what_it_holds(tmp_path: Path) -> None:
    """Both proofs and a hint of a policy; frames as they were recorded, so that nobody needs a library to unpack them; actions with their Audit-IDs."""
    file = await bundled(tmp_path / "state")
    with tampering(file) as db:
        texts = dict(db.execute("select name, body from evidence").fetchall())
        assert sorted(texts) == sorted([FACTS, POLICY, SESSION])
        assert policy_of(texts[POLICY]).logs == (Key(f"jitui/{key_of(tmp_path / 'state').id}", ED25519, key_of(tmp_path / "state").public),)
        assert db.execute("select distinct flags from frames").fetchall() == [(0,)]
        assert db.execute("select count(*) from actions where audit_id <> ''").fetchone() == (4,)
    found = verdicts(file, policy=policy(tmp_path / "state", "all"))
    assert [each.problem for each in found.values() if each.problem] == []
    assert (found["log"].degree, found["s-1"].cosigned_to, found["facts"].cosigned_by) == ("cosigned", 11, ("a", "b"))
    assert verdicts(file)["log"].degree == "signed"
    assert "a policy obtained elsewhere" in verdicts(file)["log"].needs[-1]


async def test_it_holds_the_time_stamp_over_its_checkpoint(tmp_path: Path) -> None:
    """So that it stands without the folder; damaged, or without it, it is a failure for who brings certificates."""
    await bundled(tmp_path / "state")
    authority = tsa.authority(tmp_path / "tsa")
    with closing(sqlite3.connect(tmp_path / "state/log.db", isolation_level=None)) as db:
        size, note = db.execute("select size, note from checkpoints order by size in (select size from cosignatures) desc, size desc limit 1").fetchone()
        db.execute("insert into stamps values(?, ?)", (size, authority.reply(query(parse(note).text))))
    file, roots = tmp_path / "stamped.jitui", roots_of(authority.roots.read_bytes())
    Files(tmp_path / "state").export(1, file)
    found = verdicts(file, roots=roots)
    assert (found["log"].problem, found["log"].cosigned_by) == ("", ("an authority for time stamps",))
    assert found["log"].cosigned_at_us > 0
    with tampering(file) as db:
        db.execute("update evidence set body = 'AAAA' where name = 'checkpoint.tsr'")
    assert "the time stamp is false" in verdicts(file, roots=roots)["log"].problem
    with tampering(file) as db:
        db.execute("delete from evidence where name = 'checkpoint.tsr'")
    assert verdicts(file, roots=roots)["log"].problem == "log: its checkpoint has no time stamp"


async def test_its_checkpoint_is_one_that_most_witnesses_saw(tmp_path: Path) -> None:
    """Not a newer one that some have not signed yet; and of those that all signed, the one with the day's time stamp."""
    state, sizes = await seen(tmp_path / "state"), []
    (first,) = [parse(note) for (note,) in rows(state, "select note from checkpoints order by size desc limit 1")]
    async with opened(state) as store:
        await store.commit([added("agent-c")])
        later = noted(store, state)
    for number, sql in enumerate(("", "", "insert into stamps select size, x'00' from cosignatures limit 1")):
        if number < 2:
            cosigned(state, later, number)
        else:
            rows(state, sql)
        Files(state).export(1, tmp_path / f"{number}.jitui")
        sizes.append(verdicts(tmp_path / f"{number}.jitui", policy=policy(state, "all"))["log"].cosigned_to + 1)
    assert sizes == [checkpoint_of(note.text).size for note in (first, later, first)]


def rows(state: Path, sql: str) -> list[tuple[str]]:
    with closing(sqlite3.connect(state / "log.db", isolation_level=None)) as db:
        return db.execute(sql).fetchall()


async def test_a_record_without_a_log(tmp_path: Path) -> None:
    """It is exported as before; who brings a policy is told that no witness speaks of it."""
    await life(tmp_path / "state")
    Files(tmp_path / "state").export(1, tmp_path / "s-1.jitui")
    assert "log" not in verdicts(tmp_path / "s-1.jitui")
    assert "no proof of a log is in this file" in verdicts(tmp_path / "s-1.jitui", policy=policy(tmp_path / "state"))["log"].problem


def proof_with(db: sqlite3.Connection, name: str, old: str, new: str) -> None:
    """A leaf in a proof says something else."""
    (body,) = db.execute("select body from evidence where name = ?", (name,)).fetchone()
    line = next(line for line in body.splitlines() if line.startswith("extra "))
    leaf = base64.b64decode(line.removeprefix("extra ")).decode()
    assert old in leaf
    db.execute("update evidence set body = ? where name = ?", (body.replace(line, f"extra {base64.b64encode(leaf.replace(old, new).encode()).decode()}"), name))


@pytest.mark.parametrize(("name", "change", "why"), [
    (SESSION, '"frames":12', "does not lead to the root"), (FACTS, '"grants":2', "does not lead to the root"),
])
async def test_a_leaf_that_was_altered(tmp_path: Path, name: str, change: str, why: str) -> None:
    """Its path leads elsewhere."""
    file = await bundled(tmp_path / "state")
    with tampering(file) as db:
        proof_with(db, name, change, change[:-1] + "9")
    assert why in verdicts(file)["log"].problem


@pytest.mark.parametrize(("change", "why"), [
    ("insert into evidence values('more', 'x')", "something in it that jitui does not write"),
    (f"delete from evidence where name = '{FACTS}'", "no proof of a log is in this file"),
    (f"update evidence set body = (select body from evidence where name = '{FACTS}') where name = '{SESSION}'", "not about a session"),
    (f"update evidence set body = (select body from evidence where name = '{SESSION}') where name = '{FACTS}'", "is not one of facts"),
    ("update evidence set body = 'x' where name like '%proof'", "it is no proof"),
    (f"update evidence set body = replace(body, 'quorum none', 'quorum a') where name = '{POLICY}'", "the text policy is not the one that jitui writes"),
])
async def test_proofs_that_were_altered(tmp_path: Path, change: str, why: str) -> None:
    """Exchanged, missing, or none."""
    file = await bundled(tmp_path / "state")
    with tampering(file) as db:
        db.execute(change)
    assert why in verdicts(file)["log"].problem


async def test_what_others_say(tmp_path: Path) -> None:
    """A policy that is not met, one of another log, a key of another gateway, and a checkpoint of another tree."""
    state = tmp_path / "state"
    file = await bundled(state)
    origin, public = f"jitui/{key_of(state).id}", key_of(state).public
    stranger = policy_of(f"log {Key(origin, ED25519, PUBLIC)}\nquorum none\n")
    assert "not signed by the key that was given" in verdicts(file, policy=stranger)["log"].problem
    assert "which the policy does not name" in verdicts(file, policy=policy_of(f"log {Key('x', ED25519, public)}\nquorum none\n"))["log"].problem
    assert "not signed by the key that was given" in verdicts(file, key=PUBLIC)["log"].problem
    with tampering(state / "log.db") as db:
        (size,) = db.execute("select max(size) from checkpoints").fetchone()
        db.execute("delete from cosignatures")
    for name, why in ((origin, "of another tree"), ("x", "of the log x")):
        other = sign(Checkpoint(name, size, bytes(32)).text, name, PUBLIC, SECRET.sign)
        assert why in verdicts(file, checkpoints=[other])["log"].problem
    Files(state).export(1, tmp_path / "unseen.jitui")
    assert "has not the cosignatures" in verdicts(tmp_path / "unseen.jitui", policy=policy(state))["log"].problem


async def test_a_session_that_the_log_does_not_know_yet(tmp_path: Path) -> None:
    """The proof holds as far as the log goes, and says so."""
    state = await seen(tmp_path / "state")
    with tampering(state / "log.db") as db:
        db.execute("delete from tips where session = 1")
    Files(state).export(1, tmp_path / "s-1.jitui")
    found = verdicts(tmp_path / "s-1.jitui", policy=policy(state))
    assert (found["log"].degree, found["s-1"].degree, found["s-1"].cosigned_to) == ("cosigned", "signed", -1)
