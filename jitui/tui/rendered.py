"""A recording as plain text, line by line, as it is read. Pure: frames in, text out, no control character left in it."""

from collections.abc import Iterator, Sequence
from typing import Final

from jitui.api.views import FrameView, SessionView
from jitui.policy.streams import PRINT
from jitui.recording.cast import resized, status_line
from jitui.recording.masking.session import COLUMNS
from jitui.recording.printed import Printed

HEADS: Final = frozenset({"request", "request-head", "response", "response-head"})
SILENT: Final = frozenset({"stdin", "mark"})  # channels that no terminal showed
OUTPUT: Final = frozenset({"stdout", "stderr"})
OPEN: Final = 32  # streams whose last line may wait for its end

Key = tuple[int, str]  # a connection and a channel


class Rendered:
    """All that a session printed, and the gateway's words, in order: `feed` it every frame, and `end` it. Each line is whole, whatever came between."""

    def __init__(self, session: SessionView) -> None:
        self.undelivered = 0  # bytes of it that did not reach the client
        self._session = session
        self._columns = COLUMNS if session.tty else 0
        self._streams: dict[Key, Printed] = {}
        self._part: Key | None = None  # the stream of a long line of which only a part is given out
        self._drawn_over = 0

    @property
    def drawn_over(self) -> int:
        """Lines that do not show all that was printed in them."""
        return self._drawn_over + sum(stream.drawn_over for stream in self._streams.values())

    def feed(self, frames: Sequence[FrameView]) -> Iterator[str]:
        """Text that follows what was given out before."""
        for frame in frames:
            if frame.channel == "resize":
                self._resize(frame.body)
            elif frame.channel not in SILENT and not (self._session.kind in PRINT and frame.channel in HEADS):
                self.undelivered += 0 if frame.delivered else len(frame.body)
                yield from self._said(frame)

    def end(self) -> Iterator[str]:
        """The lines that have no end."""
        yield from self._close(list(self._streams))

    def _said(self, frame: FrameView) -> Iterator[str]:
        key, body = (frame.conn, frame.channel), frame.body
        if frame.channel in {"gateway", "error"}:
            line = status_line(body)
            yield from self._close(list(self._streams))
            body = f"{line}\n".encode() if line else b""
        elif frame.channel in HEADS:
            yield from self._close([other for other in self._streams if other[0] == frame.conn])
        stream = self._streams.pop(key, None) or Printed(self._columns if frame.channel in OUTPUT else 0)
        self._streams[key] = stream  # the newest is the last
        if len(self._streams) > OPEN:
            yield from self._close(list(self._streams)[:1])
        yield from self._give(key, stream.feed(body))

    def _close(self, keys: Sequence[Key]) -> Iterator[str]:
        """Streams that say nothing more; a line of theirs ends here."""
        for key in keys:
            stream = self._streams.pop(key)
            yield from self._give(key, stream.end())
            self._drawn_over += stream.drawn_over

    def _give(self, key: Key, text: str) -> Iterator[str]:
        if not text:
            return
        if self._part not in {None, key}:
            yield "\n"
        self._part = None if text.endswith("\n") else key
        yield text

    def _resize(self, body: bytes) -> None:
        size = resized(body)
        if size and self._columns:
            self._columns = size[0]
            for stream in self._streams.values():
                stream.resize(size[0])
