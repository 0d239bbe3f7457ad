"""The log in an evidence file: proofs that the head of its session, and of its facts, are in the log, with a checkpoint that witnesses may have cosigned."""

import base64
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from jitui.recording.tlog import tree
from jitui.recording.tlog.checkpoint import checkpoint_of
from jitui.recording.tlog.inclusion import Proof, proof_of
from jitui.recording.tlog.leaf import FactsLeaf, SessionLeaf, leaf_of
from jitui.recording.tlog.note import ED25519, Key, Note, parse, parse_signature, verified
from jitui.recording.tlog.stamp import Stamp, stamped
from jitui.recording.verify import Brought, Verdict
from jitui.store.frames import Frames
from jitui.store.logged import A_STAMP, Seen, WrongError
from jitui.store.told import Told
from jitui.values.errors import InvalidError

SESSION: Final = "session.tlog-proof"
FACTS: Final = "facts.tlog-proof"
POLICY: Final = "policy"  # a hint, to be compared with the one obtained elsewhere
_SIGNERS: Final = """(select count(distinct substr(line, 3, instr(substr(line, 3), ' '))) from cosignatures where cosignatures.size = checkpoints.size)"""
STAMP: Final = "checkpoint.tsr"  # base64 of the newest time stamp over the checkpoint
NAMES: Final = (FACTS, POLICY, SESSION, STAMP)


def proofs_for(files: Frames, session: int, fact: int, key: bytes) -> tuple[dict[str, str], int]:
    """The texts for a session and all facts up to `fact`, by name, and the newest fact of which they tell; none where no log is.

    Of the checkpoints that hold both it is one that most witnesses cosigned: the newest of these with a time stamp, as there is one a day; else the newest.
    """
    if files.single or not files.log.is_file():
        return {}, 0
    with files.reading(files.log) as db:
        db.execute("begin")  # leaves and checkpoints of one moment
        try:
            return _proofs(db, session, fact, key)
        finally:
            db.execute("commit")


def _proofs(db: sqlite3.Connection, session: int, fact: int, key: bytes) -> tuple[dict[str, str], int]:
    row = db.execute("select tips.n, text from tips join leaves on leaves.n = tips.n where session = ?", (session,)).fetchone()
    head = (row[0], row[1]) if row else None
    facts, told = None, 0
    for n, text in db.execute("select n, text from leaves where n >= ? order by n", (head[0] if head else 0,)):
        leaf = leaf_of(text)
        if isinstance(leaf, FactsLeaf):
            facts, told = (n, text), leaf.seq
            if leaf.seq >= fact:
                break
    if facts is None:
        return {}, 0
    note = _checkpoint(db, facts[0])
    size = checkpoint_of(note.text).size

    def proof(n: int, text: str) -> str:
        path = tree.inclusion(size, n, lambda place: bytes(db.execute("select hash from hashes where n = ?", (place,)).fetchone()[0]))
        return str(Proof(n, path, note, text.encode()))

    texts = {FACTS: proof(*facts), POLICY: _hint(note, Key(checkpoint_of(note.text).origin, ED25519, key))}
    stamps = [answer for (answer,) in db.execute("select answer from stamps where size = ?", (size,))] if _stamps(db) else []
    texts |= {STAMP: base64.b64encode(stamps[-1]).decode()} if stamps else {}
    return texts | ({SESSION: proof(*head)} if head else {}), told


def _hint(note: Note, key: Key) -> str:
    names = ", ".join(sorted({each.name for each in note.signatures if each.name != key.name})) or "nobody"
    said = f"# As this file's maker says. Take a policy from elsewhere: this log, and its witnesses (cosigned here by: {names})\n"
    return f"{said}log {key}\nquorum none\n"


def _stamps(db: sqlite3.Connection) -> bool:
    """Whether the log is of a version that keeps time stamps."""
    return db.execute("select 1 from sqlite_master where name = 'stamps'").fetchone() is not None


def _checkpoint(db: sqlite3.Connection, n: int) -> Note:
    """The best checkpoint that holds leaf n."""
    stamped = "size in (select size from stamps)" if _stamps(db) else "0"
    (size,) = db.execute(f"select size from checkpoints where size > ? order by {_SIGNERS} desc, {stamped} desc, size desc limit 1", (n,)).fetchone()  # noqa: S608 - constants
    (text,) = db.execute("select note from checkpoints where size = ?", (size,)).fetchone()
    return parse(text).with_more(parse_signature(line.removesuffix("\n")) for (line,) in db.execute("select line from cosignatures where size = ?", (size,)))


