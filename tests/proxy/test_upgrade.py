"""From an exec request to a relay, and every way it can end before."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jitui.policy.grant import Event
from jitui.protocol import websocket
from tests.fakes.house import Kubectl, house, rule
from tests.fakes.upstream import Asked

REFUSAL = b'{"kind":"Status","message":"no such pod"}'
TARGET = "/api/v1/namespaces/web/pods/web-1/exec?stdout=true&stdin=true&command=sh"


async def test_a_refusal_of_the_cluster_is_passed_on(tmp_path: Path) -> None:
    """Whole, with its length, so that kubectl goes on to its second try over SPDY at once; that one goes to the cluster as well."""
    async with house(tmp_path) as home:
        await home.window()

        async def refuse(asked: Asked) -> None:
            asked.line.answer(REFUSAL, "404 Not Found")

        home.cluster.answerer = refuse
        kubectl = await home.dial()
        assert (await kubectl.exec(), kubectl.refusal) == (404, REFUSAL)
        again = await home.dial()
        version = ("X-Stream-Protocol-Version: v4.channel.k8s.io", "X-Stream-Protocol-Version: channel.k8s.io")
        assert (await again.ask("POST", TARGET, "Upgrade: SPDY/3.1", "Connection: Upgrade", *version))[::2] == (404, REFUSAL)
        assert [[value for _, value in asked.headers if value.endswith("channel.k8s.io")] for asked in home.cluster.asked] == [
            ["v5.channel.k8s.io"], ["v4.channel.k8s.io"]]  # of what is offered only what can be recorded
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["cluster-closed"] * 2


@pytest.mark.parametrize(("target", "lines", "says"), [
    ("exec", ("Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v3.channel.k8s.io"), "before v4"),
    ("exec", ("Upgrade: SPDY/3.1",), "before v4"),
    ("exec", ("Upgrade: SPDY/3", "X-Stream-Protocol-Version: v4.channel.k8s.io"), "3.1"),
    ("portforward", ("Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v4.channel.k8s.io"), "portforward.k8s.io"),
])  # fmt: skip
async def test_what_is_not_carried_is_refused_with_what_is(tmp_path: Path, target: str, lines: tuple[str, ...], says: str) -> None:
    """Before the cluster hears of it: a protocol that can't be recorded, or has no exit status."""
    async with house(tmp_path, rules=(rule(scope="exec,port-forward pods in web"),)) as home:
        await home.window()
        kubectl = await home.dial()
        code, _, body = await kubectl.ask("POST", f"/api/v1/namespaces/web/pods/web-1/{target}?command=sh", *lines, "Connection: Upgrade")
        assert code == 403
        assert says in body.decode()
        assert home.cluster.asked == []


