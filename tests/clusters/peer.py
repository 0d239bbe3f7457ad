"""A small real HTTPS server on 127.0.0.1 that answers what a test tells it to, and remembers what it was asked."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.clusters.authority import Pair

Respond = Callable[["Asked"], "bytes | None"]


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]  # lower case
    body: bytes
    connection: int  # number of the connection it came on, from 1
    client: str  # common name of the client's certificate, or ""


@dataclass
class Peer:
    """Where it listens and what it saw. `respond` gives the raw answer; None: close without one."""

    respond: Respond
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: set["asyncio.Task[object] | None"] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def hang_up(self) -> None:
        """Close every connection there is, as an idle timeout does."""
        for writer in self.writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.writers.append(writer)
        self.tasks.add(asyncio.current_task())
        subject = dict(pair for row in (writer.get_extra_info("peercert") or {}).get("subject", ()) for pair in row)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                asked = Asked(method, target, headers, body, number, subject.get("commonName", ""))
                self.asked.append(asked)
                answer = self.respond(asked)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """A framed answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextlib.asynccontextmanager
async def listen(respond: Respond, server: Pair, folder: Path, *, clients: bytes | None = None, wants: bool = True) -> AsyncIterator[Peer]:
    """Serve TLS with this certificate; `clients` is the authority of client certificates, which are demanded if `wants`."""
    certificate, key = server.save(folder, "peer")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if clients is not None:
        context.load_verify_locations(cadata=clients.decode())
        context.verify_mode = ssl.CERT_REQUIRED if wants else ssl.CERT_OPTIONAL
    peer = Peer(respond)
    listener = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    peer.port = listener.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        listener.close()
        peer.hang_up()
        if peer.tasks:
            await asyncio.wait({task for task in peer.tasks if task is not None}, timeout=2)
