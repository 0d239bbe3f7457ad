"""A recording as plain text."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from jitui.api.views import FrameView
from jitui.tui.rendered import OPEN, Rendered
from tests.fakes.desk import session_view


def frame(seq: int, channel: str, body: bytes, **fields: Any) -> FrameView:
    return FrameView(**{"seq": seq, "at_us": 0, "conn": 0, "channel": channel, "data_b64": b64encode(body).decode(), **fields})


def text_of(frames: Sequence[FrameView], **fields: Any) -> str:
    rendered = Rendered(session_view("s-1", **fields))
    return "".join([*rendered.feed(frames), *rendered.end()])


def test_hostile_text() -> None:
    """A pod's output can't control the terminal that shows it, nor take for ever."""
    hostile = b"\x1b[1;2;3H\x1b]52;c;eA==\x07\x9b31m\x00" + b"e" + "\u0301".encode() * 20_000 + b"y" * 60_000 + "\u202e\u9f8d".encode() * 9000
    for tty in (True, False):
        assert text_of([frame(0, "stdout", hostile)], tty=tty).replace("\n", "").isprintable()


def test_a_line_is_whole_whatever_comes_between() -> None:
    """A character cut between two frames, what was typed, and a line of another channel or connection."""
    said = [frame(0, "stdout", b"caf\xc3"), frame(1, "stdin", b"typed"), frame(2, "stdout", b"\xa9\nto"), frame(3, "stderr", b"no\n"),
            frame(4, "stdout", b"ken=x\nend")]  # fmt: skip
    assert text_of(said) == "caf\N{LATIN SMALL LETTER E WITH ACUTE}\nno\ntoken=x\nend\n"
    many = [frame(at, "forward-out", part % conn, conn=conn) for at, (part, conn) in enumerate((part, conn) for part in (b"a%d", b"b%d\n") for conn in (1, 2))]
    assert text_of(many, kind="port-forward") == "a1b1\na2b2\n"


def test_no_line_is_cut() -> None:
    """A search finds what stands far behind in a line, and in the last of a million."""
    long = b"x" * 5000 + b" token=abc"
    assert text_of([frame(0, "stdout", long + b"\r\n" + b"y\r\n" * 30_000 + b"last")], tty=True) == long.decode() + "\n" + "y\n" * 30_000 + "last\n"


def test_the_gateways_words_end_what_was_begun() -> None:
    """A line each, behind what was said before; a success is no words; a long line that goes on is ended first."""
    status = b'{"kind":"Status","status":"Failure","message":"exit code 3"}'
    assert text_of([frame(0, "stdout", b"$ "), frame(1, "error", status), frame(2, "gateway", b"window ended")]) == "$\nerror: exit code 3\nwindow ended\n"
    assert text_of([frame(0, "stdout", b"ok\n"), frame(1, "error", b'{"status":"Success"}')]) == "ok\n"
    assert text_of([frame(0, "stdout", b"x" * 600_000), frame(1, "stderr", b"no\n"), frame(2, "stdout", b"y\n")]).count("\n") == 3


def test_exchanges_are_said_with_their_heads() -> None:
    """Of plain requests; of a stream the head is no output. A stream that says nothing more is let go."""
    heads = [frame(0, "request", b"GET / HTTP/1.1\r\n\r\n"), frame(1, "response", b"HTTP/1.1 200 OK\r\n\r\n"), frame(2, "response-body", b"{}")]
    assert text_of(heads, kind="api") == "GET / HTTP/1.1\nHTTP/1.1 200 OK\n{}\n"
    assert text_of([*heads[:2], frame(2, "stdout", b"log\n")], kind="logs") == "log\n"
    rendered = Rendered(session_view("s-1", kind="port-forward"))
    assert "".join(rendered.feed([frame(at, "forward-out", b"%d" % at, conn=at) for at in range(OPEN + 2)])) == "0\n1\n"


def test_it_counts_what_it_does_not_show_as_it_was() -> None:
    """Bytes that did not arrive, and lines that a program drew over; the width is that of the recorded terminal."""
    rendered = Rendered(session_view("s-1", tty=True))
    size = b'{"Width":20,"Height":5}'
    list(rendered.feed([frame(0, "resize", size), frame(1, "stdout", b"a" * 25 + b"\rb\r\n"), frame(2, "stdout", b"lost", delivered=False)]))
    assert (rendered.drawn_over, rendered.undelivered) == (1, 4)


def test_a_session_that_said_nothing() -> None:
    """No line, with a terminal or without; blank lines at the end are none."""
    for tty in (True, False):
        assert text_of([], tty=tty) == ""
        assert text_of([frame(0, "stdout", b"a\r\n\r\n\r\n")], tty=tty) == "a\n"
