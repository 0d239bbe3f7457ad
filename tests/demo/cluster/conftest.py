"""A cluster of the test's own, and a client that knows its token."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest
import websockets
import yaml

from jitui.demo.cluster import EmbeddedCluster
from tests.support.clusters import Cluster, embedded


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[EmbeddedCluster]:
    """A cluster in this process, on the test's event loop."""
    made = await EmbeddedCluster.start(tmp_path / "cluster", chatter_s=0.05)
    yield made
    await made.aclose()


@pytest.fixture
async def client(alone: EmbeddedCluster) -> AsyncIterator[httpx.AsyncClient]:
    """Its user."""
    headers = {"Authorization": f"Bearer {alone.token}", "Accept": "application/json"}
    async with httpx.AsyncClient(base_url=alone.url, verify=trust(alone.kubeconfig), headers=headers, timeout=10) as made:
        yield made


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster as a process of its own."""
    with embedded(tmp_path / "cluster") as made:
        yield made


def trust(kubeconfig: Path) -> ssl.SSLContext:
    """A client's context with the authority that the kubeconfig pins."""
    authority = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["certificate-authority-data"]
    return ssl.create_default_context(cadata=base64.b64decode(authority).decode())


class Exec:
    """An exec (or another subresource) over WebSocket, driven message by message."""

    def __init__(self, cluster: EmbeddedCluster, pod: str, *argv: str, version: str = "v5", subresource: str = "exec", **options: str) -> None:
        streams = {"stdout": "true", "stderr": "true"} | options
        query = httpx.QueryParams([*streams.items(), *(("command", word) for word in argv)])
        url = f"{cluster.url}/api/v1/namespaces/web/pods/{pod}/{subresource}?{query}".replace("https:", "wss:")
        self._connecting = websockets.connect(
            url, ssl=trust(cluster.kubeconfig), subprotocols=[websockets.Subprotocol(f"{version}.channel.k8s.io")], compression=None,
            additional_headers={"Authorization": f"Bearer {cluster.token}"}, max_queue=4, open_timeout=60, close_timeout=1)

    async def __aenter__(self) -> Self:
        self.socket = await self._connecting
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def send(self, channel: int, data: bytes) -> None:
        await self.socket.send(bytes([channel]) + data)

    async def read(self) -> tuple[int, bytes]:
        message = await asyncio.wait_for(self.socket.recv(), 60)
        assert isinstance(message, bytes)
        return message[0], message[1:]

    async def until(self, text: bytes) -> bytes:
        """Everything on stdout up to and with this."""
        found = b""
        while text not in found:
            channel, data = await self.read()
            assert channel == 1, (channel, data, found)
            found += data
        return found

    async def rest(self) -> dict[int, bytes]:
        """Everything that still comes, by channel, until the close; that must be 1000."""
        found: dict[int, list[bytes]] = {}
        try:
            while True:
                channel, data = await self.read()
                found.setdefault(channel, []).append(data)
        except websockets.ConnectionClosedOK:
            assert self.socket.close_code == 1000
            return {channel: b"".join(pieces) for channel, pieces in found.items()}
