"""The streams of a pod are those that the request asks for."""

import json

from jitui.demo.cluster import EmbeddedCluster
from tests.demo.cluster.conftest import Exec


async def test_without_stdin_it_is_empty(alone: EmbeddedCluster) -> None:
    """Without `stdin=true` a command reads an end of file at once."""
    async with Exec(alone, "web", "cat") as stream:
        assert 1 not in {channel: data for channel, data in (await stream.rest()).items() if data and channel == 1}


async def test_streams_that_were_not_asked_for(alone: EmbeddedCluster) -> None:
    """None at all is a Status 500; one that is not wanted is not sent, and holds nothing up."""
    async with Exec(alone, "web", "true", stdout="false", stderr="false") as stream:
        assert "at least 1 of stdin, stdout, stderr" in json.loads((await stream.rest())[3])["message"]
    async with Exec(alone, "web", "sh", "-c", "head -c 1000000 /dev/zero; echo err >&2", stdout="false") as stream:
        found = await stream.rest()
        assert (found[1], found[2]) == (b"", b"err\n")
