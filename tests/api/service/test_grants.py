"""Windows: freezing in words, and their sums."""

from pathlib import Path

import pytest

from jitui.policy.terms import BUDGET
from jitui.values.errors import ConflictError, InvalidError, NotFoundError
from tests.api.service.conftest import APPROVER, OPERATOR
from tests.fakes.house import house
from tests.proxy.test_relay import connected


async def test_what_a_freeze_says_and_shows(tmp_path: Path) -> None:
    """In words for the person, in views for the screens: who, how much is held, and which of freeze and thaw can work now."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        desk = home.desk(OPERATOR)
        (grant,), (session,) = await desk.grants(), await desk.sessions(live=True)
        assert 0 < max(session.bytes_in, session.bytes_out) == max(grant.bytes_in, grant.bytes_out) < BUDGET - grant.bytes_left
        assert "replay" in session.you_may  # what is on record of it already
        assert [("freeze" in view.you_may, "thaw" in view.you_may, view.frozen_by, view.held) for view in (grant, session)] == [(True, False, "", 0)] * 2
        frozen = await desk.freeze("g-1")
        assert (frozen.frozen_by, frozen.windows, frozen.streams) == ("oli", ("g-1",), 1)
        assert frozen.said == "g-1 frozen: nothing passes, 1 stream held; the clock runs on"
        pod.line.message(1, b"x" * 3000)
        live = home.broker.windows.sessions[1]
        await home.until(lambda: live.held == 3000)
        grant, session = await desk.grant("g-1"), (await desk.sessions(live=True))[0]
        assert (grant.frozen_by, grant.held, set(grant.you_may)) == ("oli", 3000, {"revoke", "thaw"})
        assert (session.frozen_by, session.held, "thaw" in session.you_may, "kill" in session.you_may) == ("oli", 3000, False, True)
        with pytest.raises(ConflictError, match="g-1 was already frozen by oli; thaw or revoke it"):
            await home.desk(APPROVER).freeze("g-1")
        assert (await home.desk(APPROVER).freeze("all")).said == "nothing to freeze: no window is active that is not frozen already"
        thawed = await desk.thaw("g-1")
        assert (thawed.held, thawed.said) == (3000, "g-1 thawed: 1 stream and 2.9 KiB held go on in order")
        frame = await kubectl.frame()
        assert frame is not None
        assert len(frame.payload) == 3001
        assert (await desk.thaw("all")).said == "nothing is frozen"
        assert (await desk.freeze("s-1")).said == "s-1 frozen: nothing passes, 1 stream held; the clock runs on"
        assert [set(view.you_may) & {"freeze", "thaw"} for view in (await desk.grant("g-1"), (await desk.sessions(live=True))[0])] == [{"freeze"}, {"thaw"}]


async def test_a_freeze_that_comes_too_late(tmp_path: Path) -> None:
    """A freeze of something that ended says how it ended, of nothing is not found, and of several things is refused."""
    async with house(tmp_path) as home:
        await home.window()
        desk = home.desk(APPROVER)
        await desk.revoke("g-1", reason="enough")
        assert [view.bytes_left for view in await desk.grants(everything=True)] == [0]
        for call in (desk.freeze, desk.thaw):
            with pytest.raises(ConflictError, match=r"g-1 was already revoked by ana at .*enough.*; nothing to"):
                await call("g-1")
            with pytest.raises(NotFoundError, match="session s-9 is not live"):
                await call("s-9")
            for wrong in ("17", "r-1", "", "g-0", "all "):
                with pytest.raises(InvalidError):
                    await call(wrong)


async def test_what_an_ended_window_adds_up_to(tmp_path: Path) -> None:
    """All its sessions, those that ended before it too: bytes each way, streams cut by its end, and processes that nobody saw end."""
    async with house(tmp_path) as home:
        await home.window()
        desk = home.desk(OPERATOR)
        streams = [await connected(home) for _ in range(3)]
        for kubectl, pod in streams:
            kubectl.type(b"x" * 200)
            await home.until(lambda pod=pod: pod.typed)  # type: ignore[misc]
        live = await desk.sessions(live=True)
        await desk.kill(next(view.id for view in live if view.kind == "exec"), reason="enough")
        before = await desk.grant("g-1")
        assert (before.cut, before.open_streams, before.may_run_on) == (0, 2, 1)
        assert [view.may_run_on for view in await desk.grants()] == [1]
        assert before.bytes_in >= 600
        home.clock.advance(600)
        home.tick()
        await home.until(lambda: not home.broker.windows.sessions)
        await home.broker.windows.settled()
        after = await desk.grant("g-1")
        assert (after.state, after.cut, after.may_run_on, after.open_streams) == ("expired", 2, 3, 0)
        sessions = await desk.sessions(grant="g-1")
        assert (after.bytes_in, after.bytes_out) == (sum(each.bytes_in for each in sessions), sum(each.bytes_out for each in sessions))
        assert (after.bytes_in, after.bytes_out >= before.bytes_out) == (before.bytes_in, True)
        assert await desk.grants(everything=True) == [after]
