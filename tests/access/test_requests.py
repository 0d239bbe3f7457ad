"""Asks and answers: the same ask, cooling off, lapsing, automatic rules."""

import asyncio
import os
from pathlib import Path

import pytest

from jitui.access.requests import Ask
from jitui.auth.people import People, Person
from jitui.policy.request import digest
from jitui.policy.terms import Identity, Request, RequestState, Role
from jitui.recording.facts import RequestApproved
from jitui.values.clock import ManualClock
from jitui.values.errors import ConflictError, RefusedError
from tests.fakes.house import ANA, House, house, rule


def agent(home: House) -> Identity:
    return home.broker.roster.agent("agent-x")


async def ask(home: House, **more: object) -> Request:
    terms = {"connection": "prod", "duration_s": 0, "reason": "why", "scope": "", "peer": "", "token": "", "same_user": False, **more}
    return await home.broker.requests.ask(agent(home), Ask(**terms))  # type: ignore[arg-type]


async def test_the_same_ask_is_the_same_request(tmp_path: Path) -> None:
    """Another one meanwhile is a conflict that names it."""
    async with house(tmp_path) as home:
        assert (await ask(home)).id == (await ask(home)).id == 1
        with pytest.raises(ConflictError, match="r-1 pending"):
            await ask(home, reason="else")
        assert len(await home.facts("request.asked")) == 1


async def test_a_denied_agent_cools_off(tmp_path: Path) -> None:
    """60 s after the first denial, doubling with each; an hour of peace starts it anew."""
    async with house(tmp_path) as home:
        for seconds in (60, 120, 240):
            await home.broker.requests.deny(ANA, (await ask(home)).id, reason="no")
            home.clock.advance(seconds - 0.5)
            with pytest.raises(RefusedError, match="may ask again in 1 s"):
                await ask(home)
            home.clock.advance(0.5)
        home.clock.advance(3601)
        await home.broker.requests.deny(ANA, (await ask(home)).id, reason="no")
        home.clock.advance(60)
        assert (await ask(home)).state is RequestState.PENDING


async def test_a_request_waits_its_time_and_no_longer(tmp_path: Path) -> None:
    """Over a reboot and a wall clock that is set back; then it lapses, and late decisions are told so."""
    clock = ManualClock()
    async with house(tmp_path, clock=clock, rules=(rule(pending_s=600),)) as home:
        await ask(home)
        clock.advance(100)
        await home.facts()
    clock.reboot("boot-2", off_seconds=100)
    async with house(tmp_path, clock=clock, rules=(rule(pending_s=600),)) as home:
        clock.set_wall(-3600)
        clock.advance(399)
        home.tick()
        assert list(home.broker.requests.pending) == [1]
        clock.advance(1)
        home.tick()
        assert home.broker.requests.pending == {}
        with pytest.raises(ConflictError, match="lapsed"):
            await home.broker.requests.approve(ANA, 1, agent=agent(home), digest="", duration_s=0, scope="", reason="")
        assert [fact.subject for fact in await home.facts("request.lapsed")] == ["r-1"]


async def test_an_automatic_rule_grants_reads_only(tmp_path: Path) -> None:
    """A request for more than READ waits for a person."""
    async with house(tmp_path, rules=(rule(automatic=True),)) as home:
        assert (await ask(home)).state is RequestState.PENDING
        await home.broker.requests.withdraw(agent(home), 1)
        granted = await ask(home, scope="read pods in web")
        assert (granted.state, granted.decided_by, granted.grant) == (RequestState.APPROVED, "automatic", 1)
        assert [fact.what["automatic"] for fact in await home.facts("request.approved")] == [True]


async def test_an_approval_says_what_stood_when_it_was_given(tmp_path: Path) -> None:
    """Each yes has the digest of what that person was shown, also if they sent none; the second one's covers the first."""
    people = People(os.geteuid(), {name: Person(20001 + at, frozenset({Role.APPROVER})) for at, name in enumerate(("ana", "bea"))})
    async with house(tmp_path, rules=(rule(approvals=2),)) as home:
        home.broker.roster.directory.name_people(people)
        bea = home.broker.roster.directory.named("bea")
        assert bea is not None
        await ask(home)
        first = digest(home.broker.requests.find(1), rule(approvals=2))
        await home.broker.requests.approve(ANA, 1, agent=agent(home), digest=first, duration_s=0, scope="", reason="")
        second = digest(home.broker.requests.find(1), rule(approvals=2))
        await home.broker.requests.approve(bea, 1, agent=agent(home), digest="", duration_s=0, scope="", reason="")
        assert [RequestApproved.of(fact).digest for fact in await home.facts("request.approved")] == [first, second]
        assert first != second


async def test_a_withdrawal_that_can_not_be_written_now_counts_and_is_owed(tmp_path: Path) -> None:
    """Nobody can approve it any more, the agent may ask anew, and there is never a second pending request beside it."""
    async with house(tmp_path) as home:
        await ask(home)
        db = home.store._ledger.db
        db.execute("pragma query_only=on")
        withdrawing = asyncio.ensure_future(home.broker.requests.withdraw(agent(home), 1))
        assert (await withdrawing).state is RequestState.WITHDRAWN
        with pytest.raises(ConflictError, match="withdrawn"):
            await home.broker.requests.approve(ANA, 1, agent=agent(home), digest="", duration_s=0, scope="", reason="")
        db.execute("pragma query_only=off")
        await home.until(lambda: home.store.recording_error is None)
        await ask(home)
        assert [*home.broker.requests.pending] == [2]
        assert [(fact.subject, fact.who) for fact in await home.facts("request.withdrawn")] == [("r-1", "agent-x")]


async def test_a_refused_ask_is_a_fact(tmp_path: Path) -> None:
    """With what was asked and why not."""
    async with house(tmp_path) as home:
        with pytest.raises(RefusedError, match="allows 30m"):
            await ask(home, duration_s=7200)
        (refused,) = await home.facts("request.refused")
        assert refused.what["duration_s"] == 7200


async def test_a_reload_denies_what_it_no_longer_allows(tmp_path: Path) -> None:
    """And says so to nobody but the record."""
    async with house(tmp_path) as home:
        await ask(home)
        await home.broker.reload({("agent-x", "prod"): rule(duration_s=60)}, home.broker.roster.people, "d")
        assert home.broker.requests.find(1).state is RequestState.DENIED
