"""The process that attach reaches in a container without stdin: it writes the lines of its log, whoever is attached (with stdin: containers.py)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from jitui.demo.cluster import logs
from jitui.demo.cluster.programs import STDOUT


class MainProcess:
    """One client's view of the process (a Program), from now on."""

    outputs: tuple[int, ...] = (STDOUT,)

    def __init__(self, voice: logs.Voice, started: float, gone: Callable[[], bool]) -> None:
        self._voice, self._started, self._gone = voice, started, gone
        self._left = asyncio.Event()  # the client has gone
        self._ended = asyncio.Event()

    async def feed(self, data: bytes) -> None:
        """Drops the input, as a node does."""

    def end_input(self) -> None:
        """Does nothing, as the process reads no stdin."""

    def resize(self, columns: int, rows: int) -> None:
        """Does nothing, as the process has no terminal."""

    async def read(self, channel: int) -> AsyncIterator[bytes]:  # noqa: ARG002 - there is only stdout
        reading = logs.Reading(follow=True, timestamps=False, tail=0, since=0.0)
        async for block in logs.lines(self._voice, min(self._started, time.time()), reading, lambda: self._left.is_set() or self._gone()):
            if block:
                yield block
        self._ended.set()

    async def wait(self) -> int:
        """Waits until the pod or the client is gone."""
        await self._ended.wait()
        return 0

    def abandon(self) -> None:
        self._left.set()

    def release(self) -> None:
        self._left.set()
