"""Section 8 of the design as a table: who may call what, and what of it an agent sees."""

import asyncio
import contextlib
import os
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from jitui.api.desk import House as Desk
from jitui.api.service.live import BEFORE
from jitui.api.views import FrameView
from jitui.auth.people import People, Person
from jitui.policy.action import Action
from jitui.policy.terms import BUDGET, Identity, Role
from jitui.protocol.speech import TOGETHER
from jitui.recording.delivery import delivered
from jitui.store.tape_rows import PAGE_BYTES
from jitui.values.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from tests.fakes.desk import Somebody
from tests.fakes.house import ADMIN, AGENT, house, rule
from tests.proxy.test_relay import connected
from tests.proxy.test_rest import held_back

AGENT_X: Final = Identity(AGENT, frozenset({Role.AGENT}), owner="owner")
OTHER: Final = Identity("agent-y", frozenset({Role.AGENT}), owner="owner")
APPROVER: Final = Identity("ana", frozenset({Role.APPROVER}))
OPERATOR: Final = Identity("oli", frozenset({Role.OPERATOR}))
AUDITOR: Final = Identity("aud", frozenset({Role.AUDITOR}))
WHO: Final = {"agent": AGENT_X, "other": OTHER, "approver": APPROVER, "operator": OPERATOR, "auditor": AUDITOR, "admin": ADMIN}

PEOPLE: Final = People(os.geteuid(), {name: Person(20001 + at, frozenset({Role.APPROVER})) for at, name in enumerate(("ana", "bea", "cy"))})

Call = Callable[[Desk], Awaitable[Any]]


async def first(stream: AsyncIterator[Any]) -> None:
    """Whether it starts at all: a refusal comes at once."""
    try:
        async with asyncio.timeout(0.3):
            async for _ in stream:
                return
    except TimeoutError:
        pass
    finally:
        await stream.aclose()  # type: ignore[attr-defined]


# right: who may; the rest is refused. The order matters: what ends things comes last.
TABLE: Final[tuple[tuple[str, Call, str], ...]] = (
    ("hello", lambda desk: desk.hello(), "agent other approver operator auditor admin"),
    ("status", lambda desk: desk.status(), "approver operator auditor admin"),
    ("requests", lambda desk: desk.requests(everything=True), "agent other approver operator auditor admin"),
    ("request", lambda desk: desk.request("r-1"), "agent approver operator auditor admin"),
    ("grants", lambda desk: desk.grants(everything=True), "agent other approver operator auditor admin"),
    ("grant", lambda desk: desk.grant("g-1"), "agent approver operator auditor admin"),
    ("sessions", lambda desk: desk.sessions(), "agent other approver operator auditor admin"),
    ("session", lambda desk: desk.session("s-1"), "agent approver operator auditor admin"),
    ("actions", lambda desk: desk.actions(), "agent other approver operator auditor admin"),
    ("facts", lambda desk: desk.facts(), "approver operator auditor admin"),
    ("verify", lambda desk: desk.verify(), "approver operator auditor admin"),
    ("frames", lambda desk: desk.frames("s-1"), "approver operator auditor"),
    ("watch", lambda desk: first(desk.watch("s-1")), "approver operator auditor"),
    ("identities", lambda desk: desk.identities(), "admin"),
    ("explain", lambda desk: desk.explain("prod", Action("list", resource="pods", namespace="web"), identity=AGENT), "agent approver operator auditor admin"),
    ("reload", lambda desk: desk.reload(), "admin"),
    ("stop", lambda desk: desk.stop(), "admin"),
    ("identity_rotate", lambda desk: desk.identity_rotate("spare"), "admin"),
    ("lockdown off", lambda desk: desk.lockdown(on=False, reason="x"), "admin"),
    ("approve", lambda desk: desk.approve("r-2"), "approver"),
    ("deny", lambda desk: desk.deny("r-2", reason="x"), "approver"),
    ("withdraw", lambda desk: desk.withdraw("r-2"), "agent"),
    ("release", lambda desk: desk.release("g-1"), "agent"),
    ("freeze", lambda desk: desk.freeze("g-1"), "approver operator admin"),
    ("thaw", lambda desk: desk.thaw("g-1"), "approver operator admin"),
    ("freeze session", lambda desk: desk.freeze("s-1"), "approver operator admin"),
    ("thaw session", lambda desk: desk.thaw("s-1"), "approver operator admin"),
    ("freeze all", lambda desk: desk.freeze("all"), "approver operator admin"),
    ("thaw all", lambda desk: desk.thaw("all"), "approver operator admin"),
    ("kill", lambda desk: desk.kill("s-1", reason="x"), "approver operator admin"),
    ("revoke", lambda desk: desk.revoke("g-1", reason="x"), "approver operator admin"),
    ("lockdown on", lambda desk: desk.lockdown(on=True, reason="x"), "approver operator admin"),
    ("identity_add", lambda desk: desk.identity_add("new", roles=["auditor"]), "admin"),
    ("identity_disable", lambda desk: desk.identity_disable("spare", reason="x"), "admin"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "call", "may"), TABLE, ids=[row[0] for row in TABLE])
