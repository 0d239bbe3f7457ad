"""The proof over frames and facts: whatever is done to a chain is found, and its place named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings, strategies as st

from jitui.recording.chain import FACTS_GENESIS, GENESIS, fact_link, head_text, link
from jitui.recording.frame import Channel, Frame
from jitui.recording.verify import FactWalk, FrameWalk, Gap, Head, Linked, Mark, Recorded, Signed, Verdict, facts_verdict

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def verify_frames(session: int, frames: Iterable[Recorded], marks: Iterable[Mark] = (), *, signed: Signed = "self-attested",
                  gaps: Iterable[Gap] = ()) -> Verdict:
    """The proof of one session's frames."""
    walk = FrameWalk(session, marks, gaps)
    for recorded in frames:
        walk.feed(recorded)
    return walk.verdict(signed)


def verify_facts(facts: Iterable[Linked], heads: Iterable[Head], keys: Mapping[str, bytes], *, trusted: bytes = b"",
                 witness: Mapping[int, bytes] | None = None, start: tuple[int, bytes] = (0, FACTS_GENESIS)) -> Verdict:
    """The proof of the facts.

    `keys`: public keys by key id, as found beside the facts; `trusted`: a public key from elsewhere, which then alone counts;
    `witness`: hashes of facts that somebody noted elsewhere, by seq. `start`: the fact before the first, in an exported file.
    """
    walk = FactWalk(heads, keys, trusted=trusted, witness=witness, start=start)
    for fact in facts:
        walk.feed(fact)
    return facts_verdict(walk)


def taped(count: int, session: int = 1, word: str = "frame") -> list[Recorded]:
    prev, found = GENESIS(session), []
    for seq in range(count):
        frame = Frame(session, seq, seq * 1000, 0, Channel.STDOUT, f"{word} {seq}".encode())
        prev = link(prev, frame)
        found.append(Recorded(frame, prev))
    return found


def end(frames: Sequence[Recorded], *, signed: bool = True) -> Mark:
    return Mark(len(frames), frames[-1].hash, "its end (fact 9)", signed=signed, final=True)


def test_a_whole_tape() -> None:
    """Consistent, covered by the signature over its end, no tail."""
    frames = taped(5)
    verdict = verify_frames(1, frames, [end(frames)])
    assert (verdict.consistent, verdict.signed, verdict.frames, verdict.unsigned_tail, verdict.problem) == (True, "self-attested", 5, 0, "")


def test_how_many_last_frames_no_signature_covers() -> None:
    """A live session was signed at its third frame; two came since."""
    frames = taped(5)
    verdict = verify_frames(1, frames, [Mark(3, frames[2].hash, "a head", signed=True)])
    assert (verdict.consistent, verdict.signed, verdict.unsigned_tail) == (True, "self-attested", 2)
    assert verify_frames(1, frames).signed == "no"
    assert verify_frames(1, frames, [end(frames, signed=False)]).unsigned_tail == 5


@settings(deadline=None)
@given(st.integers(1, 8), st.data())
def test_an_altered_frame_is_named(count: int, data: st.DataObject) -> None:
    """Body, time, channel, connection or the link itself: the seq is that of the frame."""
    frames = taped(count)
    seq = data.draw(st.integers(0, count - 1))
    old = frames[seq]
    frames[seq] = data.draw(st.sampled_from([
        replace(old, frame=old.frame._replace(body=b"other")), replace(old, frame=old.frame._replace(at_us=old.frame.at_us + 1)),
        replace(old, frame=old.frame._replace(channel=Channel.STDERR)), replace(old, frame=old.frame._replace(conn=1)),
        replace(old, hash=b"\0" * 32), replace(old, broken="the stored body can't be unpacked")]))
    verdict = verify_frames(1, frames, [end(taped(count))])
    assert (verdict.consistent, verdict.signed, verdict.session, verdict.seq) == (False, "no", "s-1", seq)
    assert verdict.problem.startswith(f"s-1: altered: frame {seq}")


@settings(deadline=None)
@given(st.integers(2, 8), st.data())
def test_a_cut_frame_is_named(count: int, data: st.DataObject) -> None:
    """At the front, in the middle, or the tail, which only the mark betrays."""
    frames = taped(count)
    seq = data.draw(st.integers(0, count - 1))
    verdict = verify_frames(1, frames[:seq] + frames[seq + 1:], [end(frames)])
    assert (verdict.consistent, verdict.seq) == (False, seq)
    assert verdict.problem.startswith(f"s-1: cut: frame {seq} is missing")


