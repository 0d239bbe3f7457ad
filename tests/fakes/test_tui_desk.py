"""The fake desk and the real gateway are the same to a screen: what the fake would get wrong, tests with it would not find."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from jitui.api.operations import Operations
from jitui.values.errors import NotFoundError
from tests.fakes.tui_desk import FakeDesk
from tests.tui.gateway import gateway, rule


@dataclass(frozen=True, slots=True)
class World:
    """One request waits, one window has ended with the stream in it, and in another a shell runs, after a request that passed and one that was denied."""

    desk: Operations
    request: str
    over: str  # the window that has ended
    live: str
    shell: str
    ask: Callable[[], Awaitable[object]]  # another agent asks
    end: Callable[[], Awaitable[object]]  # the shell ends


async def fake() -> AsyncIterator[World]:
    desk = FakeDesk()
    over = desk.open_window("agent-b", duration_s=60)
    desk.open_session(over.id)
    desk.advance(61)
    live = desk.open_window()
    desk.act(live.id, "list", "pods")
    desk.act(live.id, "get", "secrets", "db", hazard="SECRET", verdict="denied", code=403)
    desk.advance(1)
    shell = desk.open_session(live.id, target="web/web-1")
    desk.act(live.id, "exec", "pods/exec", "web-1", hazard="EXEC", code=101, session=shell.id, argv=("sh",))
    desk.frame(shell.id, "stdout", b"/ $ ", at_s=0.1)
    asked = desk.ask_for("agent-c", used="read pods:web-1 in web")

    async def ask() -> None:
        desk.ask_for("agent-d")

    async def end() -> None:
        desk.end_session(shell.id, "killed", "ana")

    yield World(desk, asked.id, over.id, live.id, shell.id, ask, end)


async def real(folder: Path) -> AsyncIterator[World]:
    names = ("agent-deploybot", "agent-b", "agent-c", "agent-d")
    async with gateway(folder, *map(rule, names)) as house:
        over = await house.open_window("agent-b", duration_s=60)
        await house.shell("sh", identity="agent-b")
        house.advance(61)
        await house.home.until(lambda: not house.home.broker.windows.sessions)
        live = await house.open_window()
        assert (await house.get(), await house.get("/api/v1/namespaces/payments/secrets/db")) == (200, 403)
        house.advance(1)
        shell = await house.shell("sh")
        await shell.prints(b"/ $ ")
        asked = await house.ask_for("agent-c")
        desk = house.seat
        yield World(desk, asked.id, over.id, live.id, shell.id, lambda: house.ask_for("agent-d"), lambda: desk.kill(shell.id, reason="enough"))


@pytest.fixture(params=["fake", "real"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async for made in fake() if request.param == "fake" else real(tmp_path):
        yield made


async def test_lists_leave_out_the_history_of_a_request(world: World) -> None:
    """The one request has it; the digest is the same in both."""
    (listed,), single = await world.desk.requests(), await world.desk.request(world.request)
    assert (listed.id, listed.before, listed.used) == (world.request, "", "")
    assert single.before != ""
    assert single.digest == listed.digest != ""
    assert {"approve", "deny"} <= set(single.you_may)


async def test_windows_and_what_happened_in_them(world: World) -> None:
    """Ended windows are listed only with everything, and nothing can be done to them; sessions and actions are of the window that is asked for."""
    assert [view.id for view in await world.desk.grants()] == [world.live]
    over = {view.id: view for view in await world.desk.grants(everything=True)}[world.over]
    assert (over.state, over.you_may, over.cut, bool(over.ended)) == ("expired", (), 1, True)
    assert (await world.desk.grant(world.live)).open_streams == 1
    sessions = {view.id: view for view in await world.desk.sessions(grant=world.live)}
    assert {view.grant for view in sessions.values()} == {world.live}
    assert [view.id for view in await world.desk.sessions(live=True, grant=world.live) if view.kind != "api"] == [world.shell]
    assert {"kill", "watch", "replay", "freeze"} <= set(sessions[world.shell].you_may)
    actions = await world.desk.actions(grant=world.live)
    assert [(view.verdict, view.grant) for view in actions] == [("allowed", world.live), ("denied", world.live), ("allowed", world.live)]
    assert (actions[1].session, actions[1].code, actions[2].session, [str(word) for word in actions[2].argv]) == ("", 403, world.shell, ["sh"])


async def test_frames_come_in_pages_and_live_ones_until_the_end(world: World) -> None:
    """A page begins behind a seq, and an empty one is the end; who watches gets what was before, then the end with its why."""
    frames = [frame for frame in await world.desk.frames(world.shell) if frame.channel == "stdout"]
    assert [b64decode(frame.data_b64) for frame in frames] == [b"/ $ "]
    assert list(await world.desk.frames(world.shell, after=frames[0].seq)) == []
    seen = []
    async with asyncio.timeout(10):
        async for chunk in world.desk.watch(world.shell):
            seen.append(chunk)
            if chunk.frame is not None and chunk.frame.channel == "stdout":
                await world.end()
    assert (seen[-1].kind, "killed" in seen[-1].why) == ("end", True)


async def test_events_begin_now(world: World) -> None:
    """Those committed before are not among them."""
    events = world.desk.events()
    coming = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.1)
    await world.ask()
    async with asyncio.timeout(10):
        fact = await coming
        while fact.kind != "request.asked":  # the agent itself is new to the real one
            fact = await anext(events)
    assert fact.subject != world.request


async def test_what_is_not_there(world: World) -> None:
    """Each kind of thing says so."""
    for call in (world.desk.request("r-99"), world.desk.grant("g-99"), world.desk.session("s-99")):
        with pytest.raises(NotFoundError):
            await call


async def test_who_is_asked_and_how_it_stands(world: World) -> None:
    """The header's numbers."""
    hello, status = await world.desk.hello(), await world.desk.status()
    assert hello.you == "ana"
    assert {"see", "decide", "stop", "live"} <= set(hello.rights)
    assert (status.waiting, status.live, status.open_streams, status.recording, status.lockdown) == (1, 1, 1, True, False)
