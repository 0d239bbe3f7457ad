"""Whole answers in one read, whose head equals an earlier one but for a value that the request gave: such a head is read once.

A cluster's answers to equal requests differ in the Audit-ID, which is the request's own, and once a second in their Date.
"""

from typing import Final

from jitui.protocol.messages import ResponseHead, read_response
from jitui.protocol.strict import END, Malformed

MARK: Final = b"\0"  # stands for the value; no head that can be read has this byte
LARGEST: Final = 4 << 10  # bytes of a head that is kept
KEPT: Final = 64  # heads


class KnownHead:
    """A head that was read. Its answer has a length or comes in chunks, and leaves the connection open."""

    __slots__ = ("cached", "chunked", "client", "head", "value")

    def __init__(self, head: ResponseHead, chunked: bool, value: bytes) -> None:
        """`value`: of the request that it answered, if that is its Audit-ID; else empty."""
        self.head, self.chunked, self.value = head, chunked, value
        self.cached = head.get(b"etag") != b""  # a client may keep it in its cache
        self.client: bytes | None = None  # as a client gets it, without framing and its last line, with MARK for the value; for whoever renders it


class KnownHeads:
    """The heads of one cluster's answers."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[bytes, KnownHead] = {}  # by their bytes, with MARK for the value

    def find(self, data: bytes, value: bytes) -> tuple[KnownHead | None, bytes]:
        """The head of an answer to a request with this value, and the bytes behind it; None if the usual parser has to read it."""
        end = data.find(END, 0, LARGEST) + 4
        if end < 4:
            return None, b""
        raw = data[:end]
        if MARK in raw:
            return None, b""
        key = raw.replace(value, MARK)
        known = self._heads.get(key)
        if known is None:
            known = self._read(raw, value)
            if known is None:
                return None, b""
            if len(self._heads) >= KEPT:
                self._heads.clear()
            self._heads[key] = known
        return known, data[end:]

    def _read(self, raw: bytes, value: bytes) -> KnownHead | None:
        try:
            head, chunked = read_response(raw)
        except Malformed:  # the usual parser says so
            return None
        times = raw.count(value)
        if times > 1 or (times and head.get(b"audit-id") != value):
            return None
        if head.status < 200 or head.status in {204, 304, 401} or not head.keep_alive or not (chunked or head.length is not None):
            return None
        return KnownHead(head, chunked, value if times else b"")
