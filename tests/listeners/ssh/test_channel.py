"""A session channel heeds no variable, and one command."""

from pathlib import Path

import asyncssh

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
