"""A client of SPDY/3.1 for the tests: it opens streams as kubectl does, and says what came on each."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Self

from websockets.frames import Frame as WebSocketFrame, Opcode
from websockets.protocol import Protocol, Side, State

from jitui.demo.cluster import EmbeddedCluster
from jitui.protocol import spdy
from jitui.protocol.spdy import Frame, Kind
from tests.demo.cluster.conftest import trust

V4 = "v4.channel.k8s.io"


class Spdy:
    """One upgraded request, driven frame by frame. `status` and `head` are those of the answer."""

    def __init__(self, cluster: EmbeddedCluster, target: str, *, method: str = "POST", offers: Sequence[str] = (V4,)) -> None:
        self._cluster = cluster
        lines = [f"{method} /api/v1/namespaces/web/pods/{target} HTTP/1.1", "Host: x", f"Authorization: Bearer {cluster.token}", "Connection: Upgrade",
                 *self._upgrade(offers), "Content-Length: 0", "", ""]
        self._request = "\r\n".join(lines).encode()
        self.encoder, self._decoder = spdy.Encoder(), spdy.Decoder(client=False)
        self._ids = itertools.count(1, 2)
        self._waiting: list[Frame] = []

    def _upgrade(self, offers: Sequence[str]) -> list[str]:
        return ["Upgrade: SPDY/3.1", *(f"X-Stream-Protocol-Version: {offer}" for offer in offers)]

    async def __aenter__(self) -> Self:
        port = int(self._cluster.url.rpartition(":")[2])
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust(self._cluster.kubeconfig))
        self._writer.write(self._request)
        self.head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 10)).decode()
        self.status = int(self.head.split()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    async def open(self, **headers: str) -> int:
        """A new stream, once it is agreed to."""
        stream = next(self._ids)
        self.write(self.encoder.syn_stream(stream, tuple((name.encode(), value.encode()) for name, value in headers.items())))
        reply = await self.read()
        assert (reply.kind, reply.stream, reply.headers) == (Kind.SYN_REPLY, stream, ())
        return stream

    async def read(self) -> Frame:
        """The next frame. Raises EOFError at the end."""
        while not self._waiting:
            self._waiting += self._decoder.feed(await self._some())
        return self._waiting.pop(0)

    async def _some(self) -> bytes:
        data = await asyncio.wait_for(self._reader.read(65_536), 10)
        if not data:
            raise EOFError
        return data

    async def until_goaway(self) -> list[Frame]:
        """Every frame up to GOAWAY, which is the last of the connection."""
        frames = [await self.read()]
        while frames[-1].kind is not Kind.GOAWAY:
            frames.append(await self.read())
        self._writer.close()
        return frames


class Tunnelled(Spdy):
    """The same within WebSocket messages, of five bytes and of none in turn. (websockets' own client takes no subprotocol with a slash in it.)"""

    def __init__(self, cluster: EmbeddedCluster, target: str, *, offers: Sequence[str]) -> None:
        super().__init__(cluster, target, method="GET", offers=offers)
        self._frames = Protocol(Side.CLIENT, state=State.OPEN, max_size=1 << 20)
        self.pongs: list[bytes] = []

    def _upgrade(self, offers: Sequence[str]) -> list[str]:
        return ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Sec-WebSocket-Protocol: {','.join(offers)}"]

    def write(self, data: bytes) -> None:
        for at in range(0, len(data), 5):
            self._frames.send_binary(data[at : at + 5])
            self._frames.send_binary(b"")
        self._writer.writelines(self._frames.data_to_send())

    def ping(self, data: bytes) -> None:
        self._frames.send_ping(data)
        self._writer.writelines(self._frames.data_to_send())

    async def _some(self) -> bytes:
        self._frames.receive_data(await super()._some())
        body = b""
        for event in self._frames.events_received():
            if isinstance(event, WebSocketFrame):
                if event.opcode is Opcode.PONG:
                    self.pongs.append(bytes(event.data))
                elif event.opcode is Opcode.BINARY:
                    body += event.data
        return body


def text_of(frames: Sequence[Frame], stream: int) -> bytes:
    return b"".join(frame.payload for frame in frames if frame.stream == stream)
