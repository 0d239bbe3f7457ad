r"""Frames of one session, masked, as lines of text to be found: blocks (blocks.py) that fill up.

    text = Text(tty=True, started_us=...)
    text.feed(shown)            each frame in order
    text.take(everything=False)  the blocks that are full

What a program printed becomes lines as in `replay --text` (recording/printed.py), what was typed too: a return ends a line, a backspace takes a character
back. Bodies are text as they stand; bytes that are no text end a line.
"""

import re
from codecs import getincrementaldecoder
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from jitui.recording.cast import resized, status_line
from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import COLUMNS, Shown
from jitui.recording.printed import Printed
from jitui.store.index.blocks import FULL, Block, Moment, Source

OPEN: Final = 32  # streams that are followed at once
CARRIED: Final = 200  # characters of a line that is cut, with which its next piece begins: the longest text that is found across a cut
SOURCES: Final = {
    Channel.STDIN: Source.STDIN, Channel.STDOUT: Source.STDOUT, Channel.STDERR: Source.STDOUT, Channel.DRAINED: Source.STDOUT,
    Channel.ERROR: Source.STDOUT, Channel.GATEWAY: Source.STDOUT, Channel.FORWARD_ERROR: Source.STDOUT,
    Channel.REQUEST_BODY: Source.BODY, Channel.RESPONSE_BODY: Source.BODY, Channel.FORWARD_IN: Source.BODY, Channel.FORWARD_OUT: Source.BODY,
}  # fmt: skip
TERMINAL: Final = frozenset({Channel.STDIN, Channel.STDOUT, Channel.STDERR, Channel.DRAINED})
WORDS: Final = frozenset({Channel.ERROR, Channel.GATEWAY})
UNTEXT: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd\u2028\u2029]+")


class Lines(Protocol):
    """Bytes in, text out; of what waits, `end` gives the rest."""

    def feed(self, data: bytes) -> str: ...
    def end(self) -> str: ...


class Typed(Printed):
    """Keys, as the line that they make."""

    def feed(self, data: bytes) -> str:
        return super().feed(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\x7f", b"\b \b"))


class Body:
    """Text as it stands."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> str:
        return UNTEXT.sub("\n", self._decoder.decode(data))

    def end(self) -> str:
        return ""


@dataclass(slots=True)
class _Stream:
    lines: Any
    since: int  # seq of the frame with which the text began that is in no block yet; -1: there is none
    tail: str = ""  # of the line that was cut
    block: Block | None = field(default=None, repr=False)


class Text:
    """Of one session."""

    def __init__(self, *, tty: bool, started_us: int, columns: int = COLUMNS) -> None:
        """`started_us`: UTC; `columns`: the width of the terminal where the frames begin."""
        self._columns, self._started_us = columns if tty else 0, started_us
        self._streams: dict[tuple[int, Channel], _Stream] = {}
        self._open: dict[Source, Block] = {}
        self._full: list[Block] = []
        self._newest: dict[Source, _Stream] = {}  # whose text came last
        self._seq, self._last_us = -1, 0

    def feed(self, shown: Shown) -> None:
        frame = shown.frame
        self._seq, self._last_us = frame.seq, frame.at_us
        if frame.channel is Channel.RESIZE:
            self._resize(frame.body)
        elif frame.channel in WORDS:
            if said := status_line(frame.body):
                self._give(_Stream(None, -1), Source.STDOUT, f"{said}\n", frame)
        elif frame.channel in {Channel.REQUEST, Channel.RESPONSE}:
            for key in [key for key in self._streams if key[0] == frame.conn and key[1] not in TERMINAL]:
                self._end(key)
        elif frame.channel in SOURCES:
            self._print(frame)

    def take(self, *, everything: bool) -> list[Block]:
        """Full blocks; with `everything` those that are begun as well."""
        if everything:
            self._full += self._open.values()
            self._open = {}
        found, self._full = self._full, []
        return found

    def end(self) -> None:
        """The lines that have no end."""
        for key in list(self._streams):
            self._end(key)

    @property
    def size(self) -> int:
        """Characters that wait in blocks."""
        return sum(block.size for block in (*self._full, *self._open.values()))

    def begun(self, seq: int) -> int:
        """The seq up to which all is in blocks that were taken, if the frames up to `seq` were fed."""
        waiting = [stream.since for stream in self._streams.values() if stream.since >= 0]
        return min([seq, *(at - 1 for at in waiting), *(block.moments[0].seq - 1 for block in self._open.values())])

    def _print(self, frame: Frame) -> None:
        key = (frame.conn, frame.channel)
        stream = self._streams.pop(key, None) or _Stream(self._lines(frame.channel), -1)
        self._streams[key] = stream  # the newest is the last
        if len(self._streams) > OPEN:
            self._end(next(iter(self._streams)))
        text = stream.lines.feed(frame.body)
        if text:
            self._give(stream, SOURCES[frame.channel], text, frame)
        waits = isinstance(stream.lines, Printed) and stream.lines.waits
        stream.since = (frame.seq if text or stream.since < 0 else stream.since) if waits else -1

    def _lines(self, channel: Channel) -> Lines:
        if channel is Channel.STDIN:
            return Typed()
        return Body() if SOURCES[channel] is Source.BODY else Printed(self._columns if channel in TERMINAL else 0)

    def _end(self, key: tuple[int, Channel]) -> None:
        stream = self._streams.pop(key)
        if text := stream.lines.end():
            self._give(stream, SOURCES[key[1]], text, Frame(0, self._seq, self._last_us, key[0], key[1], b""))

    def _give(self, stream: _Stream, source: Source, text: str, frame: Frame) -> None:
        """Text of a stream. A line that was cut is begun again with its last characters, unless it goes on where it stopped."""
        block = self._open.get(source) or self._open.setdefault(source, Block(source))
        moment = Moment(frame.conn, frame.seq, self._started_us + frame.at_us)
        if stream.block is not block or self._newest.get(source) is not stream:
            if block.text and not block.text[-1].endswith("\n"):
                block.add("\n", block.moments[-1])
            text = stream.tail + text
        block.add(text, moment)
        stream.tail, stream.block = text[text.rfind("\n") + 1 :][-CARRIED:], block
        self._newest[source] = stream
        if block.size >= FULL:
            self._full.append(self._open.pop(source))

    def _resize(self, body: bytes) -> None:
        size = resized(body)
        if size and self._columns:
            self._columns = size[0]
            for (_, channel), stream in self._streams.items():
                if channel in TERMINAL and channel is not Channel.STDIN:
                    stream.lines.resize(size[0])
