"""A recording as plain text."""

from base64 import b64encode

from jitui.api.views import FrameView
from jitui.cli import rendered
from tests.fakes.desk import session_view


def frame(seq: int, channel: str, body: bytes) -> FrameView:
    return FrameView(seq=seq, at_us=0, conn=0, channel=channel, data_b64=b64encode(body).decode())


def test_hostile_text() -> None:
    """A pod's output can't control the terminal that shows it, nor take for ever."""
    hostile = b"\x1b[1;2;3H\x1b]52;c;eA==\x07\x9b31m\x00" + b"e" + "\u0301".encode() * 20_000 + b"y" * 60_000 + "\u202e\u9f8d".encode() * 9000
    frames = [FrameView(seq=0, at_us=0, conn=0, channel="stdout", data_b64=b64encode(hostile).decode())]
    for tty in (True, False):
        for line in rendered.text_of(session_view("s-1", tty=tty), frames):
            assert not set(line) & set("\x1b\x07\x00\x9b\u202e")


def test_a_character_cut_between_two_frames_is_whole() -> None:
    """Frames of one channel are one piece, also around what no terminal showed; another channel's words stand between."""
    frames = [frame(0, "stdout", b"caf\xc3"), frame(1, "stdin", b"typed"), frame(2, "stdout", b"\xa9\n"),
              frame(3, "stderr", b"no\n"), frame(4, "stdout", b"end")]
    assert list(rendered.said_by(frames)) == [("stdout", "caf\N{LATIN SMALL LETTER E WITH ACUTE}\n".encode()), ("stderr", b"no\n"), ("stdout", b"end")]
    assert rendered.text_of(session_view("s-1"), frames) == ["caf\N{LATIN SMALL LETTER E WITH ACUTE}", "no", "end"]


def test_no_line_of_long_output_is_lost() -> None:
    """More lines than the emulator has, one longer than it holds, and carriage returns done."""
    assert rendered.printed("".join(f"{at}\n" for at in range(1000))) == [str(at) for at in range(1000)]
    assert "".join(rendered.printed("y" * 100_000)) == "y" * 100_000
    assert rendered.printed("10%\r100%\n\x1b[31mred\x1b[0m") == ["100%", "red"]


def test_a_session_that_said_nothing() -> None:
    """No line, with a terminal or without; blank lines at the end are none."""
    for tty in (True, False):
        assert rendered.text_of(session_view("s-1", tty=tty), []) == []
        assert rendered.text_of(session_view("s-1", tty=tty), [frame(0, "stdout", b"a\r\n\r\n\r\n")]) == ["a"]
