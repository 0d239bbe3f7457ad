"""The newest frames of a live session, for viewers. A viewer that falls behind loses bytes and is told so; it never holds a stream up."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from jitui.counter.views import frame_view
from jitui.desk import LiveChunk
from jitui.session.live import Session
from jitui.tape.frame import Frame

BACKLOG: Final = 256 << 10  # bytes a viewer may be behind
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


async def watch(session: Session, before: Callable[[], Awaitable[list[Frame]]]) -> AsyncIterator[LiveChunk]:
    """What was recorded shortly before (read while the viewer listens already), then every frame as it is committed, then the end."""
    viewer = Viewer()
    session.taps.append(viewer.tap)
    seen = -1
    try:
        for frame in await before():
            seen = frame.seq
            yield LiveChunk(kind="frame", frame=frame_view(frame))
        while True:
            frames, lost = viewer.take()
            if lost:
                yield LiveChunk(kind="gap", lost_bytes=lost)
            for frame in frames:
                if frame.seq > seen:
                    seen = frame.seq
                    yield LiveChunk(kind="frame", frame=frame_view(frame))
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
