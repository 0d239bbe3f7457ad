"""The kernel tells the uid at the other end of a connection."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest
from hypothesis import given, strategies as st

from jitui.auth import peer
from jitui.auth.peer import Unseen

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   990        0 1001 1 0 100 0 0 10 0
   1: 0100007F:20FB 0100007F:D431 01 00000000:00000000 00:00000000 00000000   990        0 1002 1 0 20 4 30 10 -1
   2: 0100007F:D431 0100007F:20FB 01 00000000:00000000 00:00000000 00000000  1000        0 1003 1 0 20 4 30 10 -1
"""
TABLE6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:D431 00000000000000000000000001000000:20FB 01 00000000:00000000 00:00000000 00000000  1001        0 1 1 0
   1: 0000000000000000FFFF00000100007F:D432 0000000000000000FFFF00000100007F:20FB 01 00000000:00000000 00:00000000 00000000  1002        0 1 1 0
"""


def test_owner_in_takes_the_clients_end() -> None:
    """The uid is that of the client's end, not of the server's end of the same connection."""
    assert peer.owner_in(TABLE, peer.address("127.0.0.1", 54321), peer.address("127.0.0.1", 8443)) == (1, 1000)
    assert peer.owner_in(TABLE, peer.address("127.0.0.1", 54322), peer.address("127.0.0.1", 8443)) is None


def test_owner_in_ipv6() -> None:
    """IPv6, and IPv4 mapped into it, as a client of a dual-stack socket looks."""
    assert peer.owner_in(TABLE6, peer.address("::1", 54321), peer.address("::1", 8443)) == (1, 1001)
    assert peer.owner_in(TABLE6, peer.address("127.0.0.1", 54322), peer.address("::ffff:127.0.0.1", 8443)) == (1, 1002)


@given(st.text(max_size=300))
def test_owner_in_any_text(text: str) -> None:
    """A table that is not one gives no owner and no error."""
    assert peer.owner_in("head\n" + text, (ip_address("127.0.0.1"), 1), (ip_address("127.0.0.1"), 2)) is None


@contextmanager
def connected(family: socket.AddressFamily, listens: str, host: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client of this process, and the gateway's end of its connection."""
    dual = family == socket.AF_INET6 and listens == "::"
    with socket.create_server((listens, 0), family=family, dualstack_ipv6=dual) as server:
        client = socket.create_connection((host, server.getsockname()[1]))
        accepted, _ = server.accept()
        with client, accepted:
            yield client, accepted


FAMILIES = pytest.mark.parametrize(("family", "listens", "host"), [
    (socket.AF_INET, "127.0.0.1", "127.0.0.1"), (socket.AF_INET6, "::1", "::1"), (socket.AF_INET6, "::", "127.0.0.1"),
    (socket.AF_INET6, "::", "::ffff:127.0.0.1"),
])  # fmt: skip


@FAMILIES
async def test_a_real_connection(family: socket.AddressFamily, listens: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel names our own uid for our own connection, IPv4 mapped into IPv6 too; its tables, which are as long as there are sockets, are not read."""
    monkeypatch.setattr(peer, "TABLES", ())
    with connected(family, listens, host) as (_, accepted):
        assert await peer.owner(accepted) == os.geteuid()


@FAMILIES
async def test_without_sock_diag_the_tables_say_it(family: socket.AddressFamily, listens: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a sandbox whose kernel has no such answer."""
    monkeypatch.setattr(peer, "SOCK_DIAG", 31)  # no such protocol
    with connected(family, listens, host) as (client, accepted):
        assert await peer.owner(accepted) == os.geteuid()
        client.close()
        assert await peer.owner(accepted) is Unseen.CLOSING


@FAMILIES
@pytest.mark.parametrize("how", ["close", "half", "reset"])
async def test_who_is_closing_is_not_known(family: socket.AddressFamily, listens: str, host: str, how: str) -> None:
    """The kernel shows user 0 there, whoever it was: that is not taken for an answer."""
    with connected(family, listens, host) as (client, accepted):
        if how == "half":
            client.shutdown(socket.SHUT_WR)
        else:
            if how == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        assert await peer.owner(accepted) is Unseen.CLOSING


async def test_another_host_has_no_uid_and_this_one_always_should() -> None:
    """Another host's user ids mean nothing here; an address of ours that no socket has is somebody who was here a moment ago."""
    assert await peer.owner_of(peer.address("192.0.2.7", 5000), peer.address("192.0.2.1", 8443)) is Unseen.REMOTE
    assert await peer.owner_of(peer.address("2001:db8::7", 5000), peer.address("2001:db8::1", 8443)) is Unseen.REMOTE
    assert await peer.owner_of(peer.address("127.0.0.1", 1), peer.address("127.0.0.1", 2)) is Unseen.CLOSING
    assert await peer.owner_of(peer.address("::1", 1), peer.address("::1", 2)) is Unseen.CLOSING
    with socket.socket() as never:
        assert await peer.owner(never) is Unseen.CLOSING


async def test_who_listens_at_the_port_is_not_the_client() -> None:
    """Where there is no connection between two ends, the kernel would name the listener."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert await peer.owner_of(peer.address(*server.getsockname()[:2]), peer.address("127.0.0.1", 9)) is Unseen.CLOSING


def test_credentials_of_a_unix_socket() -> None:
    """SO_PEERCRED names process, user and group of the other end."""
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer.credentials(one) == peer.Credentials(os.getpid(), os.getuid(), os.getgid())
