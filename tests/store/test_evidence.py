"""The promises of docs/evidence.md, attacked by somebody who can write every file and does not have the key."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jitui.policy import kube
from jitui.recording.chain import FACTS_GENESIS, fact_digest, fact_link, head_text, key_id
from jitui.recording.facts import Draft, Fact, Kind, canonical
from jitui.recording.frame import Channel, Frame
from jitui.store import ActionRow, Files
from jitui.store.chained import FACTS, checked
from jitui.store.fold import fold
from jitui.store.keys import ledger_key
from jitui.values.errors import InvalidError
from tests.store.life import NOW, added, approved, asked, began, ended, granted, opened, record
from tests.store.older import old_ledger

EVE = Ed25519PrivateKey.from_private_bytes(b"e" * 32)
EVES = EVE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
TARGET = "/api/v1/namespaces/web/pods"
HEAD = f"GET {TARGET}?limit=500 HTTP/1.1\r\nHost: x\r\nAudit-ID: jitui-a-1-%d\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


def call(session: int, conn: int, seq: int) -> list[Frame]:
    """One plain request with its answer: three frames."""
    parts = ((Channel.REQUEST, (HEAD % conn).encode()), (Channel.RESPONSE, ANSWER), (Channel.RESPONSE_BODY, b'{"items":[]} %d' % conn))
    return [Frame(session, each, each * 1000, conn, channel, body) for each, (channel, body) in enumerate(parts, seq)]


def row(session: int, conn: int) -> ActionRow:
    return ActionRow(at_us=NOW, identity="agent-a", connection="prod", action=kube.read(b"GET", f"{TARGET}?limit=500".encode()), hazard="read",
                     verdict="allowed", session=session, conn=conn, code=200, audit_id=f"jitui-a-1-{conn}")


async def life(folder: Path, started: bool = True) -> Path:
    """Two windows: s-1 of the first made four calls and ended; s-2 of the second still runs, after one. Closed without its end."""
    async with opened(folder) as store:
        await store.commit([Draft(Kind.GATEWAY_STARTED, "0.1", "gateway", {"key_id": store.key_id}), added(), added("agent-b")])
        await store.commit([asked(1)])
        await store.commit([approved(1), granted(1, 1)])
        await store.commit([began(1, kind="api")])
        for conn in range(4):
            store.note(row(1, conn))
            await record(store, call(1, conn, conn * 3))
            if conn == 1:
                await store.commit([asked(2, identity="agent-b")])
                store._journal._head_due = 0.0  # time for a head
                await store.commit([approved(2), granted(2, 2, identity="agent-b")])
        await store.commit([began(2, grant=2, kind="api")])
        await store.commit([ended(1)])
        store.note(row(2, 0))
        await record(store, call(2, 0, 0))
    return folder


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    return await life(tmp_path / "state")


@pytest.fixture
def bundle(state: Path) -> Path:
    Files(state).export(1, state.parent / "s-1.jitui")
    return state.parent / "s-1.jitui"


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def wrong(place: Path, key: bytes = b"", witness: dict[int, bytes] | None = None) -> list[str]:
    return [verdict.problem for verdict in Files(place).verify(key=key, witness=witness) if not verdict.consistent]


def facts_of(db: sqlite3.Connection) -> list[Fact]:
    return [checked(each) for each in db.execute(f"{FACTS} order by seq")]


def seal(db: sqlite3.Connection, kind: Kind, subject: str) -> None:
    """Hide a fact: anybody can, the chain does not change."""
    (fact,) = [each for each in facts_of(db) if (each.kind, each.subject) == (kind, subject)]
    db.execute("insert into sealed values(?, ?, ?)", (fact.seq, fact_digest(fact), fact.hash))
    db.execute("delete from facts where seq = ?", (fact.seq,))


def sign(db: sqlite3.Connection, fact: Fact, key: Ed25519PrivateKey = EVE) -> None:
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    db.execute("insert or ignore into keys values(?, ?)", (key_id(public), public))
    db.execute("insert into heads(facts_seq, hash, at_us, sessions, key_id, sig) values(?, ?, ?, '{}', ?, ?)",
               (fact.seq, fact.hash, NOW, key_id(public), key.sign(head_text(fact.seq, fact.hash, NOW, {}))))


def append(db: sqlite3.Connection, kind: Kind, subject: str, what: dict[str, object]) -> Fact:
    """A fact behind the newest, as anybody can chain one."""
    hidden = db.execute("select 1 from sqlite_master where name = 'sealed'").fetchone()
    of = "(select seq, hash from facts union all select seq, hash from sealed)" if hidden else "facts"
    seq, link = db.execute(f"select seq, hash from {of} order by seq desc").fetchone()
    bare = Fact(seq + 1, NOW, kind, "root", subject, what, b"")
    fact = Fact(bare.seq, NOW, kind, "root", subject, what, fact_link(link, fact_digest(bare)))
    db.execute("insert into facts values(?, ?, ?, ?, ?, ?, ?)", (fact.seq, NOW, kind.value, "root", subject, canonical(what), fact.hash))
    fold(db, fact)
    return fact


def made_anew(db: sqlite3.Connection, change: Callable[[Fact], dict[str, object]], key: Ed25519PrivateKey = EVE) -> None:
    """The whole chain once more, with other facts, signed with another key; and the tables folded from it."""
    found, link = facts_of(db), FACTS_GENESIS
    db.execute("delete from facts")
    db.execute("delete from heads")
    db.execute("delete from keys")
    for table in ("identities", "requests", "approvals", "grants", "sessions", "tapes", "switches", "tokens"):
        db.execute(f"delete from {table}")
    for old in found:
        what = change(old)
        link = fact_link(link, fact_digest(Fact(old.seq, old.at_us, old.kind, old.who, old.subject, what, b"")))
        fact = Fact(old.seq, old.at_us, old.kind, old.who, old.subject, what, link)
        db.execute("insert into facts values(?, ?, ?, ?, ?, ?, ?)", (fact.seq, fact.at_us, fact.kind.value, fact.who, fact.subject, canonical(what), link))
        fold(db, fact)
    sign(db, fact, key)


def other(fact: Fact) -> dict[str, object]:
    """The agent asked for another reason, and the gateway signs with Eve's key."""
    return {**fact.what, **({"reason": "as agreed"} if fact.kind is Kind.REQUEST_ASKED else {}), **({"key_id": key_id(EVES)} if "key_id" in fact.what else {})}


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


