"""The chunked coding: any split gives the same bytes; extensions, white space and a request's trailers are refused."""

import pytest
from hypothesis import given, strategies as st

from jitui.protocol.chunked import LAST, TRAILERS_LIMIT, Chunked, chunk, in_one_chunk, unchunked
from jitui.protocol.http import End, Malformed, RequestHead
from tests.protocol.pieces import bytewise, cut, parse, run

CHUNK_FAULTS = [
    b"5;ext=1\r\nabcde\r\n0\r\n\r\n",
    b" 5\r\nabcde\r\n0\r\n\r\n",
    b"5 \r\nabcde\r\n0\r\n\r\n",
    b"0x5\r\nabcde\r\n0\r\n\r\n",
    b"-5\r\nabcde\r\n0\r\n\r\n",
    b"5\nabcde\r\n0\r\n\r\n",
    b"5\r\nabcde\n0\r\n\r\n",
    b"5\r\nabcdef\r\n0\r\n\r\n",
    b"\r\nabcde\r\n0\r\n\r\n",
    b"g\r\n",
    b"1234567890abcdef0\r\n",
    b"0\r\nX: y\r\n\r\n",
    b"0\r\n\n",
    b"0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
]


@pytest.mark.parametrize("body", CHUNK_FAULTS)
def test_a_faulty_chunk_ends_the_connection(body: bytes) -> None:
    """After the head an unclear body is an error too: the message never gets its End, and extensions and trailers are refused."""
    raw = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    whole, error = parse([raw])
    events, same = parse(bytewise(raw))
    assert (whole, str(error)) == ([], str(same))
    assert isinstance(error, Malformed)
    assert isinstance(events[0], RequestHead)
    assert not any(isinstance(event, End) for event in events)


@given(st.lists(st.binary(max_size=300), max_size=5), st.binary(max_size=10), st.lists(st.integers(0, 3000), max_size=8))
def test_chunks_in_any_pieces(bodies: list[bytes], behind: bytes, points: list[int]) -> None:
    """The decoded body is the encoded one, and reading stops right behind the last chunk."""
    data = b"".join(map(chunk, bodies)) + LAST
    for pieces in ([data], bytewise(data), cut(data, points)):
        chunked, out = Chunked(), b""
        for piece in [*pieces[:-1], pieces[-1] + behind]:
            body, at = chunked.feed(piece)
            out += body
        assert (out, chunked.done, chunked.holding, at) == (b"".join(bodies), True, 0, len(pieces[-1]))


def test_trailers_of_a_request_are_refused() -> None:
    """Nothing of a request may come behind its body; the error says that."""
    for pieces in ([b"0\r\nX: y\r\n\r\n"], bytewise(b"0\r\nX: y\r\n\r\n")):
        chunked = Chunked()
        _, error = run(chunked.feed, pieces)
        assert str(error) == "trailers behind a request's body are not accepted"


@pytest.mark.parametrize("body", [b"", b"x", b"y" * 70_000])
def test_a_whole_body_in_one_chunk(body: bytes) -> None:
    """It is written and read as one; part of it is not all of it, and with more behind it, it is an error."""
    written = in_one_chunk(b"HTTP/1.1 200 OK\r\n", body)
    assert written == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body) + LAST
    chunks = chunk(body) + LAST
    assert (unchunked(chunks), unchunked(chunks[:-1])) == (body, None)
    with pytest.raises(Malformed):
        unchunked(chunks + LAST)


def test_an_empty_chunk_is_not_written() -> None:
    """It would be the last one."""
    assert chunk(b"") == b""
    assert chunk(b"x" * 16) == b"10\r\n" + b"x" * 16 + b"\r\n"


def test_trailers_of_an_answer_are_dropped() -> None:
    """They are read up to the empty line and given to nobody."""
    chunked = Chunked(trailers=True)
    assert chunked.feed(b"1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\nnext") == (b"x", 23)
    assert chunked.done


@pytest.mark.parametrize("trailer", [b"no colon\r\n", b" folded: x\r\n", b"A: \x00\r\n", b"A: b\n", b"A: " + b"b" * TRAILERS_LIMIT + b"\r\n",
                                     b"A: bbbbbbbbbbbbbbbbb\r\n" * 500])  # fmt: skip
def test_unclear_trailers_are_an_error(trailer: bytes) -> None:
    """Each line is a header, all together at most 8 KiB; held back is at most that."""
    chunked = Chunked(trailers=True)
    chunked.feed(b"0\r\n")
    held: list[int] = []

    def feed(piece: bytes) -> list[bytes]:
        body, _ = chunked.feed(piece)
        held.append(chunked.holding)
        return [body]

    _, error = run(feed, bytewise(trailer + b"\r\n"))
    assert isinstance(error, Malformed)
    assert "trailers" in str(error)
    assert max(held) <= TRAILERS_LIMIT
