"""The end of a connection: its last words are read before it is closed, and the rest of an answer is taken at its client's pace."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from jitui.listeners.kube.parting import LINGER, Parting
from jitui.policy.grant import Event
from tests.fakes.house import House, Kubectl, house
from tests.fakes.upstream import Asked

PODS = "/api/v1/namespaces/web/pods"
SIZE = 32 << 20  # bytes: more than the kernel's buffers between two sockets hold


class Transport:
    closed = False

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_it_closes_once_all_is_written_and_the_client_is_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close with bytes unread in it would be a reset, which throws away what the client has not read yet (RFC 9112, 9.6)."""
    due: list[Callable[[], None]] = []

    class Timer:
        def __init__(self, seconds: float, call: Callable[[], None]) -> None:
            assert seconds == LINGER
            due.append(call)

        def cancel(self) -> None:
            due.clear()

    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", Timer)

    def lingers() -> None:
        (call,) = due
        call()

    written, transport = False, Transport()
    parting = Parting(lambda: written)
    parting.begin(cast("asyncio.Transport", transport))
    lingers()
    lingers()
    assert not transport.closed, "there are bytes to write"
    written = True
    parting.look()
    for _ in range(3):
        parting.heard()
        lingers()
        assert not transport.closed, "the client still sends"
    lingers()
    assert transport.closed


async def _slowly(home: House) -> Kubectl:
    """A client that asked for a long answer and the end of the connection, and took so much of it that the gateway has written the last of it."""

    async def answer(asked: Asked) -> None:
        asked.line.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE >> 16):
            asked.line.say(b"x" * (1 << 16))
            await asked.line.writer.drain()

    home.cluster.answerer = answer
    kubectl = await home.dial()
    kubectl.send(kubectl.head("GET", PODS, "Connection: close"))
    await home.until(lambda: home.listener.clients)
    (client,) = home.listener.clients
    await home.until(lambda: client.current is not None)
    async with asyncio.timeout(20):
        while client.current is not None:
            kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(0.002)
            kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(0.002)
    return kubectl


async def test_who_takes_the_last_bytes_late_gets_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that rests for longer than it may where its window is over; its answer is whole."""
    monkeypatch.setattr("jitui.listeners.patience.DRAIN", 0.1)
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await _slowly(home)
        await asyncio.sleep(0.5)
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len((await kubectl.answer())[2]) == SIZE
        assert await kubectl.gone() == b""


async def test_who_takes_them_late_is_cut_off_where_the_window_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All was handed on within the window; nobody waits for its client behind the end of it."""
    monkeypatch.setattr("jitui.listeners.patience.DRAIN", 0.1)
    async with house(tmp_path) as home:
        await home.window()
        await _slowly(home)
        (window,) = home.broker.windows.live.values()
        home.broker.windows.end(window, Event.REVOKE, by="ana", why="enough")
        await home.until(lambda: not home.listener.clients, 20)


async def test_who_takes_nothing_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a byte for a minute: a cut answer of a plain request looks cut."""
    monkeypatch.setattr("jitui.listeners.patience.DRAIN", 0.1)
    monkeypatch.setattr("jitui.proxy.rest.PATIENCE", 0.3)
    async with house(tmp_path) as home:
        await home.window()
        await _slowly(home)
        await home.until(lambda: not home.listener.clients, 20)