class BundledLog:
    """The proof of what an evidence file holds of the log, as LogProof of a whole one."""

    def __init__(self, files: Frames, told: Told, session: int, brought: Brought) -> None:
        self._told, self._brought = told, brought
        self._only = session
        self._texts: dict[str, str] = {}
        self._files = files
        self.seen = Seen()
        with files.reading(files.ledger) as db:
            if db.execute("select 1 from sqlite_master where name = 'evidence'").fetchone():
                self._texts = dict(db.execute("select name, body from evidence order by name limit 10").fetchall())

    @property
    def told(self) -> bool:
        return bool(self._texts or self._brought.policy or self._brought.checkpoints or self._brought.roots)

    def verdict(self, publics: Mapping[str, bytes], *, whole: bool) -> Verdict:
        """The verdict; the session's leaf becomes a mark for its frames. `publics`: the keys that may have signed; `whole`: the facts are."""
        found = Verdict(subject="log", consistent=True, signed="no", frames=0, unsigned_tail=0)
        try:
            facts, size, note = self._facts(whole=whole)
            self._session(note)
            by = self._must_be_signed(note, publics)
            self.seen = self._judged(note, size, facts.seq)
            if self._brought.roots:
                self.seen = self._stamped(note, size, facts.seq)
        except WrongError as error:
            return replace(found, consistent=False, problem=f"log: {error}")
        except InvalidError as error:
            return replace(found, consistent=False, problem=f"log: altered: {error}")
        given = self._brought.key or (self._brought.policy and self._brought.policy.logs)
        return replace(found, frames=size, signed="matched" if given else "self-attested", signed_by=by, signed_to=facts.seq, signed_at_us=facts.at_us,
                       cosigned_by=self.seen.by, cosigned_at_us=self.seen.at_us, cosigned_to=self.seen.size - 1, needs=tuple(self._needs(facts)))

    def _facts(self, *, whole: bool) -> tuple[FactsLeaf, int, Note]:
        """The leaf of facts, the size of the tree that it is in, and the checkpoint."""
        if strange := sorted(set(self._texts) - set(NAMES)):
            raise WrongError(f"there is something in it that jitui does not write: {strange[0]!r:.60}")
        if FACTS not in self._texts:
            raise WrongError("no proof of a log is in this file; export it again from a folder that has one")
        proof = self._proof(FACTS)
        leaf = leaf_of(proof.extra.decode("utf-8", "replace"))
        if not isinstance(leaf, FactsLeaf):
            raise WrongError(f"the leaf in {FACTS} is not one of facts")
        if whole:
            with self._files.reading(self._files.ledger) as db:
                row = db.execute("select hash from facts where seq = ?1 union all select hash from sealed where seq = ?1", (leaf.seq,)).fetchone()
            if row is None or row[0].hex() != leaf.hash:
                raise WrongError(f"altered: it tells of fact {leaf.seq}, which is {'another' if row else 'missing'} here")
        return leaf, checkpoint_of(proof.checkpoint.text).size, proof.checkpoint

    def _session(self, note: Note) -> None:
        if SESSION not in self._texts:
            return
        proof = self._proof(SESSION)
        leaf = leaf_of(proof.extra.decode("utf-8", "replace"))
        if not isinstance(leaf, SessionLeaf) or proof.checkpoint != note:
            raise WrongError(f"{SESSION} is not about a session, or of another checkpoint")
        if not self._told.life(leaf.session).opened:
            raise WrongError(f"it tells of s-{leaf.session}, and no fact here tells that it began")
        self._told.logged(proof.index, leaf)

    def _proof(self, name: str) -> Proof:
        proof = proof_of(self._texts[name])
        if not proof.leads_to_root():
            raise WrongError(f"altered: the proof {name} does not lead to the root of its checkpoint")
        return proof

    def _must_be_signed(self, note: Note, publics: Mapping[str, bytes]) -> str:
        origin, policy = checkpoint_of(note.text).origin, self._brought.policy
        if policy and policy.logs and not any(key.name == origin for key in policy.logs):
            raise WrongError(f"this is the log {origin:.80}, which the policy does not name: its key was replaced, or it is another gateway's")
        known = [key for key in policy.logs if key.name == origin] if policy and policy.logs else []
        given = [Key(origin, ED25519, self._brought.key)] if self._brought.key else known
        keys = given or [Key(origin, ED25519, public) for public in publics.values() if len(public) == tree.HASH]
        if not (signed := verified(note, keys)):
            raise WrongError(f"its checkpoint is not signed by {'the key that was given' if given else 'the key that lies in this file'}")
        if all(self._texts.get(POLICY) != _hint(note, key) for key in signed):
            raise WrongError(f"altered: the text {POLICY} is not the one that jitui writes beside this checkpoint")
        return "the key that was given" if self._brought.key else "the key in the policy" if given else "the key that lies in this file"

    def _judged(self, note: Note, size: int, fact: int) -> Seen:
        seen, told = Seen(), checkpoint_of(note.text)
        for each in self._brought.checkpoints:
            other = checkpoint_of(each.text)
            if other.origin != told.origin or (other.size == size and other != told):
                raise WrongError(f"the checkpoint that was brought is of {'another tree' if other.origin == told.origin else f'the log {other.origin:.80}'}")
            if other == told:
                seen = Seen(("the checkpoint that was brought",), 0, size, fact)
        policy = self._brought.policy
        if policy is None or policy.quorum == "none":
            return seen
        judged = policy.judge(note)
        if not judged.enough:
            raise WrongError("its checkpoint has not the cosignatures that the policy asks for")
        return Seen((*judged.cosigned, *seen.by), judged.at * 1_000_000, size, fact)

    def _stamped(self, note: Note, size: int, fact: int) -> Seen:
        """Adds the time stamp to those who are known to have seen it. Raises WrongError without one, InvalidError if it is false."""
        try:
            answer = base64.b64decode(self._texts.get(STAMP, ""), validate=True)
        except ValueError:
            raise WrongError(f"{STAMP} is no base64") from None
        if not answer:
            raise WrongError("its checkpoint has no time stamp")
        at_us = stamped(Stamp(answer), note.text, self._brought.roots)
        return Seen((*self.seen.by, A_STAMP), max(at_us, self.seen.at_us), size, fact)

    def _needs(self, facts: FactsLeaf) -> Iterator[str]:
        newest = self._told.checked.seq
        if facts.seq < newest:
            yield f"that the log holds the facts behind {facts.seq}: it was exported before; export it again"
        if not self.seen.size:
            yield "that anybody else saw it: a policy obtained elsewhere names witnesses (--policy FILE)"
