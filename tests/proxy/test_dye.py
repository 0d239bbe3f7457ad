"""Nonces in streams of output."""

import time

from hypothesis import given, strategies as st

from jitui.proxy.dye import PREFIX, Cutter, nonce

WORDS = [nonce("ab12"), nonce("ab1200"), nonce("ff")]


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from([PREFIX, PREFIX[:3], b"\x1b", b"\x1b\\", b"ab12"]), st.binary(max_size=5)), max_size=12),
       st.integers(1, 9))
def test_whole_nonces_go_and_all_else_stays(parts: list[bytes], size: int) -> None:
    """However reads cut the stream: what comes out is the stream without the nonces, in order, and each is noted."""
    data, cutter = b"".join(parts), Cutter()
    cutter.wanted = set(WORDS)
    out = b"".join(cutter.feed(data[at : at + size]) for at in range(0, len(data), size)) + cutter.rest()
    assert not any(word in out for word in WORDS)
    assert len(out) + sum(map(len, cutter.seen)) == len(data)
    if not any(part[:1] == b"\x1b" and part not in WORDS for part in parts):
        assert out == b"".join(part for part in parts if part not in WORDS)


def test_what_may_be_its_beginning_waits_for_the_next_bytes() -> None:
    """A stream that goes on otherwise gets it then; one that says no more gets it at the end."""
    cutter = Cutter()
    cutter.wanted = {WORDS[0]}
    assert cutter.feed(b"a" + WORDS[0][:4]) == b"a"
    assert cutter.feed(b"!") == WORDS[0][:4] + b"!"
    assert cutter.feed(b"b" + WORDS[0][:-1]) == b"b"
    assert cutter.feed(WORDS[0][-1:] + b"c") == b"c"
    assert cutter.seen == [WORDS[0]]
    assert cutter.feed(b"\x1b") == b""
    assert cutter.rest() == b"\x1b"


def test_a_flood_of_beginnings_costs_time_in_proportion() -> None:
    """Whoever prints may print the beginning of a nonce again and again: that holds up nobody else."""
    cutter, flood = Cutter(), PREFIX * 40_000
    cutter.wanted = {WORDS[0]}
    began = time.process_time()
    out = cutter.feed(flood + WORDS[0]) + cutter.rest()
    assert time.process_time() - began < 1.0
    assert (out, cutter.seen) == (flood, [WORDS[0]])
