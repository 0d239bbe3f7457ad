"""`isolation: required`: whose process a client is, is known before a byte of it is read, and who it can't be known of does not pass."""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jitui.auth import peer
from jitui.auth.peer import Unseen
from jitui.listeners import porch
from tests.fakes.house import House, house

PODS = "/api/v1/namespaces/web/pods"
OWN = 54321 if os.geteuid() == 0 else os.geteuid()


@contextmanager
def as_the_gateways_user() -> Iterator[None]:
    """Sockets made here belong to OWN (the owner of a socket is the file system's user of whoever makes it)."""
    before = os.geteuid()
    os.seteuid(OWN)
    try:
        yield
    finally:
        os.seteuid(before)


async def secured(home: House) -> ssl.SSLSocket:
    """A client of that user, the handshake done."""
    with as_the_gateways_user():
        plain = socket.create_connection(("127.0.0.1", home.listener.port))
    return await asyncio.to_thread(home.trust.wrap_socket, plain, server_hostname="localhost")


def request(home: House) -> bytes:
    return f"DELETE /c/prod{PODS}/a HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer {home.token}\r\n\r\n".encode()


async def test_the_gateways_own_user_is_refused(tmp_path: Path) -> None:
    """Whatever its token and its window are; another user passes."""
    async with house(tmp_path, isolated_from=OWN) as home:
        await home.window()
        client = await secured(home)
        client.sendall(request(home))
        answer = await asyncio.to_thread(client.recv, 65536)
        client.close()
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"this agent runs as the gateway's own Unix user" in answer
        assert home.cluster.got == b""
    async with house(tmp_path / "other", isolated_from=OWN + 1) as home:
        await home.window()
        client = await secured(home)
        client.sendall(request(home))
        assert (await asyncio.to_thread(client.recv, 65536)).startswith(b"HTTP/1.1 200 ")
        client.close()


async def test_who_closes_at_once_does_not_pass(tmp_path: Path) -> None:
    """The request and the end in one turn of the loop: when it is read, the kernel shows user 0 for a connection that is closing."""
    async with house(tmp_path, isolated_from=OWN) as home:
        await home.window()
        for _ in range(10):
            client = await secured(home)
            client.sendall(request(home))
            client.close()
            await home.until(lambda: not home.listener.clients)
        await asyncio.sleep(0.05)
        assert home.cluster.got == b""
        assert await home.facts("session.opened") == []


@pytest.mark.parametrize(("shows", "code"), [(Unseen.CLOSING, 403), (Unseen.REMOTE, 200)])
async def test_who_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shows: Unseen, code: int) -> None:
    """A client of this machine whose user can't be established is refused; another host's has none here."""

    async def unseen(_: socket.socket) -> Unseen:
        return shows

    monkeypatch.setattr(porch, "owner", unseen)
    async with house(tmp_path, isolated_from=OWN) as home:
        await home.window()
        answer = await (await home.dial()).ask("DELETE", f"{PODS}/a")
        assert answer[0] == code
        assert (b"does not show which Unix user" in answer[2]) is (code == 403)


async def test_it_is_looked_up_once_for_a_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its accept, in constant time; requests cost nothing, and without such a connection nobody is looked up."""
    looks: list[object] = []

    def counted(*ends: object) -> tuple[int, int]:
        looks.append(ends)
        return 1, OWN + 1

    monkeypatch.setattr(peer, "in_kernel", counted)
    monkeypatch.setattr(peer, "TABLES", ())
    for isolated, each in ((OWN, 1), (None, 0)):
        async with house(tmp_path / str(isolated), isolated_from=isolated) as home:
            await home.window()
            kubectl = await home.dial()
            for _ in range(20):
                assert (await kubectl.ask("GET", PODS))[0] == 200
            assert len(looks) == each
            looks.clear()
