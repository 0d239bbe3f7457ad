"""HTTP/1.1 requests of one connection: any split gives the same events, anything unclear gives one error and nothing more."""

import random
from collections.abc import Callable

import h11
import pytest
from hypothesis import given, settings, strategies as st

from jitui.protocol import http
from jitui.protocol.http import Body, End, Event, Malformed, RequestHead, RequestParser
from jitui.protocol.strict import HEAD_LIMIT, HeadTooLong, VersionRefused
from tests.protocol.pieces import GET, KUBECTL_SPDY, KUBECTL_WEBSOCKET, at_random, bytewise, cut, disturbed, merged, orderly, parse, run
from tests.support.compiled import HERE, examples

TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0189-.!~", min_size=1, max_size=12).map(str.encode)
VALUE = st.binary(max_size=20).map(lambda raw: bytes(byte for byte in raw if byte in range(0x20, 0x7F) or byte > 0x7F).strip())
HEADER = st.tuples(TOKEN.map(lambda name: b"X-" + name), VALUE)
TARGET = st.text("abz09/?&=%.-_~!,:@", max_size=30).map(lambda text: b"/" + text.encode())
METHOD = st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE"])


def written(method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: list[bytes] | bytes) -> tuple[bytes, list[Event]]:
    """A request's bytes, and the events they stand for. A list of bodies is sent in chunks."""
    lines = [(b"Host", b"gw:6443"), *headers]
    if isinstance(body, list):
        lines.append((b"Transfer-Encoding", b"chunked"))
        sent, whole, length = b"".join(map(http.chunk, body)) + http.LAST_CHUNK, b"".join(body), None
    else:
        lines.append((b"Content-Length", b"%d" % len(body)))
        sent, whole, length = body, body, len(body)
    events: list[Event] = [RequestHead(method, target, tuple(lines), length, b"", keep_alive=True)]
    return http.render_request(method, target, lines) + sent, [*events, *([Body(whole)] if whole else []), End()]


REQUEST = st.builds(written, METHOD, TARGET, st.lists(HEADER, max_size=5), st.one_of(st.binary(max_size=50), st.lists(st.binary(max_size=30), max_size=4)))


@settings(max_examples=examples(300))
@given(st.lists(REQUEST, min_size=1, max_size=3), st.lists(st.integers(0, 5000), max_size=8))
def test_requests_in_any_pieces(requests: list[tuple[bytes, list[Event]]], points: list[int]) -> None:
    """Whole, byte by byte or cut anywhere: the same heads, bodies and ends, one message after the other."""
    data = b"".join(raw for raw, _ in requests)
    expected = [event for _, events in requests for event in events]
    for pieces in ([data], bytewise(data), cut(data, points)):
        events, error = parse(pieces)
        assert (merged(events), error) == (expected, None)


