"""What the kernel says about the other end."""

import os
import socket
from ipaddress import ip_address

import pytest
from hypothesis import given, strategies as st

from jitui.identity import peer

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
    assert peer.owner_in(TABLE, peer.address("127.0.0.1", 54321), peer.address("127.0.0.1", 8443)) == 1000
    assert peer.owner_in(TABLE, peer.address("127.0.0.1", 54322), peer.address("127.0.0.1", 8443)) is None


def test_owner_in_ipv6() -> None:
    """IPv6, and IPv4 mapped into it, as a client of a dual-stack socket looks."""
    assert peer.owner_in(TABLE6, peer.address("::1", 54321), peer.address("::1", 8443)) == 1001
    assert peer.owner_in(TABLE6, peer.address("127.0.0.1", 54322), peer.address("::ffff:127.0.0.1", 8443)) == 1002


@given(st.text(max_size=300))
def test_owner_in_any_text(text: str) -> None:
    """A table that is not one gives no owner and no error."""
    assert peer.owner_in("head\n" + text, (ip_address("127.0.0.1"), 1), (ip_address("127.0.0.1"), 2)) is None


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_real_loopback_connection(family: socket.AddressFamily, host: str) -> None:
    """The kernel names our own uid for our own connection."""
    with socket.create_server((host, 0), family=family) as server, socket.create_connection(server.getsockname()[:2]) as client:
        accepted, _ = server.accept()
        with accepted:
            assert peer.loopback_uid(client.getsockname()[:2], server.getsockname()[:2]) == os.getuid()


def test_a_remote_client_has_no_uid() -> None:
    """Another host's user ids mean nothing here."""
    assert peer.loopback_uid(("192.0.2.7", 5000), ("192.0.2.1", 8443)) is None
    assert peer.loopback_uid(("not an address", 5000), ("127.0.0.1", 8443)) is None


def test_credentials_of_a_unix_socket() -> None:
    """SO_PEERCRED names process, user and group of the other end."""
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer.credentials(one) == peer.Credentials(os.getpid(), os.getuid(), os.getgid())
