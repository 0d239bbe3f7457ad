"""The way to a cluster through a proxy: real proxies, that connect where they are told to, in front of a real TLS server."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jitui.clusters.dial import Address, client_context, dial
from jitui.clusters.tunnel import Proxy
from jitui.values.errors import ConfigurationError, UpstreamError
from tests.clusters.authority import Authority, Pair
from tests.clusters.peer import listen, ok

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Inn:
    """A proxy: what it was asked, as whom, and how it answers."""

    answer: bytes = b""  # in place of its own, one byte after the other
    asked: list[tuple[str, int, str]] = field(default_factory=list)
    port: int = 0

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP CONNECT (RFC 9110, section 9.3.6)."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        host, _, port = head[0].split(" ")[1].rpartition(":")
        proof = next((line.removeprefix("Proxy-Authorization: Basic ") for line in head if line.startswith("Proxy-Authorization")), "")
        self.asked.append((host, int(port), base64.b64decode(proof).decode()))
        for at in range(0, len(answer := self.answer or b"HTTP/1.1 200 Connection established\r\nVia: 1.1 inn\r\n\r\n"), step := 1 + len(self.answer) // 50):
            writer.write(answer[at : at + step])
            await asyncio.sleep(0)
        if not self.answer:
            await self._relay(reader, writer, host, int(port))

    async def socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 1928 and 1929."""
        methods = await reader.readexactly((await reader.readexactly(2))[1])
        method = max(methods)
        writer.write(bytes([5, method]))
        user = ""
        if method == 2:
            name = await reader.readexactly((await reader.readexactly(2))[1])
            word = await reader.readexactly((await reader.readexactly(1))[0])
            user = f"{name.decode()}:{word.decode()}"
            writer.write(b"\1" + bytes([word != b"p:w"]))
        kind = (await reader.readexactly(4))[3]
        raw = await reader.readexactly({1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0])
        host = ".".join(map(str, raw)) if kind == 1 else raw.decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append((host, port, user))
        writer.write(self.answer or b"\5\0\0\3\4host\0\0")
        if not self.answer:
            await self._relay(reader, writer, "127.0.0.1", port)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        there = await asyncio.open_connection(host, port)
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, there[1]))
            group.create_task(_copy(there[0], writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
    writer.close()


@contextlib.asynccontextmanager
async def opened(inn: Inn, serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Inn]:
    async def guest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(guest, "127.0.0.1", 0, ssl=tls)
    inn.port = server.sockets[0].getsockname()[1]
    async with server:
        yield inn


class Call(asyncio.Protocol):
    """One request, and the answer until the peer closes."""

    def __init__(self) -> None:
        self.seen, self.done = bytearray(), asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.seen += data
        if self.seen.endswith(b"there"):
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(exc)


async def asked(url: str, peer: str, authority: Authority, *, stream: bool = False) -> bytes:
    transport, protocol = await dial(Address.parse(peer), client_context(authority.pem), Call, proxy=Proxy.parse(url), timeout=5, stream=stream)
    transport.write(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
    await asyncio.wait_for(protocol.done, 5)
    transport.abort()
    return bytes(protocol.seen)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cluster_behind_each_kind_of_proxy(authority: Authority, server: Pair, tmp_path: Path, stream: bool) -> None:
    """TLS runs from end to end, over CONNECT, CONNECT within TLS, and SOCKS 5; the proxy is told host, port and its own user."""
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(*server.save(tmp_path / "inn", "inn"))
    async with listen(lambda _: ok(b"there"), server, tmp_path / "peer") as peer:
        for scheme, tls in (("http", None), ("https", secure), ("socks5", None)):
            for user, known in (("", ""), ("u:p%3Aw@", "u:p:w")):
                inn = Inn()
                async with opened(inn, inn.socks if scheme == "socks5" else inn.connect, tls):
                    assert (await asked(f"{scheme}://{user}127.0.0.1:{inn.port}", peer.url, authority, stream=stream)).endswith(b"there")
                    assert inn.asked == [("127.0.0.1", peer.port, known)]


async def test_a_name_is_looked_up_by_the_proxy(authority: Authority, tmp_path: Path) -> None:
    """As with Go: the gateway's own resolver may not know it."""
    pair = authority.issue("x", "only.inside.example")
    async with listen(lambda _: ok(b"there"), pair, tmp_path) as peer:
        inn = Inn()
        async with opened(inn, inn.socks):
            assert (await asked(f"socks5://127.0.0.1:{inn.port}", f"https://only.inside.example:{peer.port}", authority)).endswith(b"there")
            assert inn.asked == [("only.inside.example", peer.port, "")]


@pytest.mark.parametrize(
    ("scheme", "answer", "says"),
    [
        ("http", b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "does not connect to h:443: it answers 407 Proxy Authentication Required"),
        ("http", b"SSH-2.0-x\r\n\r\n", "does not speak HTTP"),
        ("http", b"HTTP/1.1 200 OK\r\n", "closed the connection before it answered"), ("http", b"x" * (17 << 10), "more than 16 KiB"),
        ("socks5", b"\5\5\0\1", "does not connect to h:443: nothing listens there"),
        ("socks5", b"\5\x63\0\1", "reply 99"),
    ],
)  # fmt: skip
async def test_a_proxy_that_does_not_connect(authority: Authority, scheme: str, answer: bytes, says: str) -> None:
    """One line names the proxy, the cluster and the reason."""
    inn = Inn(answer)
    async with opened(inn, inn.socks if scheme == "socks5" else inn.connect):
        with pytest.raises(UpstreamError, match=says) as caught:
            await asked(f"{scheme}://u:secret@127.0.0.1:{inn.port}" if scheme == "http" else f"socks5://127.0.0.1:{inn.port}", "https://h", authority)
    assert f"{scheme}://127.0.0.1:{inn.port}" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_proxy_that_refuses_the_user(authority: Authority) -> None:
    """A wrong password, and a proxy that is not there, are told apart."""
    inn = Inn()
    async with opened(inn, inn.socks):
        with pytest.raises(UpstreamError, match="does not accept the user and password of proxy-url"):
            await asked(f"socks5://u:wrong@127.0.0.1:{inn.port}", "https://h", authority)
    with pytest.raises(UpstreamError, match=rf"cluster at h:443 through socks5://127\.0\.0\.1:{inn.port} refused the connection"):
        await asked(f"socks5://127.0.0.1:{inn.port}", "https://h", authority)


@pytest.mark.parametrize(
    "url", ["p:1", "ftp://p", "http://", "http://p:x", "http://p:0", "http://a%zz@p", "http://p\n", "socks5h://p", f"socks5://{'u' * 256}@p", "http://[x]"]
)
def test_no_proxy(url: str) -> None:
    """The URL is not repeated, as a password may be in it."""
    with pytest.raises(ConfigurationError, match=r"^proxy-url is not of the form http://host"):
        Proxy.parse(url)
