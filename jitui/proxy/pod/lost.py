"""The next gateway finishes the commands that a gateway left in containers when it went away, as the record tells of them."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from jitui.policy.terms import Grant
from jitui.proxy.drain import Drain
from jitui.proxy.pod.commands import Command, Job
from jitui.proxy.pod.lineage import Before, read
from jitui.proxy.pod.look import Identity, Place
from jitui.proxy.pod.places import Places
from jitui.recording.facts import ProcessesBefore, ProcessSeen
from jitui.store.archive import Files

SET_BACK_S: Final = 1.0  # the wall clock, which alone tells when a command of an earlier gateway was asked for, may have been set back by so much since
LOST_US: Final = 86_400_000_000  # commands that a gateway lost longer ago are let be


@dataclass(slots=True)
class Lost:
    """A command of an earlier gateway (commands.Run)."""

    grant: Grant
    id: int
    target: str  # namespace/pod/container
    argv: tuple[str, ...]
    tty: bool
    stdin: bool
    started_us: int  # UTC
    before: ProcessesBefore | None
    over: bool  # its window has ended
    seen: ProcessSeen | None = None
    may_run_on: int = 1  # 0: it had ended by itself
    drain: Drain = field(default_factory=Drain)


async def recover(places: Places, files: Files, live: Collection[int]) -> None:
    """Finish what the last gateways left. `live`: the windows that go on."""
    found = await asyncio.to_thread(files.lost_commands, places.clock.now().wall_us - LOST_US)
    await resume(places, [Lost(grant, row.id, row.target, row.argv, row.tty, stdin, row.started.wall_us, before, grant.id not in live, seen,
                               may_run_on=row.ended_why == "gateway-lost") for grant, row, stdin, before, seen in found])  # fmt: skip


async def resume(places: Places, lost: Sequence[Lost]) -> None:
    """Their commands have no connection, so the runtime's word is not to be had. Processes of finished commands in a window that goes on end with that."""
    loop, now_us = asyncio.get_running_loop(), places.clock.now().wall_us
    jobs: dict[tuple[Place, int], Job] = {}
    for each in lost:
        namespace, pod, container = (*each.target.split("/", 2), "", "")[:3]
        place, grant, asked = Place(each.grant.connection, namespace, pod, container), each.grant, loop.time() - (now_us - each.started_us) / 1e6 - SET_BACK_S
        before, where = Before(), Identity()
        if each.before is not None:
            before, where = Before.read(each.before.processes), Identity(each.before.pod_uid, each.before.container_id)
        stay = places.take_up(place, grant, asked, before, where)
        if stay is None:
            continue
        forced = each.may_run_on > 0
        command = stay.commands[each.id] = Command(each, place, asked, over=True, forced=forced, ended=loop.time(), lost=True, looked=True)
        if each.seen is not None:
            command.leader = each.seen.pid, each.seen.start
            stay.kin.restore(each.id, command.leader, read(each.seen.processes))
        if forced or each.over:
            jobs.setdefault((place, grant.id), places.job(grant, stay, loop.time(), last=each.over)).commands.append(command)
    futures = [places.put(place, job) for (place, _), job in jobs.items()]
    if futures:
        await asyncio.wait(futures)
