"""One stream in the replay of a window: a part of its frames at a time, around the moment that is shown, and the screen that they draw.

    found = await fetch(archive, session, at_us, seq, unmask=False)    from the newest keyframe before the moment
    track = Track(session, offset_us, found)
    track.turn(at_us, until)                                           a step of the way there; whether it is there
    track.add(await further(archive, track, unmask=False))             before it runs out of frames

It holds about HELD bytes, however long the stream is.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from jitui.api.operations import Archive
from jitui.api.views import FrameView, SessionView
from jitui.tui.emulator import Emulator, Kept
from jitui.tui.keyframes import kept_of
from jitui.tui.reel import FRAME, Reel
from jitui.values.errors import InvalidError, NotFoundError

PAGE: Final = 500  # frames of a page
SOME: Final = 4  # of a short one
EXACT: Final = 8 << 20  # bytes that are drawn on the way to a moment; where it takes more, only the last frames before it are
LAST: Final = 400  # frames that a moment is drawn from then
HELD: Final = 16 << 20  # bytes of frames that a track goes on with
AHEAD: Final = 200  # frames that are fetched before they are due


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive frames of a session, and the screen before the first of them."""

    frames: tuple[FrameView, ...]
    kept: Kept | None = None  # None: an empty screen
    from_us: int = 0  # since the session's start: when the screen stood so
    whole: bool = True  # False: more had been drawn before the first frame
    over: bool = False  # nothing comes behind the last one


async def fetch(archive: Archive, session: SessionView, at_us: int, seq: int, *, unmask: bool) -> Part:
    """The frames that draw a moment, since the session's start, up to which `seq` is the newest frame, and the next one. Raises JituiError."""
    found, held, whole = list[FrameView](), 0, True
    after, from_us, kept = await _nearest(archive, session, at_us, unmask=unmask)
    while not found or found[-1].seq <= seq or found[-1].at_us <= at_us:
        if held > EXACT and whole and after < seq - LAST:
            found, whole, after, kept = [], False, seq - LAST, None
        wanted = min(PAGE, max(SOME, seq + 2 - after))  # no more than it takes: each is masked on the way
        page = tuple(await archive.frames(session.id, after=after, limit=wanted, unmask=unmask))
        if not page:
            return Part(tuple(found), kept, from_us, whole=whole, over=True)
        found += page
        held += _bytes(page)
        after, from_us = page[-1].seq, from_us if whole else found[0].at_us
    return Part(tuple(found), kept, from_us, whole=whole)


async def _nearest(archive: Archive, session: SessionView, at_us: int, *, unmask: bool) -> tuple[int, int, Kept | None]:
    """The newest keyframe before a moment: the seq behind which its frames go on, its time, and the screen; of the beginning, if there is none."""
    try:
        found = (await archive.keyframe(session.id, at_us=max(0, at_us), unmask=unmask)).keyframe()
        return (found.seq, found.at_us, kept_of(found)) if found is not None else (-1, 0, None)
    except (NotFoundError, InvalidError, ValueError):  # an older gateway, or an index that is none: it is derived, and a replay does without it
        return -1, 0, None


async def further(archive: Archive, track: "Track", *, unmask: bool) -> Part:
    """The frames behind those of a track. Raises JituiError."""
    page = tuple(await archive.frames(track.session.id, after=track.newest, limit=PAGE, unmask=unmask))
    return Part(page, over=not page)


def _bytes(frames: Sequence[FrameView]) -> int:
    return sum(len(frame.data_b64) * 3 // 4 + FRAME for frame in frames)


class Track:
    """`offset_us`: when the session began, since the beginning of the window."""

    def __init__(self, session: SessionView, offset_us: int, part: Part) -> None:
        self.session, self.offset_us = session, offset_us
        self.whole, self.over = part.whole, part.over
        self._from_us = part.from_us
        self._reel = Reel(session, part.kept)
        self._reel.add(part.frames)
        self._index = 0  # frames that are drawn
        self._wanted = 0
        self._way: Iterator[float] | None = None

    @property
    def emulator(self) -> Emulator:
        return self._reel.emulator

    @property
    def newest(self) -> int:
        """The seq of the last frame that it has; -1 without one."""
        return self._reel.frames[-1].seq if self._reel.frames else -1

    @property
    def end_us(self) -> int:
        """When, in the window, the last frame came that it has; 0 without one."""
        return self._reel.times[-1] + self.offset_us if self._reel.times else 0

    def add(self, part: Part) -> None:
        """Frames that come next; those that were shown long ago go, if there are many."""
        self._reel.add(part.frames)
        self.over = part.over
        if self._reel.held > HELD and self._way is None and self._index:
            reel = Reel(self.session, self.emulator.keep())
            reel.add(self._reel.frames[self._index :])
            self._from_us = self._reel.times[self._index - 1]
            self._reel, self._index, self._wanted = reel, 0, 0

    def holds(self, at_us: float) -> bool:
        """Whether its frames are enough to show a moment of the window."""
        times, at = self._reel.times, at_us - self.offset_us
        return (at < 0 or self._from_us <= at) and (self.over or bool(times and times[-1] > at))

    def runs_out(self, at_us: float) -> bool:
        """Whether further frames should be fetched."""
        return not self.over and len(self._reel.frames) - bisect_right(self._reel.times, at_us - self.offset_us) < AHEAD

    def due(self, at_us: float) -> int:
        return bisect_right(self._reel.times, at_us - self.offset_us)

    def beside(self, at_us: float) -> tuple[int | None, int | None]:
        """When, in the window, the last frame came before a moment or at it, and when the next one does; None where none is known."""
        times, at = self._reel.times, at_us - self.offset_us
        index = bisect_right(times, at)
        return (times[index - 1] + self.offset_us if index else None, times[index] + self.offset_us if index < len(times) else None)

    def before(self, at_us: float) -> int | None:
        """When the last frame came before a moment."""
        return self.beside(at_us - 1)[0]

    def turn(self, at_us: float, busy: Callable[[], bool]) -> bool:
        """Draw on towards a moment until it is `busy`; whether it is there."""
        wanted = self.due(at_us)
        if wanted != self._wanted or (self._way is None and self._index != wanted):
            self._wanted, self._way = wanted, self._reel.goto(wanted)
        for _ in self._way or ():
            if busy():
                return False
        self._way, self._index = None, self._wanted
        return True

    def typed(self) -> tuple[str, bool]:
        """As `Reel.typed`, at the moment."""
        return self._reel.typed(self._index)
