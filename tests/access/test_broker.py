"""One gateway's decisions: who may do something now, and the orders that end it."""

import asyncio
from pathlib import Path

import pytest

from jitui.access.requests import Ask
from jitui.recording.facts import Kind
from jitui.values.clock import ManualClock
from jitui.values.errors import ConflictError, RefusedError
from tests.fakes.house import ADMIN, AGENT, ANA, house, rule
from tests.fakes.upstream import Asked

PODS = "/api/v1/namespaces/web/pods"


async def test_a_clock_that_went_back_over_a_reboot_ends_everything(tmp_path: Path) -> None:
    """The wall clock lies before the newest fact, and nothing else tells the time."""
    clock = ManualClock()
    async with house(tmp_path, clock=clock) as home:
        await home.window(duration_s=600)
    clock.reboot("boot-2", off_seconds=1)
    clock.set_wall(-3600)
    async with house(tmp_path, clock=clock) as home:
        assert home.broker.windows.live == {}
        (ended,) = await home.facts("grant.ended")
        assert ended.what["why"].startswith("clock-went-back")


@pytest.mark.interpreted
async def test_a_lockdown_survives_a_restart_and_a_crash_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a window that a crash left live in the ledger has no life under it."""
    clock = ManualClock()
    async with house(tmp_path, clock=clock) as home:
        await home.window()
        home.broker.windows._ends._owed.clear()
        owe = home.broker.windows.owe  # of the window's end it does not come to be written: the crash was before
        monkeypatch.setattr(home.broker.windows, "owe", lambda drafts: owe([each for each in drafts if each.kind is not Kind.GRANT_ENDED]))
        await home.broker.lockdown(on=True, by=home.broker.roster.agent("root"), reason="alarm")
        with pytest.raises(RefusedError, match="lockdown"):
            await home.window("read pods in web")
        assert [str(fact.kind) for fact in await home.facts() if str(fact.kind).startswith("lockdown")] == ["lockdown.on"]
    async with house(tmp_path, clock=clock) as home:
        assert home.broker.requests.lockdown
        assert home.broker.windows.live == {}
        with pytest.raises(RefusedError, match="lockdown"):
            await home.window()
        await home.broker.lockdown(on=False, by=home.broker.roster.agent("root"), reason="over")
    async with house(tmp_path, clock=clock) as home:
        assert not home.broker.requests.lockdown
        assert (await home.window()).live


async def test_nothing_is_granted_behind_a_lockdown(tmp_path: Path) -> None:
    """An approval that was being written when the lockdown came opens no window."""
    async with house(tmp_path) as home:
        who = home.broker.roster.agent("agent-x")
        asked = await home.broker.requests.ask(who, Ask("prod", 600, "because", "", "", "", same_user=False))
        granting = asyncio.ensure_future(home.broker.requests.approve(ANA, asked.id, agent=who, digest="", duration_s=0, scope="", reason=""))
        await asyncio.sleep(0)
        await home.broker.lockdown(on=True, by=ANA, reason="alarm")
        await granting
        assert home.broker.windows.live == {}
        (started,), (ended,) = await home.facts("grant.started"), await home.facts("grant.ended")
        assert (started.subject, ended.subject, ended.what["why"]) == ("g-1", "g-1", "lockdown is on")


async def test_a_disabled_agent_has_nothing(tmp_path: Path) -> None:
    """Its windows, its requests and its token end in one go, even while its last approval is written."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        await home.broker.disable("agent-x", by=home.broker.roster.agent("root"), reason="gone")
        assert home.broker.windows.live == {}
        assert (await kubectl.ask("GET", PODS))[0] == 401


async def test_a_rule_that_goes_takes_its_window_and_one_that_narrows_its_streams(tmp_path: Path) -> None:
    """A stream that the new rule does not allow ends; the window of a rule that is gone ends."""
    async with house(tmp_path) as home:
        await home.window()

        async def hold(asked: Asked) -> None:
            asked.line.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            await asyncio.sleep(60)

        home.cluster.answerer = hold
        kubectl = await home.dial()
        kubectl.send(kubectl.head("GET", f"{PODS}?watch=true"))
        await kubectl.reader.readuntil(b"\r\n\r\n")
        people = home.broker.roster.people
        await home.broker.reload({("agent-x", "prod"): rule(scope="get pods in web")}, people, "one")
        assert b"does not allow this any more" in await kubectl.gone()
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["rule-changed"]
        assert len(home.broker.windows.live) == 1
        await home.broker.reload({}, people, "two")
        assert home.broker.windows.live == {}


async def test_an_order_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    """A lockdown that is on or off already, and whoever disables themselves: in words, and nothing is on record."""
    async with house(tmp_path) as home:
        with pytest.raises(ConflictError, match="lockdown is off already"):
            await home.broker.lockdown(on=False, by=ADMIN, reason="over")
        with pytest.raises(RefusedError, match="nobody disables themselves"):
            await home.broker.disable("root", by=ADMIN, reason="tired")
        await home.broker.lockdown(on=True, by=ADMIN, reason="alarm")
        with pytest.raises(ConflictError, match="lockdown is on already"):
            await home.broker.lockdown(on=True, by=ANA, reason="alarm")
        assert [str(fact.kind) for fact in await home.facts()][-1] == "lockdown.on"
        assert [fact.subject for fact in await home.facts("identity.disabled")] == []


async def test_only_a_window_that_lives_now_counts(tmp_path: Path) -> None:
    """Frozen, late, or without its rule it is none, also before anything was told that it ended."""
    async with house(tmp_path) as home:
        who, broker = home.broker.roster.agent(AGENT), home.broker
        assert not broker.has_window(who, "prod")
        grant = await home.window()
        assert (broker.has_window(who, "prod"), broker.has_window(who, "test")) == (True, False)
        rules, broker.requests.rules = broker.requests.rules, {}
        assert not broker.has_window(who, "prod")
        broker.requests.rules = rules
        broker.freezer.freeze(broker.windows.live[grant.id], by="ana")
        assert not broker.has_window(who, "prod")
        broker.freezer.thaw(broker.windows.live[grant.id], by="ana")
        assert broker.has_window(who, "prod")
        home.clock.advance(600)
        assert not broker.has_window(who, "prod")


async def test_a_window_is_released_by_its_agent_only(tmp_path: Path) -> None:
    """Another's is refused with the name of whose it is."""
    async with house(tmp_path) as home:
        grant = await home.window()
        assert home.broker.grant_of(home.broker.roster.agent(AGENT), grant.id).id == grant.id
        await home.agent("agent-y")
        with pytest.raises(RefusedError, match=r"^grant g-1 is not yours; only agent-x may release it$"):
            home.broker.grant_of(home.broker.roster.agent("agent-y"), grant.id)
