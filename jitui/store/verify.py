"""Verifies an evidence file of jitui without jitui: it needs Python 3.11 and the package `cryptography`, and reads nothing but the files that are named.

    python3 -I verify.py s-204.jitui [--key FILE] [--policy FILE]

It says in degrees what the file proves:

1. consistent  every frame of the session, and every fact, is bound by SHA-256 to all that came before it; the facts from request to end are there.
2. signed      the key that lies in the file signed the newest fact and the frames. With --key, or a policy that names the log: the key that you brought.
3. cosigned    the heads are in a Merkle tree whose checkpoint was signed by the witnesses that the policy asks for, at that time.

--key: the gateway's public key as `jitui key` printed it, or 64 hex digits. --policy: a file as c2sp.org/tlog-policy says. Get both from elsewhere:
whoever made the file could have put any key into it. The first fault ends it with exit code 1 and one line; nothing after it is believed.
"""

import argparse
import base64
import json
import re
import sqlite3
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from struct import pack
from typing import Any, NamedTuple, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

TABLES = {"facts", "sealed", "heads", "keys", "frames", "actions", "evidence"}  # that are read here
LARGEST = 16 << 20  # bytes of a frame
STEPS = 2_000_000_000  # of SQLite's machine, for the whole file: a crafted one ends with an error
GENESIS = sha256(b"jitui facts 1").digest()
EM_DASH = "— "


class WrongError(Exception):
    """One sentence about the first thing that is not as it was written."""


def fail(sentence: str) -> NoReturn:
    raise WrongError(sentence)


