"""The headers in a SPDY/3 block once it is inflated: their count, then length and bytes of each name and value, lengths as 32 bits (draft 3, 2.6.10)."""

import struct
from typing import Final

from jitui.protocol.websocket import ProtocolError

Headers = tuple[tuple[bytes, bytes], ...]  # names lower-case as they came; a value with NULs is several values

COUNT_LIMIT: Final = 32  # headers in a block
NAME_LIMIT: Final = 256  # bytes
VALUE_LIMIT: Final = 8 << 10  # bytes
WORD: Final = struct.Struct("!I")
NAME_BYTES: Final = bytes(byte for byte in range(0x21, 0x7F) if not 0x41 <= byte <= 0x5A)  # printable ASCII, no capitals


def read(plain: bytes) -> Headers:
    """The headers of a block. Raises ProtocolError for more than the limits, and for anything that spdystream would not write."""
    at = 0

    def number() -> int:
        nonlocal at
        at += 4
        if at > len(plain):
            raise ProtocolError("a SPDY header block ends before its headers do")
        found: int = WORD.unpack_from(plain, at - 4)[0]
        return found

    def text(what: str, limit: int) -> bytes:
        nonlocal at
        size = number()
        if size > limit:
            raise ProtocolError(f"a SPDY header has a {what} of {size} bytes, at most {limit} are taken")
        at += size
        if at > len(plain):
            raise ProtocolError("a SPDY header block ends before its headers do")
        return plain[at - size : at]

    count = number()
    if count > COUNT_LIMIT:
        raise ProtocolError(f"a SPDY header block has {count} headers, at most {COUNT_LIMIT} are taken")
    headers = tuple([(text("name", NAME_LIMIT), text("value", VALUE_LIMIT)) for _ in range(count)])
    if at != len(plain):
        raise ProtocolError("a SPDY header block goes on behind its last header")
    for name, _ in headers:
        if not name or name.translate(None, NAME_BYTES):
            raise ProtocolError("a SPDY header has no name, or one that is not lower-case ASCII")
    if len({name for name, _ in headers}) != count:
        raise ProtocolError("a SPDY header block has the same name twice")
    return headers


def written(headers: Headers) -> bytes:
    """The block of these headers, to be deflated."""
    parts = [WORD.pack(len(headers))]
    for name, value in headers:
        parts += (WORD.pack(len(name)), name, WORD.pack(len(value)), value)
    return b"".join(parts)
