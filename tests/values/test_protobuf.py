"""Protocol buffers: what is well formed is read, and everything else is an error."""

import pytest
from hypothesis import given, strategies as st

from jitui.values import protobuf
from jitui.values.errors import InvalidError


def varint(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return found + bytes((value,))


def field(number: int, value: int | bytes) -> bytes:
    """One field as a writer puts it."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | protobuf.LENGTH) + varint(len(value)) + value


NUMBERS = st.integers(1, (1 << 29) - 1)
FIELDS = st.tuples(NUMBERS, st.integers(0, (1 << 64) - 1) | st.binary(max_size=300))


@given(st.lists(FIELDS, max_size=10))
def test_what_is_written_is_read(written: list[tuple[int, int | bytes]]) -> None:
    """Numbers up to 64 bits, bytes, in their order."""
    assert list(protobuf.fields(b"".join(field(*one) for one in written))) == written


@given(st.lists(FIELDS, min_size=1, max_size=4), st.data())
def test_what_is_cut_is_refused(written: list[tuple[int, int | bytes]], data: st.DataObject) -> None:
    """A message that ends within a field says so."""
    parts = [field(*one) for one in written]
    whole, last = b"".join(parts), len(parts[-1])
    with pytest.raises(InvalidError):
        list(protobuf.fields(whole[: len(whole) - data.draw(st.integers(1, last - 1))]))


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """No other exception, and never more bytes than there are."""
    try:
        found = list(protobuf.fields(data))
    except InvalidError:
        return
    assert sum(len(value) for _, value in found if isinstance(value, bytes)) <= len(data)


def test_fixed_numbers_are_passed_over() -> None:
    """64 and 32 bits: as their bytes."""
    assert list(protobuf.fields(b"\x09" + b"8bytes!!" + b"\x15" + b"4byt")) == [(1, b"8bytes!!"), (2, b"4byt")]


@pytest.mark.parametrize("data", [b"\x0b", b"\x0c", b"\x0e", b"\x00\x01", b"\x0a\x05abc", b"\xff" * 11, b"\x08" + b"\xff" * 9 + b"\x7f", b"\x80"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """Groups, unknown wire types, field 0, too short, a number of more than 64 bits."""
    with pytest.raises(InvalidError):
        list(protobuf.fields(data))


def test_only_what_is_wanted_and_once() -> None:
    """A field given twice can be read in two ways."""
    assert protobuf.only(field(1, b"a") + field(9, 7) + field(2, b"b"), 1, 2) == {1: b"a", 2: b"b"}
    for data in (field(1, b"a") + field(1, b"b"), field(1, 7)):
        with pytest.raises(InvalidError):
            protobuf.only(data, 1)


def test_a_text_is_utf8() -> None:
    assert protobuf.text("ä".encode()) == "ä"
    with pytest.raises(InvalidError):
        protobuf.text(b"\xff")
