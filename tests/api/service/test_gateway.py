"""The gateway's own state and switches."""

import asyncio
from pathlib import Path

import pytest

from jitui.policy.action import Action
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
