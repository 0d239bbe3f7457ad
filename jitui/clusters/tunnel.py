"""The way to a cluster through a proxy, as `proxy-url` of a kubeconfig names one: HTTP CONNECT, over TLS if it is https, or SOCKS 5.

The TLS of the cluster runs inside, from end to end: a proxy sees where the gateway goes, and neither its credential nor what it asks.
"""

import asyncio
import base64
import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import idna

from jitui.clusters.wire import connect
from jitui.values.errors import ConfigurationError, UpstreamError
from jitui.values.said import clean

PORTS: Final = {"http": 80, "https": 443, "socks5": 1080}
BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
NO_HOST: Final = re.compile(r"[^A-Za-z0-9._*~!$&'()+,;=-]")
HEAD: Final = 16 << 10  # bytes of a proxy's answer
REPLIES: Final = (
    "", "it failed", "its rules forbid it", "the network can't be reached", "the host can't be reached", "nothing listens there", "it took too long",
    "it does not connect", "it does not know this kind of address",
)  # fmt: skip
"""Why a SOCKS 5 proxy does not connect, by its number (RFC 1928, section 6)."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, from its URL."""

    scheme: Literal["http", "https", "socks5"]
    host: str
    port: int
    user: str | None = None
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "Proxy":
        """Raises ConfigurationError for anything but http, https or socks5://[user[:password]@]host[:port], without quoting the password."""
        fault = ConfigurationError("proxy-url is not of the form http://host[:port], https://host[:port] or socks5://host[:port]")
        if not url.isprintable() or " " in url or BAD_ESCAPE.search(url):
            raise fault
        try:
            parts = urlsplit(url)
            host, port = host_name(parts.hostname or ""), PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
            user, password = (None if part is None else unquote(part, errors="strict") for part in (parts.username, parts.password))
        except ValueError:  # idna's errors too
            raise fault from None
        if parts.scheme not in PORTS or not host or not port or max(len((part or "").encode()) for part in (user, password)) > 255:
            raise fault
        if parts.scheme == "http":
            return cls("http", host, port, user, password or "")
        return cls("https" if parts.scheme == "https" else "socks5", host, port, user, password or "")

    def __str__(self) -> str:
        return f"{self.scheme}://[{self.host}]:{self.port}" if ":" in self.host else f"{self.scheme}://{self.host}:{self.port}"

    async def reach(self, host: str, port: int, tls: ssl.SSLContext, *, stream: bool) -> asyncio.Transport:
        """A transport whose other end is `host`: the next bytes are for it. `tls` is for an https proxy, whose certificate must bear its host.
        `stream`: every byte that came before its end is handed on.

        Raises OSError, ssl.SSLError, and UpstreamError in one line.
        """
        answers = _Answers()
        secure = self.scheme == "https"
        if secure and stream:
            transport = await connect(self.host, self.port, answers, tls, self.host)
        else:
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: answers, self.host, self.port, ssl=tls if secure else None, server_hostname=self.host if secure else None
            )
        try:
            if self.scheme == "socks5":
                await self._socks(transport, answers, host, port)
            else:
                await self._connect(transport, answers, host, port)
        except BaseException:
            transport.abort()
            raise
        return transport

    async def _connect(self, transport: asyncio.WriteTransport, answers: "_Answers", host: str, port: int) -> None:
        """RFC 9110, section 9.3.6."""
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
        if self.user is not None:
            head += f"Proxy-Authorization: Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode('ascii')}\r\n"
        transport.write(f"{head}\r\n".encode("ascii"))
        line, _, _ = (await answers.head(self)).partition(b"\r\n")
        words = line.decode("latin-1").split(" ", 2)
        if not words[0].startswith("HTTP/1.") or len(words) < 2:
            raise UpstreamError(f"proxy {self} does not speak HTTP")
        if words[1] != "200":
            raise UpstreamError(f"proxy {self} does not connect to {target}: it answers {clean(' '.join(words[1:]), 80)}")

    async def _socks(self, transport: asyncio.WriteTransport, answers: "_Answers", host: str, port: int) -> None:
        """RFC 1928, and RFC 1929 for a user. The proxy looks names up, as it does for Go."""
        transport.write(b"\x05\x01\x00" if self.user is None else b"\x05\x02\x00\x02")
        version, method = await answers.exactly(2, self)
        if version != 5 or method not in {0, 2} or (method == 2 and self.user is None):
            raise UpstreamError(f"proxy {self} does not take the gateway: {'it speaks no SOCKS 5' if version != 5 else 'it wants another kind of proof'}")
        if method == 2:
            user, password = (self.user or "").encode(), self.password.encode()
            transport.write(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
            if (await answers.exactly(2, self))[1] != 0:
                raise UpstreamError(f"proxy {self} does not accept the user and password of proxy-url")
        transport.write(b"\x05\x01\x00" + _destination(host) + port.to_bytes(2, "big"))
        _, reply, _, kind = await answers.exactly(4, self)
        if reply != 0:
            raise UpstreamError(f"proxy {self} does not connect to {host}:{port}: {REPLIES[reply] if reply < len(REPLIES) else f'reply {reply}'}")
        await answers.exactly(2 + ({1: 4, 4: 16}.get(kind) or (await answers.exactly(1, self))[0]), self)


def host_name(host: str) -> str:
    """The host of a URL as it is looked up and sent: an address, or a name in ASCII; empty if it is neither. Raises ValueError."""
    if ":" in host:
        address, _, zone = host.partition("%")
        ipaddress.IPv6Address(address)
        return host if not zone else f"{address}%{unquote(zone[2:])}" if zone.startswith("25") and zone[2:] else ""
    name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    return "" if NO_HOST.search(name) else name


def _destination(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        if len(name) > 255:
            raise UpstreamError(f"a SOCKS 5 proxy takes no host name of {len(name)} bytes") from None
        return bytes([3, len(name)]) + name
    return bytes([1 if address.version == 4 else 4]) + address.packed


class _Answers(asyncio.Protocol):
    """The proxy's own bytes, before those of the cluster."""

    def __init__(self) -> None:
        self._data, self._ended, self._more = bytearray(), False, asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._data += data
        self._more.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the caller says what it waited for
        self._ended = True
        self._more.set()

    async def exactly(self, count: int, proxy: Proxy) -> bytes:
        while len(self._data) < count:
            await self._wait(proxy)
        return self._take(count)

    async def head(self, proxy: Proxy) -> bytes:
        while b"\r\n\r\n" not in self._data:
            if len(self._data) > HEAD:
                raise UpstreamError(f"proxy {proxy} answers with more than {HEAD >> 10} KiB")
            await self._wait(proxy)
        return self._take(self._data.index(b"\r\n\r\n") + 4)

    async def _wait(self, proxy: Proxy) -> None:
        if self._ended:
            raise UpstreamError(f"proxy {proxy} closed the connection before it answered")
        self._more.clear()
        await self._more.wait()

    def _take(self, count: int) -> bytes:
        taken = bytes(self._data[:count])
        del self._data[:count]
        return taken
