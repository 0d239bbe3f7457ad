"""Blocks of SPDY headers: read as they were written, and refused beyond the limits."""

from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from jitui.protocol import spdy_headers
from jitui.protocol.spdy_headers import COUNT_LIMIT, NAME_LIMIT, VALUE_LIMIT, WORD
from jitui.protocol.websocket import ProtocolError

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-:.", min_size=1, max_size=30).map(str.encode)


@given(st.dictionaries(NAMES, st.binary(max_size=60), max_size=COUNT_LIMIT))
def test_a_block_is_read_as_it_was_written(headers: dict[bytes, bytes]) -> None:
    """In its order."""
    assert spdy_headers.read(spdy_headers.written(tuple(headers.items()))) == tuple(headers.items())


@given(st.binary(max_size=80))
def test_any_bytes_are_a_block_or_an_error(block: bytes) -> None:
    """What is read says the same when it is written."""
    with suppress(ProtocolError):
        assert spdy_headers.written(spdy_headers.read(block)) == block


@pytest.mark.parametrize(("block", "why"), [
    (spdy_headers.written(tuple((b"n%d" % n, b"") for n in range(COUNT_LIMIT + 1))), "at most 32"),
    (spdy_headers.written(((b"n" * (NAME_LIMIT + 1), b""),)), "a name of 257 bytes"),
    (spdy_headers.written(((b"n", b"v" * (VALUE_LIMIT + 1)),)), "a value of 8193 bytes"),
    (spdy_headers.written(((b"Name", b""),)), "not lower-case"), (spdy_headers.written(((b"", b""),)), "has no name"),
    (spdy_headers.written(((b"n", b"1"), (b"n", b"2"))), "the same name twice"),
    (spdy_headers.written(((b"n", b"1"),)) + b"x", "goes on behind"), (WORD.pack(1), "ends before"), (b"", "ends before"),
])
def test_a_block_that_is_none(block: bytes, why: str) -> None:
    """Each with its reason."""
    with pytest.raises(ProtocolError, match=why):
        spdy_headers.read(block)
