"""Opens a body that crossed compressed (Content-Encoding: gzip, RFC 1952) as it came, piece by piece, for those who read the record."""

import zlib
from collections.abc import Iterable
from typing import Final

from jitui.recording.frame import LARGEST

GZIP: Final = frozenset({b"gzip", b"x-gzip"})
SKIPPED: Final = 64 << 20  # bytes of what came before that are opened for a reader who begins in the middle
PIECE: Final = 1 << 20  # bytes that are opened at once of those
SLICE: Final = 16 << 10  # bytes that zlib is given at once: behind each member it copies what is left of them, and a member may have twenty bytes


class Unreadable(ValueError):  # noqa: N818 - the word for such a body
    """The body is not gzip, or one piece of it opens to more than LARGEST bytes. It must not be fed again."""


class Gunzip:
    """One compressed body. It holds the 32 KiB that the format refers back to, and never more than LARGEST bytes of what it opens."""

    __slots__ = ("_member",)

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None  # that is being read (RFC 1952, 2.2); None: the next byte begins one

    def feed(self, data: bytes) -> bytes:
        """The bytes that this piece opens to. Raises Unreadable."""
        found: list[bytes] = []
        left, room = memoryview(data), LARGEST
        while left:
            piece, left = self._open(left, room)
            found.append(piece)
            room -= len(piece)
            if room <= 0:
                raise Unreadable(f"a piece opens to more than {LARGEST} bytes")
        return b"".join(found)

    def skip(self, earlier: Iterable[bytes]) -> None:
        """Open what came before, for nothing but the state behind it. Raises Unreadable."""
        size = 0
        for data in earlier:
            left, size, piece = memoryview(data), size + len(data), b""
            if size > SKIPPED:
                raise Unreadable(f"more than {SKIPPED} bytes came before")
            while left or len(piece) == PIECE:  # output may wait inside once all input is taken
                piece, left = self._open(left, PIECE)

    def _open(self, data: memoryview, room: int) -> tuple[bytes, memoryview]:
        """At most `room` bytes, and the rest of the data."""
        member = self._member = self._member or zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        some = data[:SLICE]
        try:
            piece = member.decompress(some, room)
        except zlib.error as error:
            raise Unreadable(str(error)) from None
        if member.eof:
            self._member = None
        left = len(member.unused_data if member.eof else member.unconsumed_tail)
        return piece, data[len(some) - left :]
