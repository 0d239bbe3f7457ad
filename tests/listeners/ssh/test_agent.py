"""An agent's session over SSH, with OpenSSH as the client."""

import hashlib
import os
from pathlib import Path

from tests.listeners.ssh.world import ssh_house


async def test_a_command_is_one_exec(tmp_path: Path) -> None:
    """Its exit status, its output and its errors are the command's, its bytes are those of the record."""
    async with ssh_house(tmp_path) as world:
        denied = await world.ssh("prod", "web/web-1", "true")
        assert (denied.code, denied.out) == (255, b"")
        assert denied.said.startswith("jitui: ")
        assert denied.said.count("\n") == 1
        await world.home.window()
        result = await world.ssh("prod", "--", "web/web-1", "sh", "-c", "'echo out; echo err >&2; exit 7'")
        assert (result.code, result.out, result.said) == (7, b"out\n", "err\n")
        data = os.urandom(3 << 20)
        both = await world.ssh("prod", "web/web-1", "cat", stdin=data)
        assert (both.code, both.said, hashlib.sha256(both.out).digest()) == (0, "", hashlib.sha256(data).digest())
        assert [fact.what["why"] for fact in await world.home.facts("session.ended")] == ["exit", "exit"]
