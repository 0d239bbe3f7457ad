"""Opens a body that crossed compressed (Content-Encoding: gzip, RFC 1952) as it came, piece by piece, for those who read the record."""

import zlib
from collections.abc import Iterable
from typing import Final

from jitui.recording.frame import LARGEST

GZIP: Final = frozenset({b"gzip", b"x-gzip"})
OPENED: Final = 2 << 20  # bytes that a piece may open to, however small it is
RATIO: Final = 128  # bytes that it may open to for each of its own, if that is more; a list of Pods opens to 20 to 45, one of almost equal objects to 100
SKIPPED: Final = 64 << 20  # bytes of what came before that are opened for a reader who begins in the middle
PASSED: Final = 256 << 20  # bytes that those may open to
PIECE: Final = 1 << 20  # bytes that are opened at once of those
SLICE: Final = 16 << 10  # bytes that zlib is given at once: behind each member it copies what is left of them, and a member may have twenty bytes


class Unreadable(ValueError):  # noqa: N818 - the word for such a body
    """The body is not gzip, or opens to more than may be held of it. It must not be fed again."""


def bound(size: int) -> int:
    """The number of bytes that a piece of this size may open to.

    It follows the size, since one read of a TLS connection gives up to 256 KiB: of an ordinary list these open to 5 to 12 MiB, while a bomb of 16 KiB
    opens to 16 MiB (the format's limit is 1032 for each byte).
    """
    return min(LARGEST, max(OPENED, RATIO * size))


class Gunzip:
    """One compressed body. It holds the 32 KiB that the format refers back to, and of what it opens no more than the bound of one piece."""

    __slots__ = ("_member",)

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None  # that is being read (RFC 1952, 2.2); None: the next byte begins one

    def feed(self, data: bytes) -> bytes:
        """The bytes that this piece opens to. Raises Unreadable."""
        found: list[bytes] = []
        limit = bound(len(data))
        left, room = memoryview(data), limit + 1
        while left:
            piece, left = self._open(left, room)
            found.append(piece)
            room -= len(piece)
            if room <= 0:
                raise Unreadable(f"a piece opens to more than {limit} bytes")
        return b"".join(found)

    def skip(self, earlier: Iterable[bytes]) -> None:
        """Open what came before, for nothing but the state behind it. Raises Unreadable."""
        size = opened = 0
        for data in earlier:
            left, size, piece = memoryview(data), size + len(data), b""
            if size > SKIPPED:
                raise Unreadable(f"more than {SKIPPED} bytes came before")
            while left or len(piece) == PIECE:  # output may wait inside once all input is taken
                piece, left = self._open(left, PIECE)
                opened += len(piece)
                if opened > PASSED:
                    raise Unreadable(f"what came before opens to more than {PASSED} bytes")

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