@pytest.mark.parametrize("script", [
    "update spans set last = last - 3 where session = 1", "update spans set seq = 5 where session = 1", "delete from spans where session = 2",
    "insert into spans values(7, 0, 0, 2, 3)", "insert into spans values(1, 40, 0, 400, 500)", "update spans set first = 2 where session = 0",
    "insert into spans values(0, 500, 0, 500, 900)"])
def test_spans_that_say_something_else(state: Path, script: str) -> None:
    """They are made anew from the frames."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute(script)
    (problem,) = wrong(state)
    assert problem.startswith("spans: 000001.db: ")


@pytest.mark.parametrize(("script", "said"), [
    ("update actions set verb = 'get' where conn = 1 and session = 1", "its verb is another on record"),
    ("update actions set name = 'other' where conn = 1", "its name is another on record"),
    ("update actions set path = '/api/v1/namespaces/web/secrets', resource = 'secrets' where conn = 2", "its resource is another on record"),
    ("update actions set code = 403 where conn = 3", "says 403, the answer on record says 200"),
    ("update actions set audit_id = 'jitui-x' where conn = 3", "has another audit id"),
    ("update actions set conn = 9 where conn = 3", "tells of a request that is not on record"),
    ("delete from actions where conn = 2", "a request of s-1 (connection 2) has no row"),
    ("update actions set session = 2 where conn = 2", "tells of a request that is not on record"),
])
def test_actions_that_say_something_else(state: Path, script: str, said: str) -> None:
    """Each row follows from a head on the tape, and each answered request of an ended session has one. In an evidence file too."""
    Files(state).export(1, state.parent / "s-1.jitui")
    for place, file in ((state, state / "ledger.db"), (state.parent / "s-1.jitui", state.parent / "s-1.jitui")):
        with tampering(file) as db:
            db.execute(script)
        (problem,) = wrong(place)
        assert problem.startswith("actions: ")
        assert said in problem or "session = 2" in script


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


def test_what_a_tape_carries_over(state: Path) -> None:
    """The first tape carries nothing: a crash would go on from there."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute("insert into carried values(2, 7, zeroblob(32), 0, 0)")
    assert wrong(state) == ["tapes: 000001.db does not carry s-2 over as it stood on the tapes before"]


