"""A record with two windows, and the hand of somebody who can write every file of it and does not have the key."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jitui.policy import kube
from jitui.recording.chain import FACTS_GENESIS, fact_digest, fact_link, head_text, key_id
from jitui.recording.facts import Draft, Fact, Kind, canonical
from jitui.recording.frame import Channel, Frame
from jitui.store import ActionRow, Files
from jitui.store.chained import FACTS, checked
from jitui.store.fold import fold
from tests.store.life import NOW, added, approved, asked, began, ended, granted, opened, record

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
    return ActionRow(at_us=NOW, identity="agent-a" if session == 1 else "agent-b", connection="prod", hazard="read", verdict="allowed",
                     action=kube.read(b"GET", f"{TARGET}?limit=500".encode()), session=session, conn=conn, code=200, audit_id=f"jitui-a-1-{conn}")


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
    for table in ("identities", "requests", "approvals", "grants", "sessions", "tapes", "switches", "tokens", "ssh_keys"):
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
