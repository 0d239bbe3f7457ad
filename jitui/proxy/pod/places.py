"""The containers in which windows have commands: what was there before, which commands may still run, and their end.

One look a container and window before its first command, one at its end for all commands that end together. Looks are bounded and paced, so that the end
of many windows never holds up the words to their clients.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any, Final

from jitui.clusters.way import Way
from jitui.policy.action import Action
from jitui.policy.terms import Grant, Rule
from jitui.proxy.drain import Drain
from jitui.proxy.ends import Why
from jitui.proxy.live import Session
from jitui.proxy.pod import lineage
from jitui.proxy.pod.asking import LookError, Record
from jitui.proxy.pod.commands import Command, Job, told_of, unseen
from jitui.proxy.pod.containers import Container, Stay, Turns
from jitui.proxy.pod.deletion import delete, gone
from jitui.proxy.pod.ending import Ending
from jitui.proxy.pod.kin import Kin
from jitui.proxy.pod.lineage import Before, Ident
from jitui.proxy.pod.look import Identity, Look, Place, identify
from jitui.proxy.pod.ours import Ours
from jitui.proxy.pod.watch import Watch
from jitui.recording.facts import Draft, ProcessesBefore, ProcessSeen, ProcessTold
from jitui.recording.facts.processes import ENDED, NOT_PROVED, UNEXPLAINED
from jitui.values.clock import Clock

FIRST_S: Final = 0.1  # seconds that a window's first command in a container waits for the look before it, which then goes on beside it
BESIDE_S: Final = 3.0  # the same where the rule lets an ephemeral container be started for it: that takes a second
WITHIN_S: Final = 1.8  # seconds from the mute until connections are closed, whatever is proved by then: 500 of them are closed before 2 s
LOOK_S: Final = 10.0  # seconds that a look may take in all; what it finds after WITHIN_S is on record, and nobody waits for it
WATCHES: Final = 64  # containers that are watched at the same time; what commands leave in others is told, and not ended
KNOWN_S: Final = 0.3  # seconds that an end waits for the look before a window's first command
SEEN: Final = 200  # processes of one command that a fact names
NOT_IN_TIME: Final = "the container did not answer in time"
BY_ITSELF: Final = frozenset({Why.EXIT, Why.CLIENT_CLOSED, Why.CLUSTER_CLOSED, Why.UPSTREAM_LOST, Why.FROZEN})
NOT_WATCHED: Final = "nobody looks at the container while commands run there"
ANEW: Final = "its container was started anew since"
ANEW_S: Final = 0.5  # seconds that a command which was asked for may take to reach the container, perhaps one that was started meanwhile
Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class Places:
    """All of one gateway. Owned by its loop."""

    def __init__(
        self, ways: Mapping[str, Way], record: Record, clock: Clock, spawn: Spawn, *, gateway: str, owe: Callable[[Sequence[Draft]], None],
        rule: Callable[[Grant], Rule | None] = lambda grant: None,  # noqa: ARG005 - of a gateway whose rules say nothing about it
    ) -> None:  # fmt: skip
        """`owe` writes facts soon. `rule`: the rule of a window as it is now; without one processes are ended and no pod is deleted."""
        self._ways, self.clock, self._spawn, self._owe, self._rule = ways, clock, spawn, owe, rule
        self._containers: dict[Place, Container] = {}
        self._commands: dict[int, tuple[Stay, Command]] = {}  # by session
        self._same: dict[Place, Place] = {}  # by what a command may call a pod's only container: the place under which it is kept
        self._turns, self._watches = Turns(), 0
        self._ours = Ours(ways, record, clock, gateway, rule)

    # -- before ------------------------------------------------------------------------------------------------------------

    async def begin(self, session: Session, connection: str, action: Action) -> None:
        """A command is about to be asked of the cluster. The first of a window in a container waits for a look, BESIDE_S at most; nothing refuses it."""
        grant = session.window.grant
        named = Place(connection, action.namespace, action.name, action.container)
        place = self._same.get(named, named)
        container = self._containers.setdefault(place, Container())
        session.drain = Drain(wanted=True)
        loop = asyncio.get_running_loop()
        stay = container.stays.get(grant.id)
        if stay is None:
            stay = container.stays[grant.id] = Stay(grant, loop.time(), loop.create_future())
            stay.watch = self._new_watch(place, stay)
            self._spawn(partial(self._look_before, place, stay))
        known = stay.before
        if not known.done():
            rule = self._rule(grant)
            await asyncio.wait({known}, timeout=BESIDE_S if rule is not None and rule.probe_image else FIRST_S)
            if not known.done():  # a process that begins from now on may be the command's own
                stay.begun = min(stay.begun, loop.time())
        if session.muted:
            return
        command = stay.commands[session.id] = Command(session, place, loop.time())
        self._commands[session.id] = stay, command
        self._watched(place, stay)

    async def _look_before(self, place: Place, stay: Stay) -> None:
        """The baseline, and the fact of it."""
        grant, known = stay.grant, stay.before
        way, began = self._ways[place.connection], asyncio.get_running_loop().time()
        looks: list[Look] = []
        watch = stay.watch or self._new_watch(place, stay)
        before, why, words, where = Before(), "", tuple[str, ...](), Identity()
        try:
            async with asyncio.timeout(LOOK_S):
                where, look = await asyncio.gather(identify(way, grant, place, LOOK_S), self._ours.open(place, stay, looks))
            self._know(place, where)
            before, words = look.before(stay.begun)
        except (LookError, TimeoutError) as error:
            why, stay.blind = str(error) or NOT_IN_TIME, True
        known.set_result((before, where))
        stay.kin.before = before
        self._owe([ProcessesBefore(
            grant=grant.id, probe=looks[-1].session if looks else 0, pod=f"{place.namespace}/{place.pod}", pod_uid=where.uid,
            container=place.container or where.only, container_id=where.container_id, processes=words,
            took_ms=round((asyncio.get_running_loop().time() - began) * 1000), why=why,
        ).draft(grant.label, "gateway")])  # fmt: skip
        good = [] if stay.blind else looks[-1:]
        for each in looks:
            if each not in good:
                await self._ours.close(place, each)
        await self._watch(place, stay, watch, good)

    # -- while they run ----------------------------------------------------------------------------------------------------

    def _watched(self, place: Place, stay: Stay) -> None:
        """A command of a window begins: see to it that somebody looks at what it starts. It waits for nothing of that."""
        if stay.watch is not None and stay.watch.open:
            stay.watch.stir()
        elif not stay.blind:
            stay.watch = self._new_watch(place, stay)
            self._spawn(partial(self._watch, place, stay, stay.watch, []))

    async def _watch(self, place: Place, stay: Stay, watch: Watch, looks: list[Look]) -> None:
        """`looks`: the one to begin with; else one is opened."""
        async def opened() -> Look:
            if stay.blind or stay.over or self._watches > WATCHES:
                raise LookError(NOT_WATCHED)
            return looks[0] if looks else await self._ours.open(place, stay, looks)

        self._watches += 1
        try:
            await watch.run(opened)
        finally:
            self._watches -= 1
            for each in looks:
                await asyncio.shield(self._ours.close(place, each))

    def _new_watch(self, place: Place, stay: Stay) -> Watch:
        def seen(command: Command, leader: Ident, others: list[tuple[int, int, int]]) -> None:
            where = stay.before.result()[1] if stay.before.done() else Identity()
            self._owe([ProcessSeen(
                grant=stay.grant.id, session=command.session.id, pid=leader[0], start=leader[1], **told_of(place, where),
                processes=tuple(":".join(map(str, each)) for each in others[:SEEN]),
            ).draft(stay.grant.label, "gateway")])  # fmt: skip

        def empty(command: Command) -> None:
            if not command.session.may_run_on:
                stay.commands.pop(command.session.id, None)

        return Watch(stay.kin, lambda: list(stay.commands.values()), lambda: self._of_others(place, stay),
                     lambda found: self._ours.without(place, found), seen=seen, empty=empty)  # fmt: skip

    def _of_others(self, place: Place, stay: Stay) -> list[Command]:
        return [command for command in self._beside(place) if command.session.id not in stay.commands]

    def close(self) -> None:
        """Look no longer: the gateway stops."""
        self._watches = WATCHES
        for watch in [stay.watch for container in self._containers.values() for stay in container.stays.values() if stay.watch is not None]:
            watch.close()

    def _know(self, place: Place, where: Identity) -> None:
        """A pod's only container goes by its name and by none: both are one place. Containers that share their processes know of each other."""
        if place in self._containers:
            self._containers[place].together |= where.together
        if where.only and place.container in {"", where.only} and place in self._containers:
            for name in ("", where.only):
                self._same.setdefault(replace(place, container=name), place)

    # -- the end -----------------------------------------------------------------------------------------------------------

    async def settle(self, sessions: Sequence[Session], ended: Grant | None, began: float) -> list[ProcessTold]:
        """Sessions are muted and their clients have their words: end what they started, and everything of the window `ended`; what was found in time.

        Their connections are closed behind it. `began`: loop time of the mute.
        """
        jobs = self._jobs(sessions, ended, began)
        futures = [self.put(place, job) for place, job in jobs]
        loop = asyncio.get_running_loop()
        if futures:
            await asyncio.wait(futures, timeout=max(0.0, began + WITHIN_S - loop.time()))
        told: list[ProcessTold] = []
        for (place, job), future in zip(jobs, futures, strict=True):
            late = not future.done() and not job.told  # its facts, which say which pod it was and why, come once it is done
            told += unseen(job, place, Identity(), round((loop.time() - began) * 1000), NOT_IN_TIME) if late else job.told
        for session in sessions:
            session.drain.leave()
        return told

    def _jobs(self, sessions: Sequence[Session], ended: Grant | None, began: float) -> list[tuple[Place, Job]]:
        """By container and window, what is to be ended now."""
        found: dict[tuple[Place, int], tuple[Stay, list[Command]]] = {}
        for session in sessions:
            stay, command = self._commands.pop(session.id, (None, None))
            if stay is None or command is None:
                continue
            command.over, command.ended = True, asyncio.get_running_loop().time()
            command.exited = session.end is not None and session.end.why is Why.EXIT and not session.may_run_on
            command.forced = session.end is not None and session.end.why not in BY_ITSELF and session.may_run_on > 0
            if command.forced:
                found.setdefault((command.place, stay.grant.id), (stay, []))[1].append(command)
            elif stay.watch is not None and stay.watch.open:  # it may have left something
                stay.watch.stir()
            elif not session.may_run_on:  # the runtime has told its end, or it was never asked for
                stay.commands.pop(session.id, None)
        if ended is not None:
            for place, container in self._containers.items():
                if (whole := container.stays.get(ended.id)) is not None:
                    found[place, ended.id] = whole, list(whole.commands.values())
                    whole.over = True
                    if whole.watch is not None:
                        whole.watch.close()
        jobs = []
        for (place, grant), (stay, commands) in found.items():
            jobs.append((place, job := self.job(stay.grant, stay, began, last=ended is not None and grant == ended.id)))
            job.commands += commands
        return jobs

    def take_up(self, place: Place, grant: Grant, first: float, before: Before, where: Identity) -> Stay | None:
        """The commands of a window in a container, as an earlier gateway left them; None of a connection that is none any more."""
        if place.connection not in self._ways:
            return None
        stays = self._containers.setdefault(place, Container()).stays
        if grant.id not in stays:
            known = asyncio.get_running_loop().create_future()
            known.set_result((before, where))
            stays[grant.id] = Stay(grant, first, known, kin=Kin(before))
        stays[grant.id].first = min(stays[grant.id].first, first)
        return stays[grant.id]

    def job(self, grant: Grant, stay: Stay, began: float, *, last: bool) -> Job:
        """To end commands of a window now; which, is still to be said. `last`: the window has ended."""
        before, _ = stay.before.result() if stay.before.done() else (Before(), Identity())
        rule = self._rule(grant)
        return Job(grant.id, [], stay.first, began, before, rule is None or rule.ends_processes, last=last, kin=stay.kin)

    def put(self, place: Place, job: Job) -> asyncio.Future[None]:
        """Have a job done; with those that wait for the same container, in one look."""
        container = self._containers.setdefault(place, Container())
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stay = container.stays.get(job.grant)
        agent = stay.grant.identity if stay is not None else ""
        container.queue.append((job, done, agent))
        if agent not in container.waiting:
            container.waiting.add(agent)
            self._spawn(partial(self._serve, place, container, agent))
        return done

    async def _serve(self, place: Place, container: Container, agent: str) -> None:
        """One look for all that ended in a container together; again for what ended meanwhile. Jobs of several agents wait for whichever has a turn first."""
        try:
            while any(each == agent for _, _, each in container.queue):
                async with self._turns.of(place, agent):
                    batch, container.queue = container.queue, []
                    jobs = [job for job, _, _ in batch if job.grant in container.stays]
                    try:
                        if not jobs:
                            continue
                        where = await self._end(place, container, jobs)
                        await self._delete(place, container, jobs, where)
                    finally:
                        self._owe([told.draft(f"g-{job.grant}", "gateway") for job in jobs for told in job.told])
                        for job, done, _ in batch:
                            self._forget(place, container, job)
                            if not done.done():
                                done.set_result(None)
        finally:
            container.waiting.discard(agent)

    async def _delete(self, place: Place, container: Container, jobs: Sequence[Job], where: Identity) -> None:
        """Where a rule has it written out: delete the pod if something of its window may run on there; all of it is gone with the pod."""
        grants = {job.grant: container.stays[job.grant].grant for job in jobs
                  if any(each.state in {UNEXPLAINED, NOT_PROVED} and (each.pid or each.session) for each in job.told)}  # fmt: skip
        asking = [grant for grant in grants.values() if (rule := self._rule(grant)) is not None and rule.deletes_pods]
        if not asking or not where.uid:
            return
        said = await delete(self._ways[place.connection], asking[0], place, where)
        for job in jobs:
            job.told = [gone(each) if not said and each.state != ENDED else replace(each, why=f"{each.why}; {said}") if each.state != ENDED and said else each
                        for each in job.told]  # fmt: skip
            if not said:
                for command in job.commands:
                    command.session.may_run_on = 0

    async def _end(self, place: Place, container: Container, jobs: Sequence[Job]) -> Identity:
        """The looks and the kills; which pod it was."""
        way, stay, loop = self._ways[place.connection], self._looker(container, jobs), asyncio.get_running_loop()
        grant, looks, where, why, over = stay.grant, list[Look](), Identity(), NOT_IN_TIME, list[tuple[Job, list[Command]]]()
        looking = asyncio.ensure_future(identify(way, grant, place, WITHIN_S))
        try:
            async with asyncio.timeout(LOOK_S):
                try:
                    began = loop.time()
                    look = await self._ours.open(place, stay, looks)
                    where = await looking
                    self._know(place, where)
                    await self._known(container, jobs)
                    over = await self._begin_anew(look, container, jobs, where, began)
                    ending = {command.session.id for job in jobs for command in job.commands}

                    def others(ending: Collection[int] = ending) -> list[Command]:
                        return [command for command in self._beside(place) if command.session.id not in ending]

                    for job in jobs:
                        mine = container.stays[job.grant].commands
                        job.spells = [each.spell(mine=each.session.id in mine) for each in self._beside(place)]
                    await Ending(look, place, where, others, self._ours, self._kins(place)).run(jobs)
                    if any(job.last and job.grant == grant.id for job in jobs):
                        await look.leave()
                except LookError as error:
                    where = await looking
                    why = "its pod is gone" if where.gone else str(error)
                    raise
        except (LookError, TimeoutError):
            for job in jobs:
                job.told = job.told or unseen(job, place, where, round((loop.time() - job.began) * 1000), why)
        finally:
            looking.cancel()
            for each in looks:
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(self._ours.close(place, each))
        for job, commands in over:
            job.told += unseen(replace(job, commands=commands), place, replace(where, gone=True), round((loop.time() - job.began) * 1000), ANEW)
        return where

    async def _known(self, container: Container, jobs: Sequence[Job]) -> None:
        """The looks before these windows' first commands that have not answered yet: what was there then is worth a moment, and comes soon, or never."""
        waiting = {container.stays[job.grant].before for job in jobs if not container.stays[job.grant].before.done()}
        if waiting:
            await asyncio.wait(waiting, timeout=KNOWN_S)
        for job in jobs:
            if (known := container.stays[job.grant].before).done():
                job.before = known.result()[0]

    def _sharing(self, place: Place, *, perhaps: bool) -> Iterator[Container]:
        """The containers whose processes a look into this one sees: itself, and those that share theirs with it. `perhaps`: also what may be itself, as one of
        both is named, and the other not.
        """
        pod, names = replace(place, container=""), self._containers[place].together if place in self._containers else frozenset[str]()
        for each, container in self._containers.items():
            alike = each == place or each.container in names or place.container in container.together or (perhaps and "" in {each.container, place.container})
            if alike and replace(each, container="") == pod:
                yield container

    def _beside(self, place: Place) -> Iterator[Command]:
        """All commands that may run there. Words that are written into the output of one of them are cut out on its own connection, whoever's it is."""
        for container in self._sharing(place, perhaps=True):
            yield from (command for stay in container.stays.values() for command in stay.commands.values())

    def _kins(self, place: Place) -> list[Kin]:
        return [stay.kin for container in self._sharing(place, perhaps=False) for stay in container.stays.values()]

    def _looker(self, container: Container, jobs: Sequence[Job]) -> Stay:
        """The window that looks for all of them: the first whose rule lets it look at a container without a shell, else the first."""
        stays = [container.stays[job.grant] for job in jobs]
        return next((stay for stay in stays if (rule := self._rule(stay.grant)) is not None and rule.probe_image), stays[0])

    async def _begin_anew(self, look: Look, container: Container, jobs: Sequence[Job], where: Identity, began: float) -> list[tuple[Job, list[Command]]]:
        """The commands that ended with an earlier run of the container, by job. Those of this run stay in their jobs, and are ended as ever.

        `began`: loop time before the script of the look did. The container's first process tells when this run began.
        """
        anew = [(job, was) for job in jobs if (known := container.stays[job.grant].before).done() and (was := known.result()[1]).other_run(where)]
        starts = {each.pid: each.start for each in await look.stat()} if anew else {}
        first = starts.get(1, 0)
        since = began - (starts[look.own] - first) / lineage.TICKS if first and look.own in starts else -inf  # or later
        over = []
        for job, was in anew:
            stay = container.stays[job.grant]
            over.append((job, [command for command in job.commands if command.asked + ANEW_S < since]))
            for command in over[-1][1]:
                job.commands.remove(command)
                stay.commands.pop(command.session.id, None)
            stay.kin.begin_anew(first if first and was.uid == where.uid else inf)
            for command in stay.commands.values():
                command.leader = command.leader if command.leader in stay.kin.firsts else None
            job.before, job.first = Before(), min((each.asked for each in stay.commands.values()), default=began)
        return over

    def _forget(self, place: Place, container: Container, job: Job) -> None:
        """Commands that were ended are forgotten; a window's last look at a container leaves nothing of it."""
        stay = container.stays.get(job.grant)
        if stay is not None:
            for command in job.commands:
                stay.commands.pop(command.session.id, None)
        if job.last:
            container.stays.pop(job.grant, None)
        if not container.stays and not container.queue:
            self._containers.pop(place, None)
            for named in [named for named, kept in self._same.items() if kept == place]:
                del self._same[named]
