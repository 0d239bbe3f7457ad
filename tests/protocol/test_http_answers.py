"""HTTP/1.1 answers of the cluster: every framing in any pieces, and one 502 for all that is unclear."""

import random

import pytest

from jitui.protocol import http
from jitui.protocol.http import Body, End, Event, Malformed, RequestParser, ResponseHead, ResponseParser
from jitui.protocol.strict import ANSWER_LIMIT
from jitui.values.errors import JituiError
from tests.protocol.pieces import GET, KUBECTL_SPDY, at_random, bytewise, disturbed, merged, orderly, run

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

ANSWERS: list[tuple[str, bytes, bytes, bool, int, int | None, bytes, bool]] = [
    # name, method, bytes, closed behind them, status, length, body, keep-alive
    ("length", b"GET", OK + b"Content-Length: 5\r\n\r\nhello", False, 200, 5, b"hello", True),
    ("no body", b"GET", OK + b"Content-Length: 0\r\n\r\n", False, 200, 0, b"", True),
    ("chunks", b"GET", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n03\r\nllo\r\n0\r\n\r\n", False, 200, None, b"hello", True),
    ("trailers, dropped", b"GET", OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\nY: 2\r\n\r\n", False, 200, None, b"hello", True),
    ("until close", b"GET", OK + b"\r\nhello", True, 200, None, b"hello", False),
    ("HEAD", b"HEAD", OK + b"Content-Length: 5\r\n\r\n", False, 200, 5, b"", True),
    ("HEAD, chunks", b"HEAD", OK + b"Transfer-Encoding: chunked\r\n\r\n", False, 200, None, b"", True),
    ("204", b"DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", False, 204, None, b"", True),
    ("304", b"GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 5\r\n\r\n", False, 304, 5, b"", True),
    ("interim", b"POST", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx", False, 200, 1, b"x", True),
    ("close", b"GET", OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", True, 200, 5, b"hello", False),
    ("HTTP/1.0", b"GET", b"HTTP/1.0 503 Busy\r\n\r\nhello", True, 503, None, b"hello", False),
    ("no phrase", b"GET", b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", False, 200, 0, b"", True),
]


def answer(method: bytes, pieces: list[bytes], *, eof: bool = False) -> tuple[list[Event], JituiError | None]:
    parser = ResponseParser()
    parser.expect(method)
    events, error = run(parser.feed, pieces)
    if eof and error is None:
        more, error = run(lambda _: parser.eof(), [b""])
        events += more
    return events, error


@pytest.mark.parametrize(("method", "raw", "closed", "status", "length", "body", "keep"), [pytest.param(*row, id=name) for name, *row in ANSWERS])
def test_answers_in_any_pieces(method: bytes, raw: bytes, closed: bool, status: int, length: int | None, body: bytes, keep: bool) -> None:
    """Every framing, whole and byte by byte; the end is known without looking further."""
    for pieces in ([raw], bytewise(raw)):
        events, error = answer(method, pieces, eof=closed)
        assert error is None
        head, *rest = merged(events)
        assert isinstance(head, ResponseHead)
        assert (head.status, head.length, head.keep_alive) == (status, length, keep)
        assert rest == [*([Body(body)] if body else []), End()]


def test_a_connection_carries_many_answers() -> None:
    """Each is expected first; what was not asked for is an error."""
    parser = ResponseParser()
    for _ in range(3):
        parser.expect(b"GET")
        assert len(parser.feed(OK + b"Content-Length: 1\r\n\r\nx")) == 3
    with pytest.raises(Malformed, match="no request asked for") as caught:
        parser.feed(OK)
    assert caught.value.code == 502


def test_an_answer_is_expected_once() -> None:
    """Two requests at once on one connection would be a mistake of ours."""
    parser = ResponseParser()
    parser.expect(b"GET")
    with pytest.raises(RuntimeError):
        parser.expect(b"GET")


def test_the_first_frames_behind_a_101_are_kept() -> None:
    """They may stand in the same segment; `rest` hands them over."""
    for pieces in ([SWITCH + b"\x82\x01\x01"], bytewise(SWITCH + b"\x82\x01\x01")):
        parser = ResponseParser()
        parser.expect(b"GET")
        events, error = run(parser.feed, pieces)
        assert error is None
        assert isinstance(events[0], ResponseHead)
        assert (events[0].status, events[0].keep_alive, events[1:]) == (101, False, [End()])
        assert (parser.rest(), parser.rest(), parser.eof()) == (b"\x82\x01\x01", b"", [])


def test_a_101_on_a_plain_connection_is_an_error() -> None:
    """Where no upgrade was asked for, nothing may switch."""
    parser = ResponseParser()
    parser.expect(b"GET", upgrade=False)
    with pytest.raises(Malformed, match="not asked for"):
        parser.feed(SWITCH)


ANSWER_FAULTS: list[tuple[str, bytes]] = [
    ("length and coding", OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("two lengths", OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    ("bad length", OK + b"Content-Length: five\r\n\r\nhello"),
    ("other coding", OK + b"Transfer-Encoding: gzip\r\n\r\nhello"),
    ("coding in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("surplus", OK + b"Content-Length: 5\r\n\r\nhello!"),
    ("surplus behind no body", b"HTTP/1.1 204 No Content\r\n\r\nhello"),
    ("body to a 304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello"),
    ("HTTP/2", b"HTTP/2.0 200 OK\r\n\r\n"),
    ("h2 frames", b"\x00\x00\x18\x04\x00\x00\x00\x00\x00"),
    ("status 99", b"HTTP/1.1 099 No\r\n\r\n"),
    ("status 2000", b"HTTP/1.1 2000 OK\r\n\r\n"),
    ("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    ("folded", OK + b"X: 1\r\n 2\r\n\r\n"),
    ("endless interims", b"HTTP/1.1 100 Continue\r\n\r\n" * 9),
    ("endless head", OK + b"X: y\r\n" * 20_000),
    ("faulty chunk", OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ("endless trailers", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: yyyyyyyyyyyyyyyyyyyyy\r\n" * 1000),
]


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in ANSWER_FAULTS])
def test_an_unclear_answer_is_an_error(raw: bytes) -> None:
    """One 502, the same however it comes in."""
    whole, error = answer(b"GET", [raw])
    events, same = answer(b"GET", bytewise(raw))
    assert (whole, str(error)) == ([], str(same))
    assert isinstance(error, http.AnswerMalformed)
    assert error.code == 502
    assert orderly(events)


@pytest.mark.parametrize("raw", [b"", OK, OK + b"Content-Length: 5\r\n\r\nhell", OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"])
def test_an_answer_cut_short_is_an_error(raw: bytes) -> None:
    """A closed connection is only an end where the length is `until close`."""
    _, error = answer(b"GET", [raw], eof=True)
    assert isinstance(error, Malformed)
    assert "closed" in str(error)


def test_an_idle_connection_may_be_closed() -> None:
    """Without an answer due there is nothing to say."""
    assert ResponseParser().eof() == []


def test_surplus_behind_a_101_is_bounded() -> None:
    """More than 64 KiB and a read is not kept."""
    parser = ResponseParser()
    parser.expect(b"GET")
    parser.feed(SWITCH + b"x" * http.KEPT_LIMIT)
    with pytest.raises(Malformed, match="65536"):
        parser.feed(b"x")
    assert (parser.holding, parser.rest()) == (0, b"")


def test_ten_thousand_disturbed_answers() -> None:
    """Each is read the same in every split, or ends in the same one 502."""
    rng = random.Random(21)
    refused = 0
    for _ in range(10_000):
        _, method, raw, closed, *_ = rng.choice(ANSWERS)
        data = disturbed(raw, rng)
        whole, error = answer(method, [data], eof=closed)
        split, same = answer(method, at_random(data, rng) if rng.randrange(3) else bytewise(data), eof=closed)
        assert str(error) == str(same), data
        assert orderly(split)
        if error is None:
            assert merged(whole) == merged(split), data
        else:
            assert isinstance(error, http.AnswerMalformed), data
            refused += 1
    assert 3_000 < refused < 9_900


def _holding(parser: RequestParser | ResponseParser, data: bytes, size: int) -> int:
    most = 0
    for at in range(0, len(data), size):
        try:
            parser.feed(data[at : at + size])
        except Malformed:
            break
        most = max(most, parser.holding)
    return most


def test_garbage_is_never_piled_up() -> None:
    """Whatever comes, a parser holds at most a head, or what is kept behind a message."""
    rng = random.Random(22)
    for _ in range(300):
        data = rng.choice([GET, KUBECTL_SPDY, OK, SWITCH, b""]) + rng.randbytes(rng.randrange(2000)) * rng.choice([1, 100])
        requests, answers = RequestParser(), ResponseParser()
        answers.expect(b"GET")
        for parser in (requests, answers):
            assert _holding(parser, data, 1024) <= ANSWER_LIMIT + 1024
