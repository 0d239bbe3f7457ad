"""Attacks on the files of a real gateway that has stopped: each stops the next start with a sentence, and what only tables say is repaired."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from jitui.auth.tokens import Tokens, fingerprint
from jitui.recording.chain import FACTS_GENESIS, fact_digest, fact_link, head_text
from jitui.recording.facts import Draft, Fact, Kind, canonical
from jitui.store import Files, Store
from jitui.store.bus import Bus
from jitui.store.keys import ledger_key
from jitui.store.repair import begin_anew, repair
from jitui.values.clock import ManualClock
from jitui.values.errors import BrokenError, ConflictError, InvalidError, JituiError, UnsafeError
from tests.fakes.house import ADMIN, RESERVE, house
from tests.store.life import NOW, keyed, unkeyed

OTHER: Final = "jt_deadbeef_" + "A" * 43
PLANTED: Final = fingerprint(OTHER).hex()


async def life(folder: Path) -> list[str]:
    """Two tokens, the first of them revoked, one disabled identity, one window that was used and one that was denied; the texts of the tokens."""
    async with house(folder) as home:
        first = home.token
        _, minted = await home.broker.roster.rotate("agent-x", by=ADMIN)
        home.token = minted.text
        await home.broker.roster.add("agent-y", ["agent"], "ana", by=ADMIN)
        await home.store.commit([keyed("SHA256:a", "agent-x"), keyed("SHA256:b", "agent-x"), unkeyed("SHA256:b", "agent-x")])
        await home.broker.disable("agent-y", by=ADMIN, reason="left")
        await home.window()
        kubectl = await home.dial()
        kubectl.send(kubectl.head("GET", "/api/v1/namespaces/web/pods"))
        assert (await kubectl.answer())[0] == 200
        kubectl.writer.close()
        (session,) = home.broker.windows.sessions.values()
        await home.broker.windows.kill(session, by="ana", reason="enough")()
        await home.broker.windows.settled()
        await home.broker.roster.add("agent-z", ["agent"], "ana", by=ADMIN)
        return [first, minted.text]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The state folder that a gateway left."""
    folder = tmp_path_factory.mktemp("lived")
    tokens = asyncio.run(life(folder))
    return folder / "state", tokens


@pytest.fixture
def state(lived: tuple[Path, list[str]], tmp_path: Path) -> Path:
    shutil.copytree(lived[0], tmp_path / "state")
    return tmp_path / "state"


def edit(state: Path, *statements: str) -> None:
    with closing(sqlite3.connect(state / "ledger.db", isolation_level=None)) as db:
        for statement in statements:
            db.executescript(statement)


async def start(state: Path) -> Store:
    return await Store.open(state, ManualClock(NOW + 60_000_000), Bus(), reserve_bytes=RESERVE)


async def refused(state: Path, kind: type[JituiError] = BrokenError) -> str:
    """Why nothing starts there; it takes the lock with it."""
    with pytest.raises(kind) as caught:
        await start(state)
    return str(caught.value)


def forge(state: Path, *drafts: Draft) -> None:
    """Facts behind the newest one, with the right hashes: the chain has no key in it."""
    with closing(sqlite3.connect(state / "ledger.db", isolation_level=None)) as db:
        seq, link = db.execute("select seq, hash from facts order by seq desc limit 1").fetchone()
        for draft in drafts:
            seq += 1
            link = fact_link(link, fact_digest(Fact(seq, NOW, draft.kind, draft.who, draft.subject, draft.what, b"")))
            db.execute("insert into facts values(?, ?, ?, ?, ?, ?, ?)", (seq, NOW, draft.kind.value, draft.who, draft.subject, canonical(draft.what), link))


