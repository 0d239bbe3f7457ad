"""The Kubernetes listener takes its address before it lets anybody in, and closes everything it knows."""

import asyncio
from pathlib import Path

import pytest

from jitui.auth.callers import Callers
from jitui.listeners.address import ListenAddress
from jitui.listeners.kube.listener import KubeListener
from jitui.values.errors import UnavailableError
from tests.fakes.house import house


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    """With the setting that names another."""
    async with house(tmp_path) as home:
        other = KubeListener(home.broker, Callers(home.broker.roster.directory, home.clock), home.proxy, 0)
        with pytest.raises(UnavailableError, match=rf"port {home.listener.port} on 127\.0\.0\.1 can't be opened .* set another as listen\.kube"):
            other.bind(ListenAddress("127.0.0.1", home.listener.port))


async def test_who_rests_is_closed_at_once(tmp_path: Path) -> None:
    """And nobody is let in any more."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        await kubectl.ask("GET", "/version")
        async with asyncio.timeout(30):
            await home.listener.aclose()
            assert await kubectl.gone() == b""
        assert not home.listener.clients
        with pytest.raises(ConnectionRefusedError):
            await home.dial()
