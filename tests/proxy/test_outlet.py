"""The writing end of a leg, on real sockets."""

import asyncio
import socket
from typing import cast

import pytest

from jitui.proxy.outlet import Outlet


class Writer(asyncio.Protocol):
    """A protocol that writes through an outlet only."""

    outlet: Outlet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.outlet = Outlet(cast("asyncio.Transport", transport))
        self.outlet.begin()

    def pause_writing(self) -> None:
        self.outlet.blocked()

    def resume_writing(self) -> None:
        self.outlet.unblocked()


async def pair() -> tuple[Outlet, socket.socket]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    _, writer = await asyncio.get_running_loop().create_connection(Writer, sock=ours)
    return writer.outlet, theirs


async def fill(outlet: Outlet) -> int:
    """Write until something waits; the size of the writes that were handed on."""
    handed = 0

    def more() -> None:
        nonlocal handed
        handed += 1

    while outlet.idle:
        outlet.write(b"x" * 65536, more)
        await asyncio.sleep(0)
    return handed


async def read(theirs: socket.socket, size: int) -> bytes:
    loop, got = asyncio.get_running_loop(), b""
    async with asyncio.timeout(30):
        while len(got) < size:
            got += await loop.sock_recv(theirs, size - len(got))
    return got


async def test_writes_arrive_in_order_and_say_so() -> None:
    """Those that waited too, each once."""
    outlet, theirs = await pair()
    full = await fill(outlet)
    said: list[int] = []
    for number in range(10):
        outlet.write(bytes((number,)), lambda number=number: said.append(number))  # type: ignore[misc]
    assert (outlet.queued, said) == (10, [])
    got = await read(theirs, full * 65536 + 10)
    assert got[-10:] == bytes(range(10))
    assert said == list(range(10))
    assert outlet.idle
    theirs.close()
    outlet.transport.abort()


async def test_what_is_dropped_never_arrives() -> None:
    """Bytes that are written after the drop do arrive."""
    outlet, theirs = await pair()
    full = await fill(outlet)
    outlet.write(b"dropped", lambda: pytest.fail("it was dropped"))
    assert outlet.drop() == 7
    outlet.write(b"words")
    assert (await read(theirs, full * 65536 + 5))[-5:] == b"words"
    theirs.close()
    outlet.transport.abort()


async def test_a_closed_gate_holds_what_waits() -> None:
    """It is asked before each write that had to wait; a drop opens it for the last words."""
    outlet, theirs = await pair()
    full = await fill(outlet)
    asked: list[bool] = []

    def gate() -> bool:
        asked.append(True)
        return False

    outlet.gate = gate
    outlet.write(b"late")
    await read(theirs, full * 65536)
    await asyncio.sleep(0.05)
    assert (asked, outlet.queued) == ([True], 4)
    outlet.drop()
    outlet.write(b"words")
    assert await read(theirs, 5) == b"words"
    theirs.close()
    outlet.transport.abort()