def canonical(value: Any) -> str:
    """The one JSON text of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def opened(path: str) -> sqlite3.Connection:
    """The file, read-only. One with a view, a trigger, a virtual table or a generated column is refused: those run, or show what nobody wrote."""
    if not Path(path).is_file():
        fail(f"{path} is no file")
    db = sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST + (1 << 20))
    db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for setting in ("trusted_schema=off", "cell_size_check=on", "mmap_size=0", "query_only=on"):
        db.execute(f"pragma {setting}")
    left = [STEPS]

    def spend() -> int:
        left[0] -= 100_000
        return left[0] < 0

    db.set_progress_handler(spend, 100_000)
    db.text_factory = lambda data: data.decode("utf-8", "replace")
    found = db.execute("select type, name, rootpage, sql from sqlite_master limit 500").fetchall()
    for kind, name, page, _ in found:
        if kind not in {"table", "index"} or not page or str(name).lower().startswith("pragma_"):
            fail(f"it holds a {kind} {name!r:.60}, which no evidence file has; nothing of it is read")
    for table in sorted(TABLES & {name for kind, name, _, _ in found if kind == "table"}):
        if any(row[6] for row in db.execute(f"pragma table_xinfo({table})")):
            fail(f"its table {table} has a hidden or generated column, which no evidence file has; nothing of it is read")
    missing = TABLES - {name for kind, name, _, _ in found if kind == "table"} - {"evidence"}
    if missing:
        fail(f"it is no evidence file of jitui: it has no table {min(missing)}; or it is of an older version")
    if (found := db.execute("pragma integrity_check(1)").fetchone()[0]) != "ok":
        fail(f"its pages are damaged: {str(found)[:100]!r}")
    return db


def rows(db: sqlite3.Connection, table: str, columns: str, order: str, *types: type) -> list[tuple[Any, ...]]:
    """All rows of a table in order. The index of the table is not used: it could hide some. Every value has the type that was written."""
    found = db.execute(f"select {columns} from {table} {'' if table in {'keys', 'evidence'} else 'not indexed'} order by {order}").fetchall()  # noqa: S608 - constants
    for row in found:
        for value, wanted in zip(row, types, strict=True):
            if type(value) is not wanted or (type(value) is int and not 0 <= value < 1 << 62):
                fail(f"a row of {table} holds {value!r:.40} where {wanted.__name__} was written")
    return found


class Fact(NamedTuple):
    """One that is in the clear."""

    seq: int
    at_us: int
    kind: str
    who: str
    subject: str
    what: dict[str, Any]


class Facts(NamedTuple):
    """The walked chain: the facts in the clear, and the link of each fact, sealed or not."""

    clear: list[Fact]
    links: dict[int, bytes]
    sealed: list[int]


def walked(db: sqlite3.Connection) -> Facts:
    """Walk the chain from its beginning: link = sha256(link before, sha256(text of the fact)); of a sealed fact only that sha256 is here."""
    start = db.execute("select seq, hash from sealed not indexed where digest is null").fetchall()
    if len(start) != 1 or type(start[0][0]) is not int or type(start[0][1]) is not bytes or len(start[0][1]) != 32:
        fail("it does not say after which fact it begins")
    at, link = start[0]
    if at == 0 and link != GENESIS:
        fail("altered: it begins before fact 1 with another link than every ledger")
    entries: dict[int, tuple[bytes, bytes, Fact | None]] = {}
    for seq, digest, found in db.execute("select seq, digest, hash from sealed not indexed where digest is not null"):
        entries[seq] = (digest, found, None)
    clear = rows(db, "facts", "seq, at_us, kind, who, subject, what, hash", "seq", int, int, str, str, str, str, bytes)
    for seq, at_us, kind, who, subject, text, found in clear:
        if seq in entries:
            fail(f"altered: fact {seq} is sealed and in the clear")
        try:
            what = json.loads(text)
        except (ValueError, RecursionError):
            fail(f"altered: fact {seq} is no JSON")
        if type(what) is not dict:
            fail(f"altered: fact {seq} is no object")
        told = canonical({"seq": seq, "at_us": at_us, "kind": kind, "who": who, "subject": subject, "what": what})
        entries[seq] = (sha256(told.encode()).digest(), found, Fact(seq, at_us, kind, who, subject, what))
    links = {at: link}
    for seq, (digest, found, _) in sorted(entries.items()):
        if seq != at + 1:
            fail(f"cut: fact {at + 1} is missing")
        if type(digest) is not bytes or sha256(link + digest).digest() != found:
            fail(f"altered: fact {seq} is not what was recorded, or not of this chain")
        at, link = seq, found
        links[seq] = link
    return Facts([fact for _, _, fact in sorted(entries.values(), key=lambda entry: entry[2].seq if entry[2] else 0) if fact], links,
                 [seq for seq, entry in entries.items() if entry[2] is None])


class Signed(NamedTuple):
    """The work of the ledger's key: up to which fact it signed, and where the frames of the session stood, (count, link)."""

    upto: int
    at_us: int
    marks: list[tuple[int, bytes]]


