"""The uid at the other end of a connection, from the kernel: SO_PEERCRED for a Unix socket, sock_diag for a TCP client of this machine.

A TCP client is looked up once, when it is accepted, by its two addresses (sock_diag(7), NETLINK_SOCK_DIAG): that takes the same time for any number of
sockets. Where the kernel does not offer this, its tables in /proc/net are read instead. Only an established connection has an owner: the kernel gives a
closing one to user 0.
"""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final, Protocol

UCRED: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
OPEN: Final = frozenset({1, 8})  # TCP_ESTABLISHED; TCP_CLOSE_WAIT: we closed, its process has not (include/net/tcp_states.h)
SOCK_DIAG: Final = 4  # NETLINK_SOCK_DIAG
BY_FAMILY: Final = 20  # SOCK_DIAG_BY_FAMILY
HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, pid (netlink(7))
ASKS: Final = struct.Struct("=BBBxI")  # struct inet_diag_req_v2 before its id: family, protocol, extensions, states
ENDS: Final = struct.Struct("!HH16s16s")  # struct inet_diag_sockid: ports, addresses; behind them
COOKIE: Final = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface, any socket
SAYS: Final = struct.Struct("=BBxx")  # struct inet_diag_msg before its id: family, state, timers
OWNED: Final = struct.Struct("=12xI")  # and behind it: expires, queues; uid
DIAG_S: Final = 1.0


class Unseen(Enum):
    """The reason why the uid is unknown."""

    REMOTE = "another host's"  # whose user ids mean nothing here
    CLOSING = "closing, or not shown by the kernel"


class HasOptions(Protocol):
    """A socket, or what asyncio and uvloop give for one."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """The process that opened the other end of a Unix socket, when it connected."""

    pid: int
    uid: int
    gid: int


def credentials(sock: HasOptions) -> Credentials:
    """SO_PEERCRED of a connected Unix socket. Raises OSError."""
    return Credentials(*UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size)))


Address = tuple[IPv4Address | IPv6Address, int]


def address(host: str, port: int) -> Address:
    """A host and port in the form that compares equal: an IPv4 address mapped into IPv6 becomes the IPv4 one. Raises ValueError."""
    plain = ip_address(host.partition("%")[0])
    mapped = plain.ipv4_mapped if isinstance(plain, IPv6Address) else None
    return mapped or plain, port


def owner_in(table: str, client: Address, server: Address) -> tuple[int, int] | None:
    """The state of a connection and the uid that owns the client's end, from the text of /proc/net/tcp or tcp6; None if it isn't there.

    Lines are `sl local remote st ... uid ...` with addresses in hex, each 32 bit word in the machine's (little endian) order (proc_net_tcp(5)).
    The client's end is the line whose local address is the client's and whose remote address is ours.
    """
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        try:
            if _hex_address(fields[1]) == client and _hex_address(fields[2]) == server:
                return int(fields[3], 16), int(fields[7])
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


async def owner(connection: socket.socket) -> int | Unseen:
    """The uid behind the client of a TCP connection that was just accepted."""
    try:
        client, server = address(*connection.getpeername()[:2]), address(*connection.getsockname()[:2])
    except (OSError, ValueError):
        return Unseen.CLOSING
    return await owner_of(client, server)


async def owner_of(client: Address, server: Address) -> int | Unseen:
    """The uid behind a TCP client, by the connection's two addresses."""
    found = in_kernel(client, server)
    if found is None and in_kernel(server, client) is None:  # not even our own end is found: this kernel offers no sock_diag
        found = await asyncio.to_thread(in_tables, client, server)
    if found is not None:
        state, uid = found
        return uid if state in OPEN else Unseen.CLOSING
    return Unseen.CLOSING if is_local(client[0]) else Unseen.REMOTE


def in_kernel(local: Address, remote: Address) -> tuple[int, int] | None:
    """State and uid of the TCP socket of this machine with these two ends; None if there is none, or the kernel does not say. Takes microseconds."""
    family = socket.AF_INET if local[0].version == remote[0].version == 4 else socket.AF_INET6
    ends = ENDS.pack(local[1], remote[1], local[0].packed, remote[0].packed) + COOKIE
    asked = ASKS.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + ends
    at = HEADER.size + SAYS.size
    with suppress(OSError, struct.error), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
        kernel.settimeout(DIAG_S)
        kernel.sendto(HEADER.pack(HEADER.size + len(asked), BY_FAMILY, 1, 0, 0) + asked, (0, 0))  # 1: NLM_F_REQUEST
        answer = kernel.recv(4096)
        if HEADER.unpack_from(answer)[1] == BY_FAMILY:
            family, state = SAYS.unpack_from(answer, HEADER.size)
            port, other_port, host, other = ENDS.unpack_from(answer, at)
            if (_packed_address(family, host, port), _packed_address(family, other, other_port)) == (local, remote):  # not a listening socket
                return state, OWNED.unpack_from(answer, at + len(ends))[0]
    return None


def _packed_address(family: int, host: bytes, port: int) -> Address:
    return address(str(ip_address(host[:4] if family == socket.AF_INET else host)), port)


def in_tables(client: Address, server: Address) -> tuple[int, int] | None:
    """The same as `in_kernel`, from /proc/net: it blocks, in time proportional to the number of sockets."""
    for path in TABLES:
        with suppress(OSError):
            found = owner_in(path.read_text(encoding="ascii"), client, server)
            if found is not None:
                return found
    return None


def is_local(host: IPv4Address | IPv6Address) -> bool:
    """Whether it is an address of this machine: the kernel would send to it from the same address."""
    if host.is_loopback:
        return True
    with suppress(OSError), socket.socket(socket.AF_INET if host.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.connect((str(host), 9))  # connecting a datagram socket sends nothing
        return bool(ip_address(probe.getsockname()[0].partition("%")[0]) == host)
    return False
