"""Whose turn it is to look into a container."""

import asyncio

from jitui.proxy.pod.containers import AT_ONCE, OF_AN_AGENT, Turns
from jitui.proxy.pod.look import Place


async def test_containers_that_do_not_answer_keep_no_other_agent_waiting() -> None:
    """An agent has some looks at a time, of all of them; a pod has one."""
    turns, over, looking = Turns(), asyncio.Event(), list[str]()

    async def look(pod: str, agent: str) -> None:
        async with turns.of(Place("prod", "web", pod, "main"), agent):
            looking.append(pod)
            await over.wait()

    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(look(f"hangs-{number}", "agent-x"))
        tasks.create_task(look("web-1", "agent-y"))
        tasks.create_task(look("web-1", "agent-y"))
        await asyncio.sleep(0.01)
        assert looking == [*(f"hangs-{number}" for number in range(OF_AN_AGENT)), "web-1"], "and one of the pod that two want"
        assert len(looking) < AT_ONCE
        over.set()
    assert len(looking) == 22