def valid(public: bytes, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def signatures(db: sqlite3.Connection, facts: Facts, session: int, given: bytes) -> tuple[Signed, bytes]:
    """Check every head; and which key it was that signed the newest one. With `given` the heads of other keys cover nothing."""
    keys = dict(rows(db, "keys", "key_id, public", "key_id", str, bytes))
    started = {fact.what.get("key_id") for fact in facts.clear if fact.kind == "gateway.started"} - {None}
    upto, at, marks, used = 0, 0, [], b""
    for seq, link, at_us, told, name, signature in rows(db, "heads", "facts_seq, hash, at_us, sessions, key_id, sig", "id", int, bytes, int, str, str, bytes):
        public = keys.get(name, b"")
        try:
            sessions = json.loads(told)
            text = b"jitui head 1\n" + canonical({"seq": seq, "hash": link.hex(), "at_us": at_us, "sessions": sessions}).encode()
        except (ValueError, RecursionError):
            fail(f"altered: the head at fact {seq} can't be read")
        if not valid(public, signature, text):
            fail(f"altered: the head at fact {seq} has no valid signature of key {name:.40}")
        if given and public != given:
            continue
        if not given and (sha256(public).hexdigest()[:16] != name or (started and name not in started) or (used and public != used)):
            fail(f"the head at fact {seq} is of key {name:.40}, and no gateway here said that it signs with that")
        if facts.links.get(seq) != link:
            fail(f"altered: the chain is another than the head at fact {seq} speaks of")
        if seq < upto:
            fail(f"reordered: the head at fact {seq} stands behind that at fact {upto}")
        upto, at, used = seq, at_us, public
        if str(session) in sessions:
            count, head = sessions[str(session)]
            marks.append((count, bytes.fromhex(head)))
    if used and upto < max(facts.links):
        fail(f"altered: fact {upto + 1} is not signed")
    if not used:
        fail("none of its heads is signed by the key that was given" if given else "nothing in it is signed")
    return Signed(upto, at, marks), used


def one(facts: Facts, kind: str, subject: str, before: int) -> Fact:
    for fact in facts.clear:
        if (fact.kind, fact.subject) == (kind, subject) and fact.seq <= before:
            return fact
    fail(f"the fact {kind} of {subject} is not in the clear before fact {before + 1}")


def story(facts: Facts, session: int, signed: Signed) -> tuple[Fact, Fact, list[Fact], Fact | None]:
    """The facts from request to end: session.opened, grant.started, the approvals, and session.ended if it has ended."""
    opened = one(facts, "session.opened", f"s-{session}", signed.upto)
    grant = f"g-{opened.what['grant']}"
    started = one(facts, "grant.started", grant, opened.seq - 1)
    if started.what["state"] == "waiting":
        one(facts, "grant.active", grant, opened.seq - 1)
    request = f"r-{started.what['request']}"
    one(facts, "request.asked", request, started.seq - 1)
    given = [fact for fact in facts.clear if (fact.kind, fact.subject) == ("request.approved", request) and fact.seq < started.seq]
    people = {fact.what.get("person") or fact.who for fact in given}
    if not started.what["approved_by"]:
        fail(f"the fact that {grant} was granted does not say who approved it")
    for person in started.what["approved_by"]:
        if person not in people:
            fail(f"the approval of {request} by {person!r:.60} is not in the clear before its window")
    ended = next((fact for fact in facts.clear if (fact.kind, fact.subject) == ("session.ended", f"s-{session}")), None)
    if ended and ended.seq > signed.upto:
        fail(f"its end, fact {ended.seq}, is not signed")
    if ended is None and any(seq > opened.seq for seq in facts.sealed):
        fail(f"its end is not in this file, and facts behind its beginning, fact {opened.seq}, are sealed: export it again when it has ended")
    return opened, started, given, ended


def frames(db: sqlite3.Connection, session: int, ended: Fact | None, marks: list[tuple[int, bytes, str]]) -> tuple[int, set[tuple[int, str]]]:
    """Walk the frames, bodies and all: how many there are, and the Audit-IDs of the requests among them, each with its connection."""
    link, count, ids = sha256(b"jitui tape 1 s-%d" % session).digest(), 0, set()
    wanted: dict[int, list[tuple[bytes, str]]] = {}
    for at, head, whose in marks + ([(ended.what["frames"], bytes.fromhex(ended.what["head"]), f"its end (fact {ended.seq})")] if ended else []):
        wanted.setdefault(at, []).append((head, whose))
    cursor = db.execute("select session, seq, at_us, conn, channel, flags, hash, body from frames not indexed order by id")
    while True:
        for head, whose in wanted.pop(count, ()):
            if head != link:
                fail(f"s-{session}: altered: up to frame {count - 1} the chain is another than {whose} speaks of")
        row = cursor.fetchone()
        if row is None:
            break
        of, seq, at_us, conn, channel, flags, found, body = row
        if [type(value) for value in row] != [int] * 6 + [bytes] * 2 or min(row[:6]) < 0 or max(row[:4]) >= 1 << 63 or channel > 255:
            fail(f"s-{session}: altered: frame {count} holds a value that no frame has")
        if flags:
            fail(f"s-{session}: frame {count} is packed: this file is of an older version, or altered; export it again")
        if of != session or seq != count:
            fail(f"s-{session}: {'reordered or cut' if of == session else 'altered'}: frame {seq} of s-{of} stands where frame {count} was written")
        link = sha256(link + pack(">QQQQBQ", session, seq, at_us, conn, channel, len(body)) + sha256(body).digest()).digest()
        if link != found:
            fail(f"s-{session}: altered: frame {seq} is not what was recorded")
        count += 1
        if channel == 16:
            ids |= {(conn, each.decode("ascii", "replace")) for each in re.findall(rb"(?im)^audit-id:[ \t]*([^\r\n]*?)[ \t]*\r?$", body)}
    if wanted:
        fail(f"s-{session}: cut: frame {count} is missing; {next(iter(wanted.values()))[0][1]} speaks of {min(wanted)}, {count} are here")
    if ended and ended.what["frames"] != count:
        fail(f"s-{session}: altered: frame {ended.what['frames']} was added after the end")
    return count, ids


def actions(db: sqlite3.Connection, session: int, ids: set[tuple[int, str]]) -> list[str]:
    """The Audit-IDs of the rows of actions, each of which must be of a request recorded on its connection. Nothing else in those rows is proved here."""
    found = db.execute("select session, conn, audit_id from actions not indexed").fetchall()
    for of, conn, ident in found:
        if of != session or (ident and (conn, ident) not in ids):
            fail(f"s-{session}: altered: an action tells of the Audit-ID {ident!r:.60}, and no recorded request has it")
    return [ident for _, _, ident in found if ident]


class Key(NamedTuple):
    """A key of a signed note (c2sp.org/signed-note): 1 is a log's, 4 a witness's."""

    name: str
    kind: int
    public: bytes

    def signed(self, text: str, lines: list[tuple[str, bytes]]) -> int | None:
        """When it signed, in seconds since 1970 (a log does not say: 0); None if it did not. A false signature is a fault."""
        ident, times = sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4], []
        for name, value in lines:
            if (name, value[:4]) != (self.name, ident):
                continue
            at, signature = (0, value[4:]) if self.kind == 1 else (int.from_bytes(value[4:12], "big"), value[12:])
            if not valid(self.public, signature, (text if self.kind == 1 else f"cosignature/v1\ntime {at}\n{text}").encode()):
                fail(f"log: altered: the signature of {self.name} on its checkpoint is false")
            times.append(at)
        return max(times) if times else None


