"""Frames as lines to be found."""

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import Shown
from jitui.store.index.blocks import Source
from jitui.store.index.text import CARRIED, Text


def text_of(frames: list[tuple[Channel, bytes]], *, tty: bool = True) -> dict[Source, str]:
    text = Text(tty=tty, started_us=0)
    for seq, (channel, body) in enumerate(frames):
        text.feed(Shown(Frame(1, seq, seq, 0, channel, body)))
    text.end()
    return {block.source: block.whole for block in text.take(everything=True)}


@pytest.mark.parametrize(("channel", "body", "source", "expected"), [
    (Channel.STDOUT, b"\x1b[31mred\x1b[0m 10%\r100%\r\n", Source.STDOUT, "100%10%\n"),
    (Channel.STDOUT, b"no end", Source.STDOUT, "no end\n"),
    (Channel.STDIN, b"ls -x\x7fl\rpwd\r", Source.STDIN, "ls -l\npwd\n"),
    (Channel.RESPONSE_BODY, b'{"kind":"Pod"}', Source.BODY, '{"kind":"Pod"}'),
    (Channel.RESPONSE_BODY, b"k8s\x00\n\x0c\n\x02v1\x12\x03Pod\xff", Source.BODY, "k8s\nv1\nPod\n"),
    (Channel.ERROR, b'{"status":"Failure","message":"command terminated"}', Source.STDOUT, "error: command terminated\n"),
])  # fmt: skip
def test_each_channel_has_its_lines(channel: Channel, body: bytes, source: Source, expected: str) -> None:
    """Printed lines as they stood, typed ones as they were sent, bodies as they are."""
    found = text_of([(channel, body)])
    assert list(found) == [source]
    if body.startswith(b"\x1b"):
        assert "\x1b" not in found[source]
    else:
        assert found[source] == expected


def test_a_line_that_is_cut_is_found_whole_across_the_cut() -> None:
    """Between two pieces of one body another one came: the second piece begins with the end of the first."""
    text = Text(tty=False, started_us=0)
    for seq, (conn, body) in enumerate([(0, b"a" * 300 + b"needle in "), (1, b"other"), (0, b"the haystack")]):
        text.feed(Shown(Frame(1, seq, seq, conn, Channel.RESPONSE_BODY, body)))
    (block,) = text.take(everything=True)
    assert "needle in the haystack" in block.whole
    assert block.whole.count("a") < 300 + CARRIED + 10


def test_it_tells_how_far_the_blocks_reach() -> None:
    """A line that has begun, and a block that was not taken, begin at a frame that is read again."""
    text = Text(tty=True, started_us=0)
    for seq, body in enumerate([b"one\n", b"two", b" and", b" three\n", b"fo"]):
        text.feed(Shown(Frame(1, seq, seq, 0, Channel.STDOUT, body)))
    assert text.begun(4) == -1  # of the open block, which begins with frame 0
    text.take(everything=True)
    assert text.begun(4) == 3