@pytest.mark.parametrize("wrong", ["accept", "subprotocol", "extension"])
async def test_a_switch_that_was_not_asked_for_does_not_pass(tmp_path: Path, wrong: str) -> None:
    """Only the protocol that was asked for, proved by its key; else a 502, and nothing more of that connection."""
    async with house(tmp_path) as home:
        await home.window()

        async def switch(asked: Asked) -> None:
            if wrong == "subprotocol":
                asked.line.switch(asked, "v4.channel.k8s.io")
            else:
                accept = "x" if wrong == "accept" else "y"
                asked.line.say(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
                               "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode())
            await asked.line.reader.read()

        home.cluster.answerer = switch
        kubectl = await home.dial()
        assert await kubectl.exec() == 502
        await home.until(lambda: not home.cluster.open_lines)


@pytest.mark.parametrize("offered", ["v3.channel.k8s.io", "v9.channel.k8s.io", "SPDY/3.1+portforward.k8s.io"])
async def test_other_protocols_are_refused_before_anything_is_opened(tmp_path: Path, offered: str) -> None:
    """With a Status, and no session."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert await kubectl.exec(protocol=offered) == 403
        assert home.cluster.got == b""
        assert await home.facts("session.opened") == []


@pytest.mark.parametrize("took", ["v4.channel.k8s.io", "v5.channel.k8s.io"])
async def test_the_cluster_takes_one_of_the_protocols_that_are_offered(tmp_path: Path, took: str) -> None:
    """One before 1.30 knows v4 alone: both are offered on one line, the client is told which, and that one is spoken."""
    async with house(tmp_path) as home:
        await home.window()

        async def switch(asked: Asked) -> None:
            asked.line.switch(asked, took)
            await asked.line.reader.read()

        home.cluster.answerer = switch
        kubectl = await home.dial()
        lines = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        code, headers, _ = await kubectl.ask("GET", TARGET, *lines, "Sec-WebSocket-Protocol: v5.channel.k8s.io,v4.channel.k8s.io")
        assert (code, headers["sec-websocket-protocol"]) == (101, took)
        (asked,) = home.cluster.asked
        assert [value for name, value in asked.headers if name == "sec-websocket-protocol"] == ["v5.channel.k8s.io, v4.channel.k8s.io"]
        kubectl.send(websocket.encode(websocket.BINARY, b"\xff\0", mask=True))  # v5 alone can close stdin
        if took == "v5.channel.k8s.io":
            await home.until(lambda: asked.line.got.endswith(websocket.apply_mask(b"\xff\0", bytes(asked.line.got[-6:-2]))))
        else:
            said = [frame.payload async for frame in _frames(kubectl)]
            assert b"which v4 can't" in b"".join(said)
        kubectl.close()


async def _frames(kubectl: Kubectl) -> AsyncIterator[websocket.Frame]:
    while (frame := await kubectl.frame()) is not None and frame.opcode != websocket.CLOSE:
        yield frame


async def test_a_bearer_in_the_protocols_is_nobodys_business(tmp_path: Path) -> None:
    """It is neither sent to the cluster nor written down."""
    async with house(tmp_path) as home:
        await home.window()

        async def switch(asked: Asked) -> None:
            asked.line.switch(asked)
            await asked.line.reader.read()

        home.cluster.answerer = switch
        kubectl = await home.dial()
        assert await kubectl.exec(protocol="v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0") == 101
        assert b"c2VjcmV0" not in home.cluster.got
        assert b"c2VjcmV0" not in b"".join(frame.body for frame in await home.frames(1))
        kubectl.close()


async def test_a_window_that_ends_while_the_cluster_is_asked(tmp_path: Path) -> None:
    """The client gets the words, the cluster's side is closed, and what it may have started is said."""
    async with house(tmp_path) as home:
        await home.window()
        asked_it = asyncio.Event()

        async def never(asked: Asked) -> None:
            asked_it.set()
            await asked.line.reader.read()

        home.cluster.answerer = never
        kubectl = await home.dial()
        answer = asyncio.ensure_future(kubectl.exec())
        await asked_it.wait()
        (window,) = home.broker.windows.live.values()
        cut = await home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")()
        assert (await answer, b"revoked by ana" in kubectl.refusal) == (403, True)
        assert (cut.processes, cut.may_run_on) == (1, ("web/web-1",))
        await home.until(lambda: not home.cluster.open_lines)
        await home.until(home.files.actions)
        assert [row.code for row in await asyncio.to_thread(home.files.actions)] == [None]


@pytest.mark.parametrize("when", ["opening", "connecting", "asking"])
async def test_a_client_that_goes_at_any_point_leaves_nothing(tmp_path: Path, when: str) -> None:
    """While its session is written, while the cluster is dialled, while the answer is awaited: no session, no connection stays."""
    async with house(tmp_path) as home:
        await home.window()
        reached = asyncio.Event()

        async def never(asked: Asked) -> None:
            reached.set()
            await asked.line.reader.read()

        home.cluster.answerer = never
        if when == "connecting":
            home.cluster.slow = asyncio.Event()
        kubectl = await home.dial()
        answer = asyncio.ensure_future(kubectl.exec())
        if when == "asking":
            await reached.wait()
        elif when == "connecting":
            await home.until(lambda: home.broker.windows.sessions)
            await asyncio.sleep(0.05)
        else:
            await asyncio.sleep(0.001)
        (client,) = home.listener.clients or (None,)
        if client is not None:
            client.transport.abort()  # its reading is held back: the kernel's word would come with the next write
        answer.cancel()
        kubectl.close()
        if home.cluster.slow is not None:
            home.cluster.slow.set()
        await home.until(lambda: not home.broker.windows.sessions and not home.cluster.open_lines and not home.listener.clients)
        assert home.failed == []
        assert home.troubles == []


async def test_a_cluster_that_switches_and_hangs_up_is_a_failure(tmp_path: Path) -> None:
    """Also before the relay stands: the client is not left waiting."""
    async with house(tmp_path) as home:
        await home.window()

        async def switch(asked: Asked) -> None:
            asked.line.switch(asked)
            asked.line.message(1, b"hello")
            await asked.line.writer.drain()
            asked.line.writer.close()

        home.cluster.answerer = switch
        for _ in range(5):
            kubectl = await home.dial()
            assert await kubectl.exec() == 101
            async with asyncio.timeout(30):
                frames = await kubectl.rest()
            assert frames[-2].payload[:1] == b"\3"
            assert b"the cluster closed the connection" in frames[-2].payload
        assert {fact.what["why"] for fact in await home.facts("session.ended")} == {"upstream-lost"}


async def test_a_window_that_ends_when_the_cluster_has_switched_and_the_client_does_not_know(tmp_path: Path) -> None:
    """Frozen, so that the 101 waits: the command has begun, and the person is told that it may go on."""
    async with house(tmp_path) as home:
        await home.window()
        asked_it, switched = asyncio.Event(), asyncio.Event()

        async def late(asked: Asked) -> None:
            asked_it.set()
            await switched.wait()
            asked.line.switch(asked)
            await asked.line.reader.read()

        home.cluster.answerer = late
        kubectl = await home.dial()
        answer = asyncio.ensure_future(kubectl.exec())
        await asked_it.wait()
        (session,) = home.broker.windows.sessions.values()
        session.freeze("ana")
        switched.set()
        await home.until(lambda: session.held)
        (window,) = home.broker.windows.live.values()
        cut = await home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")()
        assert await answer == 403
        assert (cut.processes, cut.may_run_on) == (1, ("web/web-1",))
