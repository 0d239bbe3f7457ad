"""An answer of the gateway's own belongs to its window like any other."""

import asyncio
import json
from pathlib import Path

from jitui.rules.grant import Event
from tests.doors.kube.test_review import DENIED, ask
from tests.fakes.house import house


async def test_a_frozen_answer_waits(tmp_path: Path) -> None:
    """On record at once, and said once it is thawed."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await ask(kubectl, DENIED))[0] == 201
        (session,) = home.broker.windows.sessions.values()
        session.freeze("ana")
        going = asyncio.ensure_future(ask(kubectl, DENIED))
        await home.until(lambda: session.held)
        assert not going.done()
        session.thaw()
        code, _, body = await going
        assert (code, json.loads(body)["status"]["allowed"]) == (201, False)


async def test_an_answer_that_comes_too_late_is_not_given(tmp_path: Path) -> None:
    """The window's last words instead, and the end of the connection."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await ask(kubectl, DENIED))[0] == 201
        (window,) = home.broker.windows.live.values()
        (session,) = window.sessions.values()
        session.freeze("ana")
        going = asyncio.ensure_future(ask(kubectl, DENIED))
        await home.until(lambda: session.held)
        await home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")()
        code, headers, body = await going
        assert (code, headers["connection"], b"revoked by ana" in body) == (403, "close", True)
        assert home.failed == []


async def test_a_client_that_goes_leaves_nothing(tmp_path: Path) -> None:
    """Its leg is not among those that the window's end would wait for."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await ask(kubectl, DENIED))[0] == 201
        (session,) = home.broker.windows.sessions.values()
        session.freeze("ana")
        going = asyncio.ensure_future(ask(kubectl, DENIED))
        await home.until(lambda: session.held)
        going.cancel()
        kubectl.close()
        await home.until(lambda: not home.door.clients)
        assert session._legs == set()
        session.thaw()
        assert home.failed == []
        assert home.troubles == []
