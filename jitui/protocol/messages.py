"""Heads of HTTP/1.1 messages, read and written.

A head is read twice: by `strict` and by llhttp (httptools). Both must read the same method, target or status, and number of headers, else it is
refused. A head that is written is built from its parts and checked to have exactly as many lines as these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import httptools

from jitui.protocol import strict
from jitui.protocol.strict import HeadTooLong, Malformed

Headers = tuple[tuple[bytes, bytes], ...]

PHRASES: Final = {status.value: status.phrase.encode() for status in HTTPStatus}


class _Head:
    """The common part of both kinds of head: headers in their order, with repeats and spelling, without white space around values."""

    __slots__ = ()
    headers: Headers

    def get(self, name: bytes) -> bytes:
        """The first value of a header, b"" if there is none. The name's case does not matter."""
        size, name = len(name), name.lower()
        for key, value in self.headers:
            if len(key) == size and key.lower() == name:
                return value
        return b""

    def all(self, name: bytes) -> list[bytes]:
        """All values of a header, in order."""
        name = name.lower()
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(frozen=True, slots=True)
class RequestHead(_Head):
    method: bytes
    target: bytes  # origin form, as it came
    headers: Headers = field(repr=False)  # a credential may be among them
    length: int | None  # bytes of body; None: chunked
    upgrade: bytes  # lower case: websocket, spdy/3.1, h2c ...; b"" unless Connection names it too
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class ResponseHead(_Head):
    status: int
    phrase: bytes
    headers: Headers
    length: int | None  # the Content-Length in bytes, also in the answer to a HEAD; None: chunked, until close, or missing
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Body:
    data: bytes  # decoded, never empty


@dataclass(frozen=True, slots=True)
class End:
    """The message is whole."""


Event = RequestHead | ResponseHead | Body | End


class _Ear:
    """Collects llhttp's callbacks for one head."""

    __slots__ = ("done", "headers", "url")

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.url = b""
        self.done = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.done = True


def _by_eye(raw: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a head that passed `strict`, read without llhttp: for the message that says what llhttp rejected."""
    pairs = (line.partition(b":") for line in raw.split(b"\r\n")[1:-2])
    return [(name, value.strip(b" \t")) for name, _, value in pairs]


def read_request(raw: bytes) -> RequestHead:
    """One whole request head, empty line included. Raises Malformed."""
    count = raw.count(b"\n") - 2
    if count > strict.HEADERS_LIMIT:
        raise HeadTooLong(f"the head has {count} headers, {strict.HEADERS_LIMIT} are read; send fewer")
    match = strict.REQUEST.fullmatch(raw)
    if match is None:
        strict.refuse_request(raw)
    ear = _Ear()
    parser = httptools.HttpRequestParser(ear)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        _request_framing(_by_eye(raw))
        raise Malformed(f"the head can't be parsed ({str(error).lower()})") from error
    headers = tuple(ear.headers)
    method, target = match.groups()
    if not ear.done or ear.url != target or parser.get_method() != method or len(headers) != count:
        raise Malformed("the head can be read in two ways")
    length, upgrade, keep_alive = _request_framing(headers)
    return RequestHead(method, target, headers, length, upgrade, keep_alive)


def _request_framing(headers: Sequence[tuple[bytes, bytes]]) -> tuple[int | None, bytes, bool]:
    """Length, upgrade and keep-alive of a request. Raises Malformed where they are ambiguous (RFC 9112, 6.3)."""
    once: dict[bytes, bytes] = {}
    connection: list[bytes] = []
    for name, value in headers:
        low = name.lower()
        if low in strict.ONCE:
            if low in once:
                raise Malformed(f"the header {low.decode()} is there twice")
            once[low] = value
        elif low == b"connection":
            connection.append(value)
    host = once.get(b"host")
    if host is None or not strict.HOST.fullmatch(host):
        raise Malformed("there is no header host, or it is not a host name and a port")
    length: int | None = 0
    if b"transfer-encoding" in once:
        if b"content-length" in once:
            raise Malformed("the request has both content-length and transfer-encoding; send one of them")
        strict.check_coding(once[b"transfer-encoding"])
        length = None
    elif b"content-length" in once:
        length = strict.length_of(once[b"content-length"])
    options = strict.tokens(connection) if connection else []
    upgrade = once.get(b"upgrade", b"").lower() if b"upgrade" in options else b""
    if length != 0 and (upgrade == b"websocket" or upgrade.startswith(b"spdy")):  # the API server knows no other, and ignores it
        raise Malformed("a request for an upgrade has a body")
    return length, upgrade, b"close" not in options


def read_response(raw: bytes) -> tuple[ResponseHead, bool]:
    """One whole answer's head, and whether its body is chunked. Raises Malformed."""
    match = strict.ANSWER.fullmatch(raw)
    if match is None:
        strict.refuse_answer(raw)
    ear = _Ear()
    parser = httptools.HttpResponseParser(ear)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise Malformed(f"the head can't be parsed ({str(error).lower()})") from error
    minor, status, phrase = match.groups()
    headers = tuple(ear.headers)
    if not ear.done or parser.get_status_code() != int(status) or len(headers) != raw.count(b"\n") - 2:
        raise Malformed("the head can be read in two ways")
    if len(headers) > strict.HEADERS_LIMIT:
        raise Malformed(f"the head has {len(headers)} headers, {strict.HEADERS_LIMIT} are read")
    lengths: list[bytes] = []
    codings: list[bytes] = []
    connection: list[bytes] = []
    kinds = {b"content-length": lengths, b"transfer-encoding": codings, b"connection": connection}
    for name, value in headers:
        kind = kinds.get(name.lower())
        if kind is not None:
            kind.append(value)
    if len(lengths) > 1 or len(codings) > 1 or (lengths and codings) or (codings and minor == b"0"):
        raise Malformed("its length is given in two ways")
    if codings:
        strict.check_coding(codings[0])
    length = strict.length_of(lengths[0]) if lengths else None
    keep_alive = minor == b"1" and b"close" not in strict.tokens(connection) and int(status) != 101
    return ResponseHead(int(status), phrase, headers, length, keep_alive), bool(codings)


def render_request(method: bytes, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A request head, empty line included. Raises ValueError if a part would break its line, which is a bug of the gateway, never a peer's doing."""
    return _checked(b"%b %b HTTP/1.1\r\n" % (method, target), headers)


def render_response(status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes = b"", *, framed: bool = True) -> bytes:
    """An answer. `framed` adds the Content-Length of `body` (not to 1xx and 204); without it the framing is the caller's. Raises ValueError."""
    line = b"HTTP/1.1 %d %b\r\n" % (status, PHRASES.get(status, b"Unknown"))
    if framed and status >= 200 and status != 204:
        headers = [*headers, (b"Content-Length", b"%d" % len(body))]
    return _checked(line, headers) + body


def _checked(line: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    head = b"%b%b\r\n" % (line, b"".join([b"%b: %b\r\n" % pair for pair in headers]))
    ends = len(headers) + 2
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
        raise ValueError("a line of the head holds a CR, LF or NUL")
    return head
