"""A request that waits keeps its body, and goes on with all of it in order."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from jitui.proxy.outlet import WINDOW
from jitui.proxy.port import Handler, ProxyRequest
from jitui.proxy.waiting import Waiting
from jitui.values.errors import FailedError, JituiError, RefusedError


class Taken:
    """A handler that notes what it is told."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def body_in(self, data: bytes) -> None:
        self.heard.append(data)

    def end_in(self) -> None:
        self.heard.append("end")

    def flush_in(self) -> None:
        self.heard.append("flush")

    def client_lost(self) -> None:
        self.heard.append("lost")


class Request:
    """The few parts of a request that a wait needs."""

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.refused: list[tuple[JituiError, bool]] = []
        self.paused = 0

    def pause_reading(self) -> None:
        self.paused += 1

    def resume_reading(self) -> None:
        self.paused = 0

    def become(self, handler: Handler) -> None:
        self.handler = handler

    def refuse(self, error: JituiError, *, close: bool = False) -> Handler:
        self.refused.append((error, close))
        return Taken()


class Spawned:
    """Tasks, and what they raised."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def __call__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.tasks.append(asyncio.ensure_future(work()))


def waiting(request: Request, spawn: Spawned, *, close: bool = False) -> Waiting:
    return Waiting(cast("ProxyRequest", request), spawn, close=close)


async def test_what_came_meanwhile_goes_on_in_order() -> None:
    """Body, end and one flush; more than a window of it holds the client back until then."""
    request, spawn, taken, gate = Request(), Spawned(), Taken(), asyncio.Event()

    async def work() -> Handler:
        await gate.wait()
        return taken

    held = waiting(request, spawn).run(work)
    held.body_in(b"one")
    held.body_in(b"x" * WINDOW)
    held.end_in()
    assert (request.paused, request.handler, held.size) == (1, None, WINDOW + 3)
    gate.set()
    await asyncio.gather(*spawn.tasks)
    assert taken.heard == [b"one", b"x" * WINDOW, "end", "flush"]
    assert (request.handler, request.paused) == (taken, 0)


@pytest.mark.parametrize("close", [False, True])
async def test_a_wait_that_fails_is_told(close: bool) -> None:
    """In the error's own words, or in the gateway's if it was none that anybody is to read; then that is in the log."""
    for raised, told in ((RefusedError("no"), RefusedError), (ValueError("a secret"), FailedError)):
        request, spawn = Request(), Spawned()

        async def work(raised: Exception = raised) -> Handler:
            raise raised

        waiting(request, spawn, close=close).run(work)
        (outcome,) = await asyncio.gather(*spawn.tasks, return_exceptions=True)
        ((error, closes),) = request.refused
        assert (type(error), closes, "secret" in str(error)) == (told, close, False)
        assert outcome is (raised if told is FailedError else None)


async def test_nobody_is_told_who_left() -> None:
    """The wait goes on, and its failure is nobody's."""
    request, spawn, gate = Request(), Spawned(), asyncio.Event()

    async def work() -> Handler:
        await gate.wait()
        raise RefusedError("no")

    held = waiting(request, spawn).run(work)
    held.client_lost()
    assert held.lost()
    gate.set()
    await asyncio.gather(*spawn.tasks)
    assert (request.refused, request.handler) == ([], None)


async def test_a_wait_that_answered_itself_becomes_nothing() -> None:
    request, spawn = Request(), Spawned()

    async def work() -> None:
        """It has seen to the request."""

    waiting(request, spawn).run(work)
    await asyncio.gather(*spawn.tasks)
    assert (request.refused, request.handler) == ([], None)