TABLES: Final = {
    "a planted token": (f"insert into tokens values('deadbeef', 'agent-x', 'root', 0, x'{PLANTED}', 9e15, 0)",
                        "tokens has a row jt_deadbeef that no fact tells of"),
    "a revived token": ("update tokens set revoked_us = 0 where revoked_us > 0 and identity = 'agent-x'", "revoked_us is 0, the facts say"),
    "a token with another's hash": (f"update tokens set sha256 = x'{PLANTED}'", f"sha256 is {PLANTED[:59]}…, the facts say"),
    "a token that never expires": ("update tokens set expires_us = 9e18", "expires_us is 9000000000000000000, the facts say"),
    "a token of somebody else": ("update tokens set identity = 'agent-y' where revoked_us = 0 and identity = 'agent-x'",
                                  "identity is agent-y, the facts say agent-x"),
    "a planted key": ("insert into ssh_keys values('SHA256:x', 'agent-x', 'root', 0, 'ssh-ed25519', x'00', '', 0)",
                      "ssh_keys has a row SHA256:x that no fact tells of"),
    "a revived key": ("update ssh_keys set revoked_us = 0", "ssh_keys, row SHA256:b: revoked_us is 0, the facts say"),
    "a key of somebody else": ("update ssh_keys set identity = 'agent-y' where fingerprint = 'SHA256:a'",
                               "ssh_keys, row SHA256:a: identity is agent-y, the facts say agent-x"),
    "tables set back to those without keys": ("drop table ssh_keys; pragma user_version = 3", "number of its tables: it was set back to 3"),
    "another issuer": ("update tokens set issued_by = 'bo' where revoked_us = 0", "issued_by is bo, the facts say"),
    "a longer window": ("update grants set deadline_us = deadline_us + 1", "grants, row g-1: deadline_us is"),
    "a window brought back": ("update grants set state = 'active', ended_us = 0 where id = 1; update grants set state = 'waiting' where id = 1",
                              "grants, row g-1: state is waiting, the facts say active"),
    "a wider window": ("update grants set scope = '@debug in *'", "grants, row g-1: scope is @debug in *, the facts say"),
    "a planted window": ("create temp table g as select * from grants; update g set id = 7; insert into grants select * from g",
                         "grants has a row g-7 that no fact tells of"),
    "a disabled identity enabled": ("update identities set disabled = 0", "identities, row agent-y: disabled is 0, the facts say 1"),
    "another owner": ("update identities set owner = 'mallory'", "identities, row agent-x: owner is mallory, the facts say"),
    "another role": ("update identities set roles = '[\"approver\"]' where name = 'agent-x'", "identities, row agent-x: roles is"),
    "a deleted identity": ("delete from identities where name = 'agent-y'", "identities lacks the row agent-y"),
    "another decider": ("update requests set decided_by = 'bo'", "requests, row r-1: decided_by is bo, the facts say ana"),
    "a second approval": ("insert into approvals values(1, 'bo', 0, 60, 'x', 'y')", "approvals has a row r-1 bo that no fact tells of"),
    "a smaller session": ("update sessions set bytes_out = 0", "sessions, row s-1: bytes_out is 0, the facts say"),
    "a lockdown lifted": ("insert into switches values('lockdown', 'off')", "switches has a row lockdown that no fact tells of"),
    "another tape": ("update tapes set opened_us = 1", "tapes, row 000001.db: opened_us is 1, the facts say"),
    "another public key": ("update keys set public = zeroblob(32)", "public is 0000"),
    "a trigger": ("create trigger t after insert on facts begin insert or ignore into tokens values('deadbeef', 'agent-x', 'r', 0, x'00', 9e15, 0); end",
                  "trigger t: jitui never made it"),
    "a view": ("alter table grants rename to g; create view grants as select * from g", "it is not as jitui made it"),
    "another index": ("drop index grants_live; create index grants_live on grants(identity) where state = 'x'",
                      "index grants_live: it is not as jitui made it"),
    "tables set back": ("pragma user_version = 1", "number of its tables: it was set back to 1"),
    "tables set to none": ("pragma user_version = 0", "number of its tables: it was set back to 0"),
}


@pytest.mark.parametrize("attack", TABLES)
async def test_edited_tables_stop_the_start_and_are_repaired(attack: str, state: Path, lived: tuple[Path, list[str]]) -> None:
    """The sentence names table, row and column and what to do; then everything is as the facts say, the repair is on record and the old file is kept."""
    statements, said = TABLES[attack]
    before = await _believed(lived[0], state.parent / "before")
    edit(state, statements)
    edited = sqlite3.connect(f"file:{state}/ledger.db?immutable=1", uri=True).execute("select count(*) from sqlite_master").fetchone()
    text = await refused(state)
    assert said in text
    assert "nothing was started; make its tables again from the facts, and see all that differs, with: jitui repair" in text
    done = repair(state, ManualClock(NOW + 90_000_000))
    assert any(said in str(each) for each in done.differences)
    assert done.backup is not None
    assert sqlite3.connect(f"file:{done.backup}?immutable=1", uri=True).execute("select count(*) from sqlite_master").fetchone() == edited
    assert await _believed(state, state.parent / "after") == before
    newest = Files(state).newest_facts(1)[0]
    assert (newest.kind, newest.what["backup"], newest.what["first"][0]) == (Kind.LEDGER_REPAIRED, done.backup.name, str(done.differences[0]))
    assert [verdict.problem for verdict in Files(state).verify() if not verdict.consistent] == []
    assert repair(state, ManualClock()) == type(done)((), None)


