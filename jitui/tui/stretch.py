"""A stretch of a long recording: as many frames as a moment needs, from the keyframe of the index before it on, instead of everything from the beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jitui.api.operations import Archive
from jitui.api.views import FrameView, SessionView
from jitui.tui.emulator import Emulator, Kept
from jitui.tui.keyframes import kept_of
from jitui.tui.reel import FRAME

LONG: Final = 4 << 20  # bytes that passed, from which on a recording is loaded in stretches, if the index has keyframes of it
ROOM: Final = 1 << 20  # bytes of frames that are held at a time: the way through them is short
FIRST: Final = 8  # frames of the first page; each next one is twice as long
PAGE: Final = 256
FAR: Final = 1 << 62  # microseconds


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive frames, and the screen before the first of them."""

    frames: tuple[FrameView, ...]
    kept: Kept | None  # None: the recording begins here
    since_us: int  # from this time on it shows every moment up to its last frame
    end_us: int  # when the last frame of the whole recording came
    unmasked: bool


async def end_of(archive: Archive, session: SessionView, *, unmask: bool) -> int:
    """When the last frame of a recording came that is loaded in stretches; 0 for one that is not. Raises JituiError."""
    if not session.ended or session.bytes_in + session.bytes_out < LONG:
        return 0
    if (await archive.keyframe(session.id, at_us=FAR, unmask=unmask)).seq < 0:
        return 0
    last = await archive.frames(session.id, after=session.frames - 2, limit=1, unmask=unmask)
    return last[-1].at_us if last else 0


async def stretch(archive: Archive, session: SessionView, at_us: float, end_us: int, *, unmask: bool) -> Stretch | None:
    """The one that shows a moment. None if the keyframe before it can't be used. Raises JituiError."""
    try:
        keyframe = (await archive.keyframe(session.id, at_us=max(0, int(at_us)), unmask=unmask)).keyframe()
        kept = kept_of(keyframe) if keyframe else None
    except ValueError:
        return None
    if kept is not None and not Emulator.of(kept).alive:
        return None
    found: list[FrameView] = []
    after, limit = keyframe.seq if keyframe else -1, FIRST
    while held(found) < ROOM:
        page = await archive.frames(session.id, after=after, limit=limit, unmask=unmask)
        found += page
        if not page or page[-1].at_us > at_us:
            break
        after, limit = page[-1].seq, min(2 * limit, PAGE)
    return Stretch(tuple(found), kept, keyframe.at_us if keyframe else 0, end_us, unmask)


def held(frames: Sequence[FrameView]) -> int:
    """Bytes that frames take."""
    return sum(len(frame.data_b64) * 3 // 4 + FRAME for frame in frames)