async def test_rights(tmp_path: Path, name: str, call: Call, may: str) -> None:
    """Who lacks the right is refused, and everybody else is not (too late is another thing)."""
    async with house(tmp_path, rules=(rule(), rule("agent-y"))) as home:
        await home.agent("agent-y")
        await home.agent("spare")
        await home.window("read pods in web")
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        await home.desk(AGENT_X).ask("prod", reason="more")
        for who in sorted(WHO, key=lambda who: who in may.split()):
            desk = home.desk(WHO[who])
            if who in may.split():
                with contextlib.suppress(ConflictError, NotFoundError):  # one before was quicker
                    await call(desk)
            else:
                with pytest.raises(RefusedError):
                    await call(desk)


async def test_an_agent_sees_its_own_and_nothing_else(tmp_path: Path) -> None:
    """Requests, grants, sessions, actions, identities, facts and events of another never reach it."""
    async with house(tmp_path, rules=(rule(), rule("agent-y"))) as home:
        other = await home.agent("agent-y")
        await home.window("read pods in web")
        await home.window("read pods in web", agent="agent-y")
        seen: list[Any] = []

        async def listen() -> None:
            seen.extend([fact async for fact in home.desk(OTHER).events(since=0)])

        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            for token in (home.token, other):
                kubectl = await home.dial(token)
                assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
                assert (await kubectl.ask("GET", "/api/v1/nodes"))[0] == 403
            await home.until(lambda: len(home.files.actions()) == 4)
            desk = home.desk(OTHER)
            for views in (await desk.requests(everything=True), await desk.grants(everything=True), await desk.sessions(), await desk.actions()):
                assert {view.identity for view in views} == {"agent-y"}
            for refused in (desk.request("r-1"), desk.grant("g-1"), desk.session("s-1"), desk.frames("s-1"), desk.frames("s-2"), desk.release("g-1"),
                            desk.withdraw("r-1"), desk.explain("prod", Action("list", resource="pods"), identity=AGENT)):  # fmt: skip
                with pytest.raises(RefusedError):
                    await refused
            await asyncio.sleep(0.2)
            home.bus.close()
        assert seen
        assert AGENT not in repr(seen)
        assert (await desk.hello()).connections == ("prod",)
        assert (await home.desk(Identity("agent-z", frozenset({Role.AGENT}))).hello()).connections == ()


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
    """Who made the agent, or had a token of it in hand, decides for it under no other name: made by them, or made by another and handed a token by them."""
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
            waiting = [asyncio.ensure_future(each) for each in (home.counter.bind(caller, "here", same_user=False).approve("r-1"),
                                                                home.counter.bind(caller, "here", same_user=False).deny("r-1", reason="x"))]  # fmt: skip
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


async def test_a_look_at_a_record_is_a_fact_wherever_it_begins(tmp_path: Path) -> None:
    """From the second frame on as from the first; the next pages leave none."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        desk = home.desk(AUDITOR)
        assert [frame.seq for frame in await desk.frames("s-1", after=0)] == [1, 2]
        await desk.frames("s-1", after=1)
        assert [(fact.who, fact.subject) for fact in await home.facts("viewed")] == [("aud", "s-1")]


async def test_recorded_content_by_role(tmp_path: Path) -> None:
    """An operator the last hour, an approver what they decided, an auditor all of it."""
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        await home.desk(APPROVER).revoke(grant.label, reason="x")
        bea = Identity("bea", frozenset({Role.APPROVER}))
        assert await home.desk(OPERATOR).frames("s-1")
        with pytest.raises(RefusedError):
            await home.desk(bea).frames("s-1")
        home.clock.advance(3601)
        with pytest.raises(RefusedError):
            await home.desk(OPERATOR).frames("s-1")
        assert await home.desk(APPROVER).frames("s-1")
        assert await home.desk(AUDITOR).frames("s-1")


async def test_nothing_is_shown_to_who_may_not_see_it_any_more(tmp_path: Path) -> None:
    """A role that is taken away while a stream is open or a page is read holds for the next frame, fact and page."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        caller = Somebody(AUDITOR)
        desk = home.counter.bind(caller, "here", same_user=False)
        frames, facts = desk.watch("s-1"), desk.events(since=0)
        assert (await anext(frames)).kind == "frame"
        assert (await anext(facts)).seq == 1
        reading = asyncio.ensure_future(desk.frames("s-1"))
        await asyncio.sleep(0)
        caller.who = OTHER
        with pytest.raises(RefusedError, match="agent-y may not watch live content"):
            await anext(frames)
        with pytest.raises(RefusedError):
            await reading
        with pytest.raises(TimeoutError):  # it goes on, with what concerns an agent of that name: nothing
            async with asyncio.timeout(0.2):
                await anext(facts)


