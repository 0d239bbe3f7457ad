"""Nobody unknown gets further than the handshake, and nobody known opens anything but sessions."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_USERAUTH_REQUEST
from asyncssh.packet import String

from tests.fakes.house import AGENT
from tests.listeners.ssh.world import ssh_house


async def test_only_a_known_key_gets_in(tmp_path: Path) -> None:
    """Not another's, not under another name, not with none, not with a password; after six tries the connection ends with a sentence."""
    async with ssh_house(tmp_path) as world:
        for more in ({"client_keys": [asyncssh.generate_private_key("ssh-ed25519")]}, {"username": "root"}, {"username": f"{AGENT}\u200b"}, {"username": ""},
                     {"client_keys": None, "preferred_auth": "none"}, {"client_keys": None, "password": world.home.token}):  # fmt: skip
            with pytest.raises(asyncssh.PermissionDenied):
                await world.connect(**more)
        others = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(8)]
        with pytest.raises(asyncssh.PermissionDenied, match="6 attempts were refused"):
            await world.connect(client_keys=others)
        assert not world.listener.rooms.visitors.owners
        async with await world.connect():
            assert list(world.listener.rooms.visitors.owners) == [AGENT]


async def test_nothing_but_sessions(tmp_path: Path) -> None:
    """Each kind of forwarding is refused, with a sentence where SSH has a place for one."""
    async with ssh_house(tmp_path) as world, await world.connect() as client:
        with pytest.raises(asyncssh.ChannelOpenError, match="kubectl port-forward"):
            await client.open_connection("127.0.0.1", 22)
        with pytest.raises(asyncssh.ChannelOpenError, match="no forwarding of sockets"):
            await client.open_unix_connection("/run/x")
        with pytest.raises(asyncssh.ChannelListenError):
            await client.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 22)
        with pytest.raises(asyncssh.ChannelListenError):
            await client.forward_remote_path(str(tmp_path / "x"), "/run/x")
        assert (await client.run("prod web/web-1 true")).exit_status == 255  # the connection goes on


async def test_a_stranger_has_little_time(tmp_path: Path) -> None:
    """A silent connection is closed, and so is one that begins and does not come to an end."""
    async with ssh_house(tmp_path) as world:
        world.limit(first_s=0.2)
        for said in (b"", b"SSH-2.0-x\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", world.listener.port)
            writer.write(said)
            async with asyncio.timeout(30):
                with contextlib.suppress(ConnectionResetError):
                    await reader.read()
            writer.close()
        await world.home.until(lambda: not world.listener.connections)


async def test_without_strict_key_exchange_nobody_is_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not count the packets of its key exchange is told why (CVE-2023-48795)."""
    async with ssh_house(tmp_path) as world:
        monkeypatch.setattr(asyncssh.SSHClientConnection, "_get_extra_kex_algs", lambda _: [b"ext-info-c"])  # no option of asyncssh leaves it out
        monkeypatch.setattr(asyncssh.SSHClientConnection, "_strict_kex", property(lambda _: False, lambda _, __: None), raising=False)
        with pytest.raises(asyncssh.DisconnectError, match="strict key exchange"):
            await world.connect()


async def test_attempts_of_any_method_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that prove nothing and ask for nothing, so that nobody keeps the gateway busy with them."""
    async with ssh_house(tmp_path) as world:

        def flood(client: Any, **_: object) -> None:
            client._auth_in_progress = True
            for _number in range(100):
                client.send_packet(MSG_USERAUTH_REQUEST, String(AGENT), String("ssh-connection"), String("none"))

        monkeypatch.setattr(asyncssh.SSHClientConnection, "try_next_auth", flood)
        monkeypatch.setattr(asyncssh.SSHClientConnection, "_packet_handlers", {**asyncssh.SSHClientConnection._packet_handlers, 51: lambda *_: True})
        with pytest.raises(asyncssh.DisconnectError, match="attempts are enough"):
            await world.connect()
