"""People have no sessions here."""

from pathlib import Path

import asyncssh

from jitui.listeners.ssh.who import FixedKeys
from tests.fakes.house import ADMIN
from tests.listeners.ssh.world import ssh_house


async def test_a_person_is_told_so(tmp_path: Path) -> None:
    """With a sentence and 255, with and without a command."""
    async with ssh_house(tmp_path) as world:
        await world.home.broker.roster.add("olga", ["approver"], "", by=ADMIN)
        key = asyncssh.generate_private_key("ssh-ed25519")
        world.listener.keys = FixedKeys({key.get_fingerprint(): "olga"}, world.home.broker.roster.directory)
        async with await world.connect(username="olga", client_keys=[key]) as client:
            for command in ("prod web/web-1 ls", None):
                result = await client.run(command)
                assert (result.exit_status, result.stdout) == (255, "")
                assert str(result.stderr).startswith("jitui: people have no sessions")
