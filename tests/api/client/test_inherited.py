"""Connections that are asked for over an inherited socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jitui.api.client import Client
from jitui.api.client.inherited import ASKS, GIVES, REFUSES
from jitui.auth.standing import Visiting
from jitui.values.errors import UnavailableError, UnknownCallerError
from tests.fakes.gateway import ANA, Address


@asynccontextmanager
async def asked(gateway: Address, most: int = 100) -> AsyncIterator[tuple[Client, socket.socket]]:
    """A client with such a socket, and the gateway's end of it, which gives at most so many connections."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    loop, given = asyncio.get_running_loop(), 0

    async def give() -> None:
        nonlocal given
        while await loop.sock_recv(ours, 16) == ASKS:
            if (given := given + 1) > most:
                ours.send(REFUSES)
                continue
            end, other = socket.socketpair()
            end.setblocking(False)
            await gateway.listener.admit(end, Visiting(gateway.directory, lambda: ANA, "by ssh"), "192.0.2.7")
            with other:
                socket.send_fds(ours, [GIVES], [other.fileno()])

    giving = asyncio.ensure_future(give())
    desk = Client(f"fd:{theirs.fileno()}")
    try:
        yield desk, ours
    finally:
        await desk.aclose()
        theirs.close()
        await giving
        ours.close()


async def test_each_call_is_that_persons(gateway: Address) -> None:
    """Many at a time, and streams beside them: each connection is asked for once, and used again."""
    async with asked(gateway, most=5) as (desk, _):
        first = asyncio.ensure_future(anext(aiter(desk.events())))
        assert {said.you for said in await asyncio.gather(*(desk.hello() for _ in range(4)))} == {"ana"}
        assert {said.you for said in await asyncio.gather(*(desk.hello() for _ in range(4)))} == {"ana"}
        await gateway.house.happen("request.asked", "agent-a", "r-1")
        assert (await first).subject == "r-1"
        assert {(who, peer, same) for _, who, peer, _, same in gateway.house.calls} == {("ana", "192.0.2.7", False)}


async def test_no_token_counts_on_it(gateway: Address) -> None:
    """A connection that the gateway made for a person stays theirs."""
    async with asked(gateway) as (desk, _):
        other = Client(desk.address, token=gateway.agent)
        with pytest.raises(UnknownCallerError, match="this connection is that of ana, no token counts on it"):
            await other.hello()
        await other.aclose()


async def test_there_may_be_no_more(gateway: Address) -> None:
    """A sentence, when the gateway refuses one, and when it is gone."""
    async with asked(gateway, most=0) as (desk, ours):
        with pytest.raises(UnavailableError, match="the gateway gives no more connections"):
            await desk.hello()
        ours.shutdown(socket.SHUT_RDWR)
        with pytest.raises(UnavailableError, match="the connection to the gateway is over"):
            await desk.hello()


async def test_the_gateway_closes_one_that_rests(gateway: Address) -> None:
    """Another is asked for; nobody notices."""
    async with asked(gateway) as (desk, _):
        await desk.hello()
        for visitor in [one for owner in gateway.listener.desk.owners.values() for one in owner.visitors]:
            visitor.close()
        await asyncio.sleep(0.05)
        assert (await desk.hello()).you == "ana"
