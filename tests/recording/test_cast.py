"""Recordings as asciicast v3."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from jitui.recording.cast import cast, exit_status, resized, status_line
from jitui.recording.frame import Channel, Frame

SIZE = b'{"Width":120,"Height":40}'
FAILED = b'{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"42"}]}}'


def made(*pieces: tuple[int, Channel, bytes], **options: Any) -> list[Any]:
    frames = [Frame(1, seq, at_us, 0, channel, body) for seq, (at_us, channel, body) in enumerate(pieces)]
    return [json.loads(line) for line in cast(frames, started_us=1_795_449_600_000_000, **options)]


def test_a_shell_session() -> None:
    """Header with the first size, then intervals in seconds, then the exit status (asciicast v3)."""
    assert made((0, Channel.RESIZE, SIZE), (250_000, Channel.STDOUT, b"$ "), (1_250_000, Channel.STDIN, b"ls\r"), (1_500_000, Channel.STDERR, b"oh\r\n"),
                (2_000_000, Channel.RESIZE, b'{"Width":80,"Height":24}'), (2_500_000, Channel.ERROR, FAILED), title="s-1", command="sh") == [
        {"version": 3, "term": {"cols": 120, "rows": 40}, "timestamp": 1_795_449_600, "command": "sh", "title": "s-1"},
        [0.0, "r", "120x40"], [0.25, "o", "$ "], [1.25, "o", "oh\r\n"], [0.5, "r", "80x24"], [0.5, "x", "42"]]


def test_keys_only_when_asked() -> None:
    """Typed input may be a password."""
    typed = (0, Channel.STDIN, b"secret\r")
    assert made(typed)[1:] == []
    assert made(typed, keys=True)[1:] == [[0.0, "i", "secret\r"]]


def test_marks_unless_they_are_not_wanted() -> None:
    """The gateway's words."""
    said = (0, Channel.GATEWAY, b"frozen by ana")
    assert made(said)[1:] == [[0.0, "m", "frozen by ana"]]
    assert made(said, marks=False)[1:] == []


def test_a_character_cut_in_two_comes_whole() -> None:
    """UTF-8 is decoded per channel, across frames."""
    euro = "€".encode()
    assert made((0, Channel.STDOUT, euro[:1]), (0, Channel.STDERR, b"!"), (0, Channel.STDOUT, euro[1:]))[1:] == [[0.0, "o", "!"], [0.0, "o", "€"]]


def test_without_a_terminal_lines_end_with_cr_lf() -> None:
    """A player is a terminal: it needs what the terminal driver would have added, once."""
    assert [event[2] for event in made((0, Channel.STDOUT, b"a\nb\r\nc\r"), (0, Channel.STDOUT, b"\nd\n"), tty=False)[1:]] == ["a\r\nb\r\nc\r", "\nd\r\n"]


def test_the_gateways_words_are_markers_and_the_rest_is_left_out() -> None:
    """A marker shows in every player; request heads and notes don't belong on a screen."""
    assert made((0, Channel.REQUEST, b"POST /"), (0, Channel.GATEWAY, b"window ended\n"), (0, Channel.MARK, b"{}"))[1:] == [[0.0, "m", "window ended"]]


def test_time_never_goes_back_in_a_file() -> None:
    """An interval is never negative."""
    events = made((2_000_000, Channel.STDOUT, b"a"), (1_000_000, Channel.STDOUT, b"b"), (2_500_000, Channel.STDOUT, b"c"))[1:]
    assert [event[0] for event in events] == [2.0, 0.0, 0.5]


@pytest.mark.parametrize(("body", "code"), [(b'{"status":"Success"}', 0), (FAILED, 42), (b'{"status":"Failure"}', 1), (b"command terminated", 1), (b"[]", 1),
                                            (b'{"status":"Failure","details":{"causes":[{"reason":"ExitCode","message":"x"}]}}', 1)])
def test_exit_status(body: bytes, code: int) -> None:
    """Of every kind of last word a cluster may say."""
    assert exit_status(body) == code


@pytest.mark.parametrize(("body", "size"), [
    (b'{"Width":132,"Height":40}\n', (132, 40)), (b'{"height":37,"width":111}', (111, 37)), (b'{"WIDTH":80,"hEiGhT":24,"x":{"width":1},"y":[2]}', (80, 24)),
    (b'{"Width":80,"Height":24,"width":90}', (90, 24)), (b'{"Width":80,"Width":null,"Height":24}', (80, 24)), ('{"Width":80,"He\u0131ght":2}'.encode(), None),
    (b'{"Width":80,"Height":24}{"Width":90,"Height":25}', (90, 25)), (b' \n{"Width":80,"Height":24} x', (80, 24)),
    (b'{"Width":80,"Height":24}{"Width":', (80, 24)),
    (b'{"Width":80,"Height":24,"x":"\xff"}', (80, 24)),
    (b'{"Width":0,"Height":0}', None), (b'{"Width":80}', None), (b'{"Width":"80","Height":24}', None), (b'{"Width":80.0,"Height":24}', None),
    (b'{"Width":70000,"Height":24}', None), (b'{"Width":-1,"Height":24}', None), (b'{"Width":true,"Height":24}', None), (b'{"Width":{},"Height":24}', None),
    (b'{"Width":80,"Height":24,"x":NaN}', None), (b"[80,24]", None), (b"x", None), (b"", None),
])  # fmt: skip
def test_the_size_of_a_terminal(body: bytes, size: tuple[int, int] | None) -> None:
    """As Go's encoding/json reads it into TerminalSize: letters of either case, other keys, and where it stops."""
    assert resized(body) == size


def test_an_empty_message_on_the_error_channel_is_no_exit() -> None:
    """The API server begins with one where nothing else is asked for."""
    assert [event[1] for event in made((0, Channel.ERROR, b""), (1, Channel.ERROR, FAILED))[1:]] == ["x"]


@settings(deadline=None)
@given(st.binary())
@example(b'{"Width":1e999,"Height":24}')
def test_resize_of_anything(body: bytes) -> None:
    """Nonsense is no size, and no error; nor is a number without end."""
    size = resized(body)
    assert size is None or all(0 < side < 65536 for side in size)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.sampled_from(Channel), st.binary(max_size=40))), st.booleans())
def test_every_line_is_ascii_json(pieces: list[tuple[int, Channel, bytes]], tty: bool) -> None:
    """Whatever a pod said, the file is JSON lines without a raw control character."""
    frames = [Frame(1, seq, at_us, 0, channel, body) for seq, (at_us, channel, body) in enumerate(pieces)]
    for line in cast(frames, started_us=0, tty=tty, keys=True):
        assert json.loads(line)
        assert all(" " <= char <= "~" for char in line.removesuffix("\n"))


def test_a_status_is_said_as_kubectl_says_it() -> None:
    """A success says nothing; a watch's ERROR event has the Status inside; other words are as they are."""
    assert status_line(b'{"kind":"Status","status":"Success"}') == ""
    assert status_line(b'{"status":"Failure","message":"exit code 3"}') == "error: exit code 3"
    assert status_line(b'{"type":"ERROR","object":{"message":"gone"}}') == "error: gone"
    assert status_line(b" window ended\n") == "window ended"
