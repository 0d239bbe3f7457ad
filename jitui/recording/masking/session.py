"""Opens and masks the frames of one session: the choke point between recorded bytes and every person who sees them.

    masks = Masks(tty=True)
    masks.frames([...])  ->  the same frames in the same order, each with its masked spans

A body that crossed compressed is shown opened, each frame as the bytes that it opens to, and masked like any other. Each connection's bodies and each
byte stream have a masker of their own, across frames. The frames of one call are searched together, so that the
next frame counts for this one. A mask has as many bytes as the secret: sizes and counts of frames stay true.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from jitui.recording.cast import resized
from jitui.recording.frame import Channel, Frame
from jitui.recording.gunzip import GZIP, Gunzip, Unreadable
from jitui.recording.masking.body import Body, Masker, Whole
from jitui.recording.masking.requests import About, about, in_head, media_of
from jitui.recording.masking.spans import Span, behind, cut, masked
from jitui.recording.masking.text import Text

CONNS: Final = 256  # connections that are followed at once; later bytes of an older one are masked whole
COLUMNS: Final = 80  # width of a terminal whose client sent no size
HIDDEN: Final = "compressed body"
UNKNOWN: Final = "body of an unknown kind"
BODIES: Final = frozenset({Channel.REQUEST_BODY, Channel.RESPONSE_BODY})

Heads = Callable[[int], Sequence[Frame]]  # connection -> its REQUEST and RESPONSE frames, if they are on record
Earlier = Callable[[Frame], Iterator[Frame]]  # a frame of a body -> those of the same body before it


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame that may be shown, its masked spans, and whether all of it was handed on."""

    frame: Frame
    spans: tuple[Span, ...] = ()
    delivered: bool = True

    def without(self, size: int) -> "Shown":
        """The same without the first `size` bytes of its body."""
        return replace(self, frame=self.frame._replace(body=self.frame.body[size:]), spans=tuple(behind(self.spans, size)))


@dataclass(slots=True)
class _Conn:
    """One exchange or forwarded connection."""

    about: About | None = None
    media: bytes = b""  # of the answer
    coding: bytes = b""  # of the answer
    opening: dict[Channel, Gunzip] = field(default_factory=dict)  # of the bodies that crossed compressed
    joined: bool = False  # its first bytes were not seen
    asked: bool = True  # `heads` need not be asked for its heads any more
    entered: set[Channel] = field(default_factory=set)  # bodies that are followed from the middle on
    streams: dict[Channel, Masker] = field(default_factory=dict)


def _prepare(conn: _Conn) -> None:
    """Open what crosses compressed from here on."""
    codings = {Channel.REQUEST_BODY: conn.about.coding if conn.about else b"", Channel.RESPONSE_BODY: conn.coding}
    conn.opening = {channel: conn.opening.get(channel) or Gunzip() for channel, coding in codings.items() if coding in GZIP}


