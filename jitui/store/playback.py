"""Recorded frames as they may be shown: page by page, masked, each with whether it was handed on.

The gateway's archive, its live viewers, and the command line without a gateway read through here.
Its calls read files, each in a thread of its own: not for the loop.
"""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Final

from jitui.recording.facts import Undelivered
from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import COLUMNS, Masks, Shown
from jitui.recording.masking.text import REACH
from jitui.store.frames import PAGE, Frames
from jitui.store.outline import Outline

ROOM: Final = 4 << 20  # bytes that compressed bodies of a page open to, but for its last frame
READERS: Final = 16  # whose place is remembered
SESSIONS: Final = 16  # whose outline is remembered
BEFORE: Final = 2 * REACH  # bytes that are read, and not shown, of what stands in front of the place where a reader begins
LOOKS: Final = 8000  # frames at most in which they are looked for


class Playback:
    """Of one record. It remembers where the masking stands for readers that ask for page after page, and outlines of sessions."""

    def __init__(self, files: Frames) -> None:
        self._files = files
        self._masks: dict[tuple[str, int, int], Masks] = {}  # by reader, session, and the seq behind which it goes on
        self._outlines: dict[int, Outline] = {}
        self._lock = Lock()

    def page(self, session: int, *, after: int = -1, limit: int = PAGE, tty: bool = False, reader: str = "", unmask: bool = False) -> list[Shown]:
        """One page of frames behind the seq `after`, as `Frames.frames`; secrets in them are masked unless `unmask`, and bodies that crossed compressed opened.

        It ends early where these open to more than ROOM.

        `tty`: the session's output is a terminal's; `reader`: whoever asks for the pages one after the other. Raises InvalidError.
        """
        end = self._files.end_of(session)
        lost = tuple(end.conns or ()) if end else ()
        frames = self._files.frames(session, after=after, limit=limit)
        if not frames:
            return []
        outline = self._outline(session, lost)
        if lost:
            outline.reach(after)
        outline.follow(frames)
        found = self._masked(session, frames, after=after, tty=tty, reader=reader, lost=lost, unmask=unmask)
        if not lost:  # only an ended session that lost something has frames that were not handed on
            return found
        return [shown if outline.whole(shown.frame) else Shown(shown.frame, shown.spans, delivered=False) for shown in found]

    def exchange(self, session: int, conn: int, *, room: int, unmask: bool = False) -> list[Shown]:
        """The frames of one request of a session, masked: its head, and as much of each side as has `room` bytes; empty without a head on record.

        It is read up to LOOKS frames of others that come without one of its own once its answer has begun. Raises InvalidError.
        """
        end = self._files.end_of(session)
        newest = self._files.newest_frames(session, after=-1, room=1) if end is None else []
        top = end.frames - 1 if end is not None else newest[-1].seq if newest else -1
        outline = self._outline(session, tuple(end.conns or ()) if end else ())
        heads = outline.heads(conn, top)
        if not heads:
            return []
        masks, after, answered = Masks(unmask=unmask), heads[0].seq - 1, False
        found, left = list[Shown](), dict.fromkeys(Channel, room)
        while after < top:
            upto = min(top, after + LOOKS)
            page = self._files.frames(session, after=after, upto=upto, conn=conn)
            if not page and answered:
                break
            shown = masks.frames(page, room=ROOM)
            for each in shown:
                answered = answered or each.frame.channel is Channel.RESPONSE
                if left[each.frame.channel] > 0:
                    left[each.frame.channel] -= len(each.frame.body)
                    found.append(each)
            if left[Channel.RESPONSE_BODY] <= 0:
                break
            after = shown[-1].frame.seq if shown else upto
        return found

    def masks(self, session: int, *, after: int, tty: bool, lost: Sequence[Undelivered] = (), unmask: bool = False) -> Masks:
        """Masks that go on behind the seq `after`: with what came shortly before, and the heads of connections, read for that."""
        outline = self._outline(session, lost)
        before = self._files.newest_frames(session, after=max(-1, after - LOOKS), room=BEFORE, upto=after) if after >= 0 and not unmask else []
        masks = Masks(tty=tty, columns=outline.columns(before[0].seq) if tty and before else COLUMNS, heads=lambda conn: outline.heads(conn, masks.newest),
                      earlier=lambda frame: self._earlier(outline, frame), unmask=unmask)  # fmt: skip
        while before:
            del before[: len(masks.frames(before, room=ROOM))]
        return masks

    def _earlier(self, outline: Outline, frame: Frame) -> Iterator[Frame]:
        """The frames of the same body before this one."""
        heads, upto = outline.heads(frame.conn, frame.seq - 1), frame.seq - 1
        after = heads[-1 if frame.channel is Channel.RESPONSE_BODY else 0].seq if heads else upto
        while after < upto and (found := self._files.frames(frame.session, after=after, upto=upto, channels=(frame.channel,), conn=frame.conn)):
            yield from found
            after = found[-1].seq

    def _masked(self, session: int, frames: Sequence[Frame], *, after: int, tty: bool, reader: str, lost: Sequence[Undelivered],
                unmask: bool) -> list[Shown]:  # fmt: skip
        key = f"{reader} unmasked" if unmask else reader
        with self._lock:
            masks = self._masks.pop((key, session, after), None) if after >= 0 else None
        masks = masks or self.masks(session, after=after, tty=tty, lost=lost, unmask=unmask)
        found = masks.frames(frames, room=ROOM)
        with self._lock:
            self._masks[key, session, masks.newest] = masks
            while len(self._masks) > READERS:
                del self._masks[next(iter(self._masks))]
        return found

    def _outline(self, session: int, lost: Sequence[Undelivered]) -> Outline:
        """The one that is remembered, unless the session has ended since."""
        with self._lock:
            outline = self._outlines.pop(session, None)
            if outline is None or outline.lost != lost:
                outline = Outline(self._files, session, lost)
            self._outlines[session] = outline
            while len(self._outlines) > SESSIONS:
                del self._outlines[next(iter(self._outlines))]
        return outline
