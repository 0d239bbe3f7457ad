"""The strict check of a raw HTTP/1.1 head, before anything else reads it.

A head that two parsers could read differently is refused, not repaired (RFC 9112, sections 2.2, 3, 5 and 6.1; RFC 9110, section 5.6.2). A good head
costs one match of a compiled expression without backtracking; only a refused one is parsed again, for the message that says what is wrong with it.
"""

import re
from collections.abc import Iterable
from typing import Final, NoReturn

from jitui.values.errors import JituiError

HEAD_LIMIT: Final = (1 << 20) + 4096  # bytes of a request's head, its empty line included: as many as the API server reads (net/http: DefaultMaxHeaderBytes)
ANSWER_LIMIT: Final = 64 << 10  # bytes of an answer's head
HEADERS_LIMIT: Final = 4096  # lines of one head
END: Final = b"\r\n\r\n"

_NAME: Final = rb"[!#$%&'*+._^`|~0-9A-Za-z-]++"  # token (RFC 9110, 5.6.2)
_VALUE: Final = rb"[\t\x20-\x7e\x80-\xff]*+"
_TARGET: Final = rb"/[!\"$->@-\[\]-~]*+(?:\?[!\"$-~]*+)?"  # origin-form, printable ASCII without "#", and before the query without "\"

REQUEST: Final = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (" + _TARGET + rb") HTTP/1\.1\r\n(?:" + _NAME + rb":" + _VALUE + rb"\r\n)*+\r\n")
ANSWER: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2}) (" + _VALUE + rb")\r\n(?:" + _NAME + rb":" + _VALUE + rb"\r\n)*+\r\n")
BARE: Final = re.compile(rb"\0|(?<!\r)\n|\r(?!\n|\Z)")
TRAILER: Final = re.compile(_NAME + rb":" + _VALUE + rb"\r\n")
LENGTH: Final = re.compile(rb"0|[1-9][0-9]{0,17}")
HOST: Final = re.compile(rb"[A-Za-z0-9._~%-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.%a-z]+\](?::[0-9]{1,5})?")
_METHOD: Final = re.compile(rb"[!#$%&'*+._^`|~0-9A-Za-z-]{1,32}")

# a request with two of these is ambiguous
ONCE: Final = frozenset(
    {
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"upgrade",
        b"authorization",
        b"content-type",
        b"content-encoding",
        b"expect",
        b"sec-websocket-key",
        b"sec-websocket-version",
    }
)


class Malformed(JituiError):  # noqa: N818 - the noun of RFC 9112
    """The bytes are not one unambiguous HTTP/1.1 message. The parser can't be used any more; the caller closes the connection."""


class HeadTooLong(Malformed):
    """A head has more bytes or more lines than the limit."""

    code = 431


class MethodRefused(Malformed):
    """The method has no verb in Kubernetes."""

    code = 405
    reason = "MethodNotAllowed"


class CodingRefused(Malformed):
    """The transfer coding is not chunked."""

    code = 501


class VersionRefused(Malformed):
    """The message is HTTP of another version than 1.1."""

    code = 505


class AnswerMalformed(Malformed):
    """The cluster's bytes are not one unambiguous answer."""

    code = 502
    reason = "ServiceUnavailable"


class HeadCutter:
    """Collects the bytes of one head, its empty line included. Holds at most `limit` bytes and one read."""

    __slots__ = ("_limit", "held")

    def __init__(self, limit: int = HEAD_LIMIT) -> None:
        self.held, self._limit = bytearray(), limit

    @property
    def holding(self) -> int:
        return len(self.held)

    def clear(self) -> None:
        self.held = bytearray()

    def cut(self, data: bytes) -> tuple[bytes, bytes] | None:
        """The head and what follows it, or None if more bytes are needed. Raises Malformed or HeadTooLong."""
        limit = self._limit
        if not self.held:
            end = data.find(END, 0, limit)
            if end >= 0:
                return data[: end + 4], data[end + 4 :]
        known = len(self.held)
        self.held += data
        end = self.held.find(END, max(0, known - 3), limit)
        if end >= 0:
            head, rest = bytes(self.held[: end + 4]), bytes(self.held[end + 4 :])
            self.held = bytearray()
            return head, rest
        if _holds_bare(self.held, max(0, known - 1), limit):
            raise _bare()
        if len(self.held) >= limit:
            raise HeadTooLong(f"the head is longer than {limit} bytes; send fewer or shorter headers")
        return None


