"""Host names of connections: which connection a name is for, and what the certificate must hold."""

import pytest

from jitui.listeners.kube.names import HostNames

NAMES = HostNames("*.Gw.example.com", ["gw.example.com", "admin.gw.example.com"])


@pytest.mark.parametrize(("host", "connection"), [
    ("prod.gw.example.com", "prod"), ("prod.gw.example.com:443", "prod"), ("PROD.GW.EXAMPLE.COM.", "prod"), ("a.b.gw.example.com", "a.b"),
    ("gw.example.com", ""), ("admin.gw.example.com", ""), ("prod.gw.example.org", ""), ("prodgw.example.com", ""), ("127.0.0.1:8443", ""), ("[::1]:8443", ""),
    ("", ""), (".gw.example.com", ""),
])  # fmt: skip
def test_the_connection_of_a_host(host: str, connection: str) -> None:
    """Whatever its case, its port, and the dot of a full name; the listener's own names are nobody's."""
    assert NAMES.connection(host) == connection


def test_the_host_of_a_connection_leads_back_to_it() -> None:
    """And what is no host name is refused."""
    assert (NAMES.of("prod"), NAMES.of("eu.prod")) == ("prod.gw.example.com", "eu.prod.gw.example.com")
    assert NAMES.connection(NAMES.of("eu.prod")) == "eu.prod"
    for wrong in ("a..b", "a.-b", "a-.b"):
        with pytest.raises(ValueError, match="is no host name"):
            NAMES.of(wrong)


def test_the_certificate_names_connections_only_where_the_pattern_does_not_do() -> None:
    """An asterisk covers one label; OpenSSL wants two labels behind it. What it covers tells strangers no connection's name."""
    assert NAMES.certified(["prod", "eu.prod"]) == ["*.gw.example.com", "eu.prod.gw.example.com"]
    assert HostNames("*.localhost").certified(["prod"]) == ["*.localhost", "prod.localhost"]
