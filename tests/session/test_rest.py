"""Clients that read what an exited command said long after it exited."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from jitui.rules.grant import Event
from jitui.session import relay
from jitui.wire import websocket
from tests.fakes.house import House, Kubectl, house
from tests.session.test_relay import CLOSE, SUCCESS, connected

SAID = os.urandom(32768)


async def stalled(home: House, times: int) -> tuple[Kubectl, relay.Leg]:
    """A client that reads nothing of what its command said, which is over; and the gateway's side of it."""
    kubectl, pod = await connected(home)
    (stream,) = home.broker.windows.sessions[1]._legs
    kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
    kubectl.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # else its kernel may take all of it
    for _ in range(times):
        pod.line.message(1, SAID)
    pod.line.message(3, SUCCESS)
    pod.line.say(websocket.encode(websocket.CLOSE, CLOSE))
    await home.until(lambda: not home.broker.windows.sessions)
    assert isinstance(stream, relay.Relay)
    return kubectl, stream.client


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
