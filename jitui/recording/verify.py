"""The proof: walks over frames and facts find what was altered, cut or reordered, and where. Pure: the caller reads the files.

A walk proves three things. The chain shows that no entry changed, unless somebody rewrote everything after it; a signed head shows that nobody
without the key rewrote it; a key, or a head, that the verifier has from elsewhere shows that the key itself is the right one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import Certificate

from jitui.recording.chain import FACTS_GENESIS, GENESIS, fact_link, head_text, link
from jitui.recording.frame import TO_CLIENT, TO_UPSTREAM, Frame
from jitui.recording.tlog.note import Note
from jitui.recording.tlog.policy import Policy

Signed = Literal["no", "self-attested", "matched"]
Degree = Literal["", "consistent", "signed", "cosigned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """All that the verifier has from elsewhere, which the files can't have made fit."""

    key: bytes = b""  # 32 raw bytes, of the ledger's key
    facts: Mapping[int, bytes] = field(default_factory=dict)  # hashes of facts, by seq
    policy: Policy | None = None  # whose logs and witnesses count
    checkpoints: Sequence[Note] = ()  # of the log, as a witness kept them
    roots: Sequence[Certificate] = ()  # of the authorities whose time stamps count


@dataclass(frozen=True, slots=True)
class Recorded:
    """A frame as found on a tape. `broken` says why its body or channel can't be read; empty if both can."""

    frame: Frame
    hash: bytes
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Linked:
    """A fact as the chain covers it: the sha256 of its canonical JSON, and the link found beside it."""

    seq: int
    digest: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """A signed head: the newest fact at that time, and the ends of the tapes of sessions that had changed."""

    facts_seq: int
    hash: bytes
    at_us: int
    sessions: Mapping[int, tuple[int, bytes]]  # session -> frames, link of the last one
    key_id: str
    sig: bytes

    def signed_by(self, public: bytes) -> bool:
        """Whether the signature is by the key with these 32 raw bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(self.sig, head_text(self.facts_seq, self.hash, self.at_us, self.sessions))
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Mark:
    """The length and last link that a chain once had, according to a source outside that chain."""

    count: int  # frames, or facts
    head: bytes
    said_by: str  # "its end (fact 17)", for the sentence
    signed: bool
    final: bool = False  # nothing may follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result for one session, or for the facts, with the fields of the API's Proof."""

    subject: str
    consistent: bool
    signed: Signed
    frames: int
    unsigned_tail: int
    problem: str = ""
    session: str = ""
    seq: int = -1
    signed_to: int = -1  # the newest fact, or frame of the session, that a signature covers; -1: none
    signed_at_us: int = 0  # when that was signed, UTC; 0: never
    signed_by: str = ""  # which key or witness it is that says so
    hash: str = ""  # hex, of the newest fact: the one to note elsewhere
    unsigned_frames: int = 0  # with the facts: of all sessions together
    cosigned_by: tuple[str, ...] = ()  # witnesses, or the checkpoint that was brought
    cosigned_at_us: int = 0  # when the newest of them saw it, UTC; 0: nobody said
    cosigned_to: int = -1  # the newest fact, frame of the session, or leaf of the log that they saw; -1: none
    needs: tuple[str, ...] = ()  # sentences about what this proof leaves open
    retired: tuple[str, ...] = ()  # sentences about frames, or tapes, that were retired by a fact

    @property
    def degree(self) -> Degree:
        """How far the proof goes: each degree holds the ones before."""
        if not self.consistent:
            return ""
        return "cosigned" if self.cosigned_to >= 0 else "signed" if self.signed != "no" else "consistent"


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames of a session that are not here, on a tape that was retired: its fact has the chain where they end."""

    first: int
    frames: int  # of the session up to there
    head: bytes
    bytes_in: int  # of the session up to there; -1: unknown
    bytes_out: int
    words: str  # a sentence


class Walk:
    """Follows one chain, link by link, and keeps the first fault with the seq at which it shows.

    `noun` is "frame" or "fact". Marks may come in any order.
    """

    def __init__(self, noun: str, start: int, prev: bytes, marks: Iterable[Mark]) -> None:
        self.noun = noun
        self.problem = ""
        self.seq = -1
        self.count = start  # links seen so far, counted from the chain's beginning
        self.sure = start  # up to here a signature covers
        self._prev = prev
        self._missing = -1  # the seq that should have come
        self._known = start  # up to here a mark agrees
        self._marks: dict[int, list[Mark]] = {}
        for mark in marks:
            self._marks.setdefault(mark.count, []).append(mark)
        self._offset = 1 if noun == "fact" else 0  # facts count from 1
        self._check_marks()

    def step(self, seq: int, expected: bytes, found: bytes, broken: str = "") -> None:
        """Checks one link: `expected` was computed over the link before, as `prev` has it; `found` stands in the file."""
        if self._missing >= 0:
            if seq == self._missing and self.problem.endswith("is missing"):
                self.problem = f"reordered: {self.noun} {seq} does not stand where it was written"
            return
        if self.problem:
            return
        want = self.count + self._offset
        if seq != want:
            self._missing = want
            self._fail(want, f"cut: {self.noun} {want} is missing" if seq > want else f"reordered: {self.noun} {seq} stands where {want} was written")
        elif broken:
            self._fail(seq, f"altered: {self.noun} {seq}: {broken}")
        elif expected != found:
            self._fail(seq, f"altered: {self.noun} {seq} is not what was recorded, or not of this chain")
        else:
            self._prev = found
            self.count += 1
            self._check_marks()

    @property
    def prev(self) -> bytes:
        return self._prev

    def finish(self) -> None:
        """Ends the walk: links that a mark covers and that did not come were cut off."""
        if self.problem:
            return
        for count in sorted(self._marks):
            for mark in self._marks[count]:
                if count > self.count:
                    at = self.count + self._offset
                    self._fail(at, f"cut: {self.noun} {at} is missing; {mark.said_by} speaks of {count}, {self.count} are here")
                    return
                if mark.final and count < self.count:
                    at = count + self._offset
                    self._fail(at, f"altered: {self.noun} {at} was added after the end; {mark.said_by} speaks of {count}, {self.count} are here")
                    return

    def _check_marks(self) -> None:
        for mark in self._marks.get(self.count, ()):
            if mark.head != self._prev:
                at = self._known + self._offset
                self._fail(at, f"altered: from {self.noun} {at} on the chain is another than {mark.said_by} speaks of")
                return
            self._known = self.count
            if mark.signed:
                self.sure = self.count

    def _fail(self, seq: int, problem: str) -> None:
        self.seq, self.problem = seq, problem


class FrameWalk(Walk):
    """Walks one session's frames in the order of the tapes, and over the gaps that retired tapes left."""

    def __init__(self, session: int, marks: Iterable[Mark], gaps: Iterable[Gap] = ()) -> None:
        super().__init__("frame", 0, GENESIS(session), marks)
        self.session = session
        self.bytes_in = self.bytes_out = 0  # of the bodies up to here; -1: unknown
        self.retired: list[str] = []  # a sentence for each gap
        self._gaps = {gap.first: gap for gap in gaps}
        self._pass_gaps()

    def _pass_gaps(self) -> None:
        """Go on behind the frames that are gone. Marks that lie in between can't be compared any more."""
        while not self.problem and (gap := self._gaps.pop(self.count, None)) is not None:
            self.count, self._prev, self.bytes_in, self.bytes_out = gap.frames, gap.head, gap.bytes_in, gap.bytes_out
            self.retired.append(gap.words)
            self._check_marks()

    def feed(self, recorded: Recorded) -> None:
        expected = b"" if recorded.broken or self.problem else link(self.prev, recorded.frame)
        self.step(recorded.frame.seq, expected, recorded.hash, recorded.broken)
        if self.bytes_in >= 0:
            self.bytes_in += len(recorded.frame.body) if recorded.frame.channel in TO_UPSTREAM else 0
            self.bytes_out += len(recorded.frame.body) if recorded.frame.channel in TO_CLIENT else 0
        if self._gaps:
            self._pass_gaps()

    def verdict(self, signed: Signed) -> Verdict:
        """The result; `signed` is the worth of the signatures that were seen."""
        self.finish()
        subject = f"s-{self.session}"
        covered = signed if self.sure else "no"
        return Verdict(subject=subject, consistent=not self.problem, signed="no" if self.problem else covered, frames=self.count,
                       unsigned_tail=self.count - self.sure, problem=f"{subject}: {self.problem}" if self.problem else "",
                       session=subject if self.problem else "", seq=self.seq, signed_to=-1 if self.problem else self.sure - 1,
                       retired=tuple(self.retired))


