"""The gateway's own looks are nobody else's processes."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jitui.policy.grant import Event
from jitui.protocol import probe
from jitui.protocol.probe import Process
from jitui.proxy.pod.lineage import families, ident
from jitui.proxy.pod.look import Place
from jitui.proxy.pod.ours import Ours
from tests.proxy.pod.yard import Yard, yard

PLACE = Place("prod", "web", "box", "box")


def with_looks(*looks: Any) -> Ours:
    ours = Ours({}, *(SimpleNamespace(),) * 2, "test", lambda grant: None)
    ours._looks[PLACE.connection, PLACE.namespace, PLACE.pod] = list(looks)
    return ours


def process(pid: int, ppid: int = 0, sid: int = 0, start: int = 500) -> Process:
    return Process(pid, ppid, sid or pid, 0, start, "S")


def test_a_look_is_its_script_and_what_that_waits_for() -> None:
    """By pid and start; a process that took its number later is another, and so is one that outlives it in its session."""
    look = SimpleNamespace(own=30, start=500, name="n", opening=False)
    script, cat, other = process(30), process(31, 30, 30), process(40)
    ours = with_looks(look)
    assert ours.without(PLACE, [script, cat, other]) == (other,)
    assert ours.without(PLACE, [script, cat, other], look) == (script, cat, other)  # type: ignore[arg-type]
    later, orphan = process(30, start=900), process(31, 1, 30)
    assert ours.without(PLACE, [later, orphan]) == (later, orphan)
    assert ours.without(Place("prod", "web", "another", "box"), [script]) == (script,)


def test_until_it_says_which_process_it_is_one_with_its_word_is_left_out() -> None:
    """A copy of its command line makes two, and both are told; so is one that no exec began."""
    look = SimpleNamespace(own=0, start=0, name="4f", opening=True)
    words = (*probe.COMMAND, "4f")
    ours = with_looks(look)
    one, two, child = process(30), process(40), process(50, 1, 50)
    for there, left_out in (([one], [30]), ([one, two], []), ([child], [])):
        found = families(there, ())
        assert [each.first.pid for each in ours.nameless(PLACE, found, {ident(each): words for each in there})] == left_out
    assert ours.nameless(PLACE, families([one], ()), {ident(one): (*probe.COMMAND, "5f")}) == []


async def first_commands(it: Yard, token: str, count: int) -> None:
    """Windows begin and end: each has a look before its first command."""
    for _ in range(count):
        grant = await it.home.window(agent="agent-y")
        kubectl = await it.run("sh", "-c", "echo ready; exec sleep 0.1", token=token)
        await kubectl.rest()
        await it.home.broker.windows.end(it.home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")()


async def test_no_look_is_told_as_an_agents_process(tmp_path: Path) -> None:
    """While one window begins and ends again and again in a container, another ends there: neither is told of a process that is the gateway's."""
    async with yard(tmp_path) as it:
        other = await it.home.agent("agent-y")
        begun = asyncio.create_task(first_commands(it, other, 3))
        for _ in range(3):
            grant = await it.home.window()
            kubectl = await it.run("sh", "-c", "echo ready; exec sleep 78001")
            await it.home.broker.windows.end(it.home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")()
            await kubectl.rest()
        await begun
        await it.home.broker.windows.settled()
        told = [fact for kind in ("process.ended", "process.left") for fact in await it.home.facts(kind)]
        assert told
        assert not [fact for fact in told if probe.SCRIPT in str(fact.what.get("argv")) or fact.what["state"] == "unexplained"]
