"""Facts about a session that only all its frames tell: the width of its terminal at each, which of them were handed on, where a request began.

    outline = Outline(files, 17, lost)
    outline.reach(4999)      reads the sizes of the frames up to there, each once, whoever asks how often
    outline.columns(5000)

Memory: two bytes for each STEP frames, two numbers for each request, and two for each connection that lost something.
"""

from array import array
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Final

from jitui.recording.cast import resized
from jitui.recording.delivery import Delivery
from jitui.recording.facts import Undelivered
from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import COLUMNS
from jitui.store.frames import Frames

STEP: Final = 256  # frames between two for which the terminal's width is kept


class Outline:
    """Of one session. Its calls may come from several threads at once."""

    def __init__(self, files: Frames, session: int, lost: Sequence[Undelivered]) -> None:
        """`lost`: of the closing fact the connections that lost something; nothing of a session that has not ended."""
        self.lost = lost
        self._files, self._session = files, session
        self._delivery = Delivery(lost)
        self._next = 0  # the seq of the first frame that it has not seen
        self._columns = COLUMNS  # of the terminal there
        self._widths = array("H")  # of the terminal at every STEP-th frame
        self._requests: dict[int, int] = {}  # by connection the seq of its first request head
        self._lock = Lock()

    def reach(self, upto: int) -> None:
        """See every frame up to the seq `upto`: the sizes of those that were not seen are read. Raises InvalidError."""
        with self._lock:
            self._reach(upto)

    def follow(self, frames: Iterable[Frame]) -> None:
        """See frames that somebody has read, in order of seq; as far as they come next."""
        with self._lock:
            for frame in frames:
                if frame.seq == self._next:
                    self._see(frame.conn, frame.channel, len(frame.body), frame.body)

    def whole(self, frame: Frame) -> bool:
        """Whether all of a frame that was seen was handed on."""
        return self._delivery.whole(frame.seq, frame.conn, frame.channel)

    def columns(self, seq: int) -> int:
        """How wide the terminal was when the frame `seq` came. Raises InvalidError."""
        with self._lock:
            self._reach(seq - 1)
            if seq == self._next:
                return self._columns
            step = seq // STEP
            found = self._widths[step]
        for each in self._files.sizes(self._session, after=step * STEP - 1, upto=seq - 1):
            found = _width(each.channel, each.resize) or found
        return found

    def heads(self, conn: int, upto: int) -> list[Frame]:
        """The request head of a connection, and the head of its response, as far as they are among the frames up to `upto`. Raises InvalidError."""
        with self._lock:
            if conn not in self._requests:
                self._reach(upto)
            first = self._requests.get(conn, upto + 1)
        if first > upto:
            return []
        return self._files.frames(self._session, after=first - 1, upto=upto, limit=2, channels=(Channel.REQUEST, Channel.RESPONSE), conn=conn)

    def _reach(self, upto: int) -> None:
        if upto >= self._next:
            for each in self._files.sizes(self._session, after=self._next - 1, upto=upto):
                self._see(each.conn, each.channel, each.size, each.resize)

    def _see(self, conn: int, channel: Channel, size: int, body: bytes) -> None:
        """The next frame; `body` counts if it is a resize message."""
        if self._next % STEP == 0:
            self._widths.append(self._columns)
        self._columns = _width(channel, body) or self._columns
        if channel is Channel.REQUEST:
            self._requests.setdefault(conn, self._next)
        self._delivery.feed(self._next, conn, channel, size)
        self._next += 1


def _width(channel: Channel, body: bytes) -> int:
    """The columns of a resize message; 0 of another frame."""
    size = resized(body) if channel is Channel.RESIZE else None
    return size[0] if size else 0
