"""The SSH listener takes its address before it lets anybody in, and closes everything it knows."""

import asyncio
import signal
from pathlib import Path

import asyncssh
import pytest

from jitui.listeners.address import ListenAddress
from jitui.listeners.ssh import listener
from jitui.values.errors import UnavailableError
from tests.fakes.house import AGENT
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
        async with asyncio.timeout(30):
            await world.listener.aclose()
            await client.wait_closed()
        assert not world.listener.connections
        with pytest.raises(ConnectionRefusedError):
            await world.connect()


@pytest.mark.parametrize("more", [
    {"encryption_algs": ["aes256-cbc"]}, {"kex_algs": ["diffie-hellman-group14-sha1"]}, {"kex_algs": ["diffie-hellman-group-exchange-sha256"]},
    {"encryption_algs": ["aes256-ctr"], "mac_algs": ["hmac-sha1"]}, {"compression_algs": ["zlib@openssh.com"]},
])  # fmt: skip
async def test_old_algorithms_are_refused(tmp_path: Path, more: dict[str, list[str]]) -> None:
    """By the key exchange itself, before anybody is asked who they are."""
    async with ssh_house(tmp_path) as world:
        with pytest.raises(asyncssh.KeyExchangeFailed, match="No matching"):
            await world.connect(**more)
        assert not world.listener.rooms.visitors.owners


@pytest.mark.parametrize("options", [("Ciphers=aes256-gcm@openssh.com",), ("Ciphers=aes128-ctr", "MACs=hmac-sha2-512"), ("KexAlgorithms=ecdh-sha2-nistp256",)])
async def test_others_are_taken(tmp_path: Path, options: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    """And no log has a word of the command."""
    caplog.set_level("DEBUG", "")
    async with ssh_house(tmp_path) as world:
        await world.home.window()
        more = tuple(part for option in options for part in ("-o", option))
        result = await world.ssh("prod", "web/web-1", "echo", "a-secret-word", stdin=b"typed-word", options=more)
        assert (result.code, result.out) == (0, b"a-secret-word\n")
        assert "-word" not in caplog.text
        assert AGENT not in caplog.text


async def test_a_silent_connection_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not answer three times is gone, and its command with it."""
    monkeypatch.setattr(listener, "ALIVE_S", 0.1)
    async with ssh_house(tmp_path) as world:
        await world.home.window()
        process = await world.start("prod", "web/web-1", "sleep", "60")
        await world.home.until(lambda: world.home.broker.windows.sessions)
        await asyncio.sleep(0.6)
        assert world.home.broker.windows.sessions  # it answers
        process.send_signal(signal.SIGSTOP)
        await world.home.until(lambda: not world.listener.connections)
        await world.home.until(lambda: not world.home.cluster.open_lines)
        process.kill()
        await process.wait()
