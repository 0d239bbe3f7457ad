"""The numbers of protocol buffers: seven bits a byte, the lowest first; the last byte has its high bit clear (protobuf.dev/programming-guides/encoding)."""

from typing import Final

LIMIT: Final = 10  # bytes of a number of 64 bits


def read(data: bytes, at: int) -> tuple[int, int]:
    """A number and its length in bytes: 0 if it is incomplete, -1 if it has more than 64 bits."""
    value = 0
    for size in range(LIMIT):
        if at + size >= len(data):
            return 0, 0
        byte = data[at + size]
        value |= (byte & 0x7F) << (7 * size)
        if byte < 0x80:
            return (value, size + 1) if value < 1 << 64 else (0, -1)
    return 0, -1
