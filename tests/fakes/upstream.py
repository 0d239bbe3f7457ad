"""A small honest cluster over TLS on 127.0.0.1: it remembers every byte it gets, and answers as a test tells it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import SupportsIndex, TypeVar

from jitui.clusters.dial import Address, client_context, dial
from jitui.clusters.port import Headers
from jitui.policy.terms import Grant
from jitui.protocol import websocket
from tests.fakes.authority import server_context

P = TypeVar("P", bound=asyncio.Protocol)


@dataclass
class Asked:
    """One request head as it arrived; the body is read by the answerer."""

    method: str
    target: str
    headers: list[tuple[str, str]]  # names in lower case
    line: "Line"

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    async def body(self) -> bytes:
        """All of the body, decoded."""
        if self.get("transfer-encoding") == "chunked":
            whole = b""
            while size := int((await self.line.reader.readline()).strip(), 16):
                whole += await self.line.reader.readexactly(size)
                await self.line.reader.readexactly(2)
            await self.line.reader.readexactly(2)
            return whole
        return await self.line.reader.readexactly(int(self.get("content-length") or "0"))


@dataclass
class Line:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    got: bytearray = field(default_factory=bytearray)  # everything that came on it
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def answer(self, body: bytes = b'{"kind":"PodList"}', status: str = "200 OK", *headers: str) -> None:
        """A framed JSON answer."""
        lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
        self.say("\r\n".join(lines).encode() + body)

    def switch(self, asked: Asked, subprotocol: str = "v5.channel.k8s.io") -> None:
        """101 to a WebSocket."""
        accept = websocket.accept_key(asked.get("sec-websocket-key").encode()).decode()
        self.say(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
                 f"Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n".encode())

    def message(self, channel: int, body: bytes) -> None:
        """A message on a channel of exec."""
        self.say(websocket.encode(websocket.BINARY, bytes((channel,)) + body))

    def hang_up(self) -> None:
        self.writer.transport.abort()


class _Recorded(asyncio.StreamReader):
    """Keeps a copy of all that comes."""

    def __init__(self, got: bytearray) -> None:
        super().__init__(limit=1 << 26)
        self._got = got

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        self._got += bytes(data)
        super().feed_data(data)


Answerer = Callable[[Asked], Awaitable[None]]


async def plainly(asked: Asked) -> None:
    """Reads the body, answers 200."""
    await asked.body()
    asked.line.answer()


class Cluster:
    """Where it listens and what it saw. Also jitui's Upstream towards it, with a bearer token."""

    def __init__(self, context: ssl.SSLContext, authority: bytes) -> None:
        self.answerer: Answerer = plainly
        self.lines: list[Line] = []
        self.asked: list[Asked] = []
        self.tokens = [b"first"]  # the credential; renew takes the next
        self.host, self.prefix, self.epoch = b"cluster", b"", 0
        self.slow: asyncio.Event | None = None  # if set: a connection is made only once it is
        self._context, self._trust = context, client_context(authority)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.failures: list[BaseException] = []

    @property
    def got(self) -> bytes:
        """Every byte of every connection."""
        return b"".join(bytes(line.got) for line in self.lines)

    @property
    def open_lines(self) -> int:
        return sum(1 for line in self.lines if not line.closed.is_set())

    async def start(self) -> None:
        loop = asyncio.get_running_loop()

        def factory() -> asyncio.StreamReaderProtocol:
            got = bytearray()
            reader = _Recorded(got)

            def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                line = Line(reader, writer, got)
                self.lines.append(line)
                task = asyncio.ensure_future(self._serve(line))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

            return asyncio.StreamReaderProtocol(reader, connected)

        self._server = await loop.create_server(factory, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, line: Line) -> None:
        try:
            while True:
                raw = (await line.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = raw[0].split(" ")
                pairs = [(name.lower(), value.strip()) for name, _, value in (each.partition(":") for each in raw[1:-2])]
                asked = Asked(method, target, pairs, line)
                self.asked.append(asked)
                await self.answerer(asked)
                await line.writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        except Exception as error:  # noqa: BLE001 - a test looks at it
            self.failures.append(error)
        finally:
            line.closed.set()
            line.writer.close()

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
        for line in self.lines:
            line.writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # jitui.clusters.port.Upstream

    def ready(self, grant: Grant | None) -> Headers | None:
        return ((b"Authorization", b"Bearer " + self.tokens[0]),)

    async def authorization(self, grant: Grant | None) -> Headers:
        return ((b"Authorization", b"Bearer " + self.tokens[0]),)

    async def renew(self, grant: Grant | None, stale: Headers) -> bool:
        if len(self.tokens) > 1:
            self.tokens.pop(0)
            return True
        return False

    async def open(self, factory: Callable[[], P], *, stream: bool = False) -> tuple[asyncio.Transport, P]:
        if self.slow is not None:
            await self.slow.wait()
        return await dial(Address("127.0.0.1", self.port), self._trust, factory, stream=stream)

    async def forget(self, grant: Grant) -> None:
        """Nothing is kept."""


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Cluster]:
    """One on a port of its own."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    context, authority = server_context(folder)
    cluster = Cluster(context, await asyncio.to_thread(authority.read_bytes))
    await cluster.start()
    try:
        yield cluster
    finally:
        await cluster.aclose()
