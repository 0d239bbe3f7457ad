"""A watch is passed in whole events, so that the event that ends it can always be read."""

from typing import Final

EVENT_LIMIT: Final = 8 << 20  # bytes; an event longer than this is passed on unaligned


class Events:
    """Lines of JSON out of reads of any size; of another content type everything passes as it comes. Holds less than one event."""

    __slots__ = ("_lines", "_partial")

    def __init__(self, content_type: bytes) -> None:
        self._lines = content_type.startswith(b"application/json")
        self._partial = b""

    def whole(self, data: bytes) -> bytes:
        """Up to the last newline; the rest waits for its end."""
        if not self._lines:
            return data
        data = self._partial + data
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) > EVENT_LIMIT:
            cut = len(data)
        self._partial = data[cut:]
        return data[:cut]

    def rest(self) -> bytes:
        """The bytes without a newline behind them, once nothing more comes."""
        rest, self._partial = self._partial, b""
        return rest