async def _believed(state: Path, copy: Path) -> object:
    """Everything that a gateway takes from a folder."""
    shutil.copytree(state, copy)
    store = await start(copy)
    try:
        loaded = store.loaded
        return loaded.identities, loaded.tokens, loaded.ssh_keys, loaded.requests, loaded.grants, loaded.used, loaded.lockdown
    finally:
        await store.aclose()


def forged_token(state: Path) -> None:
    forge(state, Draft(Kind.TOKEN_ISSUED, "agent-x", "root", {"token": "deadbeef", "expires_us": NOW * 2, "sha256": PLANTED}))
    edit(state, f"insert into tokens values('deadbeef', 'agent-x', 'root', {NOW}, x'{PLANTED}', {NOW * 2}, 0)")


def forged_and_signed_otherwise(state: Path) -> None:
    """With a head of a key of the attacker's own, which the keys in the ledger know."""
    forged_token(state)
    key = ledger_key(state.parent / "own.ed25519")
    with closing(sqlite3.connect(state / "ledger.db", isolation_level=None)) as db:
        seq, link = db.execute("select seq, hash from facts order by seq desc limit 1").fetchone()
        db.execute("insert into keys values(?, ?)", (key.id, key.public))
        db.execute("insert into heads(facts_seq, hash, at_us, sessions, key_id, sig) values(?, ?, ?, '{}', ?, ?)",
                   (seq, link, NOW, key.id, key.sign(head_text(seq, link, NOW, {}))))


def all_made_anew(state: Path) -> None:
    """Every hash computed again over an altered fact."""
    with closing(sqlite3.connect(state / "ledger.db", isolation_level=None)) as db:
        db.execute("update facts set who = 'mallory' where kind = 'request.approved'")
        link = FACTS_GENESIS
        for seq, at_us, kind, who, subject, what in db.execute("select seq, at_us, kind, who, subject, what from facts order by seq").fetchall():
            link = fact_link(link, fact_digest(Fact(seq, at_us, Kind(kind), who, subject, json.loads(what), b"")))
            db.execute("update facts set hash = ? where seq = ?", (link, seq))
        db.execute("update heads set hash = (select hash from facts where seq = facts_seq)")


def swapped_key(state: Path) -> None:
    (state / "keys/ledger.ed25519").unlink()
    ledger_key(state / "keys/ledger.ed25519")


NEWEST: Final = "(select max(seq) from facts)"
CHAIN: Final[dict[str, tuple[str | Callable[[Path], None], str]]] = {
    "a forged fact with the right hash": (forged_token, "is not signed, and this gateway never wrote one without a signature"),
    "a forged fact and another key's head": (forged_and_signed_otherwise, "and the key in its folder is"),
    "everything made anew": (all_made_anew, "it was signed last at fact"),
    "a swapped key": (swapped_key, "and the key in its folder is"),
    "an altered fact": ("update facts set who = 'mallory' where kind = 'request.approved'", "is not what was recorded, or not of this chain"),
    "an altered time": ("update facts set at_us = at_us + 1 where seq = 3", "altered: fact 3 is not what was recorded"),
    "a fact taken out": ("delete from facts where seq = 3", "cut: fact 3 is missing"),
    "the newest facts deleted": (f"delete from facts where seq >= {NEWEST} - 1", "is missing; a signed head speaks of"),
    "the newest facts and heads deleted": (f"delete from facts where seq = {NEWEST}; delete from heads where facts_seq > {NEWEST}", "is not signed"),
    "all heads deleted": ("delete from heads", "facts is signed"),
    "a head's signature altered": ("update heads set sig = zeroblob(64)", "and that is no signature of key"),
    "an older head set up as the newest": ("insert into heads select 9999, facts_seq, hash, at_us, sessions, key_id, sig from heads order by id limit 1",
                                           "is not signed"),
    "a fact of no known kind": ("update facts set kind = 'token.loved' where seq = 3",
                                "fact 3 is of a kind that this version of jitui does not know: 'token.loved'"),
    "a fact that is no JSON": ("update facts set what = '{' where seq = 3", "altered: fact 3"),
    "facts in a view": ("alter table facts rename to f; create view facts as select * from f", "table facts: it is missing"),
}