def vkey(text: str) -> Key:
    name, digits, told = text.split("+", 2)
    value = base64.b64decode(told, validate=True)
    key = Key(name, value[0], value[1:])
    if sha256(f"{name}\n".encode() + value).hexdigest()[:8] != digits or key.kind not in {1, 4} or len(key.public) != 32:
        fail(f"the policy's key of {name} is damaged, or no Ed25519 key: ML-DSA is judged by jitui verify alone")
    return key


class Policy(NamedTuple):
    """c2sp.org/tlog-policy: logs, witnesses, groups of at least so many members, and the one that must be met."""

    logs: list[Key]
    witnesses: dict[str, Key]
    groups: dict[str, tuple[int, list[str]]]
    quorum: str


def read_policy(path: str) -> Policy:
    policy = Policy([], {}, {}, "")
    names = {"none"}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            match line.split():
                case words if not words or words[0].startswith("#"):
                    continue
                case ["log", key, *_]:
                    policy.logs.append(vkey(key))
                case ["witness", name, key, *_] if name not in names:
                    policy.witnesses[name] = vkey(key)
                    names.add(name)
                case ["group", name, least, *members] if name not in names and members and set(members) <= names - {"none"}:
                    count = {"any": 1, "all": len(members)}.get(least) or int(least)
                    if not 1 <= count <= len(set(members)) == len(members):
                        fail(f"line {number} of the policy asks for a number of members that it has not")
                    policy.groups[name] = (count, members)
                    names.add(name)
                case ["quorum", name] if name in names and not policy.quorum:
                    policy = policy._replace(quorum=name)
                case _:
                    fail(f"line {number} of the policy can't be read")
        except (ValueError, IndexError):
            fail(f"line {number} of the policy can't be read")
    if not policy.quorum:
        fail("the policy has no quorum")
    return policy


