"""Many exec clients in one process: just enough WebSocket to measure when bytes come, and when they stop."""

import asyncio
import base64
import os
import ssl
import time
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from jitui.protocol import websocket

UNLIMITED = {"strangers": 2000, "strangers_per_address": 2000, "connections_per_agent": 5000, "streams_per_grant": 5000, "streams_per_agent": 5000,
             "requests_per_second": 1_000_000, "requests_burst": 1_000_000}  # of a gateway whose speed is measured  # fmt: skip


@dataclass(slots=True)
class Seen:
    """The times that one client saw, in seconds of the wall clock, as the deadline is."""

    opened: float = 0.0
    last_payload: float = 0.0  # newest byte of stdout
    last_echo_sent: float = 0.0
    words: float = 0.0  # the Status
    closed: float = 0.0
    payload: int = 0
    status: bytes = b""
    error: str = ""
    echoes: list[float] = field(default_factory=list)  # seconds a keystroke took to come back


class ExecClient(asyncio.Protocol):
    """One exec over WebSocket v5."""

    def __init__(self, request: bytes) -> None:
        self.seen = Seen()
        self.open = asyncio.get_running_loop().create_future()
        self.gone = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self._request, self._head = request, b""
        self._decoder = websocket.Decoder(masked=False, limit=1 << 20)
        self._upgraded = False
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._upgraded:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.seen.error = (head + data).decode("latin-1")
                self.transport.close()
                return
            self._upgraded = True
            self.seen.opened = time.time()
            self.open.set_result(None)
        now = time.time()
        for frame in self._decoder.feed(data):
            if frame.opcode == websocket.BINARY and len(frame.payload) > 1:
                if frame.payload[0] == 1:
                    self.seen.last_payload = now
                    self.seen.payload += len(frame.payload) - 1
                    if self._sent_at:
                        self.seen.echoes.append(now - self._sent_at)
                        self._sent_at = 0.0
                elif frame.payload[0] == 3:
                    self.seen.words = now
                    self.seen.status += frame.payload[1:]
            elif frame.opcode == websocket.CLOSE:
                self.transport.write(websocket.encode(websocket.CLOSE, frame.payload[:2], mask=True))
                self.transport.close()

    def type(self, data: bytes) -> None:
        """Send bytes as stdin."""
        if not self.transport.is_closing():
            self._sent_at = self.seen.last_echo_sent = time.time()
            self.transport.write(websocket.encode(websocket.BINARY, b"\0" + data, mask=True))

    def connection_lost(self, exc: Exception | None) -> None:
        self.seen.closed = time.time()
        if exc and not self.seen.error:
            self.seen.error = repr(exc)
        for future in (self.open, self.gone):
            if not future.done():
                future.set_result(None)


def exec_request(server: str, token: str, pod: str, argv: list[str], *, stdin: bool = True) -> bytes:
    """The upgrade request that kubectl 1.33 would send."""
    path = urlsplit(server).path
    command = "&".join(f"command={quote(word, safe='')}" for word in argv)
    target = f"{path}/api/v1/namespaces/web/pods/{pod}/exec?{command}&container={pod}{'&stdin=true' if stdin else ''}&stdout=true&stderr=true"
    key = base64.b64encode(os.urandom(16)).decode()
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"GET {target} HTTP/1.1\r\nHost: {urlsplit(server).netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n{bearer}\r\n"
    ).encode()


class Follower(asyncio.Protocol):
    """One GET whose answer goes on: a followed log, or a watch. Chunks are not taken apart."""

    def __init__(self, request: bytes) -> None:
        self.seen = Seen()
        self.open = asyncio.get_running_loop().create_future()
        self.gone = asyncio.get_running_loop().create_future()
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        now = time.time()
        if not self.seen.opened:
            self.seen.opened = now
            if b" 200 " not in data.split(b"\r\n")[0]:
                self.seen.error = data.decode("latin-1")
        if b"jitui: " in data or b"[jitui] " in data:
            self.seen.words = now
        else:
            self.seen.last_payload = now
            self.seen.payload += len(data)
            if not self.open.done():
                self.open.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.seen.closed = time.time()
        for future in (self.open, self.gone):
            if not future.done():
                future.set_result(None)


async def follow(server: str, ca: str, token: str, path: str) -> Follower:
    """Open one and wait for its first bytes. Raises RuntimeError with the answer if it is none of 200."""
    url = urlsplit(server)
    request = f"GET {url.path}{path} HTTP/1.1\r\nHost: {url.netloc}\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: Follower(request), str(url.hostname), int(url.port or 443), ssl=context_for(ca, None), ssl_handshake_timeout=60
    )
    await client.open
    if client.seen.error:
        raise RuntimeError(client.seen.error[:500])
    return client


def context_for(ca: str, certificate: tuple[str, str] | None) -> ssl.SSLContext:
    """Trusts that authority; with a client's certificate and key if given."""
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if certificate:
        context.load_cert_chain(*certificate)
    return context


async def connect(server: str, ca: str, request: bytes, certificate: tuple[str, str] | None = None) -> ExecClient:
    """Open one and wait for its 101. Raises RuntimeError with the answer otherwise."""
    url = urlsplit(server)
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: ExecClient(request), str(url.hostname), int(url.port or 443), ssl=context_for(ca, certificate), ssl_handshake_timeout=60
    )
    await client.open
    if client.seen.error:
        raise RuntimeError(client.seen.error[:500])
    return client


def percentiles(values: list[float]) -> str:
    """p50, p99 and max of milliseconds."""
    ordered = sorted(values)
    if not ordered:
        return "none"

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    return f"p50 {at(0.5):7.2f}  p99 {at(0.99):7.2f}  max {ordered[-1]:7.2f} ms"
