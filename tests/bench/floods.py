"""Ten floods, each bounded in count and time, on loopback alone; one at a time, in a process of its own so that who measures is not slowed by it.

    python -m tests.bench.floods NAME PLACE      PLACE is JSON: a Place; prints one line of JSON, what came of it
"""

import asyncio
import json
import ssl
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvloop

from tests.bench.clients import connect, exec_request

LONG = "A" * 1_000_000
PODS = "/api/v1/namespaces/web/pods"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the gateway is, and who floods it."""

    kube: str  # server URL of the connection
    api: str
    ca: str
    agent: str  # its token
    auditor: str
    seconds: float


Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Seen = Counter[str]


class Flood:
    """The means of all of them."""

    def __init__(self, place: Place) -> None:
        self.place, self.seen = place, Counter[str]()
        self.context = ssl.create_default_context(cafile=place.ca)
        self.context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self.ends = asyncio.get_running_loop().time() + place.seconds

    @property
    def going(self) -> bool:
        return asyncio.get_running_loop().time() < self.ends

    async def dial(self, url: str, *, tls: bool = True) -> Peer | None:
        """None, counted, where there is no getting in."""
        there = urlsplit(url)
        try:
            found = await asyncio.open_connection(there.hostname, there.port, ssl=self.context if tls else None, limit=1 << 20)
        except (OSError, EOFError):
            self.seen["no connection"] += 1
            await asyncio.sleep(0.01)
            return None
        self.seen["connections"] += 1
        return found

    async def ask(self, peer: Peer, method: str, url: str, path: str, token: str, body: bytes = b"") -> bool:
        """One request and its answer's code, counted; False if the connection is of no more use."""
        there = urlsplit(url)
        lines = [f"{method} {there.path}{path} HTTP/1.1", f"Host: {there.netloc}", "Accept: application/json", f"Authorization: Bearer {token}"]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        reader, writer = peer
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).lower()
            self.seen[head[9:12].decode()] += 1
            if b"chunked" in head:
                while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
                    await reader.readexactly(size + 2)
                await reader.readexactly(2)
            elif b"content-length:" in head:
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        except (OSError, EOFError, TimeoutError):
            return False
        return b"connection: close" not in head

    async def many(self, substreams: int, work: Callable[[], Awaitable[None]]) -> None:
        """The same in so many substreams until time is over."""

        async def substream() -> None:
            while self.going:
                await work()

        await asyncio.gather(*(substream() for _ in range(substreams)))

    async def asking(self, substreams: int, method: str, url: str, path: str, token: str, body: bytes = b"") -> None:
        """One request after the other on each of so many connections."""

        async def work() -> None:
            peer = await self.dial(url)
            while peer is not None and self.going and await self.ask(peer, method, url, path, token, body):
                pass
            if peer is not None:
                peer[1].transport.abort()

        await self.many(substreams, work)

    async def holding(self, most: int, substreams: int, begin: Callable[[], Awaitable[Peer | None]]) -> None:
        """Connections that are begun and kept, the oldest given up for new ones behind `most`."""
        held: list[Peer] = []

        async def work() -> None:
            peer = await begin()
            if peer is not None:
                held.append(peer)
                if len(held) > most:
                    held.pop(0)[1].transport.abort()

        await self.many(substreams, work)
        self.seen["still open"] = sum(not reader.at_eof() and not writer.is_closing() for reader, writer in held)


async def strangers(flood: Flood) -> None:
    """Connections that say nothing, to both TCP listeners."""
    urls = (flood.place.kube, flood.place.api)
    await flood.holding(2000, 16, lambda: flood.dial(urls[flood.seen["connections"] % 2], tls=False))


async def heads(flood: Flood) -> None:
    """Heads of a mebibyte that never end."""

    async def begin() -> Peer | None:
        peer = await flood.dial(flood.place.kube)
        if peer is not None:
            path = f"{urlsplit(flood.place.kube).path}{PODS}/web/exec?stdout=true&command=echo&command={LONG}"
            peer[1].write(f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode())
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(peer[1].drain(), 2)
        return peer

    await flood.holding(100, 8, begin)


async def handshakes(flood: Flood) -> None:
    """A ClientHello, and then nothing."""

    async def begin() -> Peer | None:
        peer = await flood.dial(flood.place.kube, tls=False)
        if peer is not None:
            came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
            with suppress(ssl.SSLWantReadError):
                flood.context.wrap_bio(came, goes, server_hostname="localhost").do_handshake()
            peer[1].write(goes.read())
        return peer

    await flood.holding(1000, 16, begin)


async def watches(flood: Flood) -> None:
    """Watches of one agent, as many as it gets."""

    async def begin() -> Peer | None:
        peer = await flood.dial(flood.place.kube)
        if peer is None:
            return None
        there = urlsplit(flood.place.kube)
        peer[1].write(f"GET {there.path}{PODS}?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {flood.place.agent}\r\n\r\n".encode())
        with suppress(OSError, EOFError, TimeoutError):
            flood.seen[(await asyncio.wait_for(peer[0].readuntil(b"\r\n\r\n"), 10))[9:12].decode()] += 1
        return peer

    await flood.holding(500, 16, begin)


async def gets(flood: Flood) -> None:
    """Lists of pods, one after the other on 64 connections."""
    await flood.asking(64, "GET", flood.place.kube, PODS, flood.place.agent)


async def denied(flood: Flood) -> None:
    """Calls that no window covers."""
    await flood.asking(32, "DELETE", flood.place.kube, "/api/v1/namespaces/kube-system/secrets/" + "x" * 200, flood.place.agent)


async def asks(flood: Flood) -> None:
    """Requests that the rule refuses."""
    body = json.dumps({"connection": "test", "duration": "10m", "reason": "r" * 4000, "scope": "delete secrets in kube-system"}).encode()
    await flood.asking(16, "POST", flood.place.api, "/v1/requests", flood.place.agent, body)


async def api(flood: Flood) -> None:
    """Connections of one agent to the API, kept after a request."""

    async def begin() -> Peer | None:
        peer = await flood.dial(flood.place.api)
        if peer is not None:
            await flood.ask(peer, "GET", flood.place.api, "/v1/hello", flood.place.agent)
        return peer

    await flood.holding(600, 16, begin)


async def reads(flood: Flood) -> None:
    """All that was done, again and again, by an agent and an auditor."""
    place = flood.place
    await asyncio.gather(*(flood.asking(4, "GET", place.api, path, token) for path in ("/v1/actions?limit=1000", "/v1/facts?limit=1000")
                           for token in (place.agent, place.auditor)))  # fmt: skip


async def bulk(flood: Flood) -> None:
    """Execs that write as fast as they are read."""
    clients = []
    for _ in range(16):
        with suppress(OSError, RuntimeError):
            clients.append(await connect(flood.place.kube, flood.place.ca, exec_request(flood.place.kube, flood.place.agent, "web", ["jitui-flood"])))
    await asyncio.sleep(max(0.0, flood.ends - asyncio.get_running_loop().time()))
    flood.seen["streams"] = len(clients)
    flood.seen["MB"] = sum(client.seen.payload for client in clients) // 1_000_000
    for client in clients:
        client.transport.abort()


FLOODS: dict[str, Callable[[Flood], Awaitable[None]]] = {
    one.__name__: one for one in (strangers, heads, handshakes, watches, gets, denied, asks, api, reads, bulk)
}


async def run(name: str, place: Place) -> Seen:
    flood = Flood(place)
    await FLOODS[name](flood)
    return flood.seen


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(sys.argv[1], Place(**json.loads(sys.argv[2]))))))
