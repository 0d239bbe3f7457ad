"""Clients that read what an exited command said long after it exited."""

import asyncio
import os
from pathlib import Path

import pytest

from jitui.policy.grant import Event
from jitui.protocol import http, websocket
from jitui.proxy import relay
from jitui.proxy.leg import Leg
from jitui.recording.frame import TO_CLIENT, Channel
from tests.fakes.house import House, Kubectl, house
from tests.fakes.upstream import Asked
from tests.proxy.test_relay import CLOSE, SUCCESS, Pod, connected, last_words

SAID = os.urandom(32768)


async def stalled(home: House, times: int) -> tuple[Kubectl, Leg]:
    """A client that reads nothing of what its command said, which is over; and the gateway's side of it."""
    kubectl, pod = await connected(home)
    (stream,) = home.broker.windows.sessions[1]._legs
    kubectl.rests()
    for _ in range(times):
        pod.line.message(1, SAID)
    pod.line.message(3, SUCCESS)
    pod.line.say(websocket.encode(websocket.CLOSE, CLOSE))
    session = home.broker.windows.sessions[1]
    await home.until(lambda: session.muted)
    assert isinstance(stream, relay.Relay)
    return kubectl, stream.client


async def out(home: House) -> int:
    """Bytes on record that go to the client."""
    return sum(len(frame.body) for frame in await home.frames(1) if frame.channel in TO_CLIENT)


async def held_back(home: House) -> tuple[Kubectl, Pod]:
    """A client that reads nothing while its command says more than the gateway can hand on."""
    kubectl, pod = await connected(home)
    kubectl.rests()
    for _ in range(300):
        pod.line.message(1, SAID)
    (stream,) = home.broker.windows.sessions[1]._legs
    await home.until(lambda: stream.client.outlet.queued)  # type: ignore[attr-defined]
    return kubectl, pod


