"""Heads, read and written."""

import pytest
from hypothesis import given, strategies as st

from jitui.protocol.http import Malformed, ResponseHead, render_request, render_response
from jitui.protocol.messages import RequestHead, read_request, read_response

NAME = st.from_regex(rb"X-[A-Za-z0-9-]{0,10}", fullmatch=True)
LINE = st.tuples(NAME, st.from_regex(rb"([!-~]([ -~]{0,9}[!-~])?)?", fullmatch=True))


@given(st.lists(LINE, max_size=6))
def test_what_is_written_reads_the_same(lines: list[tuple[bytes, bytes]]) -> None:
    """Order, repeats and spelling are kept, in requests and answers."""
    request = read_request(render_request(b"PUT", b"/a?b=%20", [(b"Host", b"x"), *lines]))
    assert request == RequestHead(b"PUT", b"/a?b=%20", ((b"Host", b"x"), *lines), 0, b"", keep_alive=True)
    answer, chunked = read_response(render_response(404, lines, framed=False))
    assert (answer, chunked) == (ResponseHead(404, b"Not Found", tuple(lines), None, keep_alive=True), False)


def test_white_space_around_a_value_is_not_part_of_it() -> None:
    """RFC 9112, 5.1."""
    assert read_request(b"GET / HTTP/1.1\r\nHost:\t a \t\r\nX:\r\nY:  b  c \r\n\r\n").headers == ((b"Host", b"a"), (b"X", b""), (b"Y", b"b  c"))


def test_headers_are_found_in_any_case() -> None:
    """`get` gives the first, `all` every value; no header is no value."""
    head = read_request(b"GET / HTTP/1.1\r\nHost: a\r\nX-a: 1\r\nx-A: 2\r\n\r\n")
    assert (head.get(b"x-a"), head.all(b"X-A"), head.get(b"x-b"), head.all(b"x-b")) == (b"1", [b"1", b"2"], b"", [])


def test_an_answer_of_our_own_says_its_length() -> None:
    """Always, so that kubectl does not wait for more (docs/protocol.md, 1.4); a 101 and a 204 have none."""
    assert render_response(403, [(b"A", b"b")], b"no") == b"HTTP/1.1 403 Forbidden\r\nA: b\r\nContent-Length: 2\r\n\r\nno"
    assert render_response(204, []) == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert render_response(101, [(b"Upgrade", b"websocket")]) == b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    assert render_response(299, [], b"x", framed=False) == b"HTTP/1.1 299 Unknown\r\n\r\nx"


@pytest.mark.parametrize("evil", [b"a\r\nX: y", b"a\nb", b"a\rb", b"a\0b"])
def test_nothing_breaks_out_of_its_line(evil: bytes) -> None:
    """A CR, LF or NUL in a part is a mistake of ours, and nothing is written."""
    for broken in ([(evil, b"b")], [(b"a", evil)]):
        with pytest.raises(ValueError, match="CR, LF or NUL"):
            render_request(b"GET", b"/", broken)
        with pytest.raises(ValueError, match="CR, LF or NUL"):
            render_response(200, broken)
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        render_request(b"GET", b"/" + evil, [])


def test_an_answer_with_underscores_in_names_is_read() -> None:
    """Pods behind services/proxy write such; only towards the cluster are they refused."""
    assert read_response(b"HTTP/1.1 200 OK\r\nX_y: z\r\n\r\n")[0].get(b"x_y") == b"z"


@pytest.mark.parametrize("line", [b"", b"HTTP/1.1 200", b"HTTP/1.1  200 OK", b"HTTP/1.1 200 O\x7fK", b"GET / HTTP/1.1"])
def test_a_status_line_is_one_of_http(line: bytes) -> None:
    """A version, a space, three digits, a space, a phrase."""
    with pytest.raises(Malformed):
        read_response(line + b"\r\n\r\n")
