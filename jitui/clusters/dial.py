"""One TLS connection to a cluster, and the sentence that says why there is none."""

import asyncio
import base64
import binascii
import contextlib
import os
import posixpath
import re
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

from jitui.auth.tls import Direct
from jitui.clusters.port import P
from jitui.clusters.tunnel import BAD_ESCAPE, Proxy, host_name
from jitui.clusters.wire import connect
from jitui.values.errors import ConfigurationError, UpstreamError
from jitui.values.said import clean

CONNECT_S: Final = 10.0  # name look-up, TCP and TLS together
KEEPALIVE: Final = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 4))  # a dead peer is noticed in about a minute
NO_LINGER: Final = struct.pack("ii", 1, 0)
BLOCK: Final = re.compile(rb"(?:^|\n)-----BEGIN ([^\n]*?)-----[ \t\r]*\n((?:(?!-----BEGIN ).)*?)-----END \1-----[ \t\r]*(?=\n|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a cluster, from its https:// server URL."""

    host: str  # a name, or an address without brackets
    port: int
    prefix: str = ""  # path without a slash at the end
    server_name: str = ""  # the name its certificate must have, if not `host`

    @classmethod
    def parse(cls, url: str, server_name: str = "") -> "Address":
        """Reads it as client-go does: escapes of the path are resolved, dots and double slashes too, and a query is dropped.

        Raises ConfigurationError for anything but https://host[:port][/path].
        """
        form = ConfigurationError(f"server {clean(url)} is not of the form https://host[:port][/path]")
        try:
            parts = urlsplit(url)
            host, port = host_name(parts.hostname or ""), 443 if parts.port is None else parts.port
        except ValueError as error:  # idna's errors too
            raise ConfigurationError(f"server {clean(url)} is not a URL: {clean(str(error))}") from None
        if parts.scheme != "https":
            raise ConfigurationError(f"server {clean(url)} is not https: a credential never goes over plain http; give the cluster's https:// address")
        if not url.isprintable() or url != url.strip() or not host or not port or parts.fragment or BAD_ESCAPE.search(parts.path):
            raise form
        if parts.username is not None:
            raise ConfigurationError(f"server https://...@{host} has a user in it, which would stand in logs; give the kubeconfig's user a token or username")
        path = posixpath.normpath(b"/" + unquote_to_bytes(parts.path).lstrip(b"/"))
        return cls(host, port, quote(path, safe="/$&+,:;=@").rstrip("/"), server_name)

    @property
    def header(self) -> bytes:
        """The Host header, without the zone of an IPv6 address."""
        name = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return (name if self.port == 443 else f"{name}:{self.port}").encode("ascii", "replace")

    @property
    def certified(self) -> str:
        """The name or address that its certificate must bear; a dot at the end of a name is no part of it."""
        return (self.server_name or self.host).rstrip(".")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Identification:
    """A client certificate with its key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


def client_context(ca: bytes | None, identification: Identification | None = None, *, insecure: bool = False, source: str = "") -> ssl.SSLContext:
    """TLS towards a cluster: only the certificates in `ca` (PEM) are trusted, the system's roots only when it is None.

    As in Go, each of them ends a chain, be it a root or not, and one that can't be read is as if it were not there, as long as another can.
    VERIFY_X509_STRICT, on since Python 3.13, is off: cluster CAs made by kubeadm, EKS and openssl lack an authority key
    identifier. Names and chains are checked as ever. `source` says in errors where the certificates are from.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # create_default_context would write the keys of TLS wherever SSLKEYLOGFILE says
    if ca is not None:
        _trust(context, ca, source)
    else:
        context.load_default_certs()
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.sslobject_class = Direct
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if identification is not None:
        try:
            with _nameless(_chain(identification)) as path:
                context.load_cert_chain(path, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise ConfigurationError(f"{source}: the client certificate or its key can't be used: {reason(error)}") from error
    return context


def _blocks(pem: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Type, DER and text of each block that Go's encoding/pem finds; all else in a file of certificates is a comment, in whatever encoding."""
    for found in BLOCK.finditer(pem):
        try:
            der = base64.b64decode(re.sub(rb"[ \t\r\n]", b"", found[2]), validate=True)
        except binascii.Error:
            continue  # not base64, or it has headers as an encrypted key has: those are read by OpenSSL alone
        yield found[1], der, found[0].strip() + b"\n"


def _trust(context: ssl.SSLContext, ca: bytes, source: str) -> None:
    """Trusts the certificates in it. Raises ConfigurationError if there are none: an empty file would silently mean the system's roots."""
    if not ca.strip():
        raise ConfigurationError(f"{source}: the certificate authority is empty; give the PEM of the cluster's, or leave it out for the system's roots")
    found = [der for kind, der, _ in _blocks(ca) if kind == b"CERTIFICATE"]
    for der in found:
        with contextlib.suppress(ssl.SSLError, ValueError):
            context.load_verify_locations(cadata=der)
    if not context.cert_store_stats()["x509"]:
        why = "none of its certificates can be read" if found else "it has no certificate between BEGIN CERTIFICATE and END CERTIFICATE lines"
        hint = "it is DER: openssl x509 -inform der makes a PEM of it" if ca[:1] == b"\x30" else "give the PEM that the cluster's administrator has"
        raise ConfigurationError(f"{source}: the certificate authority can't be read: {why}; {hint}")


def _chain(identification: Identification) -> bytes:
    """The certificates of the one file and the first key of the other, whatever else is in them, as in one file for both."""
    chain = [text for kind, _, text in _blocks(identification.certificate) if kind == b"CERTIFICATE"]
    key = next((text for kind, _, text in _blocks(identification.key) if kind.endswith(b"PRIVATE KEY")), identification.key)
    if not chain:
        raise ValueError("there is no PEM certificate in it")
    return b"".join(chain) + key


async def dial(
    address: Address, context: ssl.SSLContext, factory: Callable[[], P], *, proxy: Proxy | None = None, timeout: float = CONNECT_S, stream: bool = False
) -> tuple[asyncio.Transport, P]:
    """Connect, through `proxy` if there is one, and shake hands. Raises UpstreamError naming host, port and what failed.

    `stream`: for what ends with the connection, as an exec does: every byte that came before the end is handed on, however late it is read.
    """
    loop = asyncio.get_running_loop()
    by = f" through {proxy}" if proxy is not None else ""
    try:
        async with asyncio.timeout(timeout):
            if stream or proxy is not None:
                transport, protocol = await _patient(address, context, factory, proxy, stream=stream)
            else:
                transport, protocol = await _quick(loop, address, context, factory)
    except TimeoutError as error:
        raise UpstreamError(f"cluster at {address}{by} did not answer within {timeout:g} s: a firewall, a private endpoint, or it hangs") from error
    except ssl.SSLCertVerificationError as error:
        raise UpstreamError(f"cluster at {address}{by} has a certificate that is not trusted: {clean(error.verify_message or reason(error))}") from error
    except ssl.SSLError as error:
        raise UpstreamError(f"cluster at {address}{by} does not speak TLS with us: {reason(error)}") from error
    except socket.gaierror as error:
        raise UpstreamError(f"cluster at {address}{by}: its name can't be looked up: {clean(error.strerror or str(error))}") from error
    except ConnectionRefusedError as error:
        raise UpstreamError(f"cluster at {address}{by} refused the connection: nothing listens there") from error
    except (OSError, UnicodeError) as error:
        raise UpstreamError(f"cluster at {address}{by} can't be reached: {reason(error)}") from error
    stay_alive(transport)
    return transport, protocol


async def _quick(loop: asyncio.AbstractEventLoop, address: Address, context: ssl.SSLContext, factory: Callable[[], P]) -> tuple[asyncio.Transport, P]:
    """TLS by the loop's own means. uvloop's drops what it has read if the peer closes while reading is paused; a response says its length, so that shows."""
    return await loop.create_connection(factory, address.host, address.port, ssl=context, server_hostname=address.certified)


async def _patient(address: Address, context: ssl.SSLContext, factory: Callable[[], P], proxy: Proxy | None, *, stream: bool) -> tuple[asyncio.Transport, P]:
    """TLS that keeps what it has read until the reader wants it, also behind the peer's close."""
    protocol = factory()
    through = None if proxy is None else await proxy.reach(address.host, address.port, context, stream=stream)
    return await connect(address.host, address.port, protocol, context, address.certified, through=through), protocol


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
    except (OSError, ValueError) as error:  # ValueError: of a path with a zero byte
        raise ConfigurationError(f"{what} {path} can't be read: {reason(error)}") from error
