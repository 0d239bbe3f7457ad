"""Every form of address that the settings take: what listens there, and the URL that clients are given for it."""

import socket

import pytest

from jitui.listeners.address import ListenAddress, shown, url

NAMES = ["*.wide.example", "[::1]", "gw.example", "127.0.0.1"]


@pytest.mark.parametrize(("text", "address", "again"), [
    ("127.0.0.1:8443", ListenAddress("127.0.0.1", 8443), "127.0.0.1:8443"),
    ("[::1]:8443", ListenAddress("::1", 8443), "[::1]:8443"),
    ("gw.example.com:0", ListenAddress("gw.example.com", 0), "gw.example.com:0"),
])  # fmt: skip
def test_an_address_is_written_as_it_was_read(text: str, address: ListenAddress, again: str) -> None:
    """With the brackets of IPv6 around what has colons."""
    assert (ListenAddress.parse(text), str(address)) == (address, again)


@pytest.mark.parametrize(("host", "public", "reached"), [
    ("127.0.0.1", "127.0.0.1", ("127.0.0.1",)),
    ("127.1", "127.0.0.1", ("127.0.0.1",)),
    ("::1", "::1", ("::1",)),
    ("0:0:0:0:0:0:0:1", "::1", ("::1",)),
    ("::ffff:127.0.0.1", "127.0.0.1", ("127.0.0.1",)),
    ("LocalHost", "localhost", ("127.0.0.1",)),
    ("0.0.0.0", "gw.example", ("127.0.0.1",)),  # of the names, one that a socket of IPv4 can be reached by
    ("0", "gw.example", ("127.0.0.1",)),
    ("::", "::1", ("127.0.0.1", "::1")),
    ("0::0", "::1", ("127.0.0.1", "::1")),
])  # fmt: skip
def test_clients_reach_what_is_listened_at_by_its_url(host: str, public: str, reached: tuple[str, ...]) -> None:
    """Every spelling of an address, a name, and all addresses at once: the host of the URL is one that a client can use."""
    address = ListenAddress(host, 0)
    with address.listen(4) as bound:
        port = bound.getsockname()[1]
        assert url(address.public(NAMES), port) == f"https://{f'[{public}]' if ':' in public else public}:{port}"
        for each in reached:
            socket.create_connection((each, port)).close()


def test_all_addresses_without_a_name_for_them_are_called_localhost() -> None:
    """A pattern is nobody's address."""
    assert ListenAddress("0.0.0.0", 1).public(["*.gw.example"]) == "localhost"
    assert ListenAddress("0.0.0.0", 1).public([]) == "localhost"
    assert ListenAddress("no-such-host.invalid", 1).public(NAMES) == "no-such-host.invalid"


@pytest.mark.parametrize(("peer", "text"), [
    (("127.0.0.1", 5), "127.0.0.1:5"), (("::1", 5, 0, 0), "[::1]:5"),
    (("::ffff:10.0.0.9", 5, 0, 0), "10.0.0.9:5"), (("fe80::1%eth0", 5, 0, 2), "[fe80::1%eth0]:5"),
    (None, ""), ((), ""),
])  # fmt: skip
def test_a_peer_is_shown_with_its_port(peer: tuple[str, int] | None, text: str) -> None:
    """One that came to :: by IPv4 as what it is."""
    assert shown(peer) == text