@settings(deadline=None)
@given(st.integers(2, 8), st.data())
def test_reordered_frames_are_named(count: int, data: st.DataObject) -> None:
    """Two frames changed places: the first place that is wrong is named, and it is no cut."""
    frames = taped(count)
    one = data.draw(st.integers(0, count - 2))
    two = data.draw(st.integers(one + 1, count - 1))
    moved = [*frames]
    moved[one], moved[two] = moved[two], moved[one]
    verdict = verify_frames(1, moved, [end(frames)])
    assert (verdict.consistent, verdict.seq) == (False, one)
    assert verdict.problem.startswith("s-1: reordered")


def test_a_frame_that_comes_twice() -> None:
    """It stands where another should."""
    frames = taped(3)
    verdict = verify_frames(1, [*frames[:2], frames[1], frames[2]], [end(frames)])
    assert (verdict.problem, verdict.seq) == ("s-1: reordered: frame 1 stands where 2 was written", 2)


def test_a_tape_made_anew() -> None:
    """Every link fits, but the end and a head signed before speak of another chain; what is sure goes up to the last one that agrees."""
    real, forged = taped(6), taped(6, word="forged")
    mixed = [*real[:4]]
    prev = real[3].hash
    for old in forged[4:]:
        prev = link(prev, old.frame)
        mixed.append(Recorded(old.frame, prev))
    verdict = verify_frames(1, mixed, [Mark(3, real[2].hash, "a head", signed=True), end(real)])
    assert (verdict.problem, verdict.seq) == ("s-1: altered: from frame 3 on the chain is another than its end (fact 9) speaks of", 3)
    assert verify_frames(1, forged, [end(real)]).seq == 0


def test_frames_after_the_end() -> None:
    """Nothing follows a session's end."""
    frames = taped(4)
    verdict = verify_frames(1, frames, [end(frames[:3])])
    assert (verdict.consistent, verdict.seq, "added after the end" in verdict.problem) == (False, 3, True)


def test_sessions_that_changed_places() -> None:
    """A tape of session 2 under the number 1 fits nothing from its first frame on."""
    moved = [replace(each, frame=each.frame._replace(session=1)) for each in taped(3, session=2)]
    verdict = verify_frames(1, moved, [end(taped(3))])
    assert (verdict.consistent, verdict.session, verdict.seq) == (False, "s-1", 0)


def gap(first: int, frames: list[Recorded], upto: int) -> Gap:
    return Gap(first, upto, frames[upto - 1].hash, -1, -1, f"frames {first} to {upto - 1} were retired")


def test_a_session_with_retired_tapes_is_walked_over_their_gaps() -> None:
    """At its beginning, in the middle, at its end, one behind the other: each with a sentence; the rest is checked as ever."""
    frames = taped(12)
    gaps = [gap(0, frames, 2), gap(2, frames, 4), gap(6, frames, 8), gap(10, frames, 12)]
    verdict = verify_frames(1, frames[4:6] + frames[8:10], [end(frames)], gaps=gaps)
    assert (verdict.consistent, verdict.frames, verdict.signed) == (True, 12, "self-attested")
    assert verdict.retired == tuple(each.words for each in gaps)
    assert verify_frames(1, [], [end(frames)], gaps=[gap(0, frames, 12)]).consistent


@pytest.mark.parametrize(("kept", "gaps", "problem"), [
    ([*range(4, 12)], [], "cut: frame 0 is missing"), ([*range(4, 12)], [(0, 3)], "cut: frame 3 is missing"),
    ([*range(10)], [(11, 12)], "cut: frame 10 is missing"), ([*range(4, 12)], [(0, 4, 5)], "altered: frame 4"),
    ([], [(0, 12, 5)], "altered: from frame 0 on"), ([], [(0, 13, 12)], "altered: frame 12 was added"),
])
def test_a_gap_hides_nothing_else(kept: list[int], gaps: list[tuple[int, ...]], problem: str) -> None:
    """Frames that are missing beside it, and a gap that ends with another chain, or behind the session's end, are found."""
    frames = taped(12)
    made = [Gap(first, upto, frames[(more[0] if more else upto) - 1].hash, -1, -1, "retired") for first, upto, *more in gaps]
    verdict = verify_frames(1, [frames[each] for each in kept], [end(frames)], gaps=made)
    assert (verdict.consistent, problem in verdict.problem) == (False, True), verdict.problem


