"""The porch accepts one connection after the other, and counts each before it reads a byte."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from jitui.listeners.caps import at_kube
from jitui.listeners.porch import Porch, address_of
from jitui.listeners.visitors import Visitor, Visitors
from jitui.values.descriptors import share
from jitui.values.limits import Limits

CAPS = replace(at_kube(Limits(), share(4096, 256)), strangers=2, per_address=2)


class Counted(Visitors):
    """Visitors that tell when one has left."""

    def __init__(self) -> None:
        super().__init__(CAPS, lambda *_: None)
        self.left = asyncio.Event()

    def gone(self, visitor: Visitor) -> None:
        super().gone(visitor)
        self.left.set()


class Greeter(asyncio.Protocol):
    """Says hello to whoever comes, as a protocol of a listener does."""

    def __init__(self, visitors: Visitors, visitor: Visitor) -> None:
        self._visitors, self._visitor = visitors, visitor

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._visitor.close = transport.abort
        transport.write(b"hello")

    def connection_lost(self, exc: Exception | None) -> None:
        self._visitors.gone(self._visitor)


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Counted, Porch, int]]:
    visitors = Counted()
    async with asyncio.TaskGroup() as group:

        def spawn(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
            group.create_task(work())

        porch = Porch(visitors, spawn, address_of, asks_owner=False)
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        porch.open(sock, None, lambda visitor: Greeter(visitors, visitor))
        yield visitors, porch, sock.getsockname()[1]
        porch.close()
        for visitor in list(visitors.strangers):
            visitor.close()


async def test_who_comes_is_counted_and_greeted() -> None:
    """And counted no more once they are gone."""
    async with opened() as (visitors, _, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readexactly(5) == b"hello"
        assert [visitor.address for visitor in visitors.strangers] == ["127.0.0.1"]
        writer.close()
        await asyncio.wait_for(visitors.left.wait(), 30)
        assert not visitors.strangers


async def test_a_stranger_too_many_takes_the_place_of_the_oldest() -> None:
    """The oldest is cut, the new one is greeted."""
    async with opened() as (visitors, _, port):
        there = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CAPS.strangers)]
        for reader, _ in there:
            await reader.readexactly(5)
        reader, _ = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readexactly(5) == b"hello"
        try:
            cut = await there[0][0].read()
        except ConnectionError:
            cut = b""
        assert cut == b""
        assert len(visitors.strangers) == CAPS.strangers


async def test_a_closed_porch_lets_nobody_in() -> None:
    async with opened() as (_, porch, port):
        porch.close()
        async with asyncio.timeout(30):
            while True:
                try:
                    reader, _ = await asyncio.open_connection("127.0.0.1", port)
                    await reader.read()
                except ConnectionError:
                    break
                await asyncio.sleep(0.01)
