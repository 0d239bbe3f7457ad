"""What attach reaches in a container without a stdin: a process that says what its log says, whoever comes and goes (with one: containers.py)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from jitui.demo.cluster import logs
from jitui.demo.cluster.programs import STDOUT


class MainProcess:
    """One client's view of it (a Program), from now on."""

    outputs: tuple[int, ...] = (STDOUT,)

    def __init__(self, voice: logs.Voice, started: float, gone: Callable[[], bool]) -> None:
        self._voice, self._started, self._gone = voice, started, gone
        self._left = asyncio.Event()  # the client has gone
        self._ended = asyncio.Event()

    async def feed(self, data: bytes) -> None:
        """What is typed is lost, as on a node."""

    def end_input(self) -> None:
        """Nothing reads it."""

    def resize(self, columns: int, rows: int) -> None:
        """It has no terminal."""

    async def read(self, channel: int) -> AsyncIterator[bytes]:  # noqa: ARG002 - there is only stdout
        reading = logs.Reading(follow=True, timestamps=False, tail=0, since=0.0)
        async for block in logs.lines(self._voice, min(self._started, time.time()), reading, lambda: self._left.is_set() or self._gone()):
            if block:
                yield block
        self._ended.set()

    async def wait(self) -> int:
        """Until the pod is gone, or the client."""
        await self._ended.wait()
        return 0

    def abandon(self) -> None:
        self._left.set()

    def release(self) -> None:
        self._left.set()
