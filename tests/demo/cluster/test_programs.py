"""The built-in commands cost no process."""

import asyncio
import json

from jitui.demo.cluster import EmbeddedCluster
from tests.demo.cluster.conftest import Exec


async def test_five_hundred_streams(alone: EmbeddedCluster) -> None:
    """The built-in commands cost no process: 500 echoes at once, each with its own bytes."""
    async def one(number: int) -> bytes:
        async with Exec(alone, "web", "jitui-echo", stdin="true") as stream:
            await stream.send(0, b"echo %d" % number)
            await stream.send(255, b"\0")
            return (await stream.rest())[1]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(500)]
    assert [task.result() for task in tasks] == [b"echo %d" % number for number in range(500)]


async def test_built_in_flood_and_sink(alone: EmbeddedCluster) -> None:
    """jitui-flood writes as many bytes as it is told, jitui-sink counts what it reads."""
    async with Exec(alone, "web", "jitui-flood", "1000001") as stream:
        assert len((await stream.rest())[1]) == 1_000_001
    async with Exec(alone, "web", "jitui-sink", stdin="true") as stream:
        for _ in range(10):
            await stream.send(0, bytes(50_000))
        await stream.send(255, b"\0")
        assert (await stream.rest())[1] == b"500000\n"


async def test_an_endless_flood_ends_with_its_client(alone: EmbeddedCluster) -> None:
    """And the cluster answers meanwhile."""
    async with Exec(alone, "web", "jitui-flood") as stream:
        for _ in range(50):
            await stream.read()
        async with Exec(alone, "web", "true") as other:
            assert json.loads((await other.rest())[3])["status"] == "Success"