class Logged(NamedTuple):
    """A proof in the file: a leaf, and the checkpoint whose tree it is in (c2sp.org/tlog-proof, c2sp.org/tlog-checkpoint)."""

    leaf: dict[str, Any]
    text: str  # the checkpoint
    lines: list[tuple[str, bytes]]  # its signatures, by name


def read_proof(name: str, body: str) -> Logged:
    """Read a proof, and follow its path from the leaf to the root (RFC 9162, section 2.1.3.2)."""
    try:
        head, text, below = body.split("\n\n")
        first, extra, index, *path = head.split("\n")
        origin, size, root = text.split("\n")
        leaf = base64.b64decode(extra.removeprefix("extra "), validate=True)
        at, last = int(index.removeprefix("index ")), int(size) - 1
        lines = [line.removeprefix(EM_DASH).split(" ") for line in below.splitlines() if line.startswith(EM_DASH)]
        signed = [(key, base64.b64decode(value, validate=True)) for key, value in lines]
        told = json.loads(leaf)
        hashes = [base64.b64decode(each, validate=True) for each in path]
        wanted = base64.b64decode(root, validate=True)
    except (ValueError, RecursionError):
        fail(f"log: altered: {name} is no proof")
    found = sha256(b"\0" + leaf).digest()
    if first != "c2sp.org/tlog-proof@v1" or not origin or not 0 <= at <= last or type(told) is not dict:
        fail(f"log: altered: {name} is no proof")
    for each in hashes:
        if not last:
            fail(f"log: altered: the path in {name} is longer than the tree is high")
        if at & 1 or at == last:
            found = sha256(b"\1" + each + found).digest()
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = sha256(b"\1" + found + each).digest()
        at, last = at >> 1, last >> 1
    if last or found != wanted:
        fail(f"log: altered: {name} does not lead to the root of its checkpoint")
    return Logged(told, text + "\n", signed)


def log_of(db: sqlite3.Connection) -> dict[str, Logged]:
    """The proofs in the file, by name; none in one that was exported before the log knew of the session."""
    if not db.execute("select 1 from sqlite_master where name = 'evidence'").fetchone():
        return {}
    texts = dict(rows(db, "evidence", "name, body", "name", str, str))
    found = {name: read_proof(name, body) for name, body in texts.items() if name.endswith(".tlog-proof")}
    if len({(each.text, str(each.lines)) for each in found.values()}) > 1:
        fail("log: altered: its proofs are of different checkpoints")
    return found


def marks_of(logged: dict[str, Logged], facts: Facts, session: int) -> list[tuple[int, bytes, str]]:
    """Compare the leaves with the facts; where the frames of the session stood, as a leaf tells."""
    try:
        told = logged.get("facts.tlog-proof")
        if told and (told.leaf["leaf"] != "facts" or facts.links.get(told.leaf["seq"]) != bytes.fromhex(told.leaf["hash"])):
            fail(f"log: altered: its leaf tells of fact {told.leaf['seq']!r:.20}, which is another here, or missing")
        if told := logged.get("session.tlog-proof"):
            if told.leaf["leaf"] != "session" or told.leaf["session"] != session:
                fail(f"log: altered: its leaf is not about s-{session}")
            return [(told.leaf["frames"], bytes.fromhex(told.leaf["head"]), "the leaf of the log")]
    except (KeyError, TypeError, ValueError):
        fail("log: altered: its leaf can't be read")
    return []


def cosigned(logged: Logged, key: bytes, policy: Policy | None) -> dict[str, int]:
    """The witnesses of the policy that signed the checkpoint, and when; the log itself must have."""
    origin = logged.text.partition("\n")[0]
    if policy and policy.logs and Key(origin, 1, key) not in policy.logs:
        fail(f"log: this is the log {origin:.80}, which the policy does not name: its key was replaced, or it is another gateway's")
    if Key(origin, 1, key).signed(logged.text, logged.lines) is None:
        fail("log: its checkpoint is not signed by the key that signed the facts")
    if policy is None:
        return {}
    times = {name: at for name, witness in policy.witnesses.items() if (at := witness.signed(logged.text, logged.lines)) is not None}
    met = {"none", *times}
    for name, (least, members) in policy.groups.items():
        if len(met & set(members)) >= least:
            met.add(name)
    if policy.quorum not in met:
        fail(f"log: its checkpoint has not the cosignatures that the policy asks for; it has those of {', '.join(times) or 'nobody'}")
    return times


