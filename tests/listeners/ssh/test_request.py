"""An exec over SSH is judged and noted as kubectl's is."""

import os
from pathlib import Path

import pytest

from tests.fakes.house import rule
from tests.listeners.ssh import world as worlds
from tests.listeners.ssh.world import ssh_house


async def test_a_denial_says_how_to_ask(tmp_path: Path) -> None:
    """On one line, with 255; it is on record like one of kubectl, once."""
    async with ssh_house(tmp_path) as world:
        result = await world.ssh("prod", "web/web-1", "ls")
        assert (result.code, result.out, result.said.count("\n")) == (255, b"", 1)
        assert result.said.startswith("jitui: ")
        assert "jitui request prod" in result.said
        assert not world.home.cluster.asked


async def test_a_command_of_its_own_clause_has_no_standard_input(tmp_path: Path) -> None:
    """A clause that names a command is for one that nobody types into: without input it runs, with some it ends before the cluster has a byte of that."""
    async with ssh_house(tmp_path, rules=(rule(scope="exec pods in web -- sh -c *"),)) as world:
        await world.home.window()
        alone = await world.ssh("prod", "web/web-1", "sh", "-c", "'echo on'")
        assert (alone.code, alone.out, alone.said) == (0, b"on\n", "")
        assert "stdin" not in world.home.cluster.asked[-1].target
        typed = await world.ssh("prod", "web/web-1", "sh", "-c", "'sleep 5'", stdin=b"SECRET")
        assert (typed.code, typed.said.count("\n")) == (255, 1)
        assert "say ssh -n" in typed.said
        assert b"SECRET" not in world.home.cluster.got
        other = await world.ssh("prod", "web/web-1", "cat", "/etc/passwd")
        assert (other.code, other.said.count("\n")) == (255, 1)


async def test_each_session_counts(tmp_path: Path) -> None:
    """Also several on one connection; one more than the limit is refused with the limit's name, and an ended one makes room."""
    async with ssh_house(tmp_path) as world, await world.connect() as client:
        await world.home.window()
        world.limit(streams_per_agent=2)
        running = [await client.create_process("prod web/web-1 cat") for _ in range(2)]
        await world.home.until(lambda: len(world.home.broker.windows.sessions) == 2)
        refused = await client.run("prod web/web-1 true")
        assert (refused.exit_status, "limits.ssh_sessions_per_agent" in str(refused.stderr)) == (255, True)
        running[0].stdin.write_eof()
        await running[0].wait()
        assert (await client.run("prod web/web-1 true")).exit_status == 0


async def test_isolation_is_required_over_ssh_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that runs as the gateway's own Unix user is refused, whatever its key and its window are; another user passes."""
    async with ssh_house(tmp_path / "other", isolated_from=os.getuid() + 1) as world:
        await world.home.window()
        assert (await world.ssh("prod", "web/web-1", "true")).code == 0
    monkeypatch.setattr(worlds, "OWN_UID", os.getuid())
    async with ssh_house(tmp_path / "own", isolated_from=os.getuid()) as world:
        await world.home.window()
        refused = await world.ssh("prod", "web/web-1", "true")
        assert (refused.code, refused.out, refused.said.count("\n")) == (255, b"", 1)
        assert "this agent runs as the gateway's own Unix user" in refused.said
        assert not world.home.cluster.asked
