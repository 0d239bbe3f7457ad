"""Long lists over the API are what they are in the gateway, in however many pages they come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jitui.api.client import Client
from jitui.api.server.listener import ApiListener
from jitui.auth.callers import Callers
from jitui.policy.action import Action
from jitui.store import listing
from tests.fakes.house import ADMIN, AGENT, House, house


@asynccontextmanager
async def reached(home: House, folder: Path) -> AsyncIterator[Client]:
    """The API of a real gateway, as its own user."""
    listener = ApiListener(home.service, Callers(home.broker.roster.directory, home.clock), home.spawn)
    listener.bind(unix=folder / "desk.sock")
    await listener.open()
    remote = Client(f"unix:{folder / 'desk.sock'}")
    try:
        yield remote
    finally:
        await remote.aclose()
        await listener.aclose()


async def test_lists_come_in_pages_and_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests, windows, sessions and actions: the same as in one page, in the same order, live ones where they belong."""
    async with house(tmp_path) as home:
        for number in range(12):
            await home.window(duration_s=60 + number)
            kubectl = await home.dial()
            assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
            if number < 10:
                home.clock.advance(100)
                home.tick()
                await home.broker.windows.settled()
            home.broker.notes.denied(AGENT, "prod", Action("get", resource="pods", namespace="x", name=f"p-{number}"), "no", grant=number + 1)
            home.clock.advance(1)
        await home.desk(home.broker.roster.agent(AGENT)).ask("prod", reason="pending")
        await home.store.commit([])
        async with reached(home, tmp_path) as remote:
            async def lists() -> list[list[object]]:
                return [list(await remote.requests(everything=True)), list(await remote.grants(everything=True)), list(await remote.sessions()),
                        list(await remote.actions()), list(await remote.actions(limit=7)), list(await remote.actions(grant="g-3"))]

            whole = await lists()
            assert [len(found) for found in whole] == [13, 12, 12, 24, 7, 2]
            assert whole[3][-7:] == whole[4]
            monkeypatch.setattr(listing, "TEXT", 900)
            assert (await home.desk(ADMIN).actions()).more  # type: ignore[attr-defined]
            assert await lists() == whole
