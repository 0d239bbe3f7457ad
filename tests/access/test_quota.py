"""How much of an agent's making is written in an hour, and that the rest is counted on record."""

import asyncio
from pathlib import Path

import pytest

from jitui.access.quota import Quota
from jitui.policy.action import Action
from jitui.policy.grant import Event
from jitui.recording.facts import Draft
from jitui.values.clock import ManualClock
from jitui.values.errors import ConflictError, RefusedError, TooManyError
from jitui.values.limits import Limits
from tests.access.test_requests import agent, ask
from tests.fakes.house import AGENT, ANA, House, house, rule


def share(clock: ManualClock, owed: list[Draft], **limits: int) -> Quota:
    return Quota(clock, owed.extend, Limits().model_copy(update=limits))


def test_a_share_is_rows_and_bytes_an_hour() -> None:
    """Of each identity its own; what goes beyond is said once when it begins, and counted once when the hour is over."""
    clock, owed, told = ManualClock(), list[Draft](), list[tuple[str, str, str]]()
    quota = Quota(clock, owed.extend, Limits(rows_per_hour=3), lambda *said: told.append(said))
    assert [quota.spend("a", "denied", 10) for _ in range(5)] == [True, True, True, False, False]
    assert quota.spend("b", "denied", 10)
    quota.count("a", "refused")
    assert told[-1] == ("rows_per_hour", "a", "2 denied calls and refused asks of a are counted, not written: its share of the hour is used up")
    clock.advance(3599)
    quota.tick(clock.now())
    assert [(draft.subject, draft.what["state"]) for draft in owed] == [("a", "began")]
    clock.advance(1)
    quota.tick(clock.now())
    assert (len(owed), owed[-1].what["state"], owed[-1].what["denied"], owed[-1].what["refused"]) == (2, "over", 2, 1)
    assert quota.spend("a", "denied", 10)


def test_large_rows_use_it_up_sooner() -> None:
    """Each row costs what it takes beside its texts, too."""
    quota = share(ManualClock(), [], row_bytes_per_hour=10_000)
    assert sum(quota.spend("a", "denied", 2000) for _ in range(100)) == 4
    quota = share(ManualClock(), [], row_bytes_per_hour=10_000)
    assert sum(quota.spend("a", "denied", 0) for _ in range(100)) == 40


def test_on_a_disk_without_room_everything_is_counted() -> None:
    """And is on record when the gateway stops."""
    owed: list[Draft] = []
    quota = share(ManualClock(), owed)
    quota.low = True
    assert not any(quota.spend("a", "denied", 1) for _ in range(100))
    quota.low = False
    assert quota.spend("a", "denied", 1)
    quota.close()
    assert [(draft.what["state"], draft.what.get("why"), draft.what.get("denied")) for draft in owed] == [
        ("began", "there is little room on the disk", None), ("over", None, 100)]


async def test_denied_calls_do_not_fill_the_disk(tmp_path: Path) -> None:
    """Fifty thousand different ones leave the hour's rows and two facts; equal ones go on being counted in their row."""
    async with house(tmp_path) as home:
        home.broker.quota.limits = Limits(rows_per_hour=50)
        await home.window()
        for number in range(50_000):
            home.broker.notes.denied(AGENT, "prod", Action("get", resource="pods", namespace="x", name=f"p-{number}"), "no", grant=1)
        for _ in range(5):
            home.broker.notes.denied(AGENT, "prod", Action("get", resource="pods", namespace="x", name="p-0"), "no", grant=1)
        await home.store.commit([])
        rows = home.files.actions()
        assert (len(rows), rows[0].count, sum(row.count for row in rows)) == (50, 6, 55)
        home.clock.advance(3600)
        home.tick()
        began, over = await home.facts("counted")
        assert (began.what["state"], over.what["denied"], over.what["identity"]) == ("began", 49_950, AGENT)


async def test_asks_are_so_many_an_hour(tmp_path: Path) -> None:
    """Also where a rule grants them without a person: a loop of asking and releasing writes no more than its share, and is told for how long."""
    async with house(tmp_path, rules=(rule(automatic=True),)) as home:
        home.broker.quota.limits = Limits(asks_per_hour=3)
        for _ in range(3):
            asked = await ask(home, scope="read pods in web")
            home.broker.windows.end(home.broker.windows.live[asked.grant], Event.RELEASE, by=AGENT, why="")
        for _ in range(100):
            with pytest.raises(TooManyError, match=r"asked 3 times within an hour.*again in 1h"):
                await ask(home, scope="read pods in web")
        assert len(await home.facts("request.asked")) == 3
        home.clock.advance(3601)
        home.tick()
        assert (await home.facts("counted"))[-1].what["refused"] == 100
        assert (await ask(home, scope="read pods in web")).grant == 4


async def test_a_decision_does_not_wait_for_what_an_agent_writes(tmp_path: Path) -> None:
    """Three hundred asks that came before it, each refused for another reason, are not ahead of it on record."""
    async with house(tmp_path, rules=(rule(), rule("agent-y"))) as home:
        other = home.broker.roster.agent("agent-y")
        mine = await ask(home)
        floods = [home.group.create_task(_refused(home, number)) for number in range(300)]
        await home.broker.requests.approve(ANA, mine.id, agent=other, digest="", duration_s=0, scope="", reason="")
        facts = {str(fact.kind): fact.seq for fact in await home.facts()}
        assert facts["request.approved"] - facts["request.asked"] < 10
        for flood in floods:
            await flood


async def _refused(home: House, number: int) -> None:
    with pytest.raises((ConflictError, RefusedError)):
        await ask(home, reason=f"else {number}")


async def test_what_is_being_decided_is_not_withdrawn_and_what_is_withdrawn_not_decided(tmp_path: Path) -> None:
    """Whichever came first holds; neither waits for the other."""
    async with house(tmp_path) as home:
        asked = await ask(home)
        approving = home.group.create_task(home.broker.requests.approve(ANA, asked.id, agent=agent(home), digest="", duration_s=0, scope="", reason=""))
        await asyncio.sleep(0)  # the yes is being written
        with pytest.raises(ConflictError, match="being decided just now"):
            await home.broker.requests.withdraw(agent(home), asked.id)
        assert (await approving).grant == 1
        asked = await ask(home)
        withdrawing = home.group.create_task(home.broker.requests.withdraw(agent(home), asked.id))
        await asyncio.sleep(0)
        with pytest.raises(ConflictError, match="already withdrawn"):
            await home.broker.requests.approve(ANA, asked.id, agent=agent(home), digest="", duration_s=0, scope="", reason="")
        await withdrawing
