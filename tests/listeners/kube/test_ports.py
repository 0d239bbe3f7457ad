"""Ports of connections: given once, remembered, never another's."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from jitui.listeners.address import ListenAddress
from jitui.listeners.kube.ports import Ports, read
from jitui.values.errors import ConfigurationError, UnavailableError

HOST = "127.0.0.1"


@pytest.fixture
def shared() -> Iterator[ListenAddress]:
    """The address of a listener, which is taken; the two ports behind it are free, as far as can be known."""
    while True:
        with ExitStack() as stack, socket.create_server((HOST, 0)) as sock:
            port = sock.getsockname()[1]
            try:
                for each in (port + 1, port + 2, port + 3):
                    stack.enter_context(socket.create_server((HOST, each)))
            except (OSError, OverflowError):
                continue
            stack.close()
            yield ListenAddress(HOST, port)
            return


def opened(path: Path, shared: ListenAddress, *names: str, asked: ListenAddress | None = None) -> list[int]:
    """One start after which it is kept: the connections' ports."""
    ports = Ports(path)
    with ExitStack() as stack:
        socks = [stack.enter_context(closing(ports.open(name, asked, shared))) for name in names]
        ports.keep()
        return [sock.getsockname()[1] for sock in socks]


def test_ports_are_given_from_the_shared_one_on_and_never_move(tmp_path: Path, shared: ListenAddress) -> None:
    """Whatever connections come and go between two starts; one that is gone leaves its port to nobody, and finds it again."""
    path, first = tmp_path / "ports.json", shared.port + 1
    assert opened(path, shared, "prod", "staging") == [first, first + 1]
    assert opened(path, shared, "dev", "staging") == [first + 2, first + 1]
    assert opened(path, ListenAddress(HOST, 1), "staging", "prod") == [first + 1, first]
    assert (read(path), path.stat().st_mode & 0o777) == ({first + 2: "dev", first + 1: "staging", first: "prod"}, 0o600)


def test_a_port_that_is_taken_is_passed_over_only_when_it_was_nobodys(tmp_path: Path, shared: ListenAddress) -> None:
    """Afterwards it is an error that says which connection's, why, and what to do; nothing is written of a start that fails."""
    path, first = tmp_path / "ports.json", shared.port + 1
    with socket.create_server((HOST, first)):
        assert opened(path, shared, "prod") == [first + 1]
    before = path.read_bytes()
    with socket.create_server((HOST, first + 1)):
        says = (f"port {first + 1} on 127.0.0.1 can't be opened for connection prod (Address already in use); its agents' kubeconfigs name it: free it, "
                "or set another as connections.prod.listen and write them anew")
        with pytest.raises(UnavailableError, match=re.escape(says)):
            opened(path, shared, "prod")
        with pytest.raises(UnavailableError, match=re.escape("(Address already in use); set another as connections.prod.listen")):
            opened(path, shared, "prod", asked=ListenAddress(HOST, first + 1))
    assert path.read_bytes() == before


def test_where_any_port_will_do_the_old_one_does_best(tmp_path: Path) -> None:
    """Port 0: the kernel gives one, which is taken again at the next start, if it is free then."""
    path, anywhere = tmp_path / "ports.json", ListenAddress(HOST, 0)
    (port,) = opened(path, anywhere, "prod")
    assert opened(path, anywhere, "prod") == opened(path, anywhere, "prod", asked=anywhere) == [port]
    with socket.create_server((HOST, port)):
        (other,) = opened(path, anywhere, "prod")
    assert other != port
    assert opened(path, anywhere, "prod") == [other]


def test_a_port_that_is_set_is_remembered_too(tmp_path: Path, shared: ListenAddress) -> None:
    """No longer set, the connection stays where it was last; the port that it had before is still no other's."""
    path, first = tmp_path / "ports.json", shared.port + 1
    opened(path, shared, "prod")
    assert opened(path, shared, "prod", asked=ListenAddress(HOST, first + 1)) == [first + 1]
    assert opened(path, shared, "prod", "dev") == [first + 1, first + 2]


def test_nobody_is_given_the_port_of_another(tmp_path: Path, shared: ListenAddress) -> None:
    """Also if it is set, at whatever address: kubeconfigs that name it would reach another cluster."""
    path, first = tmp_path / "ports.json", shared.port + 1
    assert opened(path, shared, "prod") == [first]
    for host in (HOST, "127.0.0.2"):
        with pytest.raises(UnavailableError, match=rf"port {first} is prod's: .* set another as connections\.dev\.listen"):
            opened(path, shared, "dev", asked=ListenAddress(host, first))
    assert opened(path, shared, "dev", "prod") == [first + 1, first]


def test_there_may_be_no_port_left(tmp_path: Path) -> None:
    """Or none that the gateway may open."""
    with pytest.raises(UnavailableError, match=r"no port behind 127\.0\.0\.1:65535 is free for connection prod; set one as connections\.prod\.listen"):
        opened(tmp_path / "ports.json", ListenAddress(HOST, 65535), "prod")
    with pytest.raises(UnavailableError, match=r"port 9 on 192\.0\.2\.1 can't be opened for connection prod \(Cannot assign"):
        opened(tmp_path / "ports.json", ListenAddress("192.0.2.1", 8), "prod")


@pytest.mark.parametrize("text", ["[]", "{", '{"x": "prod"}', '{"65536": "prod"}', '{"9": 5}', "\xff"])
def test_a_file_that_can_not_be_read_stops_the_start(tmp_path: Path, text: str) -> None:
    """Or every connection would move without a word."""
    path = tmp_path / "ports.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationError, match=r"holds the ports of connections, can't be read .* give the agents new kubeconfigs"):
        Ports(path)


def test_the_file_is_the_administrators_to_read(tmp_path: Path, shared: ListenAddress) -> None:
    """A JSON object of port and connection."""
    path = tmp_path / "ports.json"
    opened(path, shared, "prod")
    assert json.loads(path.read_text()) == {str(shared.port + 1): "prod"}
