"""The other end of a connection, and a head's bounds."""

import asyncio
import os
import sys
from dataclasses import replace

import pytest
import uvloop

from jitui.api.server import peers
from jitui.api.server.peers import Peer
from jitui.auth.peer import Unseen
from tests.fakes.gateway import Address, serving

LARGE = b"GET / HTTP/1.1\r\n" + b"".join(b"x-%05d: %s\r\n" % (at, b"a" * 900) for at in range(73))  # a little more than 64 KiB


async def send(gateway: Address, data: bytes) -> bytes:
    """The bytes that a plain client on the Unix socket gets for these, until the gateway closes."""
    reader, writer = await asyncio.open_unix_connection(gateway.socket)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


async def test_a_head_is_bounded(gateway: Address) -> None:
    """A head that never ends is cut off at 64 KiB."""
    answer = await send(gateway, LARGE)
    assert answer.startswith(b"HTTP/1.1 431 ")
    length = int(answer.split(b"content-length: ")[1].split(b"\r\n")[0])
    assert len(answer.split(b"\r\n\r\n", 1)[1]) == length


async def test_a_request_must_come_in_time(gateway: Address) -> None:
    """A client that connects and says nothing, half a head, or half a body, is cut off."""
    gateway.listener.desk.tune(replace(gateway.listener.desk.caps, first_s=0.05))
    assert [await send(gateway, start) for start in (b"", b"GET /v1/hello HT", b"POST /v1/requests HTTP/1.1\r\ncontent-length: 9\r\n\r\n{")] == [b"", b"", b""]


async def test_a_second_head_is_bounded_too(gateway: Address) -> None:
    """The count begins again with each request of a connection."""
    first = b"GET /v1/hello HTTP/1.1\r\nhost: x\r\n\r\n"
    reader, writer = await asyncio.open_unix_connection(gateway.socket)
    for _ in range(3):
        writer.write(first)
        assert (await reader.readuntil(b'"ledger_key":""}')).startswith(b"HTTP/1.1 200 OK")
    writer.write(LARGE)
    assert (await reader.read()).endswith(b"a request's head is at most 64 KiB.\r\n")
    writer.close()


def test_labels() -> None:
    """Approvers see an address, or the Unix user."""
    assert [Peer(1000, None).label, Peer(None, ("192.0.2.7", 5000)).label] == ["uid 1000", "192.0.2.7"]


def test_same_user() -> None:
    """A process of the gateway's own user is, and one that was gone too soon to be known; another user of the machine and another host are not."""
    assert Peer(os.geteuid(), None).same_user()
    assert Peer(None, ("127.0.0.1", 5000), os.geteuid()).same_user()
    assert Peer(None, ("127.0.0.1", 5000), Unseen.CLOSING).same_user()
    assert not Peer(54321, None).same_user()
    assert not Peer(None, ("127.0.0.1", 5000), 54321).same_user()
    assert not Peer(None, ("192.0.2.7", 5000), Unseen.REMOTE).same_user()


def test_under_uvloop(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SO_PEERCRED is read under uvloop as well, and a TLS client is named by its address."""
    folder = tmp_path_factory.mktemp("uv")

    async def ask() -> list[tuple[str, str, str, str, bool]]:
        async with serving(folder) as gateway:
            await send(gateway, b"GET /v1/hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            return gateway.house.calls

    assert "uvloop" in sys.modules
    assert [call[2:] for call in uvloop.run(ask())] == [(f"uid {os.geteuid()}", "", True)]
    assert not (folder / "desk.sock").exists()


def test_only_unix_sockets_are_asked_for_credentials() -> None:
    """A TCP transport gives addresses, IPv6 ones with their first two parts, and IPv4 as itself."""

    class Transport(asyncio.BaseTransport):
        host = "::1"

        def get_extra_info(self, name: str, default: object = None) -> object:
            return {"peername": (self.host, 5000, 0, 0), "sockname": ("::1", 8444, 0, 0)}.get(name, default)

    assert peers.peer_of(Transport()).label == "::1"
    Transport.host = "::ffff:10.0.0.9"
    assert peers.peer_of(Transport()).label == "10.0.0.9"