def _holds_bare(held: bytearray, start: int, limit: int) -> bool:
    """Whether BARE matches in that part. Most parts have none of its three bytes, which three fast searches tell even for a line of 1 MiB."""
    first = min((at for byte in (b"\0", b"\r", b"\n") if (at := held.find(byte, start, limit)) >= 0), default=-1)
    return first >= 0 and BARE.search(held, first, limit) is not None


def refuse_request(head: bytes) -> NoReturn:
    """Raises Malformed with the reason why REQUEST does not match this head."""
    if BARE.search(head):
        raise _bare()
    line, _, lines = head.partition(b"\r\n")
    parts = line.split(b" ")
    if len(parts) != 3:
        raise Malformed("the request line is not a method, a target and a version with one space between them")
    method, target, version = parts
    if version != b"HTTP/1.1":
        if version.startswith(b"HTTP/"):
            raise VersionRefused("only HTTP/1.1 is spoken here")
        raise Malformed("the request line does not end in HTTP/1.1")
    if not _METHOD.fullmatch(method):
        raise Malformed("the method is not a token")
    if method not in {b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"}:
        raise MethodRefused("the method is not one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    if not target.startswith(b"/"):
        raise Malformed("the target is not in origin form; it has to begin with a slash")
    if not re.fullmatch(_TARGET, target):
        raise Malformed("the target holds a byte that has to be percent-encoded")
    _refuse_lines(lines)


def refuse_answer(head: bytes) -> NoReturn:
    """Raises Malformed with the reason why ANSWER does not match this head."""
    if BARE.search(head):
        raise _bare()
    line, _, lines = head.partition(b"\r\n")
    if not re.fullmatch(rb"HTTP/1\.[01] [1-9][0-9]{2} " + _VALUE, line):
        raise Malformed("the status line is not one of HTTP/1.1")
    _refuse_lines(lines)


def _refuse_lines(lines: bytes) -> NoReturn:
    for line in lines.split(b"\r\n"):
        if not line:
            break
        if line[:1] in {b" ", b"\t"}:
            raise Malformed("a header is folded over two lines (obs-fold); write it on one")
        name, colon, value = line.partition(b":")
        if not colon:
            raise Malformed("a header line has no colon")
        if name.endswith((b" ", b"\t")):
            raise Malformed("there is white space before the colon of a header")
        if not re.fullmatch(_NAME, name):
            raise Malformed("a header name is not a token")
        if not re.fullmatch(_VALUE, value):
            raise Malformed("a header value holds a control character")
    raise Malformed("the head is not one of HTTP/1.1")


def _bare() -> Malformed:
    return Malformed("the head holds a bare CR, a bare LF or a NUL")


def length_of(value: bytes) -> int:
    """A Content-Length in bytes. Raises Malformed."""
    if not LENGTH.fullmatch(value):
        raise Malformed("the content-length is not one plain decimal number")
    return int(value)


def check_coding(value: bytes) -> None:
    """Raises CodingRefused unless the Transfer-Encoding is exactly `chunked`."""
    if value != b"chunked":
        raise CodingRefused("the transfer-encoding is not exactly `chunked`")


def tokens(values: Iterable[bytes]) -> list[bytes]:
    """The lower-case members of a comma-separated list that may stand on several lines (RFC 9110, 5.6.1)."""
    return [member.strip(b" \t").lower() for value in values for member in value.split(b",") if member.strip(b" \t")]