@pytest.mark.parametrize("attack", CHAIN)
async def test_a_broken_chain_stops_the_start_and_is_never_repaired(attack: str, state: Path) -> None:
    """Neither by a start nor by a repair, and both say what is broken and what is left to do; a new ledger beside it is begun only when told."""
    how, said = CHAIN[attack]
    if callable(how):
        how(state)
    else:
        edit(state, how)
    whole = (state / "ledger.db").read_bytes()
    text = await refused(state)
    assert said in text
    assert "nothing was started; restore it from a copy, or go on with a new ledger beside it: jitui repair --new-ledger" in text
    with pytest.raises(BrokenError) as caught:
        repair(state, ManualClock())
    assert str(caught.value) == text
    assert (state / "ledger.db").read_bytes() == whole


async def test_a_new_ledger_beside_a_broken_one(state: Path, lived: tuple[Path, list[str]]) -> None:
    """With a new key, no token and no window; its first fact names the old one and its hash, and the old files are as they were."""
    edit(state, "delete from facts where seq = 3")
    was = {path.relative_to(state): path.read_bytes() for path in (state / "ledger.db", *sorted((state / "tapes").glob("*.db")), state / "keys/ledger.ed25519")}
    beside = begin_anew(state, ManualClock(), "fact 3 is missing after a disk failure")
    assert {name: (beside / name).read_bytes() for name in was} == was
    assert next(verdict.problem for verdict in Files(beside).verify() if not verdict.consistent).startswith("facts: cut: fact 3 is missing")
    store = await start(state)
    try:
        assert (store.loaded.tokens, store.loaded.ssh_keys, store.loaded.grants, store.loaded.identities) == ([], [], [], {})
        with pytest.raises(JituiError, match="unknown"):
            Tokens(store.loaded.tokens).identify(lived[1][1], NOW)
    finally:
        await store.aclose()
    assert [verdict.problem for verdict in Files(state).verify() if not verdict.consistent] == []
    first = Files(state).facts(limit=1)[0]
    assert (first.seq, first.kind, first.what["beside"], first.what["why"]) == (1, Kind.LEDGER_REPAIRED, beside.name, "fact 3 is missing after a disk failure")
    assert len(first.what["sha256"]) == 64


async def test_what_is_gone_is_not_made_again(state: Path) -> None:
    """A ledger without its key, and tapes without their ledger, are no new install."""
    key = state / "keys/ledger.ed25519"
    kept = key.read_bytes()
    key.unlink()
    assert "ledger.ed25519 is missing, and it signed the ledger that is there" in await refused(state, UnsafeError)
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    (state / "ledger.db").unlink()
    assert "ledger.db is gone and the tapes beside it are there" in await refused(state)
    assert not (state / "ledger.db").exists()


async def test_a_tape_with_more_in_it_than_a_tape_has(state: Path) -> None:
    """A trigger would write along with the gateway."""
    with closing(sqlite3.connect(state / "tapes/000001.db")) as db:
        db.executescript("create trigger t after insert on frames begin update frames set body = x'' where id = new.id; end")
    assert "tapes/000001.db is no recording of jitui as it was written: trigger 't' is not one of jitui's" in await refused(state, InvalidError)


async def test_a_repair_waits_for_nobody(state: Path) -> None:
    """While a gateway holds the folder it is refused, with who holds it."""
    store = await start(state)
    try:
        with pytest.raises(ConflictError, match="another gateway"):
            repair(state, ManualClock())
        with pytest.raises(ConflictError, match="another gateway"):
            begin_anew(state, ManualClock(), "why not")
    finally:
        await store.aclose()


async def test_what_was_planted_and_revived_does_not_work(state: Path, lived: tuple[Path, list[str]]) -> None:
    """After the repair the planted token is unknown, the revoked one revoked and the good one good."""
    edit(state, *(TABLES[each][0] for each in ("a planted token", "a revived token")))
    repair(state, ManualClock())
    store = await start(state)
    try:
        tokens = Tokens(store.loaded.tokens)
        for text, said in ((OTHER, "unknown"), (lived[1][0], "was revoked")):
            with pytest.raises(JituiError, match=said):
                tokens.identify(text, NOW)
        assert tokens.identify(lived[1][1], NOW).identity == "agent-x"
    finally:
        await store.aclose()
