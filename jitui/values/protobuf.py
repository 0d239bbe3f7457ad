"""A strict reader of protocol buffers, enough for the few small messages that the gateway has to understand.

Source: protobuf.dev/programming-guides/encoding. Groups are refused, and so is any encoding that a lenient reader would have to guess at.
"""

from collections.abc import Iterator
from typing import Final

from jitui.values import varint
from jitui.values.errors import InvalidError

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5
FIXED: Final = {FIXED64: 8, FIXED32: 4}

Field = tuple[int, int | bytes]  # number, and value: an int for a varint, else its bytes


def fields(data: bytes) -> Iterator[Field]:
    """The fields of one message in their order, unknown ones too. Raises InvalidError."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if not 0 < number < 1 << 29:
            raise InvalidError(f"a protobuf field numbered {number}; numbers lie between 1 and 536870911")
        if kind == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == LENGTH:
            size, at = _varint(data, at)
        elif kind in FIXED:
            size = FIXED[kind]
        else:
            raise InvalidError(f"a protobuf field of wire type {kind}; 0, 1, 2 and 5 are known")
        if at + size > len(data):
            raise InvalidError(f"a protobuf field of {size} bytes where {len(data) - at} are left")
        yield number, data[at : at + size]
        at += size


def only(data: bytes, *wanted: int) -> dict[int, bytes]:
    """The length-delimited fields with these numbers; others are skipped. Raises InvalidError if one of them comes twice or has another type."""
    found: dict[int, bytes] = {}
    for number, value in fields(data):
        if number not in wanted:
            continue
        if isinstance(value, int):
            raise InvalidError(f"protobuf field {number} is a number; a text or message is due")
        if number in found:
            raise InvalidError(f"protobuf field {number} is there twice; send it once")
        found[number] = value
    return found


def text(data: bytes) -> str:
    """A string field. Raises InvalidError if it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidError("a protobuf string that is not UTF-8") from None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of at most 64 bits, and where it ends. Raises InvalidError."""
    value, size = varint.read(data, at)
    if size <= 0:
        raise InvalidError("a protobuf number of more than 64 bits" if size else "a protobuf number that does not end")
    return value, at + size
