"""No caller of the API can take all connections, event streams, requests or memory."""

import asyncio
import json
import ssl
from dataclasses import replace
from typing import Any

import httpx

from jitui.listeners.caps import Caps
from tests.api.server.conftest import bearer
from tests.fakes.gateway import Address

EVENTS = b"GET /v1/events HTTP/1.1\r\nhost: x\r\n"
HELLO = b"GET /v1/hello HTTP/1.1\r\nhost: x\r\n"

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def tcp(gateway: Address, **caps: Any) -> Caps:
    """Other limits on the TCP port."""
    gateway.listener.tcp.tune(replace(gateway.listener.tcp.caps, **caps))
    return gateway.listener.tcp.caps


async def dial(gateway: Address) -> Peer:
    context = ssl.create_default_context(cafile=gateway.ca)
    return await asyncio.open_connection("127.0.0.1", gateway.listener.port, ssl=context, server_hostname="localhost")


async def ask(peer: Peer, request: bytes, token: str = "") -> tuple[bytes, bytes]:
    """Head and first bytes of the body."""
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    peer[1].write(request + authorization.encode() + b"\r\n")
    head = await asyncio.wait_for(peer[0].readuntil(b"\r\n\r\n"), 30)
    return head, await asyncio.wait_for(peer[0].read(1 << 16), 30)


async def test_one_agents_connections_keep_nobody_else_out(gateway: Address) -> None:
    """Forty connections of one agent: what rests makes room, event streams have an end of their own; a person is served on TCP and on the socket."""
    tcp(gateway, per_agent=8, agents=12, streams_per_agent=2)
    peers = []
    for _ in range(40):
        peers.append(peer := await dial(gateway))
        assert (await ask(peer, HELLO, gateway.agent))[0].startswith(b"HTTP/1.1 200 ")
    assert gateway.listener.tcp.agents == 8
    streams = [await dial(gateway) for _ in range(3)]
    answers = [await ask(peer, EVENTS, gateway.agent) for peer in streams]
    assert [head[9:12] for head, _ in answers] == [b"200", b"200", b"429"]
    assert b"retry-after" not in answers[2][0]
    said = json.loads(answers[2][1])["error"]
    assert (said["kind"], said["message"][:40]) == ("TooManyError", "agent-a has 2 streams open, as many as l")
    assert (await ask(await dial(gateway), EVENTS, gateway.ana))[0].startswith(b"HTTP/1.1 200 ")
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(gateway.socket)), base_url="http://gateway") as local:
        assert (await local.get("/v1/hello")).status_code == 200
    assert {(limit, who) for limit, who, _ in gateway.limited} == {("api_connections_per_agent", "agent-a"), ("api_streams_per_agent", "agent-a")}


async def test_a_stream_that_ends_makes_room_for_the_next(gateway: Address) -> None:
    """On the same connection or another."""
    tcp(gateway, streams_per_agent=1)
    for _ in range(3):
        peer = await dial(gateway)
        assert (await ask(peer, EVENTS, gateway.agent))[0].startswith(b"HTTP/1.1 200 ")
        peer[1].transport.abort()
        async with asyncio.timeout(30):
            while gateway.listener.tcp.owners["agent-a"].streams:  # noqa: ASYNC110 - what changes has no event
                await asyncio.sleep(0.01)


async def test_all_in_use_is_said(gateway: Address) -> None:
    """Connections that carry streams never make room; the new one is told so with a time, and closed."""
    tcp(gateway, per_agent=2, streams_per_agent=5)
    streams = [await dial(gateway) for _ in range(2)]
    for peer in streams:
        assert (await ask(peer, EVENTS, gateway.agent))[0].startswith(b"HTTP/1.1 200 ")
    one_more = await dial(gateway)
    head, body = await ask(one_more, HELLO, gateway.agent)
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nretry-after: 1\r\n" in head
    assert b"agent-a has 2 connections open here, as many as limits.api_connections_per_agent" in body
    assert await asyncio.wait_for(one_more[0].read(), 30) == b""


async def test_requests_a_second_of_an_agent(gateway: Address, remote: httpx.AsyncClient) -> None:
    """429 with Retry-After; a person has no such limit."""
    tcp(gateway, rate=1, burst=3)
    codes = [(await remote.get("/v1/hello", headers=bearer(gateway.agent))).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    refused = await remote.get("/v1/hello", headers=bearer(gateway.agent))
    assert (refused.headers["retry-after"], refused.json()["error"]["reason"]) == ("1", "TooManyRequests")
    assert {(await remote.get("/v1/hello", headers=bearer(gateway.ana))).status_code for _ in range(20)} == {200}


async def test_strangers_make_room_for_each_other_alone(gateway: Address) -> None:
    """Two hundred connections to either socket that say nothing: a person's stream goes on, and the next person is served."""
    gateway.listener.desk.tune(replace(gateway.listener.desk.caps, strangers=10, per_address=10))
    tcp(gateway, strangers=10, per_address=10)
    stream = await dial(gateway)
    assert (await ask(stream, EVENTS, gateway.ana))[0].startswith(b"HTTP/1.1 200 ")
    writers = [(await asyncio.open_connection("127.0.0.1", gateway.listener.port))[1] for _ in range(200)]
    writers += [(await asyncio.open_unix_connection(gateway.socket))[1] for _ in range(200)]
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(gateway.socket)), base_url="http://gateway") as local:
        assert (await local.get("/v1/hello")).status_code == 200
    assert (await ask(await dial(gateway), HELLO, gateway.ana))[0].startswith(b"HTTP/1.1 200 ")
    assert max(len(gateway.listener.desk.strangers), len(gateway.listener.tcp.strangers)) <= 10
    assert not stream[0].at_eof()
    for writer in writers:
        writer.transport.abort()


async def test_requests_of_nobody_are_counted(gateway: Address) -> None:
    """Ten seconds' worth at once; behind them the connection is closed with its answer."""
    tcp(gateway, refusals=1)
    peer = await dial(gateway)
    codes = [(await ask(peer, b"GET /nothing HTTP/1.1\r\nhost: x\r\n"))[0][9:12] for _ in range(11)]
    assert codes == [b"404"] * 11
    assert await asyncio.wait_for(peer[0].read(), 30) == b""
    assert gateway.limited[-1][:2] == ("refusals_per_second", "127.0.0.1")


async def test_a_stranger_has_only_so_much_time(gateway: Address) -> None:
    """However often they ask for what needs no token."""
    tcp(gateway, first_s=0.5)
    peer = await dial(gateway)
    await ask(peer, b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n")
    async with asyncio.timeout(30):
        while await peer[0].read(1 << 16):
            pass
    assert gateway.limited[-1][:2] == ("first_request", "127.0.0.1")


async def test_few_requests_wait_behind_one(gateway: Address) -> None:
    """A thousand in one piece: 400 and a close, instead of a thousand in memory."""
    peer = await dial(gateway)
    peer[1].write((HELLO + b"\r\n") * 1000)
    got = await asyncio.wait_for(peer[0].read(), 30)
    assert b"HTTP/1.1 400 Bad Request" in got
    assert got.count(b"HTTP/1.1 ") <= 10
