"""Opening and closing the sockets."""

import asyncio
import stat
from pathlib import Path

import httpx
import pytest

from jitui.api.server import ApiListener
from jitui.listeners.address import ListenAddress
from jitui.values.errors import ConfigurationError, ConflictError
from tests.fakes.gateway import Address


async def test_the_socket_is_private(gateway: Address) -> None:
    """0600 from its first instant, whatever the umask; gone when the listener is closed."""
    assert stat.S_IMODE(gateway.socket.stat().st_mode) == 0o600
    await gateway.listener.aclose()
    assert not gateway.socket.exists()


async def test_a_socket_that_answers_is_another_gateways(gateway: Address) -> None:
    """It is left alone, and the message says how to stop that one."""
    other = ApiListener(gateway.house, gateway.callers, gateway.spawn)
    with pytest.raises(ConflictError, match=rf"another gateway answers at {gateway.socket}; stop it with: jitui --gateway unix:"):
        other.bind(unix=gateway.socket)
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(gateway.socket))) as client:
        assert (await client.get("http://gateway/v1/hello")).status_code == 200


async def test_no_tcp_without_tls(gateway: Address) -> None:
    """A token never crosses the network in the clear."""
    with pytest.raises(ConfigurationError, match=r"with TLS only"):
        ApiListener(gateway.house, gateway.callers, gateway.spawn).bind(tcp=ListenAddress("127.0.0.1", 0))


async def test_who_comes_before_it_is_open_waits(gateway: Address, tmp_path: Path) -> None:
    """The address is taken, and nobody is answered; then they are."""
    other = ApiListener(gateway.house, gateway.callers, gateway.spawn)
    other.bind(unix=tmp_path / "early.sock")
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(tmp_path / "early.sock"))) as client:
        early = asyncio.create_task(client.get("http://gateway/v1/hello"))
        await asyncio.sleep(0.2)
        assert not early.done()
        await other.open()
        assert (await early).status_code == 200
    await other.aclose()
    unopened = ApiListener(gateway.house, gateway.callers, gateway.spawn)
    unopened.bind(unix=tmp_path / "early.sock")
    await unopened.aclose()
    assert not (tmp_path / "early.sock").exists()


async def test_closing_frees_the_port(gateway: Address) -> None:
    """After aclose nothing listens, and closing twice is no harm."""
    await gateway.listener.aclose()
    await gateway.listener.aclose()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", gateway.listener.port)
