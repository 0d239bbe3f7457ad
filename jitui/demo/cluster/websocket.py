"""WebSocket from the server's side (KEP-4006): the remote command protocols v4.channel.k8s.io and v5.channel.k8s.io, and the tunnel of port-forward."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Collection
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from jitui.demo.cluster.http import Connection, Request
from jitui.demo.cluster.programs import PIECE, STDOUT

V4: Final = "v4.channel.k8s.io"
V5: Final = "v5.channel.k8s.io"
ERROR: Final = 3
RESIZE: Final = 4
CLOSE: Final = 255  # v5 only: the channel named by its one byte is closed

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_LIMIT: Final = 32 << 20  # golang.org/x/net/websocket's DefaultMaxPayloadBytes


def choose(request: Request, spoken: Collection[str] = (V5, V4)) -> str:
    """The first of the client's subprotocols that this side has, or ""."""
    offered = [name.strip() for key, value in request.headers if key == "sec-websocket-protocol" for name in value.split(",")]
    return next((name for name in offered if name in spoken), "")


def switch(connection: Connection, request: Request, protocol: str) -> None:
    """Answers the upgrade with 101 (RFC 6455, 4.2.2)."""
    digest = hashlib.sha1(request.header("sec-websocket-key").encode() + _MAGIC, usedforsecurity=False).digest()
    connection.send_head(101, [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", base64.b64encode(digest).decode()),
                               ("Sec-WebSocket-Protocol", protocol)])
    connection.finished = True


class WebSocketPeer:
    """A client of exec or attach, after the 101."""

    def __init__(self, connection: Connection, version: str) -> None:
        self.gone = False
        self._connection = connection
        self._v5 = version == V5
        self._frames = Protocol(Side.SERVER, state=State.OPEN, max_size=_LIMIT)

    @classmethod
    async def accept(cls, connection: Connection, request: Request, version: str) -> "WebSocketPeer":
        """Answers the upgrade; the first message is an empty one on stdout, as the API server's."""
        switch(connection, request, version)
        peer = cls(connection, version)
        await peer._message(STDOUT, b"")
        return peer

    async def messages(self) -> AsyncIterator[tuple[int, bytes]]:
        """Channel and payload of each message until the client is gone. As in the API server (x/net/websocket) each frame is a message,
        text or binary alike, and unknown channels are ignored.
        """
        while not self.gone:
            try:
                data = await self._connection.reader.read(65_536)
            except OSError:
                data = b""
            if not data:
                self.gone = True
                return
            self._frames.receive_data(data)
            self._flush()
            for event in self._frames.events_received():
                opcode = getattr(event, "opcode", None)
                body = getattr(event, "data", b"")
                if opcode is Opcode.CLOSE:
                    self.gone = True
                elif opcode in {Opcode.BINARY, Opcode.TEXT, Opcode.CONT} and body and (body[0] != CLOSE or self._v5):
                    yield body[0], bytes(body[1:])
            if self._frames.state is not State.OPEN:
                self.gone = True

    async def send(self, channel: int, data: bytes) -> None:
        """Sends bytes on a channel; returns when the connection has room again. Raises ConnectionError once the client is gone."""
        for start in range(0, len(data), PIECE):
            await self._message(channel, data[start:start + PIECE])

    async def end_output(self) -> None:
        """Does nothing: in this protocol the server can't end a single channel."""

    async def finish(self, status: bytes) -> None:
        """Sends the Status and close 1000, and waits at most two seconds for the client's close."""
        await self._message(ERROR, status)
        self._frames.send_close(1000)
        self._flush()
        try:
            async with asyncio.timeout(2):
                while self._frames.close_rcvd is None and (data := await self._connection.reader.read(65_536)):
                    self._frames.receive_data(data)
                    self._frames.events_received()
        except (TimeoutError, OSError):
            return

    def hang_up(self) -> None:
        self.gone = True
        self._connection.writer.close()

    async def _message(self, channel: int, data: bytes) -> None:
        if self.gone or self._frames.state is not State.OPEN:
            raise ConnectionResetError("the client has gone")
        self._frames.send_binary(bytes([channel]) + data)
        self._flush()
        await self._connection.writer.drain()

    def _flush(self) -> None:
        if not self._connection.writer.is_closing():
            self._connection.writer.writelines([piece for piece in self._frames.data_to_send() if piece])


class Tunnel:
    """A byte stream in binary messages, in which neither the border of a message nor an empty one has a meaning. Pings are answered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._frames = Protocol(Side.SERVER, state=State.OPEN, max_size=_LIMIT)

    async def read(self) -> bytes:
        """The next bytes; b"" at the end."""
        while self._frames.state is State.OPEN:
            try:
                data = await self._connection.reader.read(65_536)
            except OSError:
                data = b""
            if not data:
                return b""
            self._frames.receive_data(data)
            self._flush()
            events = self._frames.events_received()
            body = b"".join(event.data for event in events if isinstance(event, Frame) and event.opcode in {Opcode.BINARY, Opcode.CONT})
            if body:
                return body
        return b""

    async def write(self, data: bytes) -> None:
        """Sends one message. Raises ConnectionError."""
        if self._frames.state is not State.OPEN or self._connection.writer.is_closing():
            raise ConnectionResetError("the client has gone")
        self._frames.send_binary(data)
        self._flush()
        await self._connection.writer.drain()

    def close(self) -> None:
        if self._frames.state is State.OPEN:
            self._frames.send_close(1000)
            self._flush()
        self._connection.writer.close()

    def _flush(self) -> None:
        if not self._connection.writer.is_closing():
            self._connection.writer.writelines([piece for piece in self._frames.data_to_send() if piece])
