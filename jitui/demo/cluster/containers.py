"""The process that attach reaches in a container with `stdin: true`. The first attach starts it, all clients share it, and it runs on without them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from jitui.demo.cluster.programs import Program

_WAITING: Final = 8  # pieces of output that a slow client may leave before all clients wait for it


class Container:
    """The process of one container; its creator runs `run`."""

    def __init__(self, process: Program, *, once: bool, ended: Callable[[int], None]) -> None:
        """`once`: its stdin ends with the first client that leaves (`stdinOnce`). `ended` is told its exit code."""
        self.process = process
        self.once = once
        self._ended = ended
        self.clients: set[Attachment] = set()

    async def run(self) -> None:
        """Hands its output to all clients until it ends; without a client the output is lost."""
        try:
            async with asyncio.TaskGroup() as group:
                for channel in self.process.outputs:
                    group.create_task(self._pump(channel))
                code = await self.process.wait()
        finally:
            self.process.release()
        self._ended(code)
        for client in list(self.clients):
            await client.end()

    async def _pump(self, channel: int) -> None:
        async for data in self.process.read(channel):
            for client in list(self.clients):
                await client.take(channel, data)


class Attachment:
    """One client's connection to the process (a Program)."""

    def __init__(self, container: Container) -> None:
        self.outputs = container.process.outputs
        self._container = container
        self._pieces: dict[int, asyncio.Queue[bytes]] = {channel: asyncio.Queue(_WAITING) for channel in self.outputs}
        self._over = asyncio.Event()
        container.clients.add(self)

    async def take(self, channel: int, data: bytes) -> None:
        """Queues output for this client."""
        if not self._over.is_set():
            await self._pieces[channel].put(data)

    async def end(self) -> None:
        """Tells this client that the process has ended."""
        for channel in self.outputs:
            await self.take(channel, b"")
        self._over.set()

    async def feed(self, data: bytes) -> None:
        await self._container.process.feed(data)

    def end_input(self) -> None:
        if self._container.once:
            self._container.process.end_input()

    def resize(self, columns: int, rows: int) -> None:
        self._container.process.resize(columns, rows)

    async def read(self, channel: int) -> AsyncIterator[bytes]:
        while data := await self._pieces[channel].get():
            yield data

    async def wait(self) -> int:
        """Waits until the process ends, or this client leaves. An attach has no exit code: that stands in the pod's status (kubelet: ServeAttach)."""
        await self._over.wait()
        return 0

    def abandon(self) -> None:
        self.end_input()
        self.release()

    def release(self) -> None:
        self._container.clients.discard(self)
        self._over.set()
        for pieces in self._pieces.values():
            while not pieces.empty():  # a producer that waits for room goes on
                pieces.get_nowait()
            pieces.put_nowait(b"")
