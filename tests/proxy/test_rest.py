"""Clients that read what an exited command said long after it exited."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from jitui.policy.grant import Event
from jitui.protocol import websocket
from jitui.proxy import relay
from jitui.proxy.leg import Leg
from jitui.recording.frame import TO_CLIENT, Channel
from tests.fakes.house import House, Kubectl, house
from tests.proxy.test_relay import CLOSE, SUCCESS, Pod, connected, last_words

SAID = os.urandom(32768)


def small(kubectl: Kubectl) -> None:
    """It reads nothing, and its kernel takes little."""
    kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
    kubectl.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)


async def stalled(home: House, times: int) -> tuple[Kubectl, Leg]:
    """A client that reads nothing of what its command said, which is over; and the gateway's side of it."""
    kubectl, pod = await connected(home)
    (stream,) = home.broker.windows.sessions[1]._legs
    small(kubectl)
    for _ in range(times):
        pod.line.message(1, SAID)
    pod.line.message(3, SUCCESS)
    pod.line.say(websocket.encode(websocket.CLOSE, CLOSE))
    await home.until(lambda: not home.broker.windows.sessions)
    assert isinstance(stream, relay.Relay)
    return kubectl, stream.client


async def held_back(home: House) -> tuple[Kubectl, Pod]:
    """A client that reads nothing while its command says more than the gateway can hand on."""
    kubectl, pod = await connected(home)
    kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
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
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert [frame.payload for frame in await kubectl.rest()] == [b"\1" + SAID] * 60 + [b"\3" + SUCCESS, CLOSE]


async def test_not_beyond_its_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once that ends, what the client's kernel has not taken by then is thrown away."""
    monkeypatch.setattr(relay, "CLOSE_WITHIN", 0.2)
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl, leg = await stalled(home, 60)
        home.broker.windows.end(home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")
        await home.until(lambda: leg.gone)
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len(await kubectl.rest()) < 62


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
        (ended,) = await home.facts("session.ended")
        assert ended.what["why"] == "revoked"
        assert ended.what["conns"]


async def test_a_gateway_that_stops_waits_for_the_last_words(tmp_path: Path) -> None:
    """They are on their way to who reads late: the listener is closed behind that."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, _ = await held_back(home)
        await home.broker.windows.stop()()
        closing = asyncio.create_task(home.listener.aclose())
        await asyncio.sleep(0.3)
        assert not closing.done()
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert "the gateway was stopped" in await last_words(kubectl)
        kubectl.writer.transport.abort()
        await asyncio.wait_for(closing, 2)
        assert not home.proxy.streams.open


async def test_a_freeze_costs_no_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster is lost with much on its way, and the window freezes for longer than an idle client is waited for: thawed, all of it comes."""
    monkeypatch.setattr(relay, "CLOSE_WITHIN", 0.1)
    monkeypatch.setattr("jitui.proxy.rest.PATIENCE", 1.0)
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        session = home.broker.windows.sessions[1]
        (stream,) = session._legs
        small(kubectl)
        sent = 0
        while not stream.client.outlet.queued:  # type: ignore[attr-defined]
            pod.line.message(1, SAID)
            sent += 1
            await asyncio.sleep(0.01)
        pod.line.writer.transport.abort()
        await home.until(lambda: stream._rest)  # type: ignore[attr-defined]
        home.broker.freezer.freeze(session.window, by="ana")
        await asyncio.sleep(2)
        home.broker.freezer.thaw(session.window, by="ana")
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        frames = await kubectl.rest()
        assert sum(len(frame.payload) - 1 for frame in frames if frame.payload[:1] == b"\1") == sent * len(SAID)
        assert b"the cluster closed the connection" in frames[-2].payload


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
