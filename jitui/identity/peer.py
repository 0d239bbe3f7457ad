"""What the kernel says about the other end of a connection: SO_PEERCRED for a Unix socket, /proc/net/tcp for a loopback client."""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final, Protocol

UCRED: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class HasOptions(Protocol):
    """A socket, or what asyncio and uvloop give for one."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who opened the other end of a Unix socket, when it connected."""

    pid: int
    uid: int
    gid: int


def credentials(sock: HasOptions) -> Credentials:
    """SO_PEERCRED of a connected Unix socket. Raises OSError."""
    return Credentials(*UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size)))


Address = tuple[IPv4Address | IPv6Address, int]


def address(host: str, port: int) -> Address:
    """A host and port as they compare equal: an IPv4 address mapped into IPv6 is the IPv4 one. Raises ValueError."""
    plain = ip_address(host.partition("%")[0])
    mapped = plain.ipv4_mapped if isinstance(plain, IPv6Address) else None
    return mapped or plain, port


def owner_in(table: str, client: Address, server: Address) -> int | None:
    """The uid that owns the client's end of a connection, from the text of /proc/net/tcp or tcp6; None if it isn't there.

    Lines are `sl local remote st ... uid ...` with addresses in hex, each 32 bit word in the machine's (little endian) order (proc_net_tcp(5)).
    The client's end is the line whose local address is the client's and whose remote address is ours.
    """
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        try:
            if _hex_address(fields[1]) == client and _hex_address(fields[2]) == server:
                return int(fields[7])
        except ValueError:
            continue
    return None


def _hex_address(text: str) -> Address:
    """`0100007F:1F90` -> (127.0.0.1, 8080)."""
    host, _, port = text.partition(":")
    words = bytes.fromhex(host)
    if len(words) not in {4, 16}:
        raise ValueError(f"not an address: {text}")
    packed = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    return address(str(ip_address(packed)), int(port, 16))


def loopback_uid(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """The uid behind a loopback client's TCP connection; None for a remote one, or if the kernel doesn't show it.

    Blocking: reads files in /proc; call it in a thread.
    """
    try:
        ours, theirs = address(*server), address(*client)
    except ValueError:
        return None
    if theirs[0] != ours[0] and not theirs[0].is_loopback:
        return None
    for path in TABLES:
        try:
            found = owner_in(path.read_text(encoding="ascii"), theirs, ours)
        except OSError:
            continue
        if found is not None:
            return found
    return None
