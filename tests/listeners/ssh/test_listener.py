"""The SSH listener takes its address before it lets anybody in, and closes everything it knows."""

import asyncio
from pathlib import Path

import pytest

from jitui.listeners.address import ListenAddress
from jitui.values.errors import UnavailableError
from tests.listeners.ssh.world import ssh_house


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    """With the setting that names another."""
    async with ssh_house(tmp_path) as world:
        with pytest.raises(UnavailableError, match=r"can't be opened for the SSH listener .* set another as listen\.ssh"):
            world.listener.bind(ListenAddress("127.0.0.1", world.listener.port), [])


async def test_a_stop_tells_who_rests(tmp_path: Path) -> None:
    """And nobody is let in any more."""
    async with ssh_house(tmp_path) as world:
        client = await world.connect()
        async with asyncio.timeout(2):
            await world.listener.aclose()
            await client.wait_closed()
        assert not world.listener.connections
        with pytest.raises(ConnectionRefusedError):
            await world.connect()
