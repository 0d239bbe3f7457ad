"""Windows: what opens, what ends them, and that none grows."""

import asyncio
from pathlib import Path

import pytest

from jitui.policy.action import Action
from jitui.policy.grant import Event
from jitui.policy.terms import GrantState
from jitui.proxy.ends import Why
from jitui.values.clock import ManualClock
from jitui.values.errors import ConflictError, RefusedError, UnavailableError
from tests.access.test_requests import ask
from tests.fakes.house import House, house, rule

PODS = "/api/v1/namespaces/web/pods"
LIST = Action("list", resource="pods", namespace="web")
WATCH = Action("watch", resource="pods", namespace="web")


async def _open(home: House, action: Action = WATCH) -> object:
    (window,) = home.broker.windows.live.values()
    return await home.broker.windows.open_session(window.grant, action, peer="", command_group="")


async def test_first_use_fixes_one_deadline(tmp_path: Path) -> None:
    """Twenty first calls at once: one grant.active on record, and it is the deadline that counts."""
    async with house(tmp_path, rules=(rule(on_first_use=True, use_within_s=300),)) as home:
        grant = await home.window()
        assert grant.state is GrantState.WAITING
        home.clock.advance(100)

        async def one(action: Action) -> None:
            await _open(home, action)
            home.clock.advance(1)

        await asyncio.gather(*(one(action) for action in [LIST, WATCH] * 10))
        (active,) = await home.facts("grant.active")
        (window,) = home.broker.windows.live.values()
        assert window.grant.deadline is not None
        assert active.what["deadline"]["boot_us"] == window.grant.deadline.boot_us
        assert len([session for session in home.broker.windows.sessions.values() if session.kind == "api"]) == 1


async def test_denials_and_discovery_are_no_first_use(tmp_path: Path) -> None:
    """Only an allowed action starts the window; unused it expires."""
    async with house(tmp_path, rules=(rule(on_first_use=True, use_within_s=300),)) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/nodes"))[0] == 403
        assert await home.facts("grant.active") == []
        home.clock.advance(300)
        home.tick()
        (ended,) = await home.facts("grant.ended")
        assert (ended.what["state"], ended.what["why"]) == ("expired", "not used in time")


async def test_a_window_revoked_during_activation_lets_nothing_through(tmp_path: Path) -> None:
    """The call that would have been its first is refused, and the cluster hears nothing of it."""
    async with house(tmp_path, rules=(rule(on_first_use=True),)) as home:
        await home.window()
        (window,) = home.broker.windows.live.values()
        opening = asyncio.ensure_future(_open(home))
        await asyncio.sleep(0)
        home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")
        with pytest.raises(RefusedError, match="revoked by ana: no"):
            await opening
        await home.until(lambda: not home.broker.windows.sessions)
        assert [str(fact.kind) for fact in await home.facts() if fact.subject.startswith(("g-", "s-"))] == [
            "grant.started", "grant.active", "grant.ended", "session.opened", "session.ending", "session.ended"]  # fmt: skip


@pytest.mark.parametrize("why", [Why.LOCKDOWN, Why.BUDGET, Why.RULE_CHANGED, None])
async def test_a_stream_that_opens_while_its_window_ends_ends_for_the_same_reason(tmp_path: Path, why: Why | None) -> None:
    """Its opening was being written: its end is that of every other stream of the window, in words and on record."""
    async with house(tmp_path) as home:
        await home.window()
        (window,) = home.broker.windows.live.values()
        opening = asyncio.ensure_future(_open(home))
        await asyncio.sleep(0)
        home.broker.windows.end(window, Event.CANCEL if why else Event.REVOKE, by="ana", why="because", session_why=why)
        with pytest.raises(RefusedError):
            await opening
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["by"]) == (str(why or Why.REVOKED), "ana")


async def test_a_session_opened_while_the_gateway_stops_is_ended(tmp_path: Path) -> None:
    """Its opening was being written when everything else was muted."""
    async with house(tmp_path) as home:
        await home.window()
        opening = asyncio.ensure_future(_open(home))
        await asyncio.sleep(0)
        wait = home.broker.windows.stop()
        with pytest.raises(UnavailableError):
            await opening
        await wait()
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        assert ended.what["why"] == "gateway-stopped"


async def test_a_deadline_while_the_gateway_stops_ends_a_session_once(tmp_path: Path) -> None:
    """One closing fact, of the stop."""
    async with house(tmp_path) as home:
        await home.window()
        await _open(home)
        wait = home.broker.windows.stop()
        home.clock.advance(600)
        home.tick()
        await wait()
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["gateway-stopped"]


