"""Connections to a gateway: kept while they are idle, opened anew where the other side has closed, and given up where it is silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jitui.api.client.connections import Connections, LostError, Place, SlowError, UnreachableError

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def served(folder: Path, answers: list[bytes], kept_s: float = 5.0) -> AsyncIterator[tuple[Connections, list[int]]]:
    """Something that gives these answers, one a connection until it is empty, then ANSWER; and how many requests each connection had."""
    had: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        had.append(0)
        mine = len(had) - 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                had[mine] += 1
                said = answers.pop(0) if answers else ANSWER
                writer.write(said)
                if said != ANSWER:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = await asyncio.start_unix_server(serve, folder / "s")
    connections = Connections(Place(folder / "s"), kept_s)
    async with server:
        yield connections, had
        await connections.close()


async def get(connections: Connections, patience: float = 5.0) -> bytes:
    answer = await connections.ask("GET", "/v1/hello", [(b"host", b"gateway")], b"", patience)
    try:
        return await answer.read()
    finally:
        await answer.close()


async def test_one_is_kept_for_the_next(tmp_path: Path) -> None:
    """Requests one after the other share a connection; those at once have one each."""
    async with served(tmp_path, []) as (connections, had):
        assert [await get(connections) for _ in range(3)] == [b"ok"] * 3
        assert had == [3]
        assert await asyncio.gather(*(get(connections) for _ in range(2))) == [b"ok"] * 2
        assert sorted(had) == [1, 4]


async def test_one_that_is_over_is_not_used_again(tmp_path: Path) -> None:
    """Neither one that the gateway closed, nor one that was idle for too long."""
    async with served(tmp_path, [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno"], kept_s=0.05) as (connections, had):
        assert await get(connections) == b"no"
        assert await get(connections) == b"ok"
        await asyncio.sleep(0.06)
        assert await get(connections) == b"ok"
        assert had == [1, 1, 1]


async def test_a_body_in_chunks_or_cut_off(tmp_path: Path) -> None:
    """Chunks are put together; a body that ends too early is an error, and so is a head that is none."""
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    async with served(tmp_path, [chunked, ANSWER[:-1], b"SSH-2.0-x\r\n\r\n", b""]) as (connections, _):
        assert await get(connections) == b"abc"
        for _ in range(3):
            with pytest.raises(LostError):
                await get(connections)


async def test_silence(tmp_path: Path) -> None:
    """An answer that does not come, or does not go on."""
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readuntil(b"\r\n\r\n"))[:0] + ANSWER[:-1])
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(hold, tmp_path / "s"):
        connections = Connections(Place(tmp_path / "s"), 5.0)
        with pytest.raises(SlowError):
            await get(connections, 0.05)
        await connections.close()


async def test_nobody_there(tmp_path: Path) -> None:
    """Said apart from a connection that breaks: nothing was asked."""
    with pytest.raises(UnreachableError, match="No such file"):
        await get(Connections(Place(tmp_path / "none"), 5.0))
