"""A session channel heeds no variable, and one command."""

import asyncio
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_EOF, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import String, UInt32

from jitui.recording.frame import Channel
from tests.fakes.house import ANA
from tests.listeners.ssh.world import ssh_house


async def test_variables_have_no_effect(tmp_path: Path) -> None:
    """None is kept, whatever a client sends before its command; the command runs without them."""
    async with ssh_house(tmp_path) as world, await world.connect() as client:
        await world.home.window()
        result = await client.run("prod web/web-1 sh -c 'echo $LD_PRELOAD$FOO'", env={"LD_PRELOAD": "/tmp/x", "FOO": "bar"}, request_pty=False)
        assert (result.exit_status, result.stdout) == (0, "\n")


async def test_one_channel_has_one_command(tmp_path: Path) -> None:
    """A second request for one on the same channel fails, and the first goes on."""
    async with ssh_house(tmp_path) as world, await world.connect() as client:
        await world.home.window()
        channel, _ = await client.create_session(asyncssh.SSHClientSession, "prod web/web-1 sleep 5")
        assert await channel._make_request(b"exec", asyncssh.packet.String("prod web/web-1 true")) is False
        assert await channel._make_request(b"shell") is False
        assert len(world.home.broker.windows.live) == 1
        await world.home.until(lambda: world.home.cluster.asked)
        assert len([one for one in world.home.cluster.asked if "/exec" in one.target]) == 1


async def test_many_small_packets_wait_as_few_pieces(tmp_path: Path) -> None:
    """Before the command and in a freeze; all of them arrive, in order."""
    async with ssh_house(tmp_path) as world, await world.connect() as client:
        await world.home.window()
        channel: Any = asyncssh.SSHClientChannel(client, asyncio.get_running_loop(), "strict", None, "strict", 1 << 20, 1 << 15)
        await channel._open(b"session")
        said = bytes(range(250)) * 8
        for each in said:
            channel.send_packet(MSG_CHANNEL_DATA, String(bytes((each,))))
        await channel._make_request(b"env", String(b"A"), String(b"b"))
        (theirs,) = next(iter(world.listener.connections))._channels.values()
        assert [piece for piece, _ in theirs._recv_buf] == [said]
        assert await channel._make_request(b"exec", String("prod web/web-1 sh -c 'sleep 0.1; cat'"))
        await world.home.until(lambda: world.home.broker.windows.sessions)
        (session,) = world.home.broker.windows.sessions.values()
        channel.send_packet(MSG_CHANNEL_EOF)
        await world.home.until(lambda: session.gone)
        frames = await world.home.frames(session.id)
        assert b"".join(frame.body for frame in frames if frame.channel is Channel.STDIN) == said


async def test_a_client_that_takes_no_more_while_its_window_is_closed(tmp_path: Path) -> None:
    """In a freeze nothing passes when it opens its window, and after the end nothing of what waited does."""
    async with ssh_house(tmp_path) as world, await world.connect() as client:
        grant = await world.home.window()
        process = await client.create_process("prod web/web-1 sh -c 'head -c 20000 /dev/zero; sleep 9'", encoding=None, window=10)
        process.channel.pause_reading()
        channel: Any = process.channel
        await world.home.until(lambda: channel._recv_buf)
        await world.home.desk(ANA).freeze(grant.label)
        channel._recv_window += 1000
        channel.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(1000))
        await asyncio.sleep(0.2)
        assert sum(len(data) for data, _ in channel._recv_buf) == 10
        await world.home.desk(ANA).revoke(grant.label, reason="enough")
        await asyncio.sleep(0.2)
        assert sum(len(data) for data, kind in channel._recv_buf if kind is None) == 10
        assert b"enough" in b"".join(data for data, kind in channel._recv_buf if kind is not None)


async def test_packets_that_are_too_small_are_refused(tmp_path: Path) -> None:
    """The output would be a packet for each byte, and keep the gateway from all else."""
    async with ssh_house(tmp_path) as world, await world.connect() as client:
        with pytest.raises(asyncssh.ChannelOpenError, match="too small"):
            await client.create_session(asyncssh.SSHClientSession, "prod web/web-1 true", max_pktsize=1)
        assert world.listener.sessions == 0
