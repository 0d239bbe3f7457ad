"""WebSocket from the server's side, against an independent client: half-close, floods, many streams."""

import asyncio
import json

from jitui.demo.cluster import EmbeddedCluster
from jitui.demo.cluster.programs import PIECE
from tests.demo.cluster.conftest import Exec


async def test_half_close_ends_stdin(alone: EmbeddedCluster) -> None:
    """v5: FF 00 is the end of stdin; what is still to come arrives."""
    async with Exec(alone, "web", "wc", "-c", stdin="true") as stream:
        await stream.send(0, b"x" * 100_000)
        await stream.send(255, b"\0")
        assert (await stream.rest())[1].strip() == b"100000"


async def test_v4_has_no_half_close(alone: EmbeddedCluster) -> None:
    """v4: the same bytes are ignored, and so are channels that mean nothing."""
    async with Exec(alone, "web", "sh", "-c", "read line; echo $line", stdin="true", version="v4") as stream:
        await stream.send(255, b"\0")
        await stream.send(9, b"?")
        await stream.send(0, b"still open\n")
        assert (await stream.rest())[1] == b"still open\n"


async def test_a_flood_waits_for_its_reader(alone: EmbeddedCluster) -> None:
    """Nothing is lost, no frame is larger than the API server's, and a client that does not read holds the writer up."""
    async with Exec(alone, "web", "sh", "-c", "head -c 20000000 /dev/zero; echo done >&2") as stream:
        await asyncio.sleep(0.5)
        sizes: dict[int, list[int]] = {1: [], 2: []}
        while (message := await stream.read())[0] in sizes:  # two pipes: what is last on stdout may come after stderr's line
            sizes[message[0]].append(len(message[1]))
        assert (sum(sizes[1]), max(sizes[1]) <= PIECE, sum(sizes[2])) == (20_000_000, True, len("done\n"))
        assert json.loads(message[1])["status"] == "Success"