def told(count: int) -> list[Linked]:
    prev, found = FACTS_GENESIS, []
    for seq in range(1, count + 1):
        digest = seq.to_bytes(32, "big")
        prev = fact_link(prev, digest)
        found.append(Linked(seq, digest, prev))
    return found


def signed(facts: Sequence[Linked], seq: int, key: Ed25519PrivateKey = KEY, key_id: str = "k") -> Head:
    link_ = facts[seq - 1].hash
    return Head(seq, link_, 5, {}, key_id, key.sign(head_text(seq, link_, 5, {})))


def test_facts_with_signed_heads() -> None:
    """Self-attested by the key beside them; matched by a key, or a hash, from elsewhere; the tail is counted."""
    facts = told(5)
    heads = [signed(facts, 2), signed(facts, 4)]
    verdict = verify_facts(facts, heads, {"k": PUBLIC})
    assert (verdict.consistent, verdict.signed, verdict.frames, verdict.unsigned_tail) == (True, "self-attested", 5, 1)
    assert verify_facts(facts, heads, {}, trusted=PUBLIC).signed == "matched"
    assert verify_facts(facts, heads, {"k": PUBLIC}, witness={5: facts[4].hash}).signed == "matched"
    assert verify_facts(facts, [], {}).signed == "no"


def test_facts_and_a_key_that_never_signed_them() -> None:
    """A whole ledger made anew with another key is consistent in itself, and not what the key says."""
    facts = told(3)
    verdict = verify_facts(facts, [signed(facts, 3, OTHER)], {"k": PUBLIC}, trusted=PUBLIC)
    assert (verdict.consistent, verdict.problem) == (False, "facts: none of the 1 signed heads is of the key that was given")


def test_a_head_with_a_false_signature() -> None:
    """It is named by the fact it stands at."""
    facts = told(3)
    verdict = verify_facts(facts, [signed(facts, 2), signed(facts, 3, OTHER)], {"k": PUBLIC})
    assert (verdict.consistent, verdict.seq, verdict.problem) == (False, 3, "facts: altered: the head at fact 3 has no valid signature of key k")


@settings(deadline=None)
@given(st.integers(2, 6), st.data())
def test_tampered_facts_are_named(count: int, data: st.DataObject) -> None:
    """Altered, cut, reordered: each with the number of the fact."""
    facts = told(count)
    heads = [signed(facts, count)]
    seq = data.draw(st.integers(1, count))
    altered = [replace(fact, digest=b"x" * 32) if fact.seq == seq else fact for fact in facts]
    cut = [fact for fact in facts if fact.seq != seq]
    assert verify_facts(altered, heads, {"k": PUBLIC}).problem.startswith(f"facts: altered: fact {seq} ")
    assert verify_facts(cut, heads, {"k": PUBLIC}).problem.startswith(f"facts: cut: fact {seq} is missing")
    other = data.draw(st.integers(1, count).filter(lambda each: each != seq))
    moved = [*facts]
    moved[seq - 1], moved[other - 1] = moved[other - 1], moved[seq - 1]
    verdict = verify_facts(moved, heads, {"k": PUBLIC})
    assert (verdict.problem.startswith("facts: reordered"), verdict.seq) == (True, min(seq, other))


def test_a_witness_that_saw_something_else() -> None:
    """The whole ledger was made anew, key and all; who noted one hash elsewhere sees it."""
    facts = told(4)
    verdict = verify_facts(facts, [signed(facts, 4)], {"k": PUBLIC}, witness={3: b"w" * 32})
    assert (verdict.consistent, verdict.problem) == (False, "facts: altered: from fact 1 on the chain is another than the witness speaks of")


def test_facts_of_an_exported_file_begin_in_the_middle() -> None:
    """With the hash of the fact before the first."""
    facts = told(6)
    verdict = verify_facts(facts[2:], [signed(facts, 5)], {"k": PUBLIC}, start=(2, facts[1].hash))
    assert (verdict.consistent, verdict.frames, verdict.unsigned_tail) == (True, 4, 1)
