"""SPDY/3.1 from the server's side, as a kubelet speaks it: one connection's frames, and the remote command protocol on its streams."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from typing import Final, Protocol

from jitui.demo.cluster.http import Connection, Request
from jitui.demo.cluster.programs import PIECE, STDERR, STDIN, STDOUT
from jitui.demo.cluster.status import bad_request
from jitui.demo.cluster.websocket import CLOSE, ERROR, RESIZE
from jitui.protocol import spdy
from jitui.protocol.spdy import Frame, Kind
from jitui.protocol.websocket import ProtocolError

PROTOCOL: Final = "spdy/3.1"
OFFER: Final = "x-stream-protocol-version"
V4: Final = "v4.channel.k8s.io"
CHANNELS: Final = {"error": ERROR, "stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "resize": RESIZE}

_HANDSHAKE_S: Final = 30.0  # seconds for the client to open its streams (kubelet: streamCreationTimeout)


class Wire(Protocol):
    """The transport of a SPDY connection."""

    async def read(self) -> bytes:
        """The next bytes; b"" at the end."""

    async def write(self, data: bytes) -> None:
        """Writes, and returns when there is room again. Raises ConnectionError."""

    def close(self) -> None: ...


class Upgraded:
    """The client's connection itself, after the 101."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self) -> bytes:
        try:
            return await self._connection.reader.read(65_536)
        except OSError:
            return b""

    async def write(self, data: bytes) -> None:
        if self._connection.writer.is_closing():
            raise ConnectionResetError("the client has gone")
        self._connection.writer.write(data)
        await self._connection.writer.drain()

    def close(self) -> None:
        self._connection.writer.close()


async def switch(connection: Connection, request: Request, spoken: str) -> bool:
    """Answers the upgrade: 101 if the client offers this protocol, else 403 naming it (apimachinery: pkg/util/httpstream/httpstream.go).
    Raises StatusError 400 if it offers none at all.
    """
    offered = [name.strip() for key, value in request.headers if key == OFFER for name in value.split(",")]
    if not offered:
        raise bad_request("unable to upgrade: X-Stream-Protocol-Version header is required")
    connection.finished = True
    if spoken not in offered:
        why = f"unable to upgrade: unable to negotiate protocol: client supports [{' '.join(offered)}], server accepts [{spoken}]\n"
        await connection.reply(403, why.encode(), "text/plain; charset=utf-8", [("X-Accepted-Stream-Protocol-Versions", spoken)])
        return False
    connection.send_head(101, [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", spoken)])
    return True


class SpdyConnection:
    """The streams of one client, which opens all of them. Pings are answered here, and frames that spdystream ignores are ignored."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._decoder = spdy.Decoder(client=True)
        self._encoder = spdy.Encoder()
        self._last = 0

    async def frames(self) -> AsyncIterator[Frame]:
        """SYN_STREAM, HEADERS, DATA and RST_STREAM frames until the client is gone. Each new stream gets a SYN_REPLY."""
        while data := await self._wire.read():
            try:
                frames = self._decoder.feed(data)
            except ProtocolError:
                return
            for frame in frames:
                if frame.kind is Kind.GOAWAY:
                    return
                if frame.kind is Kind.PING:
                    if frame.value % 2:
                        await self._quietly(frame.raw)
                elif frame.stream:
                    if frame.kind is Kind.SYN_STREAM:
                        self._last = frame.stream
                        await self._quietly(self._encoder.syn_reply(frame.stream))
                    yield frame

    async def send(self, stream: int, data: bytes, *, fin: bool = False) -> None:
        """Sends DATA in frames of the size that io.Copy makes. Raises ConnectionError."""
        for at in range(0, len(data) or 1, PIECE):
            await self._wire.write(spdy.data(stream, data[at:at + PIECE], fin=fin and at + PIECE >= len(data)))

    async def reset(self, stream: int) -> None:
        await self._wire.write(spdy.reset(stream))

    async def finish(self) -> None:
        """Sends GOAWAY, and waits at most two seconds for the client to close."""
        await self._wire.write(spdy.goaway(self._last))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                while await self._wire.read():
                    pass

    def close(self) -> None:
        self._wire.close()

    async def _quietly(self, data: bytes) -> None:
        """Writes and ignores a lost client: reading notices that."""
        with contextlib.suppress(ConnectionError):
            await self._wire.write(data)


class SpdyPeer:
    """A client of exec or attach over SPDY, after the 101 (client-go: tools/remotecommand/{v2,v3,v4}.go)."""

    def __init__(self, connection: SpdyConnection) -> None:
        self.gone = False
        self._connection = connection
        self._frames = connection.frames()
        self._early: list[Frame] = []
        self._channels: dict[int, int] = {}  # stream -> channel
        self._streams: dict[int, int] = {}  # channel -> stream
        self._sizes = b""

    @classmethod
    async def accept(cls, connection: Connection, expected: Collection[int]) -> "SpdyPeer":
        """Waits until the client has opened a stream for each of these channels. Raises ConnectionError if it does not."""
        peer = cls(SpdyConnection(Upgraded(connection)))
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                while not set(expected) <= set(peer._streams):
                    peer._take(await anext(peer._frames))
        except (StopAsyncIteration, TimeoutError) as error:
            peer.hang_up()
            raise ConnectionResetError("the client did not open its streams") from error
        return peer

    def _take(self, frame: Frame) -> None:
        """Handles a frame that comes before all streams are open."""
        channel = CHANNELS.get(dict(frame.headers).get(b"streamtype", b"").decode("latin-1"))
        if frame.kind is not Kind.SYN_STREAM:
            self._early.append(frame)
        elif channel is not None:
            self._channels[frame.stream] = channel
            self._streams[channel] = frame.stream

    async def messages(self) -> AsyncIterator[tuple[int, bytes]]:
        """Channel and bytes of each message until the client is gone; the end of stdin comes as the close signal of v5."""
        for frame in self._early:
            for message in self._read(frame):
                yield message
        async for frame in self._frames:
            for message in self._read(frame):
                yield message
        self.gone = True

    def _read(self, frame: Frame) -> list[tuple[int, bytes]]:
        channel = self._channels.get(frame.stream)
        messages: list[tuple[int, bytes]] = []
        if channel == STDIN:
            if frame.payload:
                messages.append((STDIN, frame.payload))
            if frame.fin or frame.kind is Kind.RST_STREAM:
                messages.append((CLOSE, bytes([STDIN])))
        elif channel == RESIZE:
            *lines, self._sizes = (self._sizes + frame.payload[:1024]).split(b"\n")
            messages += [(RESIZE, line) for line in lines]
        return messages

    async def send(self, channel: int, data: bytes) -> None:
        if self.gone:
            raise ConnectionResetError("the client has gone")
        if channel in self._streams:
            await self._connection.send(self._streams[channel], data)

    async def end_output(self) -> None:
        """Ends stdout and stderr with an empty DATA and FIN on each."""
        for channel in (STDOUT, STDERR):
            if (stream := self._streams.pop(channel, 0)):
                await self._connection.send(stream, b"", fin=True)

    async def finish(self, status: bytes) -> None:
        """Sends the Status without FIN, RST_STREAM for the open streams, and GOAWAY: the order of the real API server (docs/protocol.md, 2.2)."""
        await self._connection.send(self._streams[ERROR], status)
        for stream in sorted(self._streams.values()):
            await self._connection.reset(stream)
        await self._connection.finish()

    def hang_up(self) -> None:
        self.gone = True
        self._connection.close()
