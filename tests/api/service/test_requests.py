"""Requests: who may decide which, on what they saw, and that it stays decided."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from jitui.auth.people import People
from jitui.policy.terms import Identity, Role
from jitui.values.errors import ConflictError, RefusedError
from tests.api.service.conftest import AGENT_X, APPROVER, AUDITOR, OTHER, PEOPLE
from tests.fakes.desk import Somebody
from tests.fakes.house import ADMIN, AGENT, house, rule


async def test_nobody_decides_for_what_they_are_own_or_created(tmp_path: Path) -> None:
    """Owner and creator are refused, an agent with a second role too; with owner_may_approve the owner may."""
    async with house(tmp_path) as home:
        await home.desk(AGENT_X).ask("prod", reason="x")
        owner = Identity("owner", frozenset({Role.APPROVER}))
        creator = Identity("root", frozenset({Role.APPROVER, Role.ADMIN}))
        both = Identity(AGENT, frozenset({Role.AGENT, Role.APPROVER}))
        for who in (owner, creator, both):
            with pytest.raises(RefusedError):
                await home.desk(who).approve("r-1")
        await home.broker.reload({(AGENT, "prod"): rule(owner_may_approve=True)}, home.broker.roster.people, "d")
        assert (await home.desk(owner).approve("r-1")).state == "approved"


async def test_an_admins_sock_puppets_are_that_admin(tmp_path: Path) -> None:
    """A person who made the agent, or saw its token, can't decide for it under another name that they made or issued a token of."""
    async with house(tmp_path, rules=(rule(), rule("agent-y"))) as home:  # root made agent-x
        roster = home.broker.roster
        roster.directory.name_people(People(os.geteuid(), {}))
        dan = Identity("dan", frozenset({Role.ADMIN}))
        puppet = (await roster.add("puppet", ["approver"], "", by=ADMIN))[0]
        borrowed = (await roster.add("borrowed", ["approver"], "", by=dan))[0]
        await home.desk(AGENT_X).ask("prod", reason="x")
        assert (await home.desk(borrowed).request("r-1")).you_may == ("approve", "deny")
        await roster.rotate("borrowed", by=ADMIN)
        for who, says in ((puppet, "puppet counts as root, who created agent-x: root created puppet"),
                          (borrowed, "borrowed counts as root, who created agent-x: root issued a token of borrowed")):  # fmt: skip
            seen = await home.desk(who).request("r-1")
            assert (seen.you_may, says in seen.you_may_not) == (("deny",), True)
            with pytest.raises(RefusedError, match=says):
                await home.desk(who).approve("r-1")
        await roster.rotate("borrowed", by=dan)
        with pytest.raises(RefusedError, match="counts as root"):  # root held it while the request was pending
            await home.desk(borrowed).approve("r-1")
        other = (await roster.add("agent-y", ["agent"], "owner", by=dan))[0]
        await roster.rotate("agent-y", by=ADMIN)
        await home.desk(other).ask("prod", reason="x")
        with pytest.raises(RefusedError, match="puppet counts as root, who issued a token of agent-y: root created puppet"):
            await home.desk(puppet).approve("r-2")
    async with house(tmp_path, rules=(rule(), rule("agent-y"))) as home:  # the facts say so to the next gateway, too
        for who, ident in ((puppet, "r-1"), (borrowed, "r-1"), (puppet, "r-2")):
            with pytest.raises(RefusedError, match="counts as root"):
                await home.desk(who).approve(ident)
        await home.broker.reload({(AGENT, "prod"): rule(owner_may_approve=True)}, home.broker.roster.people, "d")
        assert (await home.desk(puppet).approve("r-1")).state == "approved"


async def test_two_names_of_one_hand_are_one_yes(tmp_path: Path) -> None:
    """Of two approvers whom the same admin made, one counts; with a person of the configuration they are two."""
    async with house(tmp_path, rules=(rule("agent-z", approvals=2),), agent=False) as home:
        roster = home.broker.roster
        roster.directory.name_people(PEOPLE)
        dan = Identity("dan", frozenset({Role.ADMIN}))
        agent = (await roster.add("agent-z", ["agent"], "owner", by=dan))[0]
        first, second = [(await roster.add(name, ["approver"], "", by=ADMIN))[0] for name in ("first", "second")]
        await home.desk(agent).ask("prod", reason="x")
        assert (await home.desk(first).approve("r-1")).state == "pending"
        says = "first has approved it already, and second counts as the same person: root created second and root created first"
        assert re.search(says, (await home.desk(second).request("r-1")).you_may_not)
        with pytest.raises(RefusedError, match="second counts as the same person: root created second and root created first; it needs another"):
            await home.desk(second).approve("r-1")
        assert (await home.desk(APPROVER).approve("r-1")).state == "approved"


async def test_the_yes_of_who_may_not_say_it_any_more_does_not_count(tmp_path: Path) -> None:
    """Of a person who was left out or given less by a reload, or disabled, nothing stays but the terms they tightened."""
    async with house(tmp_path, rules=(rule(approvals=2),)) as home:
        directory = home.broker.roster.directory
        directory.name_people(PEOPLE)
        await home.desk(AGENT_X).ask("prod", reason="x")
        assert (await home.desk(APPROVER).approve("r-1", duration_s=60)).approvals == ("ana",)
        directory.name_people(People(os.geteuid(), {name: person for name, person in PEOPLE.named.items() if name != "ana"}))
        bea, cy = directory.named("bea"), directory.named("cy")
        assert bea is not None
        assert cy is not None
        seen = await home.desk(bea).request("r-1")
        assert (seen.approvals, seen.duration_s) == ((), 60)
        done = await home.desk(bea).approve("r-1", digest=seen.digest)
        assert (done.state, done.approvals) == ("pending", ("bea",))
        assert (await home.desk(cy).approve("r-1")).state == "approved"
        (window,) = home.broker.windows.live.values()
        assert (window.grant.duration_s, window.grant.approved_by) == (60, ("bea", "cy"))


