"""The gateway's own state and switches."""

import asyncio
from pathlib import Path

import pytest

from jitui.auth.tokens import LIFETIME_US
from jitui.policy.action import Action
from jitui.policy.grant import Event
from jitui.values.errors import NotFoundError, RefusedError
from tests.api.service.conftest import AGENT_X, AUDITOR, OPERATOR
from tests.fakes.house import ADMIN, AGENT, house


async def test_status_counts_what_is_live(tmp_path: Path) -> None:
    """Requests that wait, windows, the lockdown."""
    async with house(tmp_path) as home:
        await home.window()
        await home.desk(AGENT_X).ask("prod", reason="more")
        said = await home.desk(AUDITOR).status()
        assert (said.recording, said.waiting, said.live, said.lockdown, said.trouble) == (True, 1, 1, False, "")
        locked = await home.desk(OPERATOR).lockdown(on=True, reason="enough")
        assert (locked.waiting, locked.live, locked.lockdown) == (0, 0, True)
        with pytest.raises(RefusedError, match="oli may not manage identities, reload or lift a lockdown; that takes the role admin"):
            await home.desk(OPERATOR).lockdown(on=False, reason="good")
        assert not (await home.desk(ADMIN).lockdown(on=False, reason="good")).lockdown


async def test_status_says_that_something_moved_before_it_is_on_record(tmp_path: Path) -> None:
    """A window that ends is gone at once, whether or not the ledger takes the fact; and so is the right of a token that expired."""
    async with house(tmp_path) as home:
        desk, window = home.desk(AUDITOR), await home.window()
        moved = (await desk.status()).moved
        assert (await desk.status()).moved == moved
        known = home.store.newest_fact
        home.broker.windows.end(home.broker.windows.window(window.id), Event.REVOKE, by="ana", why="enough")
        said = await desk.status()
        assert (said.moved != moved, said.live, said.facts) == (True, 0, known)
        await home.broker.windows.settled()
        moved = (await desk.status()).moved
        home.clock.advance(LIFETIME_US // 1_000_000 + 1)
        home.tick()
        assert (await desk.status()).moved != moved


async def test_facts_come_after_the_seq_that_was_given(tmp_path: Path) -> None:
    """Those on record first, then the new ones as they are committed, each once."""
    async with house(tmp_path) as home:
        events = home.desk(AUDITOR).events(since=0)
        first = await anext(events)
        assert first.seq == 1
        seen = [first]
        while seen[-1].seq < home.store.newest_fact:
            seen.append(await anext(events))
        following = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        await home.desk(AGENT_X).ask("prod", reason="x")
        assert (await following).kind == "request.asked"
        assert [fact.seq for fact in seen] == list(range(1, len(seen) + 1))
        await events.aclose()  # type: ignore[attr-defined]


async def test_explain_says_what_would_be_decided(tmp_path: Path) -> None:
    """Denied with the command that asks for it; allowed once a window covers it; of another's identity only to who sees the queue."""
    async with house(tmp_path) as home:
        action = Action("list", resource="pods", namespace="web")
        said = await home.desk(AGENT_X).explain("prod", action)
        assert (said.verdict, said.grant, "jitui request prod" in said.how) == ("denied", "", True)
        await home.window()
        said = await home.desk(AUDITOR).explain("prod", action, identity=AGENT)
        assert (said.verdict, said.grant, said.why) == ("allowed", "g-1", "g-1 covers it")
        with pytest.raises(NotFoundError, match="no connection staging here; known: prod"):
            await home.desk(AUDITOR).explain("staging", action)


async def test_stop_says_so(tmp_path: Path) -> None:
    """It does not wait for the end."""
    async with house(tmp_path) as home:
        assert await home.desk(ADMIN).stop() == "stopping"
