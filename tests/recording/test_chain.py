"""The hash chain, over any frames and facts."""

from dataclasses import replace
from hashlib import sha256

from hypothesis import given, settings, strategies as st

from jitui.recording.chain import FACTS_GENESIS, GENESIS, fact_digest, fact_link, head_text, link
from jitui.recording.facts import Fact, Kind, canonical
from jitui.recording.frame import Channel, Frame

UNSIGNED = st.integers(0, (1 << 63) - 1)
FRAMES = st.builds(Frame, session=UNSIGNED, seq=UNSIGNED, at_us=UNSIGNED, conn=UNSIGNED, channel=st.sampled_from(Channel), body=st.binary(max_size=64))


def test_link_is_sha256_over_prev_header_and_the_bodys_sha256() -> None:
    """The bytes are the design's: whoever has them can compute the chain with a dozen lines of any language."""
    frame = Frame(7, 3, 1_000_001, 2, Channel.STDERR, b"hello")
    header = b"".join(value.to_bytes(8, "big") for value in (7, 3, 1_000_001, 2)) + b"\x02" + (5).to_bytes(8, "big")
    assert link(b"p" * 32, frame) == sha256(b"p" * 32 + header + sha256(b"hello").digest()).digest()


@settings(deadline=None)
@given(FRAMES, FRAMES)
def test_two_frames_share_a_link_only_if_they_are_equal(one: Frame, other: Frame) -> None:
    """No field can change and leave the link as it was."""
    prev = GENESIS(one.session)
    assert (link(prev, one) == link(prev, other)) == (one == other)


@settings(deadline=None)
@given(FRAMES, st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_link_binds_what_came_before(frame: Frame, one: bytes, other: bytes) -> None:
    """The same frame after another past has another link."""
    assert (link(one, frame) == link(other, frame)) == (one == other)


@settings(deadline=None)
@given(UNSIGNED, UNSIGNED)
def test_each_session_has_its_own_beginning(one: int, other: int) -> None:
    """A chain can't be moved to another session."""
    assert (GENESIS(one) == GENESIS(other)) == (one == other)


def test_fact_link() -> None:
    """A fact's hash is sha256(prev || sha256(canonical JSON of everything but the hash))."""
    fact = Fact(1, 5, Kind.VIEWED, "ana", "s-1", {"how": "live", "a": 1}, b"")
    text = b'{"at_us":5,"kind":"viewed","seq":1,"subject":"s-1","what":{"a":1,"how":"live"},"who":"ana"}'
    assert fact_digest(fact) == sha256(text).digest()
    assert fact_link(FACTS_GENESIS, fact_digest(fact)) == sha256(FACTS_GENESIS + sha256(text).digest()).digest()


@settings(deadline=None)
@given(st.text(), st.text(), st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_nothing_in_a_fact_can_change_unseen(who: str, subject: str, what: dict[str, object]) -> None:
    """Each part of a fact is in its digest; `who` can't flow over into `subject`."""
    fact = Fact(3, 5, Kind.VIEWED, who, subject, what, b"")
    others = [replace(fact, seq=4), replace(fact, at_us=6), replace(fact, kind=Kind.CONFIG_LOADED), replace(fact, who=who + "x"),
              replace(fact, subject=subject + "x"), replace(fact, what={**what, "x\n": 1}), replace(fact, who=who + subject, subject="")]
    assert {fact_digest(other) == fact_digest(fact) for other in others if other != fact} <= {False}


def test_a_head_speaks_of_facts_and_tapes() -> None:
    """The signed text is readable, and holds every chain that changed."""
    text = head_text(9, b"\x01" * 32, 77, {4: (2, b"\x02" * 32)})
    told = {"seq": 9, "hash": "01" * 32, "at_us": 77, "sessions": {"4": [2, "02" * 32]}}
    assert text == b"jitui head 1\n" + canonical(told).encode()