@pytest.mark.parametrize(("kind", "subject", "said"), [
    (Kind.REQUEST_APPROVED, "r-1", "the approval of r-1 by ana (request.approved) is not in this file"),
    (Kind.REQUEST_ASKED, "r-1", "the request r-1 (request.asked) is not in this file"),
    (Kind.GRANT_STARTED, "g-1", "its window g-1 was granted (grant.started) is not in this file"),
    (Kind.SESSION_OPENED, "s-1", "no fact tells that it began"),
    (Kind.SESSION_ENDED, "s-1", "its end (session.ended) is not in this file"),
])
def test_what_may_not_be_sealed(bundle: Path, kind: Kind, subject: str, said: str) -> None:
    """The chain holds without it; the proof does not."""
    with tampering(bundle) as db:
        seal(db, kind, subject)
    assert any(said in problem for problem in wrong(bundle))


def test_frames_cut_with_the_end_sealed(bundle: Path) -> None:
    """Back to where a head speaks of the session, that head and the end hidden, the tables made to fit."""
    with tampering(bundle) as db:
        seal(db, Kind.SESSION_ENDED, "s-1")
        db.execute("delete from frames where seq >= 6")
        db.execute("update spans set last = 6")
        db.execute("delete from actions where conn >= 2")
        for ident, told in db.execute("select id, sessions from heads").fetchall():
            if json.loads(told).get("1", [0])[0] > 6:
                db.execute("delete from heads where id = ?", (ident,))
        db.execute("update sessions set state = 'open', ended_us = null, ended_why = '', ended_by = '', frames = null, bytes_in = null, bytes_out = null, "
                   "delivered_in = null, delivered_out = null, conns = null, may_run_on = 0, head = null, ended_seq = null")
    (problem,) = wrong(bundle)
    assert problem.startswith("s-1: its end (session.ended) is not in this file, and facts ")


def test_an_end_that_nobody_signed(bundle: Path) -> None:
    """Whoever drops what came later can write an end of his own, and nothing signs it."""
    with tampering(bundle) as db:
        (end,) = [each for each in facts_of(db) if each.kind is Kind.SESSION_ENDED]
        seal(db, Kind.SESSION_ENDED, "s-1")
        db.execute("delete from heads where facts_seq >= ?", (end.seq,))
        db.execute("delete from frames where seq >= 6")
        (link,) = db.execute("select hash from frames where seq = 5").fetchone()
        db.execute("delete from sealed where seq >= ?", (end.seq,))
        db.execute("delete from actions where conn >= 2")
        db.execute("update spans set last = 6")
        forged = append(db, Kind.SESSION_ENDED, "s-1", {**end.what, "frames": 6, "head": link.hex()})
        db.execute("update sessions set state = 'open' where id = 1")
        fold(db, forged)
    assert any(f"its end (fact {forged.seq}) is not signed" in problem for problem in wrong(bundle))


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


def test_where_an_evidence_file_begins(bundle: Path) -> None:
    """Exactly one row says after which fact, and it fits."""
    for script in ("delete from sealed where digest is null", "insert into sealed select max(seq) + 1, null, hash from sealed",
                   "update sealed set seq = 0 where digest is null; delete from facts where seq < 3"):
        copy = bundle.with_name("copy.jitui")
        shutil.copy(bundle, copy)
        with tampering(copy) as db:
            db.executescript(script)
        try:
            problems: Sequence[str] = wrong(copy)
        except InvalidError as error:
            problems = [str(error)]
        assert problems != []


def test_a_running_session_exported(state: Path) -> None:
    """Something is sealed after its beginning, which may be its end: that proves nothing about how it went on, and says so."""
    Files(state).export(2, state.parent / "s-2.jitui")
    (problem,) = wrong(state.parent / "s-2.jitui")
    assert "what followed the last frame can't be concluded; export it again when it has ended" in problem


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
