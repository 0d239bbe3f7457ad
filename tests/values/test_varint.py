"""Numbers of protocol buffers."""

import pytest
from hypothesis import given, strategies as st

from jitui.values import varint


def written(number: int) -> bytes:
    """As protoc writes it."""
    some = bytearray()
    while number > 0x7F:
        some.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*some, number])


@given(st.integers(0, (1 << 64) - 1), st.binary(max_size=3), st.binary(max_size=3))
def test_what_was_written_is_read_back(number: int, before: bytes, after: bytes) -> None:
    """From where it begins, whatever stands around it; a part of it has not come whole."""
    data = written(number)
    assert varint.read(before + data + after, len(before)) == (number, len(data))
    assert all(varint.read(data[:size], 0) == (0, 0) for size in range(len(data)))


@pytest.mark.parametrize("data", [b"\xff" * 9 + b"\x02", b"\xff" * 10, b"\x80" * 10 + b"\x00", b"\xff" * 11])
def test_more_than_64_bits_are_refused(data: bytes) -> None:
    """Also where the rest is not there yet."""
    assert varint.read(data, 0) == (0, -1)
