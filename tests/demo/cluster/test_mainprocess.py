"""Attach follows the main process of a container without stdin, and ends with its pod."""

import httpx

from jitui.demo.cluster import EmbeddedCluster
from tests.demo.cluster.conftest import Exec


async def test_attach_follows_the_main_process(alone: EmbeddedCluster) -> None:
    """From now on, line after line as its log says them, on stdout; stdin is taken and lost; going does nothing to the pod."""
    async with Exec(alone, "chatty", subresource="attach", stdin="true") as stream:
        assert await stream.read() == (1, b"")
        await stream.send(0, b"anyone?\n")
        out = await stream.until(b"\n")
        number = int(out.split()[1])
        await stream.until(b"line %d\n" % (number + 3))


async def test_attach_ends_with_its_pod(alone: EmbeddedCluster, client: httpx.AsyncClient) -> None:
    """With Status Success and close 1000."""
    async with Exec(alone, "chatty", subresource="attach", version="v4") as stream:
        await stream.until(b"line")
        assert (await client.delete("/api/v1/namespaces/web/pods/chatty")).status_code == 200
        assert (await stream.rest())[3] == b'{"metadata":{},"status":"Success"}'
