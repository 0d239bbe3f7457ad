"""A client that floods its connection is read no faster than its bytes are worked on and its answers are taken."""

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asyncssh.constants import MSG_CHANNEL_OPEN, MSG_CHANNEL_OPEN_FAILURE
from asyncssh.packet import String, UInt32

from jitui.listeners.ssh import inflow
from jitui.listeners.ssh.inflow import ANSWERS, LEAST, SLICE, UNPARSED, Inflow
from tests.listeners.ssh.world import ssh_house


class Ends(asyncio.Transport):
    """A transport with `unsent` bytes, and the connection that reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent = self.unparsed = 0
        self.slow_s = 0.0
        self.fed: list[bytes] = []
        self.reading = True

    def feed(self, data: bytes) -> None:
        self.fed.append(data)
        time.sleep(self.slow_s)

    def through(self, work: Callable[[], None]) -> bool:
        return True

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


async def test_each_turn_reads_a_slice() -> None:
    """In order; of a client whose packets are much work, smaller ones."""
    ends = Ends()
    came = Inflow(ends, ends)
    data = bytes(range(256)) * 512
    came.came(data)
    assert (ends.fed, ends.reading) == ([data[:SLICE]], False)
    ends.slow_s = 0.006
    while not ends.reading:  # noqa: ASYNC110 - each turn of the loop is one of its own
        await asyncio.sleep(0)
    assert b"".join(ends.fed) == data
    assert min(map(len, ends.fed)) == LEAST


async def test_nothing_is_read_while_answers_or_packets_wait() -> None:
    """It goes on once the client takes what was written, and once asyncssh has worked on what it holds."""
    ends = Ends()
    came = Inflow(ends, ends)
    ends.unsent = ANSWERS + 1
    came.came(b"a")
    assert (ends.fed, ends.reading) == ([], False)
    ends.unsent, ends.unparsed = 0, UNPARSED + 1
    came.resume()
    await asyncio.sleep(0.01)
    assert (ends.fed, ends.reading) == ([], False)
    ends.unparsed = 0
    await asyncio.sleep(0.01)
    assert (ends.fed, ends.reading) == ([b"a"], True)


async def test_who_asks_and_does_not_read_is_not_answered_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket pushes back, and nothing is lost once the client reads again."""
    monkeypatch.setattr(inflow, "ANSWERS", 16 << 10)
    async with ssh_house(tmp_path) as world:
        client: Any = await world.connect()
        wire: Any = next(iter(world.listener.connections))._wire
        wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client._transport.pause_reading()
        answers: list[int] = []
        client._packet_handlers = {**client._packet_handlers, MSG_CHANNEL_OPEN_FAILURE: lambda *_: answers.append(1)}
        forward = String(b"a") + UInt32(1) + String(b"b") + UInt32(1)
        for _ in range(1500):
            client.send_packet(MSG_CHANNEL_OPEN, String(b"direct-tcpip"), UInt32(1), UInt32(1), UInt32(1 << 15), forward)
        await world.home.until(lambda: wire.get_write_buffer_size() > inflow.ANSWERS and not wire.is_reading())
        assert wire.get_write_buffer_size() < 64 << 10
        client._transport.resume_reading()
        await world.home.until(lambda: len(answers) == 1500, 60)
        client.close()
