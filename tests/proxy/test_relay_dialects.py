"""The dialects of a WebSocket beside kubectl's, through the real listener: watches, logs, channels of ports, base64, and the protocol without a name."""

import asyncio
import base64
import json
from pathlib import Path

import pytest

from jitui.policy.grant import Event
from jitui.protocol import websocket
from jitui.protocol.websocket import BINARY, CLOSE, TEXT, encode
from tests.fakes.house import House, Kubectl, house, rule
from tests.fakes.upstream import Asked

POD = "/api/v1/namespaces/web/pods/web-1"
WATCH = "/api/v1/namespaces/web/pods?watch=1"
EVENT = b'{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"web-1"}}}\n'
GOODBYE = encode(CLOSE, websocket.close(1000))
RULES = (rule(scope="@debug in web; port-forward pods in web; create pods in web; get pods/proxy in web"),)


class Server:
    """An API server that has switched, and says what a test tells it."""

    def __init__(self, home: House) -> None:
        self.home, self.asked = home, asyncio.Queue[Asked]()
        home.cluster.answerer = self.serve

    async def serve(self, asked: Asked) -> None:
        offered = asked.get("sec-websocket-protocol").partition(",")[0]
        asked.line.switch(asked, offered)
        self.asked.put_nowait(asked)
        await asked.line.reader.read()

    async def opened(self, target: str, *headers: str) -> tuple[Kubectl, Asked]:
        client = await self.home.dial()
        client.send(client.head("GET", target, "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *headers))  # fmt: skip
        code, self.headers, body = await client.answer()
        assert code == 101, body
        return client, await asyncio.wait_for(self.asked.get(), 5)


async def payload(client: Kubectl) -> bytes:
    """Of the next message."""
    frame = await client.frame()
    assert frame is not None
    return frame.payload


async def recorded(home: House, session: int) -> list[tuple[int, str, bytes]]:
    return [(frame.conn, frame.channel.label, frame.body) for frame in await home.frames(session)][2:]


async def test_a_watch_and_a_log_are_what_they_are(tmp_path: Path) -> None:
    """Sessions of their kind with the frames of their kind, judged as reads, the head as the API server gives it; a goodbye is their end, not a loss."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window("get,list,watch pods in web; get pods/log in web")  # no exec
        server = Server(home)
        client, asked = await server.opened(WATCH, "Origin: https://gw")
        assert (asked.get("origin"), "sec-websocket-protocol" in dict(asked.headers)) == ("https://cluster", False)
        asked.line.say(encode(TEXT, EVENT) + GOODBYE)
        assert [frame.payload for frame in await client.rest()] == [EVENT, websocket.close(1000)]
        for target in (f"{POD}/log", f"{POD}/log?follow=1"):
            client, asked = await server.opened(target, "Sec-WebSocket-Protocol: base64.binary.k8s.io")
            assert server.headers["sec-websocket-protocol"] == "base64.binary.k8s.io"
            asked.line.say(encode(TEXT, b"") + encode(TEXT, b"bGluZQo=") + GOODBYE)
            assert [frame.payload for frame in await client.rest()] == [b"", b"bGluZQo=", websocket.close(1000)]
        assert [(fact.what["kind"], fact.what["target"]) for fact in await home.facts("session.opened")] == [
            ("watch", "web/pods"), ("logs", "web/web-1"), ("logs", "web/web-1")]  # fmt: skip
        assert {(fact.what["why"], fact.what["by"]) for fact in await home.facts("session.ended")} == {("cluster-closed", "cluster")}
        mark = (0, "mark", b'{"close":"cluster","code":1000}')
        assert await recorded(home, 1) == [(0, "response-body", EVENT), mark]
        assert await recorded(home, 2) == [(0, "stdout", b""), (0, "stdout", b"line\n"), mark]
        await home.until(lambda: len(home.files.actions()) == 3)
        assert {(row.action.verb, row.hazard, row.code) for row in home.files.actions()} == {("watch", "READ", 101), ("get", "READ", 101)}
        assert (await (await home.dial()).exec()) == 403


@pytest.mark.parametrize("how", ["revoked", "expired", "lost"])
async def test_a_watch_ends_with_an_event(tmp_path: Path, how: str) -> None:
    """Of type ERROR, then close 1000: the end of the window, and a cluster that goes without a goodbye."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        client, asked = await Server(home).opened(WATCH)
        asked.line.say(encode(TEXT, EVENT))
        assert await payload(client) == EVENT
        (window,) = home.broker.windows.live.values()
        if how == "revoked":
            home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")
        elif how == "expired":
            home.clock.advance(600)
            home.tick()
        else:
            asked.line.hang_up()
        *_, error, close = await asyncio.wait_for(client.rest(), 5)
        said = json.loads(error.payload)
        assert (said["type"], said["object"]["kind"], said["object"]["code"]) == ("ERROR", "Status", 502 if how == "lost" else 403)
        assert ("closed the connection" if how == "lost" else how if how == "revoked" else "ended at") in said["object"]["message"]
        assert close.payload[:2] == b"\x03\xe8"
        assert (await recorded(home, 1))[-1] == (0, "gateway", error.payload)
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["upstream-lost" if how == "lost" else how]
        await home.until(lambda: not home.cluster.open_lines)


async def test_a_frozen_watch_holds_its_events(tmp_path: Path) -> None:
    """They are recorded meanwhile, and come in order after the thaw."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        client, asked = await Server(home).opened(WATCH)
        session = home.broker.windows.sessions[1]
        session.freeze("ana")
        asked.line.say(encode(TEXT, EVENT) * 2)
        await home.until(lambda: session.held == 2 * len(EVENT))
        session.thaw()
        assert [await payload(client) for _ in range(2)] == [EVENT] * 2
        client.close()


@pytest.mark.parametrize("dialect", ["v4.channel.k8s.io", "v4.base64.channel.k8s.io"])
async def test_a_port_forward_over_channels(tmp_path: Path, dialect: str) -> None:
    """Each port is a connection of its own on record, also where the last words are; the client reads them on each error channel."""
    coded = "base64" in dialect

    def message(channel: int, body: bytes, *, mask: bool = False) -> bytes:
        return encode(TEXT, b"%d%b" % (channel, base64.b64encode(body)), mask=mask) if coded else encode(BINARY, bytes((channel,)) + body, mask=mask)

    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        server = Server(home)
        client, asked = await server.opened(f"{POD}/portforward?ports=80&ports=443", f"Sec-WebSocket-Protocol: v5.channel.k8s.io, {dialect}")
        assert (asked.get("sec-websocket-protocol"), server.headers["sec-websocket-protocol"]) == (dialect, dialect)
        begins = b"".join(message(channel, port) for channel, port in enumerate((b"P\0", b"P\0", b"\xbb\1", b"\xbb\1")))
        asked.line.say(begins + message(2, b"220 hello"))
        client.send(message(2, b"HELO", mask=True))
        assert await client.reader.readexactly(len(begins) + len(message(2, b"220 hello"))) == begins + message(2, b"220 hello")
        await home.until(lambda: len(home.broker.windows.sessions[1].deliveries.flows) == 3 and home.broker.windows.sessions[1].handed_in > 4)
        (window,) = home.broker.windows.live.values()
        home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")
        first, second, close = await asyncio.wait_for(client.rest(), 5)
        frames = await recorded(home, 1)
        assert [first.raw, second.raw] == [message(channel, frames[-1][2]) for channel in (1, 3)]
        assert b"revoked by ana" in frames[-1][2]
        assert close.opcode == CLOSE
        found = {(conn, label): b"".join(body for at, each, body in frames if (at, each) == (conn, label)) for conn, label, _ in frames}
        assert found[1, "mark"] == b'{"opens":"data","port":80,"request":""}{"answers":"data"}{"answers":"error"}'
        assert {key: found[key] for key in ((2, "forward-in"), (2, "forward-out"))} == {(2, "forward-in"): b"HELO", (2, "forward-out"): b"220 hello"}


@pytest.mark.parametrize("dialect", ["", "channel.k8s.io", "base64.channel.k8s.io", "v4.base64.channel.k8s.io"])
async def test_a_command_in_every_dialect(tmp_path: Path, dialect: str) -> None:
    """What is typed and shown is on record as it is; before v4 a goodbye is the success, and a lost connection none."""
    coded, old = "base64" in dialect, "v4" not in dialect

    def message(channel: int, body: bytes, *, mask: bool = False) -> bytes:
        return encode(TEXT, b"%d%b" % (channel, base64.b64encode(body)), mask=mask) if coded else encode(BINARY, bytes((channel,)) + body, mask=mask)

    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        server = Server(home)
        for whole in (True, False):
            client, asked = await server.opened(f"{POD}/exec?command=cat&stdin=1&stdout=1", *([f"Sec-WebSocket-Protocol: {dialect}"] if dialect else []))
            assert server.headers.get("sec-websocket-protocol", "-") == dialect
            client.send(message(0, b"hey\n", mask=True))
            status = b"" if old else message(3, b'{"metadata":{},"status":"Success"}')
            asked.line.say(message(1, b"") + message(1, b"hey\n") + (status + GOODBYE if whole else b""))
            if whole:
                assert b"".join(frame.raw for frame in await client.rest()) == message(1, b"") + message(1, b"hey\n") + status + GOODBYE
            else:
                await home.until(lambda: len(home.broker.windows.sessions) == 1 and next(iter(home.broker.windows.sessions.values())).handed_in)
                asked.line.hang_up()
                *_, error, _ = await asyncio.wait_for(client.rest(), 5)
                said = (await recorded(home, 2))[-1][2]
                assert error.raw == message(3, said)
                assert b"closed the connection without saying how the command ended" in said
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["exit", "upstream-lost"]
        frames = await recorded(home, 1)
        assert [frame for frame in frames if frame[1] in {"stdin", "stdout"}] in (
            [(0, "stdin", b"hey\n"), (0, "stdout", b""), (0, "stdout", b"hey\n")], [(0, "stdout", b""), (0, "stdout", b"hey\n"), (0, "stdin", b"hey\n")],
            [(0, "stdout", b""), (0, "stdin", b"hey\n"), (0, "stdout", b"hey\n")])  # fmt: skip


async def test_an_upgrade_that_is_for_no_stream(tmp_path: Path) -> None:
    """The API server does not heed it, so neither does the gateway; a server behind a proxy subresource might, so there it is refused in words."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        client = await home.dial()
        lines = ("Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        for upgrade, target in (("websocket", "/api/v1/namespaces/web/pods"), ("h2c", WATCH), ("SPDY/3.1", f"{POD}/log?follow=1")):
            assert (await client.ask("GET", target, f"Upgrade: {upgrade}", *lines))[::2] == (200, b'{"kind":"PodList"}')
        assert not any(name in {"upgrade", "connection"} for asked in home.cluster.asked for name, _ in asked.headers)
        code, headers, body = await client.ask("GET", f"{POD}/proxy/x", "Upgrade: websocket", *lines)
        assert (code, headers["content-type"], "over WebSocket a log and a watch" in body.decode()) == (403, "application/json", True)
        assert len(home.cluster.asked) == 3


async def test_what_the_cluster_refuses_reaches_the_client_as_it_said_it(tmp_path: Path) -> None:
    """Code, headers and body, over WebSocket and SPDY, below the path of its server URL; links lead back here; a proxy that swallows it is said to be one."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        home.cluster.prefix = b"/k8s/clusters/c-1"
        spdy = "Upgrade: SPDY/3.1", "Connection: Upgrade", "X-Stream-Protocol-Version: v4.channel.k8s.io"
        socket = "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        answers = [(403, b"no", "text/plain"), (307, b"", ""), (400, b'query parameter "port" is required', "text/plain; charset=utf-8"), (200, b"", "")]
        for code, body, kind in answers:
            async def refuse(asked: Asked, code: int = code, body: bytes = body, kind: str = kind) -> None:
                if code == 200:
                    asked.line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
                elif body:
                    asked.line.say(b"HTTP/1.1 %d No\r\nContent-Type: %b\r\nRetry-After: 1\r\nContent-Length: %d\r\n\r\n%b" % (
                        code, kind.encode(), len(body), body))  # fmt: skip
                else:
                    asked.line.say(b"HTTP/1.1 %d No\r\nLocation: /k8s/clusters/c-1/api/?x\r\n\r\n" % code)
                    asked.line.writer.close()
                await asked.line.reader.read()

            home.cluster.answerer = refuse
            for method, lines in (("GET", socket), ("POST", spdy)):
                said, headers, text = await (await home.dial()).ask(method, f"{POD}/exec?command=sh", *lines)
                if code == 200:
                    assert (said, "a proxy in front of it, answered 200" in text.decode()) == (502, True)
                else:
                    assert (said, text, headers.get("content-type", "")) == (code, body, kind)
                    assert headers.get("retry-after" if body else "location") == ("1" if body else "/c/prod/api/?x")
        assert {asked.target for asked in home.cluster.asked} == {f"/k8s/clusters/c-1{POD}/exec?command=sh"}


@pytest.mark.parametrize("behind", [0, 200, 100_000])
async def test_a_refused_upgrade_is_an_answer_also_to_a_client_that_talks_on(tmp_path: Path, behind: int) -> None:
    """Frames of a client that did not wait for the 101 don't cost it the words: of the rules, of the plan and of the cluster."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()

        async def refuse(asked: Asked) -> None:
            asked.line.answer(b'{"kind":"Status"}', "404 Not Found")

        home.cluster.answerer = refuse
        elsewhere = POD.replace("web/", "kube-system/", 1)
        for target, code in ((f"{elsewhere}/exec?command=sh", 403), (f"{POD}/portforward?ports=x", 400), (f"{POD}/exec?command=sh", 404)):
            client = await home.dial()
            client.send(client.head("GET", target, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") + encode(BINARY, b"\0" * behind, mask=True) * bool(behind))  # fmt: skip
            said, headers, body = await asyncio.wait_for(client.answer(), 5)
            assert (said, headers["content-type"], b'"kind":"Status"' in body) == (code, "application/json", True)
            client.close()
