"""The embedded cluster's answer to a look."""

import asyncio
import os
from pathlib import Path

from jitui.demo.cluster.glance import Glance, asked
from jitui.demo.cluster.process import LocalProcess
from jitui.demo.cluster.programs import STDOUT
from jitui.protocol.probe import COMMAND, Answers, Argv, Did, Done, Hello, Holds, Stat, order, signals

KEY = b"0123456789abcdef"


async def test_it_answers_as_the_script_does(tmp_path: Path) -> None:
    """The pod's processes with parents as in a container, their words and pipes; it dyes and kills them, and nothing that is not the pod's."""
    assert asked(list(COMMAND))
    mark = f"{tmp_path.name}-{os.getpid()}"
    process = LocalProcess(["sh", "-c", "sleep 75001 & exec sleep 75002"], file="/bin/sh", cwd=tmp_path, stdin=False, tty=False,
                           environment={"PATH": "/usr/bin:/bin", "POD_UID": mark})  # fmt: skip
    glance = Glance(f"POD_UID={mark}")
    answers = Answers(KEY)
    heard = asyncio.Queue[object]()

    async def hear() -> None:
        async for data in glance.read(STDOUT):
            for each in answers.feed(data):
                heard.put_nowait(each)

    async def ask(*orders: bytes) -> list[object]:
        await glance.feed(b"".join(orders))
        found: list[object] = []
        while sum(isinstance(each, Done) for each in found) < len(orders):
            found.append(await asyncio.wait_for(heard.get(), 30))
        return found

    async with asyncio.TaskGroup() as group:
        group.create_task(hear())
        await glance.feed(KEY + b"\n")
        hello = await heard.get()
        assert isinstance(hello, Hello)
        assert hello.pid == 2
        found: list[object] = []
        while not (isinstance(found and found[0], Stat) and len(found[0].processes) == 4):  # type: ignore[attr-defined]
            found = await ask(order("d"))
        stat = found[0]
        assert isinstance(stat, Stat)
        main, own, leader, child = sorted(stat.processes, key=lambda each: (each.pid, each.start))
        assert (main.pid, own.pid, leader.pid, leader.ppid, leader.sid) == (1, 2, process.pid, 0, process.pid)
        assert (child.ppid, child.sid) == (leader.pid, leader.pid)
        mine, its = (leader.pid, leader.start), (child.pid, child.start)
        async with asyncio.timeout(30):
            while Argv(*its, ("sleep", "75001")) not in await ask(order("a", *its)):
                pass  # it is the shell's copy until it has become its program
        assert {Holds(1, leader.pid), Holds(1, child.pid)} <= set(await ask(order("h", *mine, "-")))
        assert Did("dyed", *mine) in await ask(order("y", *mine, "dye"))
        assert await anext(process.read(STDOUT)) == b"dye"
        assert await ask(order("k", leader.pid, leader.start + 1), order("k", os.getpid(), 1)) == [Done("k"), Done("k")]
        assert await ask(*signals("t", [its]), *signals("k", [(leader.pid, 1), its, mine])) == [Done("t"), Done("k")]
        assert await process.wait() == 137
        await glance.feed(order("q"))
        assert await glance.wait() == 0
    process.release()
