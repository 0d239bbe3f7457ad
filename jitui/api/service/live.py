"""The newest frames of a live session, for viewers. A viewer that falls behind loses bytes and is told so; it never holds a stream up."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from jitui.api.service.views import frame_view
from jitui.api.views import LiveChunk
from jitui.proxy.live import Session
from jitui.recording.frame import BYTES, Frame
from jitui.recording.masking.session import Shown

BACKLOG: Final = 256 << 10  # bytes a viewer may be behind
BEFORE: Final = 64 << 10  # bytes a viewer is shown of what was before
LARGE: Final = 256 << 10  # bytes of a frame; of a larger one the view is made off the loop
POLL_S: Final = 0.25  # to notice a session that ended without a frame


class Viewer:
    """One viewer's queue of one session."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._size = 0
        self.lost = 0  # bytes dropped since the last read
        self.news = asyncio.Event()

    def tap(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._size += len(frame.body)
        while self._size > BACKLOG and len(self._frames) > 1:
            dropped = self._frames.popleft()
            self._size -= len(dropped.body)
            self.lost += len(dropped.body)
        self.news.set()

    def take(self) -> tuple[list[Frame], int]:
        frames, self._frames = list(self._frames), deque()
        lost, self.lost, self._size = self.lost, 0, 0
        self.news.clear()
        return frames, lost


Show = Callable[[Sequence[Frame]], Awaitable[list[Shown]]]  # frames in order -> the first of them, at least one, as they may be shown; the rest is asked next


async def watch(session: Session, before: Callable[[], Awaitable[list[Frame]]], join: Callable[[int], Awaitable[Show]]) -> AsyncIterator[LiveChunk]:
    """Yield the frames recorded shortly before (read while the viewer listens already), then every frame as it is committed, then the end.

    `join` says how frames from a seq on are shown. It is asked again behind a gap, because a secret may begin in the lost bytes.
    """
    viewer = Viewer()
    session.taps.append(viewer.tap)
    seen = -1
    try:
        show: Show | None = None
        frames = await before()
        if frames:
            seen = frames[-1].seq
            show = await join(frames[0].seq)
            kept: list[Shown] = []
            async for some in _rounds(show, frames):
                kept = newest([*kept, *some])
            for shown in kept:
                yield await _chunk(shown)
        while True:
            frames, lost = viewer.take()
            if lost:
                show = None
                yield LiveChunk(kind="gap", lost_bytes=lost)
            frames = [frame for frame in frames if frame.seq > seen]
            if frames:
                seen = frames[-1].seq
                show = show or await join(frames[0].seq)
                async for some in _rounds(show, frames):
                    for shown in some:
                        yield await _chunk(shown)
            if session.gone and not viewer.news.is_set():
                break
            try:
                async with asyncio.timeout(POLL_S):
                    await viewer.news.wait()
            except TimeoutError:
                continue
        why = f"{session.end.why}" + (f" by {session.end.by}" if session.end.by else "") if session.end else ""
        yield LiveChunk(kind="end", why=why)
    finally:
        session.taps.remove(viewer.tap)


def newest(found: list[Shown]) -> list[Shown]:
    """The last 64 KiB of these frames. The frame at the edge is cut if it is of a stream of bytes, and left out otherwise."""
    room = BEFORE
    for at in range(len(found) - 1, -1, -1):
        size = len(found[at].frame.body)
        if size > room:
            rest = found[at + 1 :]
            return [found[at].without(size - room), *rest] if room and found[at].frame.channel in BYTES else rest
        room -= size
    return found


async def _rounds(show: Show, frames: Sequence[Frame]) -> AsyncIterator[list[Shown]]:
    """All of them, as they may be shown, round by round."""
    while frames:
        found = await show(frames)
        frames = frames[len(found) :]
        yield found


async def _chunk(shown: Shown) -> LiveChunk:
    large = len(shown.frame.body) > LARGE
    return LiveChunk(kind="frame", frame=await asyncio.to_thread(frame_view, shown) if large else frame_view(shown))
