"""The promises of docs/evidence.md, attacked by somebody who can write every file and does not have the key."""

import shutil
from pathlib import Path

from jitui.recording.chain import key_id
from jitui.recording.facts import Kind
from jitui.store import Files
from jitui.store.keys import ledger_key
from tests.store.evidence import EVES, append, facts_of, life, made_anew, other, sign, tampering, wrong
from tests.store.life import NOW, added, approved, asked, granted, opened
from tests.store.older import old_ledger


def test_untouched(state: Path, bundle: Path) -> None:
    """Folder and file hold, and say how far: the running session up to its newest frame, as it was closed with a signature."""
    key = ledger_key(state / "keys/ledger.ed25519").public
    for place in (state, bundle):
        for trusted in (b"", key):
            facts, *rest = Files(place).verify(key=trusted)
            assert [verdict.problem for verdict in (facts, *rest)] == [""] * (1 + len(rest))
            assert (facts.signed, facts.unsigned_tail, facts.unsigned_frames) == ("matched" if trusted else "self-attested", 0, 0)
            assert (facts.signed_to, len(facts.hash), bool(facts.signed_at_us)) == (facts.signed_to, 64, True)
            assert {verdict.subject: verdict.signed_to for verdict in rest if verdict.subject == "s-1"} == {"s-1": 11}
    assert facts.needs[-1].startswith("what the sealed facts say: ")
    assert Files(state).verify()[0].signed_by == f"key {key_id(key)} in this folder"
    assert Files(bundle).verify()[0].signed_by == f"key {key_id(key)} that lies in this file"


def test_every_signature_is_gone(state: Path, bundle: Path) -> None:
    """Then anybody wrote it: with the true key, and without one."""
    key = ledger_key(state / "keys/ledger.ed25519").public
    for place, file in ((state, state / "ledger.db"), (bundle, bundle)):
        with tampering(file) as db:
            db.execute("delete from heads")
        for trusted in (b"", key):
            assert [problem for problem in wrong(place, trusted) if "facts is signed" in problem] != []


def test_everything_altered_and_no_signature_left(state: Path) -> None:
    """The whole chain made anew, without a head."""
    key = ledger_key(state / "keys/ledger.ed25519").public
    with tampering(state / "ledger.db") as db:
        made_anew(db, other)
        db.execute("delete from heads")
    assert "is signed" in wrong(state)[0]
    assert "is signed" in wrong(state, key)[0]


def test_everything_signed_with_another_key(state: Path) -> None:
    """It is not said to be signed by the key in the folder: that one is compared. A key from elsewhere shows it too. In a bare copy only that does."""
    key = ledger_key(state / "keys/ledger.ed25519").public
    with tampering(state / "ledger.db") as db:
        made_anew(db, other)
    assert f"by key {key_id(EVES)}, and the key in this folder is {key_id(key)}" in wrong(state)[0]
    assert "none of the 1 signed heads is of the key that was given" in wrong(state, key)[0]
    shutil.rmtree(state / "keys")
    facts, *_ = Files(state).verify()
    assert (facts.signed, facts.signed_by) == ("self-attested", f"key {key_id(EVES)} that lies in its table of keys")
    assert any(f"that {key_id(EVES)} is the gateway's key: only a key kept elsewhere shows it" in need for need in facts.needs)
    assert "none of the 1 signed heads is of the key that was given" in wrong(state, key)[0]


def test_a_key_that_no_gateway_named(state: Path) -> None:
    """A head of another key among those of the right one, and a name in the table of keys that is another key's."""
    with tampering(state / "ledger.db") as db:
        fact = facts_of(db)[1]
        heads = db.execute("select * from heads order by id").fetchall()
        db.execute("delete from heads")
        sign(db, fact)
        for number, head in enumerate(heads, 2):
            db.execute("insert into heads values(?, ?, ?, ?, ?, ?, ?)", (number, *head[1:]))
    assert f"the head at fact 2 is of key {key_id(EVES)}, and no gateway here ever said that it signs with that" in wrong(state)[0]
    with tampering(state / "ledger.db") as db:
        db.execute("delete from heads where key_id = ?", (key_id(EVES),))
        db.execute("update keys set public = ? where key_id = ?", (b"x" * 32, key_id(EVES)))
    assert "in the table of keys is not the one of that name" in wrong(state)[0]


