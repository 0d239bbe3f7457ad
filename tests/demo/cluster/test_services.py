"""The HTTP service in the pods, reached by port-forward."""

import pytest

from jitui.demo.cluster import EmbeddedCluster
from jitui.protocol import spdy
from jitui.protocol.spdy import Frame
from tests.demo.cluster.spdyclient import Spdy, text_of

PROTOCOL = "portforward.k8s.io"


def forward(cluster: EmbeddedCluster, pod: str = "web") -> Spdy:
    return Spdy(cluster, f"{pod}/portforward", offers=(PROTOCOL,))


async def dial(client: Spdy, port: int, number: int = 0, *, named: bool = True) -> tuple[int, int]:
    """Error and data stream of a new connection; the error stream's half is closed at once, as kubectl does."""
    headers = {"port": str(port)} | ({"requestid": str(number)} if named else {})
    error = await client.open(streamtype="error", **headers)
    client.write(spdy.data(error, b"", fin=True))
    return error, await client.open(streamtype="data", **headers)


async def ended(client: Spdy, *streams: int) -> list[Frame]:
    """Every frame until the cluster has ended its half of them all."""
    frames: list[Frame] = []
    while not set(streams) <= {frame.stream for frame in frames if frame.fin}:
        frames.append(await client.read())
    return frames


@pytest.mark.parametrize(("path", "status", "size"), [("/", 200, 15), ("/bytes/100000", 200, 100_000), ("/nope", 404, 0), ("/bytes/x", 404, 0)])
async def test_the_pages(alone: EmbeddedCluster, path: str, status: int, size: int) -> None:
    """Of the HTTP service, two requests on one connection."""
    async with forward(alone) as client:
        _, data = await dial(client, 8080)
        request = f"GET {path} HTTP/1.1\r\n\r\n".encode()
        client.write(spdy.data(data, request + request))
        client.write(spdy.data(data, b"POST / HTTP/1.1\r\n\r\n") + spdy.data(data, b"HEAD / HTTP/1.1\r\n\r\n", fin=True))
        out = text_of(await ended(client, data), data)
    head, _, rest = out.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert rest[size:].startswith(head + b"\r\n\r\n")
    assert b"HTTP/1.1 405 Method" in rest
    assert out.endswith(b"Content-Length: 15\r\n\r\n")
