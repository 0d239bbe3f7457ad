"""HTTP/1.1 in pieces, in chunks, and garbage."""

import asyncio

import pytest

from jitui.demo.cluster import EmbeddedCluster
from tests.demo.cluster.conftest import trust


async def test_requests_in_pieces_and_in_chunks(alone: EmbeddedCluster) -> None:
    """A head that comes byte by byte, a chunked body, and the next request on the same connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(alone.url.rpartition(":")[2]), ssl=trust(alone.kubeconfig))
    token = f"Authorization: Bearer {alone.token}\r\n"
    post = f"POST /api/v1/namespaces/web/configmaps HTTP/1.1\r\nHost: x\r\n{token}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    for byte in post.encode():
        writer.write(bytes([byte]))
    for piece in (b'{"metadata":', b'{"name":"chunked"}}', b""):
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}\r\n".encode())
    answers = await asyncio.wait_for(reader.read(), 5)
    assert answers.startswith(b"HTTP/1.1 201 Created\r\n")
    assert answers.endswith(b"\r\n\r\nok")
    writer.close()


@pytest.mark.parametrize("garbage", [b"\r\n\r\n", b"GET\r\n\r\n", b"x" * 2_200_000, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                                     b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
                                     b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
async def test_garbage_ends_the_connection(alone: EmbeddedCluster, garbage: bytes) -> None:
    """And nothing else."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(alone.url.rpartition(":")[2]), ssl=trust(alone.kubeconfig))
    writer.write(garbage)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
