"""The proof of the transparency log: its tree, its leaves against facts and frames, its checkpoints, and what others saw of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from jitui.recording.facts import Kind
from jitui.recording.tlog import tree
from jitui.recording.tlog.checkpoint import Checkpoint, checkpoint_of
from jitui.recording.tlog.leaf import FactsLeaf, SessionLeaf, leaf_of
from jitui.recording.tlog.note import ED25519, Key, Note, parse, parse_signature, verified
from jitui.recording.tlog.policy import Judged
from jitui.recording.tlog.stamp import Stamp, stamped
from jitui.recording.verify import Brought, Signed, Verdict
from jitui.store.frames import Frames
from jitui.store.told import Told
from jitui.values.errors import InvalidError

PAGE: Final = 500
A_STAMP: Final = "an authority for time stamps"
_COUNTS: Final = {Kind.GRANT_STARTED: "grants", Kind.SESSION_OPENED: "sessions", Kind.SESSION_ENDED: "ended", Kind.TAPE_OPENED: "tapes"}


@dataclass(frozen=True, slots=True)
class Seen:
    """The largest tree that somebody elsewhere saw of this log."""

    by: tuple[str, ...] = ()
    at_us: int = 0  # UTC; 0: nobody said
    size: int = 0  # leaves
    fact: int = -1  # the newest fact in it


class WrongError(Exception):
    """The log is not what was written; with the number of the leaf, if it is about one."""

    def __init__(self, problem: str, leaf: int = -1) -> None:
        super().__init__(problem)
        self.leaf = leaf


class LogProof:
    """One run over log.db. It is read as far as it goes when this is made, which has to be before the facts are read: it runs behind them."""

    def __init__(self, files: Frames, told: Told, session: int, brought: Brought) -> None:
        self._files, self._told, self._session, self._brought = files, told, session, brought
        self._origin, self._size = "", 0
        self.seen = Seen()
        self._given: dict[int, list[Note]] = {}  # the brought ones, by size: two of one size can be of two pasts
        for note in brought.checkpoints:
            self._given.setdefault(checkpoint_of(note.text).size, []).append(note)
        self._about: list[tuple[int, str, int]] = []
        self._rows: list[tuple[int, str]] = []  # checkpoints by size
        self._lines: list[tuple[int, str]] = []  # their cosignatures
        self._stamps: list[tuple[int, bytes]] = []  # their time stamps
        self._notes: dict[int, Note] = {}  # checkpoints and cosignatures, once they are read
        self._facts = [(0, 0)]  # (leaves, newest fact) of each checkpoint that somebody may have seen, in order
        if not files.single and files.log.is_file():
            self._look()

    def _look(self) -> None:
        with self._files.reading(self._files.log) as db:
            db.execute("begin")
            self._about = db.execute("select id, origin, heads from about order by id limit 2").fetchall()
            self._origin = str(self._about[0][1]) if self._about else ""
            (self._size,) = db.execute("select count(*) from leaves").fetchone()
            self._rows = db.execute("select size, note from checkpoints order by size").fetchall()
            self._lines = db.execute("select size, line from cosignatures order by size").fetchall()
            if db.execute("select 1 from sqlite_master where name = 'stamps'").fetchone():
                self._stamps = db.execute("select size, answer from stamps order by size").fetchall()
            db.execute("commit")

    def _read(self) -> None:
        """Read the checkpoints, each with its cosignatures. Raises InvalidError."""
        self._notes = {size: parse(note) for size, note in self._rows}
        for size, line in self._lines:
            if size in self._notes:
                self._notes[size] = self._notes[size].with_more([parse_signature(line.removesuffix("\n"))])

    @property
    def told(self) -> bool:
        """Whether there is anything to say about a log."""
        brought = self._brought
        return bool(self._origin or self._told.logs or brought.policy or brought.checkpoints or brought.roots)

    def verdict(self, publics: Mapping[str, bytes], *, whole: bool) -> Verdict:
        """The verdict on the log; its leaves become marks for the sessions. `publics`: the keys that may have signed; `whole`: the facts are."""
        found = Verdict(subject="log", consistent=True, signed="no", frames=self._size, unsigned_tail=0)
        try:
            self._must_be_told()
            self._read()
            last = self._walk(whole=whole)
            self._must_go_on()
            signed, by = self._signed(publics)
            self.seen = max(self._judged(), self._stamped(), key=lambda seen: seen.size)
        except WrongError as error:
            return replace(found, consistent=False, problem=f"log: {error}", seq=error.leaf)
        except InvalidError as error:
            return replace(found, consistent=False, problem=f"log: altered: {error}")
        return replace(found, signed=signed, signed_by=by, signed_to=last.seq if last else -1, signed_at_us=last.at_us if last else 0,
                       cosigned_by=self.seen.by, cosigned_at_us=self.seen.at_us, cosigned_to=self.seen.size - 1, needs=tuple(self._needs()))

    def _must_be_told(self) -> None:
        logs = self._told.logs
        if not self._origin:
            why = f"log.db is missing, and a fact tells of the log {logs[-1]}" if logs else "there is none here, so no checkpoint speaks of this record"
            raise WrongError(why)
        if self._origin != (logs[-1] if logs else ""):
            raise WrongError(f"log.db is the log {self._origin:.80}, and the newest that the facts tell of is {logs[-1] if logs else 'none'}")

    def _must_go_on(self) -> None:
        """A log that claims heads which are still to come would leave them out."""
        with self._files.reading(self._files.ledger) as db:
            (newest,) = db.execute("select coalesce(max(id), 0) from heads").fetchone()
        (ident, _, heads), *more = self._about
        if more or ident != 1 or not 0 <= heads <= newest:
            raise WrongError(f"altered: it says that it holds the heads up to {heads}, and {newest} are here: it would take in nothing more until then")

    def _walk(self, *, whole: bool) -> FactsLeaf | None:
        """Walk over all leaves, and compare root after root; the newest leaf of facts."""
        edge, last, frames = tree.Edge(), None, 0
        tips: dict[int, int] = {}
        for n, text, hashes in self._leaves():
            if edge.add(tree.leaf_hash(text.encode("utf-8", "replace"))) != hashes:
                raise WrongError(f"altered: leaf {n} is not the one in the tree", n)
            leaf = leaf_of(text)
            if isinstance(leaf, SessionLeaf):
                frames += self._must_grow(n, leaf, tips)
                tips[leaf.session] = leaf.frames
                if self._session in {0, leaf.session}:
                    self._told.logged(n, leaf)
            else:
                self._must_follow(n, last, leaf, frames, whole=whole)
                last = leaf
            self._compare(edge, last)
        if self._size and self._size not in self._notes:
            raise WrongError(f"cut: no checkpoint stands behind its last leaf, {self._size - 1}", self._size)
        if self._notes and max(self._notes) > self._size:
            raise WrongError(f"cut: leaf {self._size} is missing; a checkpoint speaks of {max(self._notes)}, {self._size} are here", self._size)
        for size in sorted(self._given):
            self._must_be_ours(size)
            if size > self._size:
                raise WrongError(f"rolled back: the checkpoint that was brought speaks of {size} leaves, {self._size} are here: "
                                 "an older copy was put back, or its end cut off", self._size)
        return last

    def _leaves(self) -> Iterator[tuple[int, str, list[bytes]]]:
        """Each leaf with the hashes that the file has for it."""
        at = 0
        while at < self._size:
            upto = min(at + PAGE, self._size)
            with self._files.reading(self._files.log) as db:
                texts = db.execute("select n, text from leaves where n >= ? and n < ? order by n", (at, upto)).fetchall()
                hashes = dict(db.execute("select n, hash from hashes where n >= ? and n < ?", (tree.kept(at), tree.kept(upto))).fetchall())
            for n, text in texts:
                if n != at:
                    break
                yield n, text, [hashes.get(place, b"") for place in range(tree.kept(n), tree.kept(n + 1))]
                at += 1
            if at < upto:
                raise WrongError(f"cut: leaf {at} is missing", at)

    def _must_grow(self, n: int, leaf: SessionLeaf, tips: Mapping[int, int]) -> int:
        before = tips.get(leaf.session, 0)
        if leaf.frames < before:
            raise WrongError(f"altered: s-{leaf.session} has {leaf.frames} frames in leaf {n}, and had {before} before", n)
        if self._told.life(leaf.session).opened == 0 and not self._told.problem and not self._session:
            raise WrongError(f"cut: leaf {n} tells of s-{leaf.session}, and no fact tells that it began", n)
        return leaf.frames - before

    def _must_follow(self, n: int, last: FactsLeaf | None, leaf: FactsLeaf, frames: int, *, whole: bool) -> None:
        """Compare a leaf of facts with the facts, and its counts with what was counted."""
        since = last.seq if last else 0
        if leaf.frames != frames or leaf.seq < since:
            raise WrongError(f"altered: leaf {n} counts {leaf.frames} frames up to fact {leaf.seq}, the leaves before it {frames} up to fact {since}", n)
        if not whole:
            return
        with self._files.reading(self._files.ledger) as db:
            row = db.execute("select hash from facts where seq = ?", (leaf.seq,)).fetchone()
            counts = dict(db.execute("select kind, count(*) from facts where seq > ? and seq <= ? group by kind", (since, leaf.seq)))
        if row is None or row[0].hex() != leaf.hash:
            raise WrongError(f"{'altered' if row else 'cut'}: leaf {n} tells of fact {leaf.seq}, which is {'another' if row else 'missing'} here", n)
        for kind, name in _COUNTS.items():
            told, found = getattr(leaf, name), (getattr(last, name) if last else 0) + counts.get(kind.value, 0)
            if told != found:
                raise WrongError(f"altered: leaf {n} counts {told} {name} up to fact {leaf.seq}, {found} are here", n)

    def _compare(self, edge: tree.Edge, last: FactsLeaf | None) -> None:
        """Compare the root of the tree so far with the checkpoints that speak of that size."""
        size, own = edge.size, self._notes.get(edge.size)
        self._must_be_ours(size)
        for note, whose in (*([(own, "its checkpoint")] if own else ()), *((note, "the checkpoint that was brought") for note in self._given.get(size, ()))):
            if checkpoint_of(note.text) != Checkpoint(self._origin, size, edge.root):
                raise WrongError(f"altered: {whose} of {size} leaves speaks of another tree: what stands here is another past", size - 1)
            self._facts.append((size, last.seq if last else 0))

    def _must_be_ours(self, size: int) -> None:
        for origin in (checkpoint_of(note.text).origin for note in self._given.get(size, ())):
            if origin != self._origin:
                raise WrongError(f"the checkpoint that was brought, of {size} leaves, is of the log {origin:.80}, and this is {self._origin}: "
                                 "its key was replaced, or it is another gateway's")

    def _signed(self, publics: Mapping[str, bytes]) -> tuple[Signed, str]:
        """Which key signed the checkpoints. Raises WrongError if none that may have."""
        policy = self._brought.policy
        if policy and policy.logs and not any(key.name == self._origin for key in policy.logs):
            raise WrongError(f"this is the log {self._origin}, which the policy does not name ({', '.join(key.name for key in policy.logs):.200}): "
                             "its key was replaced, or it is another gateway's")
        known = [key for key in policy.logs if key.name == self._origin] if policy and policy.logs else []
        given = [Key(self._origin, ED25519, self._brought.key)] if self._brought.key else known
        keys = given or [Key(self._origin, ED25519, public) for public in publics.values() if len(public) == tree.HASH]
        for size, note in self._notes.items():
            if not verified(note, keys):
                raise WrongError(f"its checkpoint of {size} leaves is not signed by {'the key that was given' if given else 'a key of this record'}", size - 1)
        if not self._notes:
            return "no", ""
        return ("matched", "the key that was given" if self._brought.key else "the key in the policy") if given else ("self-attested", "key in this folder")

    def _judged(self) -> Seen:
        """The largest tree that the policy's witnesses saw, or that a checkpoint speaks of which was brought. Raises WrongError if the policy is not met."""
        best = Seen(("the checkpoint that was brought",), 0, max(self._given), self._fact_at(max(self._given))) if self._given else Seen()
        policy = self._brought.policy
        if policy is None or policy.quorum == "none":
            return best
        for size in sorted({*self._notes, *self._given}, reverse=True):
            judged: list[Judged] = [policy.judge(note) for note in (self._notes.get(size), *self._given.get(size, ())) if note]
            for each in judged:
                if each.enough:
                    return Seen((*each.cosigned, *best.by), each.at * 1_000_000, max(size, best.size), self._fact_at(max(size, best.size)))
        raise WrongError("no checkpoint of it has the cosignatures that the policy asks for")

    def _stamped(self) -> Seen:
        """The largest tree with a time stamp of an authority that counts. Raises WrongError if there is none, or one that is false."""
        best = Seen()
        if not self._brought.roots:
            return best
        for size, answer in self._stamps:
            if size not in self._notes:
                raise WrongError(f"cut: the checkpoint of {size} leaves is missing, and there is a time stamp over it")
            at_us = stamped(Stamp(answer), self._notes[size].text, self._brought.roots)
            best = Seen((A_STAMP,), at_us, size, self._fact_at(size))
        if not best.size:
            raise WrongError("no checkpoint of it has a time stamp")
        return best

    def _fact_at(self, size: int) -> int:
        return max(fact for leaves, fact in self._facts if leaves <= size)

    def _needs(self) -> Iterator[str]:
        if self.seen.size and self.seen.size < self._size:
            yield f"that nobody but this folder's owner made what came after leaf {self.seen.size - 1} (fact {self.seen.fact}): no witness saw it yet"
        if not self._given:
            yield ("that the log is not an older copy of itself: a witness's newest checkpoint shows it (--checkpoint FILE)"
                   if self._brought.policy else "that anybody else saw it: a policy obtained elsewhere names witnesses (--policy FILE, --checkpoint FILE)")