async def test_a_session_is_killed_once(tmp_path: Path) -> None:
    """The second kill, and the second end of a window, are told so."""
    async with house(tmp_path) as home:
        await home.window()
        await _open(home)
        windows = home.broker.windows
        session, window = windows.session(1), windows.window(1)
        await windows.kill(session, by="ana", reason="x")()
        with pytest.raises(ConflictError, match="ending already"):
            windows.kill(session, by="ana", reason="x")
        windows.end(window, Event.REVOKE, by="ana", why="x")
        with pytest.raises(ConflictError, match="ended already"):
            windows.end(window, Event.REVOKE, by="ana", why="x")
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == [Why.KILLED]


async def test_no_window_grows(tmp_path: Path) -> None:
    """The wall clock an hour back and forth, a restart of the gateway, a suspend, a reboot, another setback: ten minutes stay ten minutes."""
    clock = ManualClock()
    async with house(tmp_path, clock=clock) as home:
        token = home.token
        await home.window(duration_s=600)
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        clock.advance(100)
        clock.set_wall(-3600)
        home.tick()
        assert _left(home) == 500
        clock.set_wall(7200)
        home.tick()
        assert _left(home) == 500
        clock.set_wall(-3600)
    async with house(tmp_path, clock=clock) as home:  # the gateway restarts in the same boot
        assert _left(home) == 500
        clock.set_wall(-3600)
        clock.advance(100)  # asleep
        home.tick()
        assert _left(home) == 400
        clock.set_wall(3600)
        await home.facts()
    clock.advance(70)
    clock.reboot("boot-2", off_seconds=30)
    async with house(tmp_path, clock=clock) as home:
        home.token = token
        assert _left(home) == 300
        clock.set_wall(-3600)  # after the reboot the wall clock decides no more
        home.tick()
        assert _left(home) == 300
        clock.advance(200)
        clock.set_wall(3600)
    async with house(tmp_path, clock=clock) as home:
        assert _left(home) == 100
        clock.set_wall(-3600)
        home.token = token
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        clock.advance(100)
        assert (await kubectl.ask("GET", PODS))[0] == 403
        home.tick()
        assert home.broker.windows.live == {}


async def test_a_tick_looks_at_windows_once_a_second_and_when_one_is_due(tmp_path: Path) -> None:
    """A window that opens behind a look at all is ended by the tick that finds it due, as are those that were there."""
    async with house(tmp_path) as home:
        await home.window(duration_s=60)
        home.tick()
        home.clock.advance(0.5)
        await home.window(duration_s=10)
        windows = home.broker.windows
        for after, left in ((9.9, 2), (0.1, 1), (49.4, 1), (0.1, 0)):
            home.clock.advance(after)
            home.tick()
            assert len(windows.live) == left


async def test_no_upstream_connection_outlives_the_last_window(tmp_path: Path) -> None:
    """Kept-alive ones too, within a second; with another window live on the connection they stay."""
    async with house(tmp_path) as home:
        first, second = await home.window(), await home.window("read pods in web")
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        windows = home.broker.windows
        windows.end(windows.live[first.id], Event.REVOKE, by="ana", why="x")
        await asyncio.sleep(0.7)
        assert home.cluster.open_lines == 1
        windows.end(windows.live[second.id], Event.REVOKE, by="ana", why="x")
        await home.until(lambda: not home.cluster.open_lines, 1.5)
        await home.window()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        assert home.cluster.open_lines == 1


async def test_an_end_is_owed_until_it_can_be_written(tmp_path: Path) -> None:
    """While the ledger takes nothing a window still ends at once, and its fact follows."""
    async with house(tmp_path) as home:
        grant = await home.window()
        home.store._ledger.db.execute("alter table facts rename to elsewhere")
        try:
            home.clock.advance(600)
            home.tick()
            assert home.broker.windows.live == {}
            await asyncio.sleep(0.2)
        finally:
            home.store._ledger.db.execute("alter table elsewhere rename to facts")
        await home.until(lambda: not home.broker.windows._ends._owed and not home.broker.windows._ends._paying)
        assert [fact.subject for fact in await home.facts("grant.ended")] == [grant.label]


def _left(home: House) -> float:
    """Seconds of the one live window."""
    (window,) = home.broker.windows.live.values()
    assert window.grant.deadline is not None
    return window.grant.deadline.remaining_us(home.clock.now()) / 1e6


async def test_a_tick_says_when_the_next_thing_is_due(tmp_path: Path) -> None:
    """The lapse of a request, the end of a window, the end of a token: the soonest; the gateway looks again then, also behind a suspend."""
    async with house(tmp_path) as home:
        def due_s() -> float:
            return home.broker.tick(home.clock.now())

        token_s = due_s()
        grant = await home.window(duration_s=300)
        assert grant.deadline is not None
        home.clock.advance(1)
        assert due_s() == pytest.approx(299)
        asked = await ask(home)
        lapse_s = asked.pending_until.remaining_us(home.clock.now()) / 1e6
        assert 299 < lapse_s < token_s
        home.clock.advance(299)
        due_s()
        assert not home.broker.windows.live
        assert due_s() == pytest.approx(lapse_s - 299)
