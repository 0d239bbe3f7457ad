"""One TLS connection to a cluster, and the sentence that says why there is none."""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jitui.clusters.port import P
from jitui.values.errors import ConfigurationError, UpstreamError
from jitui.values.said import clean

CONNECT_S: Final = 10.0  # name look-up, TCP and TLS together
KEEPALIVE: Final = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 4))  # a dead peer is noticed in about a minute
NO_LINGER: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a cluster, from its https:// server URL."""

    host: str  # a name, or an address without brackets
    port: int
    prefix: str = ""  # path without a slash at the end
    server_name: str = ""  # the name its certificate must have, if not `host`

    @classmethod
    def parse(cls, url: str, server_name: str = "") -> "Address":
        """Raises ConfigurationError for anything but https://host[:port][/path]."""
        parts = urlsplit(url.strip())
        try:
            host, port = parts.hostname or "", parts.port or 443
        except ValueError as error:
            raise ConfigurationError(f"server {clean(url)} is not a URL: {error}") from error
        if parts.scheme != "https":
            raise ConfigurationError(f"server {clean(url)} is not https: a credential never goes over plain http; give the cluster's https:// address")
        clean_path = parts.path.isascii() and parts.path.isprintable() and " " not in parts.path
        if not host.isascii() or not host or parts.query or parts.fragment or parts.username is not None or not clean_path:
            raise ConfigurationError(f"server {clean(url)} is not of the form https://host[:port][/path]")
        return cls(host, port, parts.path.rstrip("/"), server_name)

    @property
    def header(self) -> bytes:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return (name if self.port == 443 else f"{name}:{self.port}").encode("ascii", "replace")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Identification:
    """A client certificate with its key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


def client_context(ca: bytes | None, identification: Identification | None = None, *, insecure: bool = False, source: str = "") -> ssl.SSLContext:
    """TLS towards a cluster: only `ca` (PEM) is trusted, the system's roots only when it is None.

    VERIFY_X509_STRICT, on since Python 3.13, is off: cluster CAs made by kubeadm, EKS and openssl lack an authority key
    identifier. Names and chains are checked as ever. `source` says in errors where the certificates are from.
    """
    if ca is not None and not ca.strip():
        raise ConfigurationError(f"{source}: the certificate authority is empty")  # empty would silently mean the system's roots
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # create_default_context would write the keys of TLS wherever SSLKEYLOGFILE says
        if ca is not None:
            context.load_verify_locations(cadata=ca.decode("ascii", "replace"))
        else:
            context.load_default_certs()
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"{source}: the certificate authority can't be read: {reason(error)}") from error
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if identification is not None:
        try:
            with _nameless(identification.certificate.rstrip() + b"\n" + identification.key) as path:
                context.load_cert_chain(path, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise ConfigurationError(f"{source}: the client certificate or its key can't be used: {reason(error)}") from error
    return context


async def dial(
    address: Address, context: ssl.SSLContext, factory: Callable[[], P], *, timeout: float = CONNECT_S, stream: bool = False
) -> tuple[asyncio.Transport, P]:
    """Connect and shake hands. Raises UpstreamError naming host, port and what failed.

    `stream`: for what ends with the connection, as an exec does: every byte that came before the end is handed on, however late it is read.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            transport, protocol = await (_patient if stream else _quick)(loop, address, context, factory)
    except TimeoutError as error:
        raise UpstreamError(f"cluster at {address} did not answer within {timeout:g} s: a firewall, a private endpoint, or it hangs") from error
    except ssl.SSLCertVerificationError as error:
        raise UpstreamError(f"cluster at {address} has a certificate that is not trusted: {clean(error.verify_message or reason(error))}") from error
    except ssl.SSLError as error:
        raise UpstreamError(f"cluster at {address} does not speak TLS with us: {reason(error)}") from error
    except socket.gaierror as error:
        raise UpstreamError(f"cluster at {address}: its name can't be looked up: {clean(error.strerror or str(error))}") from error
    except ConnectionRefusedError as error:
        raise UpstreamError(f"cluster at {address} refused the connection: nothing listens there") from error
    except (OSError, UnicodeError) as error:
        raise UpstreamError(f"cluster at {address} can't be reached: {reason(error)}") from error
    stay_alive(transport)
    return transport, protocol


async def _quick(loop: asyncio.AbstractEventLoop, address: Address, context: ssl.SSLContext, factory: Callable[[], P]) -> tuple[asyncio.Transport, P]:
    """TLS by the loop's own means. uvloop's drops what it has read if the peer closes while reading is paused; a response says its length, so that shows."""
    name = address.server_name or address.host
    return await loop.create_connection(factory, address.host, address.port, ssl=context, server_hostname=name)


async def _patient(loop: asyncio.AbstractEventLoop, address: Address, context: ssl.SSLContext, factory: Callable[[], P]) -> tuple[asyncio.Transport, P]:
    """TLS by asyncio's SSLProtocol on whichever loop: it keeps what it has read until the reader wants it, also behind the peer's close."""
    shaken: asyncio.Future[None] = loop.create_future()
    protocol = factory()
    tls = SSLProtocol(loop, protocol, context, shaken, server_side=False, server_hostname=address.server_name or address.host)
    raw, _ = await loop.create_connection(lambda: tls, address.host, address.port)
    try:
        await shaken
    except BaseException:
        raw.close()
        raise
    return tls._app_transport, protocol  # noqa: SLF001 - what asyncio's own create_connection(ssl=...) returns


def stay_alive(transport: asyncio.Transport) -> None:
    """TCP keep-alive probes, so that a peer that vanished without a word is noticed on quiet streams too."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in KEEPALIVE:
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def cut(transport: asyncio.Transport) -> None:
    """Close at once: bytes written but not yet sent are dropped, by the kernel too (SO_LINGER 0)."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()


def reason(error: BaseException) -> str:
    """The error's own words in one printable line, without Python's decoration."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return clean(error.reason.replace("_", " ").lower())
    if isinstance(error, OSError) and error.strerror:
        return clean(error.strerror)
    return clean(str(error) or type(error).__name__)


@contextlib.contextmanager
def _nameless(data: bytes) -> Iterator[str]:
    """A path under which `data` can be read while the block runs: `ssl` takes keys from files only, and this one is on no disk."""
    handle = os.memfd_create("jitui", os.MFD_CLOEXEC)
    try:
        os.write(handle, data)
        os.lseek(handle, 0, os.SEEK_SET)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def _no_password() -> str:
    raise ValueError("the key is encrypted, and the gateway has nobody to ask for its password")


def read(path: Path, what: str) -> bytes:
    """A file's bytes. Raises ConfigurationError naming it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{what} {path} can't be read: {reason(error)}") from error
