"""Port-forward over SPDY and over the tunnel: services in the pods, many connections on one, and what a kubelet says of a port without one."""

import os

import httpx
import pytest

from jitui.demo.cluster import EmbeddedCluster
from jitui.protocol import spdy
from jitui.protocol.spdy import Frame, Kind
from tests.demo.cluster.spdyclient import Spdy, Tunnelled, text_of

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


@pytest.mark.parametrize("named", [True, False])
async def test_http_in_a_pod(alone: EmbeddedCluster, named: bool) -> None:
    """A request and its answer, also from old clients that give no request id; both streams end when the service closes."""
    async with forward(alone) as client:
        assert f"X-Stream-Protocol-Version: {PROTOCOL}" in client.head
        error, data = await dial(client, 8080, named=named)
        client.write(spdy.data(data, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"))
        frames = await ended(client, data, error)
    assert text_of(frames, data).endswith(b"\r\n\r\nhello from web\n")
    assert text_of(frames, error) == b""


async def test_connections_are_independent(alone: EmbeddedCluster) -> None:
    """Thirty echoes at once on one connection, each with its own bytes; a half that the client ends ends the service's."""
    async with forward(alone, "box") as client:
        streams = [await dial(client, 7, number) for number in range(30)]
        for _, data in reversed(streams):
            client.write(spdy.data(data, b"this is %d" % data) + spdy.data(data, b"", fin=True))
        frames = await ended(client, *(stream for pair in streams for stream in pair))
    assert [text_of(frames, data) for _, data in streams] == [b"this is %d" % data for _, data in streams]


async def test_a_port_where_nothing_listens(alone: EmbeddedCluster) -> None:
    """Text on the error stream in containerd's words, both halves ended; the others go on."""
    async with forward(alone) as client:
        error, data = await dial(client, 81)
        frames = await ended(client, error, data)
        assert text_of(frames, error).startswith(b"error forwarding port 81 to pod ")
        assert b"failed to connect to localhost:81 inside namespace" in text_of(frames, error)
        assert b"connection refused" in text_of(frames, error)
        _, echo = await dial(client, 7, 1)
        client.write(spdy.data(echo, b"still here"))
        assert (await client.read()).payload == b"still here"


async def test_a_reset_ends_its_connection_alone(alone: EmbeddedCluster) -> None:
    """The service is gone, nothing more comes on it."""
    async with forward(alone) as client:
        _, endless = await dial(client, 8080)
        client.write(spdy.data(endless, b"GET /bytes/1000000000 HTTP/1.1\r\n\r\n"))
        assert (await client.read()).stream == endless
        client.write(spdy.reset(endless))
        _, echo = await dial_among(client, endless)
        client.write(spdy.data(echo, b"x"))
        while (frame := await client.read()).stream == endless:
            pass
        assert frame.payload == b"x"


async def dial_among(client: Spdy, noise: int) -> tuple[int, int]:
    """`dial`, past what another stream still sends."""
    streams: list[int] = []
    for kind in ("error", "data"):
        stream = noise + 2 + 2 * len(streams)
        client.write(client.encoder.syn_stream(stream, ((b"streamtype", kind.encode()), (b"port", b"7"), (b"requestid", b"1"))))
        while (frame := await client.read()).stream == noise:
            pass
        assert (frame.kind, frame.stream) == (Kind.SYN_REPLY, stream)
        streams.append(stream)
    return streams[0], streams[1]


@pytest.mark.parametrize("headers", [{"streamtype": "data", "port": "7"}, {"streamtype": "odd", "port": "7"}, {}])
async def test_streams_that_belong_to_nothing_are_reset(alone: EmbeddedCluster, headers: dict[str, str]) -> None:
    """A data stream without its error stream, an unknown type, no headers."""
    async with forward(alone) as client:
        stream = await client.open(**headers)
        assert (await client.read()).raw == spdy.reset(stream)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "seven", ""])
async def test_ports_that_are_none_are_reset(alone: EmbeddedCluster, port: str) -> None:
    """1 to 65535."""
    async with forward(alone) as client:
        await client.open(streamtype="error", port=port, requestid="0")
        stream = await client.open(streamtype="data", port=port, requestid="0")
        assert (await client.read()).raw == spdy.reset(stream)


async def test_the_tunnel_is_a_byte_stream(alone: EmbeddedCluster) -> None:
    """SPDY in WebSocket messages of any size, empty ones too; pings of both protocols are answered."""
    body = os.urandom(70_000)
    async with Tunnelled(alone, "web/portforward", offers=["v9", f"SPDY/3.1+{PROTOCOL}"]) as client:
        lines = client.head.split("\r\n")
        assert lines[1:-2] == ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                               f"Sec-WebSocket-Protocol: SPDY/3.1+{PROTOCOL}"]
        error, data = await dial(client, 7)
        client.ping(b"there?")
        client.write(spdy.ping(1) + spdy.data(data, body, fin=True))
        frames = await ended(client, error, data)
        assert text_of(frames, data) == body
        assert [frame.value for frame in frames if frame.kind is Kind.PING] == [1]
        assert client.pongs == [b"there?"]


async def test_other_subprotocols_are_refused(alone: EmbeddedCluster, client: httpx.AsyncClient) -> None:
    """Neither the legacy one over WebSocket nor one of exec over SPDY; without an upgrade 400."""
    async with Tunnelled(alone, "web/portforward", offers=["v4.channel.k8s.io"]) as legacy:
        assert legacy.status == 403
    async with Spdy(alone, "web/portforward") as other:
        assert other.status == 403
        assert f"X-Accepted-Stream-Protocol-Versions: {PROTOCOL}" in other.head
    assert (await client.post("/api/v1/namespaces/web/pods/web/portforward")).status_code == 400