async def test_the_rest_waits_for_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kubectl into a pager: while the window is open nothing is thrown away."""
    monkeypatch.setattr(relay, "CLOSE_WITHIN", 0.2)
    async with house(tmp_path) as home:
        await home.window()
        kubectl, _ = await stalled(home, 60)
        await asyncio.sleep(0.7)
        assert not await home.facts("session.ended")
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert [frame.payload for frame in await kubectl.rest()] == [b"\1" + SAID] * 60 + [b"\3" + SUCCESS, CLOSE]
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["conns"], ended.what["delivered_out"]) == ("exit", [], await out(home))


async def test_not_beyond_its_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once that ends, what the client's kernel has not taken by then is thrown away; and the record says so."""
    monkeypatch.setattr(relay, "CLOSE_WITHIN", 0.2)
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl, leg = await stalled(home, 60)
        home.broker.windows.end(home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")
        await home.until(lambda: leg.gone)
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        got = sum(len(frame.payload) - 1 for frame in await kubectl.rest())
        assert got < 60 * len(SAID)
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        (lost,) = ended.what["conns"]
        assert lost["out"] == await out(home)
        assert got <= ended.what["delivered_out"] == lost["out_handed"] < 60 * len(SAID)


async def test_a_lost_cluster_is_told_behind_all_that_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow reader gets every byte that came before the loss, and then why there are no more; kubectl would exit 0 on less (docs/protocol.md, 2.3)."""
    monkeypatch.setattr(relay, "CLOSE_WITHIN", 0.2)
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(300):
            pod.line.message(1, SAID)
        pod.line.hang_up()
        await asyncio.sleep(0.7)
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        *said, status, close = [frame.payload for frame in await kubectl.rest()]
        assert all(one == b"\1" + SAID for one in said)
        assert b"the cluster closed the connection" in status
        assert close == CLOSE
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        frames = await home.frames(1)
        assert b"".join(frame.body for frame in frames if frame.channel is Channel.STDOUT) == SAID * len(said)
        recorded = sum(len(frame.body) for frame in frames if frame.channel in TO_CLIENT)
        assert (ended.what["why"], ended.what["conns"], ended.what["delivered_out"]) == ("upstream-lost", [], recorded)


async def test_an_end_while_a_lost_cluster_is_told(tmp_path: Path) -> None:
    """The window ends first: what the client has not taken is dropped, and its words are the end's."""
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl, pod = await held_back(home)
        pod.line.hang_up()
        await asyncio.sleep(0.3)
        home.broker.windows.end(home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert "was revoked by ana: enough" in await last_words(kubectl)
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        assert ended.what["why"] == "revoked"
        assert ended.what["conns"]


async def test_a_gateway_that_stops_waits_for_the_last_words(tmp_path: Path) -> None:
    """They are on their way to who reads late: the listener is closed behind that."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, _ = await held_back(home)
        stopping = asyncio.create_task(home.broker.windows.stop()())
        await asyncio.sleep(0)
        closing = asyncio.create_task(home.listener.aclose())
        await asyncio.sleep(0.3)
        assert not closing.done()
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert "the gateway was stopped" in await last_words(kubectl)
        kubectl.writer.transport.abort()
        await asyncio.wait_for(closing, 30)
        await stopping
        assert not home.proxy.streams.open


async def test_a_kill_drops_what_the_socket_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client has two seconds to take what was handed to it; what it does not take was not delivered, towards the cluster too."""
    monkeypatch.setattr(relay, "CLOSE_WITHIN", 0.3)
    async with house(tmp_path) as home:
        await home.window()
        kubectl, _ = await held_back(home)
        session = home.broker.windows.sessions[1]
        home.broker.windows.kill(session, by="ana", reason="enough")
        handed = session.handed_out
        await home.until(lambda: not home.broker.windows.sessions)
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        got = sum(len(frame.payload) - 1 for frame in await kubectl.rest() if frame.payload[:1] == b"\1")
        (ended,) = await home.facts("session.ended")
        assert got <= ended.what["delivered_out"] < handed - len(SAID)


async def test_a_followed_log_that_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed, it has its words behind what is in the socket, and two seconds; what is thrown away then was not delivered."""
    monkeypatch.setattr("jitui.listeners.patience.DRAIN", 0.3)
    async with house(tmp_path) as home:
        await home.window()

        async def answer(asked: Asked) -> None:
            asked.line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(300):
                asked.line.say(http.chunk(SAID))
                await asked.line.writer.drain()

        home.cluster.answerer = answer
        kubectl = await home.dial()
        kubectl.send(kubectl.head("GET", "/api/v1/namespaces/web/pods/web-1/log?follow=true"))
        kubectl.rests()
        await home.until(lambda: home.listener.clients and next(iter(home.listener.clients)).outlet.queued)
        session = home.broker.windows.sessions[1]
        home.broker.windows.kill(session, by="ana", reason="enough")
        handed = session.handed_out
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        assert 0 < ended.what["delivered_out"] < handed - len(SAID)


async def test_a_gateway_that_stops_writes_what_a_slow_reader_took(tmp_path: Path) -> None:
    """Its command is over, and its end is not on record yet: it is, before the gateway goes."""
    async with house(tmp_path) as home:
        await home.window()
        await stalled(home, 60)
        await home.broker.windows.stop()()
        (ended,) = await home.facts("session.ended")
        assert ended.what["why"] == "exit"
        assert ended.what["delivered_out"] < 60 * len(SAID)


async def test_last_words_held_by_a_freeze_are_said_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window freezes just when the cluster was lost, before the client was told: nothing is on its way yet, and it is told once it is thawed."""
    monkeypatch.setattr(relay, "CLOSE_WITHIN", 0.2)
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        session = home.broker.windows.sessions[1]
        (stream,) = session._legs
        pod.line.writer.transport.abort()
        while stream._rest is None:  # type: ignore[attr-defined]  # noqa: ASYNC110 - it is the loop's turns that are looked at
            await asyncio.sleep(0)
        home.broker.freezer.freeze(session.window, by="ana")
        await asyncio.sleep(1)
        home.broker.freezer.thaw(session.window, by="ana")
        assert "the cluster closed the connection" in await last_words(kubectl)