def test_a_fact_that_nobody_signed(state: Path) -> None:
    """A planted token fits the chain and the table: this gateway writes no fact without its signature."""
    with tampering(state / "ledger.db") as db:
        fact = append(db, Kind.TOKEN_ISSUED, "agent-a", {"token": "eeeeeeee", "expires_us": NOW * 2, "sha256": "ee" * 32})
    (problem,) = wrong(state)
    assert problem == f"facts: altered: fact {fact.seq} is not signed, and this gateway wrote none without a signature"
    with tampering(state / "ledger.db") as db:
        sign(db, fact)
    assert f"by key {key_id(EVES)}" in wrong(state)[0]
    key = ledger_key(state / "keys/ledger.ed25519").public
    assert f"fact {fact.seq} and those behind it are not signed by the key that was given, but by another" in wrong(state, key)[0]


def test_a_window_that_never_was(state: Path) -> None:
    """Its facts are gone, and what remains is chained anew up to the signature that fits no more."""
    with tampering(state / "ledger.db") as db:
        db.execute("delete from facts where subject in ('r-1', 'g-1', 's-1')")
    assert wrong(state)[0].startswith("facts: cut: fact ")


async def test_an_older_copy_put_back(tmp_path: Path) -> None:
    """It is consistent, and verify says that this needs a witness; with one, what is gone is named."""
    state = await life(tmp_path / "state")
    shutil.copytree(state, tmp_path / "older")
    async with opened(state) as store:
        await store.commit([added("agent-c")])
    newest = Files(state).newest_facts(1)[0]
    facts, *rest = Files(tmp_path / "older").verify()
    assert [verdict.problem for verdict in (facts, *rest) if verdict.problem] == []
    assert any("no older copy" in need and f"--witness {facts.signed_to}:{facts.hash}" in need for need in facts.needs)
    assert Files(state).verify(witness={newest.seq: newest.hash})[0].signed == "matched"
    (problem, *_) = wrong(tmp_path / "older", witness={newest.seq: newest.hash})
    assert problem.endswith(f"the witness speaks of {newest.seq}, {facts.signed_to} are here")
    assert wrong(state, witness={facts.signed_to: bytes.fromhex(facts.hash)}) == []


def test_tapes_that_facts_tell_of(state: Path) -> None:
    """One that is missing is named also if no frame of an ended session was on it; one in between that nobody tells of as well."""
    with tampering(state / "ledger.db") as db:
        assert [each.subject for each in facts_of(db) if each.kind is Kind.TAPE_OPENED] == ["000001.db"]
    shutil.copy(state / "tapes/000001.db", state / "tapes/000000.db")
    with tampering(state / "tapes/000000.db") as db:
        db.executescript("delete from frames; delete from spans")
    assert wrong(state) == ["tapes: altered: no fact tells of tapes/000000.db"]


def test_an_evidence_file_with_two_keys(bundle: Path) -> None:
    """One of them is somebody's who added what suits them."""
    with tampering(bundle) as db:
        sign(db, append(db, Kind.GRANT_FROZEN, "g-1", {"by": "ana", "streams": 0, "identity": "agent-a", "connection": "prod"}))
    assert any("no gateway here ever said that it signs with that" in problem for problem in wrong(bundle))


def test_the_tables_of_an_evidence_file(bundle: Path) -> None:
    """The tables of window, request and session agree with the facts."""
    for script in ("update grants set scope = 'read pods in web; exec pods in web'", "update requests set reason = 'none'",
                   "update sessions set argv = '[]'", "delete from approvals"):
        with tampering(bundle) as db:
            db.execute(f"{script}")
        assert wrong(bundle)[0].startswith("tables: altered: ")


def test_every_session_is_judged_where_facts_are_broken(state: Path) -> None:
    """Behind the first fact that does not fit nothing is believed, and nothing passes unnamed for that."""
    with tampering(state / "ledger.db") as db:
        db.execute("update facts set who = 'eve' where seq = 2")
    assert [verdict.subject for verdict in Files(state).verify() if not verdict.consistent] == ["facts", "s-1", "s-2"]


def test_a_ledger_of_the_first_version(tmp_path: Path) -> None:
    """It was signed every ten seconds: how many of its newest facts nobody signed is said, and is no fault."""
    old_ledger(tmp_path / "state", [added(), asked(1)], {}, unsigned=[approved(1), granted(1, 1)])
    key = ledger_key(tmp_path / "state/keys/ledger.ed25519").public
    for trusted, worth in ((b"", "self-attested"), (key, "matched")):
        facts, tables = Files(tmp_path / "state").verify(key=trusted)
        assert (facts.problem, facts.signed, facts.signed_to, facts.unsigned_tail, tables.problem) == ("", worth, 2, 2, "")
