"""The roles as a table: who may call what, and what of it an agent sees."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from jitui.api.operation import Operation, operations_of
from jitui.api.operations import Operations
from jitui.policy.action import Action
from jitui.policy.rights import Right
from jitui.policy.terms import Identity, Role
from jitui.values.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from tests.api.service.conftest import AGENT_X, APPROVER, AUDITOR, OPERATOR, OTHER
from tests.fakes.desk import PUBLIC, Somebody
from tests.fakes.house import ADMIN, AGENT, house, rule
from tests.proxy.test_relay import connected

WHO: Final = {"agent": AGENT_X, "other": OTHER, "approver": APPROVER, "operator": OPERATOR, "auditor": AUDITOR, "admin": ADMIN}

Call = Callable[[Operations], Awaitable[Any]]


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
    ("changes", lambda desk: desk.changes(grant="g-1"), "approver operator auditor"),
    ("residue", lambda desk: desk.residue("g-1"), "approver operator auditor"),
    ("watch", lambda desk: first(desk.watch("s-1")), "approver operator auditor"),
    ("identities", lambda desk: desk.identities(), "admin"),
    ("explain", lambda desk: desk.explain("prod", Action("list", resource="pods", namespace="web"), identity=AGENT), "agent approver operator auditor admin"),
    ("reload", lambda desk: desk.reload(), "admin"),
    ("stop", lambda desk: desk.stop(), "admin"),
    ("identity_rotate", lambda desk: desk.identity_rotate("spare"), "admin"),
    ("identity_keys", lambda desk: desk.identity_keys("spare"), "admin"),
    ("identity_key_add", lambda desk: desk.identity_key_add("spare", ssh_keys=PUBLIC), "admin"),
    ("identity_key_revoke", lambda desk: desk.identity_key_revoke("spare", fingerprint="SHA256:x", reason="x"), "admin"),
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
    """A caller without the right is refused, and every other is not (except as too late)."""
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


async def test_nothing_is_shown_to_who_may_not_see_it_any_more(tmp_path: Path) -> None:
    """A role that is taken away while a stream is open or a page is read holds for the next frame, fact and page."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        caller = Somebody(AUDITOR)
        desk = home.service.bind(caller, "here", same_user=False)
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
            reading = asyncio.ensure_future(read(home.service.bind(caller, "here", same_user=False)))
            await asyncio.sleep(0)
            caller.who = later
            with pytest.raises(RefusedError):
                await reading


IDS: Final = ("r-1", "r-2", "g-1", "s-1", "1", "agent-x")
OTHERS: Final[dict[str, tuple[Any, ...]]] = {  # each argument of an operation that an agent may call: what another agent's it could be given
    "ident": IDS, "target": IDS, "grant": ("", *IDS), "audit_id": ("", "hush-audit"), "identity": ("", "agent-x"), "connection": ("prod",), "cursor": ("",),
    "since": (0,),
    "wait_s": (0,), "live": (False, True), "everything": (True,), "brief": (False, True), "looks": (False, True), "limit": (1000,),
    "action": (Action("create", resource="pods", subresource="exec"),),
    "duration_s": (600,), "reason": ("mine",), "scope": ("read pods in web",), "approval": ("",),
}  # fmt: skip


async def told(row: Operation, desk: Operations, given: dict[str, Any]) -> str:
    """All that a call gives: its answer with every field, or its refusal; of a stream what comes in its first moment."""
    try:
        if row.event is None:
            return repr(await getattr(desk, row.name)(**given))
        seen: list[object] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2), contextlib.aclosing(getattr(desk, row.name)(**given)) as stream:
                async for item in stream:
                    seen += [item]
        return repr(seen)
    except (NotFoundError, RefusedError, InvalidError, ConflictError) as error:
        return str(error)


async def test_nothing_of_another_agent_is_told_or_changed(tmp_path: Path) -> None:
    """Each operation that an agent may call, with each id and name of another agent: neither a word of theirs, nor a fact more about them."""
    async with house(tmp_path, rules=(rule(), rule("agent-y"))) as home:
        await home.desk(AGENT_X).ask("prod", reason="hush-reason")
        await home.desk(APPROVER).approve("r-1")
        kubectl, pod = await connected(home, "hush-command")
        pod.line.message(1, b"hush-output")
        await home.desk(AGENT_X).ask("prod", reason="hush-too", duration_s=300)
        await home.agent("agent-y")
        rows = [row for row in operations_of(Operations) if all(not need.rights or need.when or Right.ASK in need.rights for need in row.needs)]
        assert {"request", "grant", "session", "actions", "events", "explain", "withdraw", "release"} <= {row.name for row in rows}
        theirs = [fact for fact in await home.facts() if AGENT in repr(fact)]
        for row in rows:
            for given in product(*(OTHERS[name] for name in row.parameters)):
                said = await told(row, home.desk(OTHER), dict(zip(row.parameters, given, strict=True)))
                assert "hush" not in said, (row.name, given)
                assert AGENT in given or AGENT not in said, (row.name, given, said)  # a name that was given may be repeated
        assert [fact for fact in await home.facts() if AGENT in repr(fact)] == theirs
        assert [window.grant.identity for window in home.broker.windows.live.values()] == [AGENT]
        kubectl.close()