async def test_who_waits_for_their_turn_decides_as_who_they_are_then(tmp_path: Path) -> None:
    """A right that is taken away while another decision is being written is not used afterwards."""
    async with house(tmp_path) as home:
        await home.desk(AGENT_X).ask("prod", reason="x")
        caller = Somebody(APPROVER)
        async with home.broker.requests._deciding_about(2):
            waiting = [asyncio.ensure_future(each) for each in (home.service.bind(caller, "here", same_user=False).approve("r-1"),
                                                                home.service.bind(caller, "here", same_user=False).deny("r-1", reason="x"))]  # fmt: skip
            await asyncio.sleep(0.05)
            caller.who = AUDITOR
        for each in waiting:
            with pytest.raises(RefusedError, match="aud may not approve or deny"):
                await each


async def test_a_decision_is_on_what_was_seen(tmp_path: Path) -> None:
    """A digest of other terms is refused; the right one counts."""
    async with house(tmp_path, rules=(rule(approvals=2),)) as home:
        home.broker.roster.directory.name_people(PEOPLE)
        seen = await home.desk(AGENT_X).ask("prod", reason="x")
        digest = (await home.desk(APPROVER).request(seen.id)).digest
        bea = Identity("bea", frozenset({Role.APPROVER}))
        assert (await home.desk(bea).approve("r-1", digest=digest, duration_s=60)).state == "pending"
        with pytest.raises(ConflictError, match="changed since you saw it"):
            await home.desk(APPROVER).approve("r-1", digest=digest)
        digest = (await home.desk(APPROVER).request(seen.id)).digest
        assert (await home.desk(APPROVER).approve("r-1", digest=digest)).state == "approved"
        (window,) = home.broker.windows.live.values()
        assert (window.grant.duration_s, window.grant.approved_by) == (60, ("bea", "ana"))


async def test_what_was_decided_stays_decided_over_a_restart(tmp_path: Path) -> None:
    """Every event on it answers with state, who and when, also in the next run of the gateway."""
    async with house(tmp_path) as home:
        await home.desk(AGENT_X).ask("prod", reason="x")
        await home.desk(APPROVER).deny("r-1", reason="no")
    async with house(tmp_path) as home:
        for call in (home.desk(APPROVER).approve("r-1"), home.desk(APPROVER).deny("r-1", reason="x"), home.desk(AGENT_X).withdraw("r-1")):
            with pytest.raises(ConflictError, match="already denied by ana at"):
                await call
        assert [view.state for view in await home.desk(APPROVER).requests(everything=True)] == ["denied"]
        assert await home.desk(APPROVER).requests() == []


async def test_an_answer_is_held_until_the_request_is_settled(tmp_path: Path) -> None:
    """Who waits is told of the yes, the no or the lapse at once, and of nothing after so many seconds; the gateway's end keeps nobody."""
    async with house(tmp_path) as home:
        agent = home.desk(AGENT_X)
        await agent.ask("prod", reason="x")
        assert (await asyncio.wait_for(agent.request("r-1", wait_s=1), 5)).state == "pending"
        waiting = asyncio.ensure_future(agent.request("r-1", wait_s=20))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await home.desk(APPROVER).approve("r-1")
        assert (await asyncio.wait_for(waiting, 5)).grant == "g-1"
        assert (await asyncio.wait_for(agent.request("r-1", wait_s=20), 5)).state == "approved"
        await agent.ask("prod", reason="y")
        waiting = asyncio.ensure_future(agent.request("r-2", wait_s=20))
        await asyncio.sleep(0.05)
        home.clock.advance(7200)
        home.tick()
        assert (await asyncio.wait_for(waiting, 5)).state == "lapsed"
        await agent.ask("prod", reason="z")
        waiting = asyncio.ensure_future(agent.request("r-3", wait_s=20))
        await asyncio.sleep(0.05)
        home.bus.close()
        assert (await asyncio.wait_for(waiting, 5)).state == "pending"


async def test_a_history_is_read_once_until_something_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts of the identity, or ten seconds, make it old; those of others do not."""
    async with house(tmp_path, rules=(rule(), rule("agent-y"))) as home:
        read: list[str] = []
        past = home.files.past

        def noted(identity: str, connection: str, since_us: int) -> object:
            read.append(identity)
            return past(identity, connection, since_us)

        monkeypatch.setattr(home.files, "past", noted)
        await home.agent("agent-y")
        await home.desk(AGENT_X).ask("prod", reason="x")
        desk = home.desk(APPROVER)
        assert (await desk.request("r-1")).before == (await desk.request("r-1")).before == "nothing in 30 d"
        await home.desk(OTHER).ask("prod", reason="x")
        await desk.request("r-1")
        assert read == [AGENT]
        home.clock.advance(11)
        await desk.request("r-1")
        assert read == [AGENT, AGENT]
        await desk.approve("r-1")
        assert (await desk.request("r-1")).before == "1 window in 30 d: 0 denied"
        assert read == [AGENT, AGENT, AGENT]
