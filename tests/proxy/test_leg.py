"""One side of a stream that says much in small pieces: others have their turn in between, and nothing is lost or out of order."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from jitui.protocol import spdy, websocket
from jitui.protocol.spdy import Kind
from jitui.proxy import relay, turns as module
from jitui.proxy.live import Session
from jitui.proxy.outlet import WINDOW
from jitui.proxy.relay import TURN
from jitui.proxy.turns import WIDE_AT_ONCE
from jitui.recording.frame import COST, Channel
from tests.fakes.house import House, house, rule
from tests.proxy.spdypeers import IDS, command, connection, forward
from tests.proxy.test_relay import connected

SUCCESS = b'{"metadata":{},"status":"Success"}'
MANY = 20_000


def only(home: House) -> Session:
    (session,) = home.broker.windows.sessions.values()
    return session


async def test_a_kill_comes_between_the_frames_of_one_read(tmp_path: Path) -> None:
    """The unread rest of it is neither on record nor anywhere else; the client hears the last words."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        session = only(home)
        before = session.frames
        client.send(spdy.data(IDS["stdin"], b"x") * MANY)
        while session.frames == before:  # noqa: ASYNC110 - it is the loop's turns that are looked at
            await asyncio.sleep(0)
        home.broker.windows.kill(session, by="ana", reason="enough")
        assert [frame.kind for frame in await client.rest()][-1] is Kind.GOAWAY
        typed = [frame for frame in await home.frames(1) if frame.channel is Channel.STDIN]
        assert 0 < len(typed) <= 20 * TURN
        assert pod.typed == b""


async def test_a_goodbye_stays_behind_what_came_before_it(tmp_path: Path) -> None:
    """A client types very much in small frames, says goodbye and is gone: all of it arrives, and then the goodbye."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        client.send(spdy.data(IDS["stdin"], b"x") * MANY + spdy.goaway(0))
        await client.kubectl.writer.drain()
        await asyncio.wait_for(pod.over.wait(), 10)
        assert (pod.typed, pod.got[-1].kind) == (b"x" * MANY, Kind.GOAWAY)
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["conns"]) == ("client-closed", [])


@pytest.mark.parametrize("goodbye", [spdy.goaway(7), b""])
async def test_a_cluster_that_leaves_at_once_is_heard_to_its_end(tmp_path: Path, goodbye: bytes) -> None:
    """Its connection closes behind thousands of small frames: the client gets all of them, and how the command ended."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        ends = spdy.data(IDS["stdout"], b"", fin=True) + spdy.data(IDS["stderr"], b"", fin=True) + spdy.data(IDS["error"], SUCCESS)
        pod.say(spdy.data(IDS["stdout"], b"x") * MANY + ends + goodbye)
        pod.line.writer.close()
        got = await client.rest()
        assert b"".join(frame.payload for frame in got) == b"x" * MANY + SUCCESS
        assert got[-1].kind is Kind.GOAWAY
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["conns"]) == ("exit", [])


async def test_a_goodbye_is_found_behind_what_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end comes while a client's small frames wait: they are read on for its close, in turns too."""
    monkeypatch.setattr(relay, "CLOSE_WITHIN", 60.0)
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.line.message(1, b"")
        assert await kubectl.frame()
        session = only(home)
        (leg,) = session._legs
        session.freeze("ana")
        kubectl.send(websocket.encode(websocket.BINARY, b"\0x", mask=True) * 2 * MANY + websocket.encode(websocket.CLOSE, b"\x03\xe8", mask=True))
        await home.until(lambda: leg.client.behind)  # type: ignore[attr-defined]
        loop = asyncio.get_running_loop()
        began = loop.time()
        home.broker.windows.kill(session, by="ana", reason="enough")
        await home.until(lambda: leg.client.gone, 50)  # type: ignore[attr-defined]
        assert loop.time() - began < 50


async def test_a_flood_of_pings_is_answered_once_a_turn(tmp_path: Path) -> None:
    """The newest answer stands for those before it (RFC 6455, 5.5.3)."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, _ = await connected(home)
        kubectl.send(b"".join(websocket.encode(websocket.PING, b"%d" % number, mask=True) for number in range(MANY)))
        pongs: list[bytes] = []
        while not pongs or pongs[-1] != b"%d" % (MANY - 1):
            frame = await asyncio.wait_for(kubectl.frame(), 5)
            assert frame is not None
            pongs.append(frame.payload)
        assert len(pongs) <= 2 * MANY // TURN
        assert [int(pong) for pong in pongs] == sorted(int(pong) for pong in pongs)
        kubectl.close()


@pytest.mark.parametrize(("body", "many"), [(b"", MANY), (b"x", 2 * MANY)])
async def test_small_frames_fill_the_window_too(tmp_path: Path, body: bytes, many: int) -> None:
    """A frame takes memory whatever is in it, and those of a run their bytes: a client that is held back gets no more in than that; thawed, all arrive."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        session = only(home)
        (leg,) = session._legs
        session.freeze("ana")
        client.send(spdy.data(IDS["stdin"], body) * many)
        await home.until(lambda: leg.client.held > WINDOW)  # type: ignore[attr-defined]
        await asyncio.sleep(0.2)
        assert session.frames < WINDOW // COST + 2 * TURN
        session.thaw()
        await home.until(lambda: len(pod.got) >= many, 20)
        assert pod.typed == body * many


async def test_a_stream_that_ends_while_much_is_under_way_leaves_no_width_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood that nobody reads takes one of the few wide windows; whichever way it ends, that is another's to take."""
    monkeypatch.setattr(module, "CALM_S", 0.0)
    async with house(tmp_path) as home:
        await home.window()
        for number in range(WIDE_AT_ONCE + 1):
            client, pod = await command(home)
            client.kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
            pod.say(spdy.data(IDS["stdout"], bytes(60_000)) * 100)
            await home.until(lambda: len(home.proxy.streams.turns._wide) == 1)
            if number % 2:
                home.broker.windows.kill(only(home), by="ana", reason="enough")
            client.kubectl.writer.transport.abort()
            await home.until(lambda: not home.broker.windows.sessions)
            await home.until(lambda: not home.proxy.streams.turns._wide)


@pytest.mark.parametrize("kind", ["exec", "port-forward"])
@pytest.mark.parametrize("cleanly", [False, True])
async def test_a_client_that_dies_behind_a_full_window_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, cleanly: bool) -> None:
    """Nothing is read of it any more, so only what is written to it tells: a ping now and then, which a client that lives echoes."""
    monkeypatch.setattr("jitui.proxy.relay.ALIVE_EVERY", 0.05)
    async with house(tmp_path, rules=(rule(scope="exec,port-forward pods in web"),)) as home:
        await home.window()
        client, pod = await (command(home) if kind == "exec" else forward(home))
        stream = IDS["stdin"] if kind == "exec" else await connection(client, 0)
        session = only(home)
        (leg,) = session._legs
        home.broker.freezer.freeze(session.window, by="ana")
        client.send(spdy.data(stream, bytes(60_000)) * 20)
        await home.until(lambda: leg.client.paused)  # type: ignore[attr-defined]
        frame = await client.frame()
        assert frame is not None
        assert frame.kind is Kind.PING
        await asyncio.sleep(0.2)
        assert not session.muted, "it lives, though it can't get an answer through"
        if cleanly:  # as the kernel ends the connections of a process that was killed
            with socket.socket(fileno=os.dup(client.kubectl.writer.get_extra_info("socket").fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)
        client.kubectl.writer.transport.abort()
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], pod.typed) == ("client-closed", b"")