def read_key(path: str) -> bytes:
    text = Path(path).read_text(encoding="utf-8")
    if "-----BEGIN" in text:
        key = load_pem_public_key(("-----BEGIN" + text.partition("-----BEGIN")[2]).encode())
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return bytes.fromhex(text)


def clock(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(value: object) -> str:
    """Foreign text without anything that a terminal obeys."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in str(value))[:200]


def verdict(path: str, key: bytes, policy: Policy | None) -> list[str]:
    """Say what is proved, line by line. Raises WrongError."""
    db = opened(path)
    begun = db.execute("select distinct session from frames not indexed limit 2").fetchall()
    facts = walked(db)
    named = {int(fact.subject[2:]) for fact in facts.clear if fact.kind == "session.opened" and fact.subject[2:].isdecimal()}
    sessions = {session for (session,) in begun} | (named if not begun else set())
    if len(sessions) != 1 or type(session := sessions.pop()) is not int:
        fail("it is not the evidence of one session")
    known = [each.public for each in policy.logs] if policy else []
    given = key or (known[0] if len(known) == 1 else b"")
    signed, used = signatures(db, facts, session, given)
    _, started, approvals, ended = story(facts, session, signed)
    logged = log_of(db)
    marks = [(count, head, "a signed head") for count, head in signed.marks]
    count, ids = frames(db, session, ended, marks + marks_of(logged, facts, session))
    found = actions(db, session, ids)
    lines = [(f"consistent: facts {min(facts.links)} to {max(facts.links)}, {len(facts.sealed)} of them sealed; s-{session} with {count} frames, "
             f"{'whole up to its end' if ended else f'not ended: the last {count - max([0, *(each[0] for each in signed.marks)])} are not signed'}")]
    lines += [f"approved: r-{started.what['request']} by {shown(fact.what.get('person') or fact.who)} at {clock(fact.at_us)}, "
              f"digest {shown(fact.what.get('digest') or 'not on record')}" for fact in approvals]
    lines.append(f"actions: {len(found)} with an Audit-ID, to be found in the cluster's audit log" + "".join(f"\n  {shown(ident)}" for ident in found))
    lines.append("not judged: what else stands in actions, and the tables that are folded from facts; jitui verify compares them")
    whose = "which was given" if given else "which lies in this file: only a key from elsewhere shows that it is the gateway's"
    lines.append(f"signed: up to fact {signed.upto} at {clock(signed.at_us)} by key {sha256(used).hexdigest()[:16]}, {whose}")
    if logged:
        any_proof = next(iter(logged.values()))
        times = cosigned(any_proof, used, policy)
        upto = next((each.leaf["frames"] for each in logged.values() if each.leaf.get("leaf") == "session"), 0)
        by = ", ".join(f"{shown(name)} at {clock(at * 1_000_000)}" for name, at in times.items())
        lines.append(f"cosigned: by {by}; of s-{session} {upto} frames" if times else "not cosigned: no policy from elsewhere names a witness")
    elif policy and policy.quorum != "none":
        fail("log: no proof of a log is in this file, so no witness speaks of it; export it again")
    else:
        lines.append("not cosigned: no proof of a log is in this file")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Verifies an evidence file of jitui.")
    parser.add_argument("file")
    parser.add_argument("--key", default="")
    parser.add_argument("--policy", default="")
    given = parser.parse_args()
    try:
        found = verdict(given.file, read_key(given.key) if given.key else b"", read_policy(given.policy) if given.policy else None)
        sys.stdout.write("".join(f"{line}\n" for line in found))
    except WrongError as fault:
        sys.stdout.write(f"NOT proved: {shown(fault)}\n")
        return 1
    except (sqlite3.Error, OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        sys.stdout.write(f"NOT proved: it can't be read ({shown(f'{type(error).__name__}: {error}')}); it is damaged, or no evidence file of jitui\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
