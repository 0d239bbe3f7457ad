"""An exec over SSH is judged and noted as kubectl's is."""

from pathlib import Path

from tests.listeners.ssh.world import ssh_house


async def test_a_denial_says_how_to_ask(tmp_path: Path) -> None:
    """On one line, with 255; it is on record like one of kubectl, once."""
    async with ssh_house(tmp_path) as world:
        result = await world.ssh("prod", "web/web-1", "ls")
        assert (result.code, result.out, result.said.count("\n")) == (255, b"", 1)
        assert result.said.startswith("jitui: ")
        assert "jitui request prod" in result.said
        assert not world.home.cluster.asked
