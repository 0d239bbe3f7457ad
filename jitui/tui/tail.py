"""The end of a long recording, drawn at once from its last frames, while the way there is still to be read and drawn."""

from collections.abc import Sequence
from typing import Final

from jitui.api.operations import Archive
from jitui.api.views import FrameView, SessionView
from jitui.tui.emulator import Emulator
from jitui.tui.reel import Reel

LOOKS: Final = (32, 400)  # frames that are read: more of them if the last few say little
ENOUGH: Final = 128 << 10  # bytes of bodies that fill any screen


async def last_frames(archive: Archive, session: SessionView, *, unmask: bool) -> tuple[FrameView, ...]:
    """The last frames of a session, in order of seq. Raises JituiError."""
    found: list[FrameView] = []
    for look in LOOKS:
        found, after = [], max(-1, session.frames - 1 - look)
        while page := await archive.frames(session.id, after=after, limit=look, unmask=unmask):
            found += page
            after = page[-1].seq
        if sum(len(frame.data_b64) for frame in found) * 3 // 4 >= ENOUGH:
            break
    return tuple(found)


def drawn(session: SessionView, frames: Sequence[FrameView], size: tuple[int, int]) -> Emulator:
    """The screen that these frames alone draw on a terminal of so many columns and lines: what was drawn before and still stood there is missing."""
    reel = Reel(session)
    reel.emulator.resize(*size)
    reel.add(frames)
    for _ in reel.goto(len(frames)):
        pass
    return reel.emulator