class FactWalk(Walk):
    """Walks the chain of facts together with the signed heads over it, holding one of each.

    `heads` come in the order in which they were signed. With `trusted`, a public key, only the heads of that key count, and `foreign` is the number
    of the others; without it heads count whose key is in `keys` (public key by key id), and `bad` is the first of another key.
    `agreed` is called with each head that fits.
    """

    def __init__(self, heads: Iterable[Head], keys: Mapping[str, bytes] | None = None, *, trusted: bytes = b"",
                 witness: Mapping[int, bytes] | None = None, start: tuple[int, bytes] = (0, FACTS_GENESIS),
                 agreed: Callable[[Head], None] = lambda _: None) -> None:
        self.began = start[0]
        self.newest: Head | None = None  # the last head that fits: all before it is signed
        self.heads = 0
        self.foreign = 0
        self.bad: Head | None = None  # the first whose signature is not what it should be
        self.trusted = trusted
        self._keys, self._agreed = keys or {}, agreed
        self._heads = iter(heads)
        self._next = next(self._heads, None)
        self.noted = [Mark(seq, value, "the witness", signed=True) for seq, value in (witness or {}).items()]
        super().__init__("fact", start[0], start[1], self.noted)
        self._meet_heads()

    def feed(self, fact: Linked) -> bool:
        """Checks one fact; True if it is the recorded one, as far as the chain before it proves."""
        if not self.problem:
            self.step(fact.seq, fact_link(self.prev, fact.digest), fact.hash)
            self._meet_heads()
        else:
            self.step(fact.seq, b"", b"")
        return not self.problem

    def finish(self) -> None:
        while not self.problem and (head := self._next) is not None:
            self._next = next(self._heads, None)
            if self._counts(head):
                at = self.count + 1
                self._fail(at, f"cut: fact {at} is missing; a signed head speaks of {head.facts_seq}, {self.count} are here")
        super().finish()

    def _meet_heads(self) -> None:
        while not self.problem and (head := self._next) is not None and head.facts_seq <= self.count:
            self._next = next(self._heads, None)
            if head.facts_seq < self.began or not self._counts(head):
                continue
            if head.facts_seq < self.count:
                self._fail(self.count, f"reordered: the head at fact {head.facts_seq} does not stand where it was signed")
            elif head.hash != self.prev:
                at = self._known + 1
                self._fail(at, f"altered: from fact {at} on the chain is another than a signed head speaks of")
            else:
                self._known = self.sure = self.count
                self.newest = head
                self._agreed(head)

    def _counts(self, head: Head) -> bool:
        self.heads += 1
        if head.signed_by(self.trusted or self._keys.get(head.key_id, b"")):
            return True
        if self.trusted:
            self.foreign += 1
        elif self.bad is None:
            self.bad = head
        return False

    @property
    def unsigned(self) -> int:
        """The number of walked facts that no signature covers."""
        return self.count - max(self.sure, self.began)


def facts_verdict(walk: FactWalk) -> Verdict:
    """The result of a finished walk."""
    walk.finish()
    problem, seq = walk.problem, walk.seq
    if not problem and walk.bad is not None:
        problem, seq = f"altered: the head at fact {walk.bad.facts_seq} has no valid signature of key {walk.bad.key_id}", walk.bad.facts_seq
    if not problem and walk.trusted and walk.heads and walk.newest is None:
        problem, seq = f"none of the {walk.heads} signed heads is of the key that was given", walk.count
    return Verdict(subject="facts", consistent=not problem, signed="no" if problem else worth(walk), frames=walk.count - walk.began,
                   unsigned_tail=walk.unsigned, problem=f"facts: {problem}" if problem else "", seq=seq,
                   signed_to=walk.sure if not problem and walk.sure > walk.began else -1, hash=walk.prev.hex())


def worth(walk: FactWalk) -> Signed:
    """The worth of the signatures: a key or head from elsewhere proves more than one found beside the files."""
    if walk.noted or (walk.newest and walk.trusted):
        return "matched"
    return "self-attested" if walk.newest else "no"
