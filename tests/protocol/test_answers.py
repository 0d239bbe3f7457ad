"""Whole answers whose head is like an earlier one's: read once, and never taken for another."""

import pytest

from jitui.protocol import http
from jitui.protocol.answers import KEPT, KnownHeads

HEAD = b"HTTP/1.1 200 OK\r\nAudit-Id: %b\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"


def whole(parser: http.ResponseParser, heads: KnownHeads, data: bytes, value: bytes = b"id-1", method: bytes = b"GET") -> tuple[http.KnownHead, bytes] | None:
    parser.expect(method, upgrade=False)
    known, body = parser.whole(data, heads, value)
    return None if known is None or body is None else (known, body)


def test_heads_that_differ_in_the_id_alone_are_one() -> None:
    """Whatever its length; one that differs elsewhere is another, and without the id it is known as well."""
    heads = KnownHeads()
    parser = http.ResponseParser()
    found = [whole(parser, heads, HEAD % value + b"{}", value) for value in (b"id-1", b"id-2", b"id-1000")]
    assert [each is not None and each[0] is found[0][0] and each[1] == b"{}" for each in found] == [True] * 3  # type: ignore[index]
    other = whole(parser, heads, HEAD.replace(b"json", b"yaml") % b"id-4" + b"{}", b"id-4")
    assert other is not None
    assert other[0] is not found[0][0]  # type: ignore[index]
    assert whole(parser, heads, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") is not None


@pytest.mark.parametrize("data", [
    HEAD[:-2] % b"id-1", HEAD % b"id-1", HEAD % b"id-1" + b"{", HEAD % b"id-1" + b"{}more", HEAD % b"\0" + b"{}", HEAD % b"id\r\n" + b"{}",
    HEAD % b"id-1\r\nX-Other: id-1" + b"{}", HEAD % b"other\r\nX-Other: id-1" + b"{}", HEAD % b"id-1-2" + b"{}",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\n\r\n", b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n0\r\n\r\n",
])  # fmt: skip
def test_anything_else_is_left_to_the_usual_parser(data: bytes) -> None:
    """Nothing of it is taken, so the parser reads it from its first byte, as it always did; a known head does not change that."""
    heads, parser, usual = KnownHeads(), http.ResponseParser(), http.ResponseParser()
    assert whole(http.ResponseParser(), heads, HEAD % b"id-1" + b"{}") is not None
    assert whole(parser, heads, data) is None
    usual.expect(b"GET", upgrade=False)
    assert read(parser, data) == read(usual, data)


def read(parser: http.ResponseParser, data: bytes) -> list[http.Event] | str:
    try:
        return parser.feed(data)
    except http.Malformed as error:
        return str(error)


def test_the_answer_must_not_have_begun() -> None:
    """Behind a first part of it, and to a HEAD, the usual parser goes on; after a whole answer the next one may be taken at once."""
    heads, data = KnownHeads(), HEAD % b"id-1" + b"{}"
    parser = http.ResponseParser()
    assert whole(parser, heads, data, method=b"HEAD") is None
    parser = http.ResponseParser()
    parser.expect(b"GET", upgrade=False)
    parser.feed(data[:30])
    assert parser.whole(data, heads, b"id-1") == (None, None)
    assert len(parser.feed(data[30:])) == 3
    assert whole(parser, heads, data) is not None
    assert whole(parser, heads, data) is not None
    with pytest.raises(http.Malformed):
        parser.feed(data)  # nobody asked


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n"


@pytest.mark.parametrize(("data", "head", "body"), [(HEAD % b"id-1" + b"{}", HEAD % b"id-1", b"{}"), (CHUNKS, CHUNKS[:47], b"abc0\r\n\r\n")])
def test_the_beginning_of_a_whole_answer_is_known_by_its_head(data: bytes, head: bytes, body: bytes) -> None:
    """Cut anywhere behind its head it may be waited for, and is the same then; cut within it, and with a byte more, it is left to the usual parser."""
    heads, parser = KnownHeads(), http.ResponseParser()
    for cut in range(len(data)):
        parser = http.ResponseParser()
        parser.expect(b"GET", upgrade=False)
        known, none = parser.whole(data[:cut], heads, b"id-1")
        assert (known is not None, none) == (cut >= len(head), None), cut
        assert parser.whole(data, heads, b"id-1")[1] == body
    assert whole(http.ResponseParser(), heads, data + b"x") is None


def test_only_so_many_heads_are_kept() -> None:
    """A cluster that says something new each time takes no more room for it."""
    heads, parser = KnownHeads(), http.ResponseParser()
    for number in range(3 * KEPT):
        assert whole(parser, heads, b"HTTP/1.1 200 OK\r\nX-N: %d\r\nContent-Length: 0\r\n\r\n" % number) is not None
    assert len(heads._heads) <= KEPT