@settings(max_examples=examples(200))
@given(REQUEST)
def test_h11_reads_the_same(request: tuple[bytes, list[Event]]) -> None:
    """A second, independent parser agrees on method, target, headers and body."""
    raw, (head, *rest) = request
    theirs = h11.Connection(h11.SERVER)
    theirs.receive_data(raw)
    first = theirs.next_event()
    assert isinstance(first, h11.Request)
    assert isinstance(head, RequestHead)
    assert (first.method, first.target, list(first.headers)) == (head.method, head.target, [(name.lower(), value) for name, value in head.headers])
    body = b""
    while isinstance(event := theirs.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert body == b"".join(event.data for event in rest if isinstance(event, Body))


def test_ten_thousand_disturbed_requests() -> None:
    """Each is read the same in every split, or ends in the same one Malformed; what is accepted, h11 accepts too, and reads the same."""
    rng = random.Random(20)
    seeds = [GET, KUBECTL_WEBSOCKET, KUBECTL_SPDY, written(b"POST", b"/a?b=c", [(b"X-A", b"b")], b"hello")[0],
             written(b"PATCH", b"/x", [(b"Content-Type", b"application/json")], [b"hello", b"world"])[0]]  # fmt: skip
    refused, rounds = 0, 1_000 if HERE else 10_000
    for _ in range(rounds):
        data = disturbed(rng.choice(seeds), rng)
        whole, error = parse([data])
        split, same = parse(at_random(data, rng) if rng.randrange(3) else bytewise(data))
        assert (type(error), str(error)) == (type(same), str(same)), data
        assert orderly(split)
        if error is not None:
            assert isinstance(error, Malformed), data
            assert whole == [], data
            refused += 1
        else:
            assert merged(whole) == merged(split), data
            _h11_agrees(data, whole)
    assert 0.4 < refused / rounds < 0.99


def _h11_agrees(data: bytes, events: list[Event]) -> None:
    if not events or not isinstance(head := events[0], RequestHead):
        return
    theirs = h11.Connection(h11.SERVER)
    theirs.receive_data(data)
    first = theirs.next_event()
    assert isinstance(first, h11.Request), data
    assert (first.method, first.target, list(first.headers)) == (head.method, head.target, [(name.lower(), value) for name, value in head.headers]), data


def test_after_an_error_nothing_comes_any_more() -> None:
    """A parser that raised raises the same again, whatever it is fed, and holds nothing."""
    parser = RequestParser()
    with pytest.raises(Malformed) as first:
        parser.feed(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n" + GET)
    calls: list[Callable[[], object]] = [lambda: parser.feed(GET), parser.resume, lambda: parser.feed(b"")]
    for again in calls:
        with pytest.raises(VersionRefused) as caught:
            again()
        assert caught.value is first.value
    assert (parser.holding, parser.rest()) == (0, b"")


def test_it_is_paused_behind_a_message() -> None:
    """Pipelined messages wait for `resume`, one at a time."""
    parser = RequestParser()
    events = parser.feed(GET + GET + GET[:10])
    assert [type(event) for event in events] == [RequestHead, End]
    assert parser.feed(GET[10:]) == []
    assert [type(event) for event in parser.resume()] == [RequestHead, End]
    assert [type(event) for event in parser.resume()] == [RequestHead, End]
    assert parser.resume() == []
    assert [type(event) for event in parser.feed(GET)] == [RequestHead, End]


def test_equal_heads_are_one() -> None:
    """The head of a request with the same bytes as the one before is the same object; one byte more, or over 4 KiB, and it is read."""
    parser = RequestParser()
    long = GET.replace(b"\r\n\r\n", b"\r\nX-Long: " + b"x" * http.SAME_LIMIT + b"\r\n\r\n")
    heads = [event for data in (GET, GET, GET.replace(b"GET", b"PUT"), GET, long, long, GET) for event in (*parser.feed(data), *parser.resume())
             if isinstance(event, RequestHead)]  # fmt: skip
    assert [heads.index(head) for head in heads] == [0, 0, 2, 0, 4, 4, 0]
    assert [heads[0] is heads[1], heads[0] is heads[3], heads[4] is heads[5]] == [True, False, False]


def test_what_is_pipelined_is_bounded() -> None:
    """From 64 KiB on it is full; more than one read beyond that is an error."""
    parser = RequestParser()
    parser.feed(GET + b"x" * (http.KEPT_LIMIT - 1))
    full = [parser.full]
    parser.feed(b"x" * 1000)
    assert [*full, parser.full] == [False, True]
    assert parser.holding == http.KEPT_LIMIT + 999
    with pytest.raises(Malformed, match="65536"):
        parser.feed(b"x")
    assert parser.holding == 0


def test_a_head_is_bounded() -> None:
    """A head that never ends is refused at its limit, whatever the reads are that bring it there."""
    for size in (1, 7, 4096, 300_000):
        parser = RequestParser()
        held = 0

        def feed(piece: bytes, parser: RequestParser = parser) -> list[Event]:
            nonlocal held
            events = parser.feed(piece)
            held = max(held, parser.holding)
            return events

        endless = b"GET / HTTP/1.1\r\n" + b"X: yyyyyyyyyyyyyyyy\r\n" * 60_000
        near = HEAD_LIMIT - 8192
        events, error = run(feed, [endless[:near], *(endless[at : at + size] for at in range(near, len(endless), size))])
        assert events == []
        assert isinstance(error, HeadTooLong)
        assert held < HEAD_LIMIT


def test_kubectls_websocket_handshake() -> None:
    """The bytes behind the head are handed over by `rest`, once."""
    parser = RequestParser()
    head, end = parser.feed(KUBECTL_WEBSOCKET + b"\x81\x00")
    assert isinstance(head, RequestHead)
    assert end == End()
    assert (head.upgrade, head.length, head.get(b"SEC-WEBSOCKET-protocol")) == (b"websocket", 0, b"v5.channel.k8s.io")
    assert parser.feed(b"\x82") == []
    assert (parser.rest(), parser.rest()) == (b"\x81\x00\x82", b"")


def test_kubectls_spdy_handshake() -> None:
    """Four X-Stream-Protocol-Version lines are four; Content-Length 0 is no body."""
    (head, _), error = parse(bytewise(KUBECTL_SPDY))
    assert error is None
    assert isinstance(head, RequestHead)
    assert (head.upgrade, head.method) == (b"spdy/3.1", b"POST")
    assert head.all(b"x-stream-protocol-version") == [b"v4.channel.k8s.io", b"v3.channel.k8s.io", b"v2.channel.k8s.io", b"channel.k8s.io"]


def test_an_upgrade_needs_both_headers() -> None:
    """Upgrade without Connection: Upgrade is no upgrade (RFC 9110, 7.8)."""
    parser = RequestParser()
    head = parser.feed(b"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx")[0]
    assert isinstance(head, RequestHead)
    assert (head.upgrade, head.length, head.keep_alive) == (b"", 1, True)


def test_connection_close() -> None:
    """The last request of a connection says so, in any case and on any of several lines."""
    head = RequestParser().feed(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: y, CLOSE\r\n\r\n")[0]
    assert isinstance(head, RequestHead)
    assert not head.keep_alive


def test_a_body_is_handed_out_as_it_comes() -> None:
    """Nothing of a long body is held back."""
    parser = RequestParser()
    parser.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(100):
        events = parser.feed(b"x" * 10_000)
        assert events[0] == Body(b"x" * 10_000)
        assert parser.holding == 0
    assert events[1:] == [End()]


def test_the_repr_of_a_head_shows_no_header() -> None:
    """A credential can't get into a log by way of a repr."""
    assert "jt_a_b" not in repr(RequestParser().feed(KUBECTL_WEBSOCKET))


def test_the_same_head_once_more_is_taken_whole() -> None:
    """`same` is what `feed` would have done with these bytes, and takes nothing else: not half of them, nothing behind them, no head with a body."""
    get, post = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
    parser = http.RequestParser()
    assert not parser.same(get)
    parser.feed(get)
    assert not parser.same(get)  # the one before is not answered yet
    assert parser.ready()
    assert not any(parser.same(data) for data in (get[:-1], get + get, get + b"x", get.replace(b"/a", b"/b"), b""))
    assert parser.same(get)
    assert parser.paused
    parser.feed(get[:9])
    assert not parser.ready()
    assert parser.resume() == []
    assert not parser.same(get)  # one has begun
    assert len(parser.feed(get[9:])) == 2
    assert parser.ready()
    parser.feed(post + b"x")
    assert parser.ready()
    assert not parser.same(post)
