"""The chunked transfer coding, decoded (RFC 9112, section 7.1), strictly: no chunk extensions, no white space, no bare line ends.

httptools can neither pause nor tell where in its input a message ended, and two messages are kept apart by that end; so this module counts the bytes.
"""

import re
from typing import Final

from jitui.protocol.strict import TRAILER, Malformed

TRAILERS_LIMIT: Final = 8 << 10  # bytes of all trailer lines
LAST: Final = b"0\r\n\r\n"
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
_NEXT: Final = re.compile(rb"\r\n([0-9A-Fa-f]{1,15})\r\n")
_SIZE_LINE: Final = 17  # bytes of the longest size line

_AT_SIZE, _IN_DATA, _AFTER_DATA, _AT_TRAILER, _DONE = range(5)


def chunk(data: bytes) -> bytes:
    """`data` as one chunk; b"" for no data, because an empty chunk would be the last."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def in_one_chunk(lines: bytes, body: bytes) -> bytes:
    """A message with this body in one chunk; `lines`: of its head, as far as they are known. The body is copied once."""
    if not body:
        return b"%bTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % lines
    return b"%bTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (lines, len(body), body)


def unchunked(data: bytes) -> bytes | None:
    """The body of an answer whose chunks are all of `data`; None if more has to come. Raises Malformed, also if there are bytes behind it."""
    if not data.endswith(LAST):  # most often more has to come; of trailers the whole is read piece by piece
        return None
    chunked = Chunked(trailers=True)
    body, at = chunked.feed(data)
    if at < len(data):
        raise Malformed("there are bytes behind the last chunk")
    return body if chunked.done else None


class Chunked:
    """One chunked body. Holds at most one line of it; data is handed out as it comes.

    Trailers of a request are refused, trailers of an answer (`trailers=True`) are read and dropped.
    """

    __slots__ = ("_left", "_line", "_state", "_trailer_bytes", "_trailers")

    def __init__(self, *, trailers: bool = False) -> None:
        self._trailers = trailers
        self._trailer_bytes = 0
        self._state = _AT_SIZE
        self._left = 0
        self._line = b""

    @property
    def holding(self) -> int:
        return len(self._line)

    @property
    def done(self) -> bool:
        return self._state == _DONE

    def feed(self, data: bytes, at: int = 0) -> tuple[bytes, int]:
        """The body bytes in `data` from `at`, and where reading stopped: behind the body once it is `done`. Raises Malformed."""
        parts: list[bytes] = []
        size = len(data)
        while at < size and self._state != _DONE:
            if self._state == _IN_DATA:
                piece = data[at : at + self._left]
                parts.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = _AFTER_DATA
                    quick = _NEXT.match(data, at)
                    if quick is not None:
                        at = quick.end()
                        self._left = int(quick[1], 16)
                        self._state = _IN_DATA if self._left else _AT_TRAILER
            elif self._state == _AT_SIZE:
                at = self._size_line(data, at)
            elif self._state == _AFTER_DATA:
                at = self._crlf(data, at)
            else:
                at = self._trailer(data, at)
        return (parts[0] if len(parts) == 1 else b"".join(parts)), at

    def _sized(self, digits: bytes) -> None:
        self._left = int(digits, 16)
        self._state = _IN_DATA if self._left else _AT_TRAILER

    def _size_line(self, data: bytes, at: int) -> int:
        line, at = self._gather(data, at, _SIZE_LINE)
        if line is None:
            return at
        match = _SIZE.fullmatch(line)
        if match is None:
            raise Malformed("a chunk does not begin with its size in hexadecimal and nothing else")
        self._sized(match[1])
        return at

    def _crlf(self, data: bytes, at: int) -> int:
        line, at = self._gather(data, at, 2)
        if line is None:
            return at
        if line != b"\r\n":
            raise Malformed("a chunk is not as long as it says")
        self._state = _AT_SIZE
        return at

    def _trailer(self, data: bytes, at: int) -> int:
        line, at = self._gather(data, at, TRAILERS_LIMIT - self._trailer_bytes if self._trailers else 2)
        if line is None:
            return at
        if line == b"\r\n":
            self._state = _DONE
            return at
        if not self._trailers:
            raise Malformed("trailers behind a request's body are not accepted")
        self._trailer_bytes += len(line)
        if not TRAILER.fullmatch(line) or self._trailer_bytes >= TRAILERS_LIMIT:
            raise Malformed("the trailers behind the body are malformed or too long")
        return at

    def _gather(self, data: bytes, at: int, limit: int) -> tuple[bytes | None, int]:
        """A line of at most `limit` bytes with its LF, or as many bytes without one; None until one of these is there."""
        room = limit - len(self._line)
        end = data.find(b"\n", at, at + room) + 1
        if not end:
            end = min(at + room, len(data))
            if end - at < room:
                self._line += data[at:end]
                return None, end
        line, self._line = self._line + data[at:end], b""
        return line, end
