"""Where in a session the masking stands: kept between the pages that one reader asks for, made anew for whoever begins in the middle."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from threading import Lock
from typing import Final

from jitui.api.service import views
from jitui.api.views import FrameView
from jitui.recording.delivery import Delivery
from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import Masks, Shown
from jitui.recording.masking.spans import behind
from jitui.recording.masking.text import REACH
from jitui.store.archive import Files

READERS: Final = 16  # whose place is remembered
BEFORE: Final = 2 * REACH  # bytes that are read, and not shown, of what stands in front of the place where a reader begins
LOOKS: Final = (64, 1000, 8000)  # frames in which they are looked for, until there are enough


class Places:
    """Of readers and sessions. Its calls read files, each in a thread of its own: not for the loop."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, int], Masks] = {}
        self._lock = Lock()

    def page(self, files: Files, session: int, frames: Sequence[Frame], *, after: int, reader: str, tty: bool) -> list[Shown]:
        """The frames of one page, which begins behind the seq `after`, masked."""
        if not frames:
            return []
        with self._lock:
            masks = self._kept.pop((reader, session, after), None) if after >= 0 else None
        masks = masks or masks_at(files, session, after, tty=tty)
        found = masks.frames(frames)
        with self._lock:
            self._kept[reader, session, frames[-1].seq] = masks
            while len(self._kept) > READERS:
                del self._kept[next(iter(self._kept))]
        return found


def masks_at(files: Files, session: int, after: int, *, tty: bool) -> Masks:
    """Masks that go on behind the seq `after`: with what came shortly before, and the heads of connections, read for that."""

    def heads(conn: int) -> Sequence[Frame]:
        return files.frames(session, limit=2, channels=(Channel.REQUEST, Channel.RESPONSE), conn=conn)

    masks = Masks(tty=tty, heads=heads)
    if after >= 0:
        before = _before(files, session, after)
        if tty:
            first = before[0].seq if before else 0
            masks.frames(deque(takewhile(lambda frame: frame.seq < first, files.all_frames(session, channels=(Channel.RESIZE,))), maxlen=1))
        masks.frames(before)
    return masks


def _before(files: Files, session: int, upto: int) -> list[Frame]:
    """Frames up to the seq `upto`, the last of them, with so many bytes as a masker holds."""
    found: list[Frame] = []
    for count in LOOKS:
        found, after = [], max(-1, upto - count)
        while after < upto and (page := files.frames(session, after=after, limit=upto - after)):
            after = page[-1].seq
            found += page
        if count >= upto or sum(len(frame.body) for frame in found) >= BEFORE:
            break
    return found


def frame_page(files: Files, session: int, after: int, limit: int, *, places: Places | None, reader: str = "", tty: bool = False) -> list[FrameView]:
    """One page of frames, each with whether it was delivered (only an ended session that lost something has any that were not).

    `places`: where masking goes on; without, nothing is masked.
    """
    end = files.end_of(session)
    lost = end.conns if end and end.conns else ()
    delivery = Delivery(lost)
    for conn, channel, size in files.sizes(session, upto=after) if lost else ():
        delivery.whole(conn, channel, size)
    frames = files.frames(session, after=after, limit=limit)
    found = places.page(files, session, frames, after=after, reader=reader, tty=tty) if places else [Shown(frame) for frame in frames]
    return [views.frame_view(shown, delivered=delivery.whole(shown.frame.conn, shown.frame.channel, len(shown.frame.body))) for shown in found]


def cut(shown: Shown, size: int) -> Shown:
    """A frame without its first `size` bytes."""
    return Shown(replace(shown.frame, body=shown.frame.body[size:]), tuple(behind(shown.spans, size)))
