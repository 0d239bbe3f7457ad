"""The strict look: a table of what was used to smuggle one request in another, and what bounds a head."""

import time

import pytest
from hypothesis import given, strategies as st

from jitui.protocol import strict
from jitui.protocol.strict import HEAD_LIMIT, HEADERS_LIMIT, CodingRefused, HeadCutter, HeadTooLong, Malformed, MethodRefused, VersionRefused
from tests.protocol.pieces import KUBECTL_SPDY, bytewise, parse

SMUGGLING: list[tuple[str, bytes, type[Malformed], str]] = [
    ("length and coding", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Malformed, "both content-length"),
    ("coding and length", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", Malformed, "both content-length"),
    ("unequal lengths", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", Malformed, "content-length is there twice"),
    ("equal lengths", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\ncontent-length: 4\r\n\r\nabcd", Malformed, "content-length is there twice"),
    ("length list", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd", Malformed, "one plain decimal"),
    ("signed length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd", Malformed, "one plain decimal"),
    ("negative length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\nabcd", Malformed, "one plain decimal"),
    ("hexadecimal length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd", Malformed, "one plain decimal"),
    ("octal-looking length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 010\r\n\r\nabcdefgh", Malformed, "one plain decimal"),
    ("huge length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551620\r\n\r\nabcd", Malformed, "one plain decimal"),
    ("no length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nabcd", Malformed, "one plain decimal"),
    ("other coding", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", CodingRefused, "exactly `chunked`"),
    ("two codings", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", CodingRefused, "exactly `chunked`"),
    ("chunked, then other", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", CodingRefused, "exactly `chunked`"),
    ("coding twice", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", Malformed, "there twice"),
    ("coding in capitals", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", CodingRefused, "exactly `chunked`"),
    ("coding quoted", b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', CodingRefused, "exactly `chunked`"),
    ("vertical tab", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", Malformed, "control character"),
    ("space before colon", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", Malformed, "before the colon"),
    ("tab before colon", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 4\r\n\r\nabcd", Malformed, "before the colon"),
    ("white space in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX y: 1\r\n\r\n", Malformed, "not a token"),
    ("empty name", b"GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", Malformed, "not a token"),
    ("no colon", b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", Malformed, "no colon"),
    ("folded value", b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", Malformed, "obs-fold"),
    ("folded by a tab", b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\tTransfer-Encoding: chunked\r\n\r\n", Malformed, "obs-fold"),
    ("first line folded", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", Malformed, "obs-fold"),
    ("bare LF", b"GET / HTTP/1.1\nHost: a\r\n\r\n", Malformed, "bare"),
    ("bare LF at the end", b"GET / HTTP/1.1\r\nHost: a\r\n\n", Malformed, "bare"),
    ("bare CR", b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", Malformed, "bare"),
    ("NUL", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", Malformed, "NUL"),
    ("empty line first", b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Malformed, "request line"),
    ("HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", VersionRefused, "HTTP/1.1"),
    ("HTTP/0.9", b"GET /\r\n\r\n", Malformed, "request line"),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VersionRefused, "HTTP/1.1"),
    ("HTTP/1.10", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", VersionRefused, "HTTP/1.1"),
    ("lower-case http", b"GET / http/1.1\r\nHost: a\r\n\r\n", Malformed, "HTTP/1.1"),
    ("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Malformed, "request line"),
    ("tab", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", Malformed, "request line"),
    ("CONNECT", b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", MethodRefused, "one of"),
    ("TRACE", b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", MethodRefused, "one of"),
    ("OPTIONS", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Malformed, "origin form"),
    ("lower-case method", b"get / HTTP/1.1\r\nHost: a\r\n\r\n", MethodRefused, "one of"),
    ("absolute form", b"GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n", Malformed, "origin form"),
    ("authority form", b"GET evil:443 HTTP/1.1\r\nHost: a\r\n\r\n", Malformed, "origin form"),
    ("fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Malformed, "percent-encoded"),
    ("backslash", b"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", Malformed, "percent-encoded"),
    ("raw UTF-8", "GET /ä HTTP/1.1\r\nHost: a\r\n\r\n".encode(), Malformed, "percent-encoded"),
    ("no host", b"GET / HTTP/1.1\r\nX: y\r\n\r\n", Malformed, "host"),
    ("no headers", b"GET / HTTP/1.1\r\n\r\n", Malformed, "host"),
    ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", Malformed, "host is there twice"),
    ("host list", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Malformed, "host"),
    ("host with a path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Malformed, "host"),
    ("two credentials", b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", Malformed, "authorization is there twice"),
    ("two content types", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n", Malformed, "content-type is there twice"),
    ("upgrade with a body", KUBECTL_SPDY.replace(b"Content-Length: 0", b"Content-Length: 5"), Malformed, "has a body"),
    ("upgrade with chunks", KUBECTL_SPDY.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"), Malformed, "has a body"),
    ("two upgrades", KUBECTL_SPDY.replace(b"Upgrade: SPDY/3.1", b"Upgrade: SPDY/3.1\r\nUpgrade: h2c"), Malformed, "upgrade is there twice"),
    ("TLS hello", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", Malformed, "bare"),
    ("too long", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * HEAD_LIMIT + b"\r\n\r\n", HeadTooLong, "1052672"),
    ("endless line", b"A" * (HEAD_LIMIT + 1), HeadTooLong, "1052672"),
    ("too many headers", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * HEADERS_LIMIT + b"\r\n", HeadTooLong, "4097 headers"),
]


def crumbled(data: bytes) -> list[bytes]:
    """Byte by byte; of a megabyte its beginning and its end, where the limit is, with larger pieces between."""
    if len(data) < 100_000:
        return bytewise(data)
    inner = range(5_000, len(data) - 5_000, 701)
    return [*bytewise(data[:5_000]), *(data[at : min(at + 701, len(data) - 5_000)] for at in inner), *bytewise(data[-5_000:])]


@pytest.mark.parametrize(("raw", "kind", "says"), [pytest.param(raw, kind, says, id=name) for name, raw, kind, says in SMUGGLING])
def test_what_can_be_read_in_two_ways_is_refused(raw: bytes, kind: type[Malformed], says: str) -> None:
    """One clear error, the same however it comes in, before any event: not a byte of it can be passed on."""
    for pieces in ([raw], crumbled(raw)):
        events, error = parse(pieces)
        assert events == []
        assert type(error) is kind
        assert says in str(error)
        assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize("line", [b"X" * 60_000, b"X: " + b"y " * 30_000, b"X:" * 30_000, b": " * 30_000, b"X: y\r\n" * 10_000 + b"\x01: z"])
def test_a_long_head_is_judged_in_linear_time(line: bytes) -> None:
    """The expression can't be made to go back and forth: 64 KiB of the worst shapes take well under a second."""
    began = time.process_time()
    strict.REQUEST.fullmatch(b"GET /" + b"a" * 1000 + b" HTTP/1.1\r\n" + line + b"\x01\r\n\r\n")
    assert time.process_time() - began < 0.5


def test_a_head_is_cut_off_once_it_is_whole() -> None:
    """The bytes behind the empty line are given back, however the head came."""
    head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert HeadCutter().cut(head + b"more") == (head, b"more")
    cutter = HeadCutter()
    assert [cutter.cut(piece) for piece in bytewise(head)] == [None] * (len(head) - 1) + [(head, b"")]
    assert cutter.holding == 0


def test_the_longest_head_fits() -> None:
    """1 MiB and 4 KiB with the empty line, as before the API server, not a byte more."""
    head = b"a" * (HEAD_LIMIT - 4) + b"\r\n\r\n"
    assert HeadCutter().cut(head) == (head, b"")
    with pytest.raises(HeadTooLong):
        HeadCutter().cut(b"a" + head)


@pytest.mark.parametrize("long", [
    b"POST /c/prod/api/v1/namespaces/web/pods/web-1/exec?command=" + b"a" * 1_040_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /c/prod/api/v1/pods?labelSelector=" + b"a" * 1_040_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /c/prod/api/v1/pods HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1_040_000 + b"\r\n\r\n",
])  # fmt: skip
def test_a_head_may_be_long(long: bytes) -> None:
    """In its request line or in its headers, whatever it asks for, and in reads of any size."""
    for size in (1 << 20, 30_000):
        cutter = HeadCutter()
        found = [cutter.cut(long[at : at + size]) for at in range(0, len(long), size)]
        assert found[-1] == (long, b"")
    assert strict.REQUEST.fullmatch(long)


@pytest.mark.parametrize("target", [b'/a?b[c]={d}|"e"&f;g^`<h>\\', b"/a?b?c", b"/[a]?"])
def test_a_query_is_printable(target: bytes) -> None:
    """Everything that Go takes, raw; only # would be a fragment elsewhere."""
    assert strict.REQUEST.fullmatch(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert not strict.REQUEST.fullmatch(b"GET " + target + b"# HTTP/1.1\r\nHost: a\r\n\r\n")


def test_tokens_of_several_lines() -> None:
    """A list may stand on many lines, with white space and empty members (RFC 9110, 5.6.1)."""
    assert strict.tokens([b"Keep-Alive, ,\tUpgrade ", b"", b"X"]) == [b"keep-alive", b"upgrade", b"x"]


@given(st.lists(st.sampled_from((b"\r", b"\n", b"\r\n", b"\0", b"a", b"A" * 9)), max_size=12).map(b"".join), st.integers(0, 12), st.integers(0, 40))
def test_bare_control_characters_are_found_wherever_they_stand(held: bytes, start: int, limit: int) -> None:
    """In any part of a head, also where a line's end lies across the part's beginning."""
    assert strict._holds_bare(bytearray(held), start, limit) == (strict.BARE.search(held, start, limit) is not None)


def test_a_mebibyte_that_comes_in_pieces_costs_little() -> None:
    """Less than one look at it, byte by byte, would: who sends heads without end takes none of the loop's time."""
    whole = b"GET /api/v1/namespaces/web/pods/web/exec?command=" + b"A" * 1_000_000
    begun = time.process_time()
    strict.BARE.search(whole)
    once = time.process_time() - begun
    cutter, begun = HeadCutter(), time.process_time()
    for at in range(0, len(whole), 1 << 16):
        assert cutter.cut(whole[at:at + (1 << 16)]) is None
    assert time.process_time() - begun < once / 2