@pytest.mark.parametrize("read", [lambda desk: desk.actions(), lambda desk: desk.requests(everything=True), lambda desk: desk.grants(everything=True),
                                  lambda desk: desk.sessions(), lambda desk: desk.facts()])  # fmt: skip
async def test_a_long_answer_is_not_given_to_who_may_not_see_it_any_more(tmp_path: Path, read: Call) -> None:
    """However long it took to be read, or to be its turn."""
    async with house(tmp_path) as home:
        await home.window()
        for later in (OTHER, Identity("aud", frozenset({Role.AUDITOR}), disabled=True)):
            caller = Somebody(AUDITOR)
            reading = asyncio.ensure_future(read(home.counter.bind(caller, "here", same_user=False)))
            await asyncio.sleep(0)
            caller.who = later
            with pytest.raises(RefusedError):
                await reading


async def test_what_others_wrote_is_shown_masked(tmp_path: Path) -> None:
    """The reasons of those who decided and ended, too."""
    async with house(tmp_path) as home:
        desk = home.desk(APPROVER)
        with pytest.raises(RefusedError):
            await home.desk(AGENT_X).ask("prod", reason="x", scope="exec pods in other -- mysql --password=correct-horse-8")
        await home.desk(AGENT_X).ask("prod", reason="x")
        await desk.deny("r-1", reason="password=correct-horse-7 is not yours")
        assert "correct-horse" not in str((await desk.request("r-1")).why)
        facts = await desk.facts()
        assert "request.refused" in {fact.kind for fact in facts}
        assert "correct-horse" not in str(facts)


async def test_reserved_names_and_empty_reasons_are_refused(tmp_path: Path) -> None:
    """An agent called `clock` would see what the clock did to others."""
    async with house(tmp_path) as home:
        desk = home.desk(ADMIN)
        for name in ("gateway", "clock", "client", "cluster", "automatic", "Ana", "a b", ""):
            with pytest.raises(InvalidError):
                await desk.identity_add(name, roles=["agent"], owner="ana")
        for call in (desk.lockdown(on=True, reason=" "), desk.identity_disable(AGENT, reason=""), desk.revoke("g-x", reason="x")):
            with pytest.raises(InvalidError):
                await call


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
    """What has ended says how; what never was is not found; what could be several things is refused."""
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
        await home.broker.windows.settled()
        await home.until(lambda: not home.broker.windows.sessions)
        await home.store.commit([])
        after = await desk.grant("g-1")
        assert (after.state, after.cut, after.may_run_on, after.open_streams) == ("expired", 2, 3, 0)
        sessions = await desk.sessions(grant="g-1")
        assert (after.bytes_in, after.bytes_out) == (sum(each.bytes_in for each in sessions), sum(each.bytes_out for each in sessions))
        assert (after.bytes_in, after.bytes_out >= before.bytes_out) == (before.bytes_in, True)
        assert await desk.grants(everything=True) == [after]


async def test_who_begins_to_watch_sees_the_newest_bytes(tmp_path: Path) -> None:
    """64 KiB of them, though what came before is one long frame."""
    async with house(tmp_path) as home:
        await home.window()
        _, pod = await connected(home)
        pod.line.message(1, b"a" * 100_000)
        pod.line.message(2, b"$ ")
        session = home.broker.windows.sessions[1]
        await home.until(lambda: session.bytes_out > 100_000 and home.store.recorded(1) == session.frames)
        shown = []
        async for chunk in home.desk(OPERATOR).watch("s-1"):
            assert chunk.frame is not None
            shown.append((chunk.frame.channel, b64decode(chunk.frame.data_b64)))
            if shown[-1] == ("stderr", b"$ "):
                break
        assert shown == [("stdout", b"a" * (BEFORE - 2)), ("stderr", b"$ ")]


async def test_long_pages_are_short(tmp_path: Path) -> None:
    """A page is no longer than may be put into text at once; what of it was delivered is the same as of the whole record, page by page."""
    async with house(tmp_path) as home:
        await home.window()
        await held_back(home)
        session = home.broker.windows.sessions[1]
        await home.until(lambda: session.bytes_out > 2 * PAGE_BYTES)
        await home.desk(OPERATOR).kill("s-1", reason="enough")
        frames = await home.frames(1)
        (ended,) = await home.facts("session.ended")
        assert ended.what["conns"]
        seen: list[FrameView] = []
        while page := await home.desk(OPERATOR).frames("s-1", after=seen[-1].seq if seen else -1):
            assert sum(len(b64decode(view.data_b64)) for view in page) < PAGE_BYTES + TOGETHER
            seen += page
        assert [(view.seq, view.delivered) for view in seen] == [(frame.seq, whole) for frame, whole in delivered(frames, ended.what["conns"])]
        assert {view.delivered for view in seen} == {True, False}
        assert sum(len(frame.body) for frame in frames) > 2 * PAGE_BYTES