class Masks:
    """Call `frames` with the frames of a session in order. `tty`: its output is a terminal's, which has so many `columns` at first.

    `heads` is called for a connection that was not followed from its start; without it, the body of such a connection is masked whole.
    """

    def __init__(self, *, tty: bool = False, columns: int = COLUMNS, unmask: bool = False, heads: Heads = lambda conn: (),  # noqa: ARG005 - nothing is known
                 earlier: Earlier = lambda frame: iter(())) -> None:  # noqa: ARG005 - nothing is known; fmt: skip
        """`unmask`: bodies are opened, and nothing is masked.

        `earlier` is asked for what came before a frame of a compressed body that is joined late.
        """
        self._columns = columns if tty else 0
        self._heads, self._earlier, self._unmask = heads, earlier, unmask
        self.newest = -1  # seq of the last frame that it was given
        self._conns: dict[int, _Conn] = {}

    def frames(self, frames: Iterable[Frame], *, room: int = 0) -> list[Shown]:
        """These frames, masked. They follow the frames of the last call.

        With `room` only the first of them, up to the one with which compressed bodies have opened to so many bytes; the next call begins behind it.
        """
        found = list(frames)
        spans: dict[int, list[Span]] = {}
        runs: dict[tuple[int, Channel], list[int]] = {}
        opened = 0
        for at, frame in enumerate(found):
            self.newest = frame.seq
            if frame.channel in {Channel.REQUEST, Channel.RESPONSE}:
                self._flush(found, runs, spans, frame.conn)
                self._head(frame)
                if not self._unmask:
                    spans[at] = in_head(frame.body)
            elif frame.channel in BODIES and (gunzip := self._opening(frame)) is not None:
                body = self._opened(frame, gunzip)
                if body is None:
                    self._flush(found, runs, spans, frame.conn)
                    self._conn(frame.conn, heads=False).streams[frame.channel] = Whole(HIDDEN)
                else:
                    found[at] = frame._replace(body=body)
                    opened += len(body)
                runs.setdefault((frame.conn, frame.channel), []).append(at)
                if room and opened > room:
                    del found[at + 1 :]
                    break
            elif frame.channel is Channel.RESIZE:
                self._flush(found, runs, spans)
                self._resize(frame)
            else:
                runs.setdefault((frame.conn, frame.channel), []).append(at)
        self._flush(found, runs, spans)
        return [Shown(frame._replace(body=masked(frame.body, spans[at])), tuple(spans[at])) if spans.get(at) else Shown(frame)
                for at, frame in enumerate(found)]  # fmt: skip

    def _flush(self, frames: Sequence[Frame], runs: dict[tuple[int, Channel], list[int]], spans: dict[int, list[Span]], conn: int | None = None) -> None:
        """Masks the collected frames of one connection, or of all."""
        for key in [key for key in runs if conn in {None, key[0]}]:
            places = runs.pop(key)
            if self._unmask:
                continue
            bodies = [frames[at].body for at in places]
            found = self._stream(*key).feed(bodies[0] if len(bodies) == 1 else b"".join(bodies))
            spans.update(zip(places, cut(found, [len(body) for body in bodies]), strict=True))

    def _resize(self, frame: Frame) -> None:
        size = resized(frame.body)
        if size and self._columns:
            self._columns = size[0]
            for conn in self._conns.values():
                for stream in conn.streams.values():
                    if isinstance(stream, Text) and stream.columns:
                        stream.columns = size[0]

    def _head(self, frame: Frame) -> None:
        if frame.channel is Channel.REQUEST:
            self._put(frame.conn, conn := _Conn(about(frame.body)))
            _prepare(conn)
        else:
            conn = self._conn(frame.conn, heads=True)
            conn.media, conn.coding = media_of(frame.body)
            conn.streams.pop(Channel.RESPONSE_BODY, None)
            conn.opening.pop(Channel.RESPONSE_BODY, None)
            _prepare(conn)

    def _put(self, number: int, conn: _Conn) -> None:
        self._conns.pop(number, None)
        self._conns[number] = conn
        while len(self._conns) > CONNS:
            del self._conns[next(iter(self._conns))]

    def _conn(self, number: int, *, heads: bool) -> _Conn:
        """The state of a connection. `heads`: if it is not followed from its start, read its recorded heads."""
        conn = self._conns.get(number) or _Conn(joined=True, asked=False)
        self._put(number, conn)
        if heads and not conn.asked:
            conn.asked = True
            for head in self._heads(number):
                if head.channel is Channel.REQUEST:
                    conn.about = about(head.body)
                elif head.channel is Channel.RESPONSE:
                    conn.media, conn.coding = media_of(head.body)
            _prepare(conn)
        return conn

    def _opening(self, frame: Frame) -> Gunzip | None:
        """Of a frame of a body, if that crossed compressed and can be opened."""
        conn = self._conns.get(frame.conn)
        if conn is None or not conn.asked:
            conn = self._conn(frame.conn, heads=True)
        return conn.opening.get(frame.channel)

    def _opened(self, frame: Frame, gunzip: Gunzip) -> bytes | None:
        """The bytes that the frame opens to; None if it can't be opened, and nothing behind it."""
        conn = self._conns[frame.conn]
        try:
            if conn.joined and frame.channel not in conn.entered:
                conn.entered.add(frame.channel)
                gunzip.skip(earlier.body for earlier in self._earlier(frame))
            return gunzip.feed(frame.body)
        except Unreadable:
            del conn.opening[frame.channel]
            return None

    def _stream(self, number: int, channel: Channel) -> Masker:
        conn = self._conn(number, heads=channel in BODIES or channel is Channel.STDOUT)
        stream = conn.streams.get(channel)
        if stream is None:
            stream = conn.streams[channel] = self._body(conn, channel) if channel in BODIES else self._text(conn, channel)
        return stream

    def _text(self, conn: _Conn, channel: Channel) -> Masker:
        if channel is Channel.STDOUT and conn.coding:  # of a log
            return Whole(HIDDEN)
        return Text(self._columns if channel in {Channel.STDIN, Channel.STDOUT, Channel.STDERR} else 0)

    @staticmethod
    def _body(conn: _Conn, channel: Channel) -> Masker:
        if conn.about is None:
            return Whole(UNKNOWN)
        upload = channel is Channel.REQUEST_BODY
        if (conn.about.coding if upload else conn.coding) and channel not in conn.opening:
            return Whole(HIDDEN)
        if not conn.about.secret:
            return Text()
        return Body(conn.about.media if upload else conn.media, watch=conn.about.watch and not upload, joined=conn.joined)
