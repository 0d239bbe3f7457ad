"""The addresses that a listener takes, and the hosts and URLs under which clients reach them."""

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host of this machine, as a name or an IP address without brackets, and a port; 0 is any port that is free."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of `127.0.0.1:8443`, `[::1]:8443` or `gw.example.com:443`."""
        host, _, port = text.rpartition(":")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"

    def listen(self, backlog: int) -> socket.socket:
        """A socket that listens there; at `::`, for IPv4 too. Raises OSError: taken, or not an address of this machine (socket.gaierror)."""
        family, host = self._found()
        both = family == socket.AF_INET6 and ip_address(host).is_unspecified and socket.has_dualstack_ipv6()
        try:
            return socket.create_server((host, self.port), family=family, backlog=backlog, dualstack_ipv6=both)
        except OSError as error:  # its text names the address again
            raise OSError(error.errno, os.strerror(error.errno or errno.EIO)) from None

    def public(self, names: Sequence[str]) -> str:
        """The host that clients use: its own; for all addresses of the machine, the first of `names` that is one host and can be reached there."""
        try:
            family, host = self._found()
        except OSError:  # nothing can listen there, and whoever tries says so
            return self.host
        if not ip_address(host).is_unspecified:
            return self.host.lower() if _is_name(self.host) else host
        usable = (name.strip("[]") for name in names if "*" not in name)
        return next((name for name in usable if family == socket.AF_INET6 or ":" not in name), "localhost")

    def _found(self) -> tuple[int, str]:
        """The family and the address of the host; of a name with several, one of IPv4: who knows the name tries all. Raises OSError."""
        found = socket.getaddrinfo(unmapped(self.host), self.port, type=socket.SOCK_STREAM)
        family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
        return family, str(where[0])


def url(host: str, port: int) -> str:
    """The URL of a TLS port."""
    return f"https://{bracketed(host)}:{port}"


def shown(peer: Sequence[Any] | None) -> str:
    """The address and port of a TCP peer as asyncio names it, for people and the record; empty if it is gone."""
    return str(ListenAddress(unmapped(str(peer[0])), peer[1])) if peer else ""


def bracketed(host: str) -> str:
    """As a URL has it: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def _is_name(host: str) -> bool:
    """Whether it is none of the spellings of an address, as 127.1 or 0."""
    try:
        socket.inet_aton(host)
    except OSError:
        return ":" not in host
    return False


def unmapped(host: str) -> str:
    """An IPv4 address that was mapped into IPv6 as itself."""
    try:
        found = ip_address(host)
    except ValueError:
        return host
    return str(found.ipv4_mapped or host) if isinstance(found, IPv6Address) else host
