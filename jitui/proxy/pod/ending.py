"""The end of commands in one container: who is theirs, the kill, the proof, and the facts about it.

Identification goes from what costs nothing to what touches the container: a first process that is known already; the only one that can be it; the dye.
Nothing is killed that is not tied to a command in one of these ways. Nothing is said to have ended that a look did not find gone.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from jitui.protocol import probe
from jitui.protocol.probe import Process, order
from jitui.proxy.pod import lineage
from jitui.proxy.pod.commands import YOUNG_S, Command, Job, Run, Several, foremost, told_of
from jitui.proxy.pod.dyeing import DYED, dye
from jitui.proxy.pod.kin import First, Kin
from jitui.proxy.pod.lineage import Asked, Family, Ident, ident
from jitui.proxy.pod.look import Identity, Look, Place
from jitui.proxy.pod.ours import Ours
from jitui.recording.facts import ProcessEnded, ProcessLeft, ProcessTold
from jitui.recording.facts.processes import ENDED, EXPLAINED, GONE, LEFT, NOT_PROVED, RUNTIME, UNEXPLAINED

ROUNDS: Final = 3  # of kills; the second and third stop first
STATUS_S: Final = 0.9  # seconds that the runtime may take to tell the end of a process that was killed, at least
HEARD_S: Final = 1.6  # seconds from the mute within which it may, too
BEGUN_S: Final = 10.0  # seconds within which a command begins that was asked for
WORDS_S: Final = 4.0  # the same for one that its words alone tie to a process; a clock that was set back may take one of them
MOMENT_S: Final = 0.06  # seconds until one looks again whether a process that nothing explains is still there
FRESH_S: Final = 0.15  # seconds for which the processes that a look saw as it began are those that are there
TOLD: Final = 100  # processes of one window in one container of which facts tell, besides one for each command
NO_LINK: Final = "it can't be tied to a command of the window, and was not there before it"
REFUSED: Final = "the container refuses to let it be killed: it belongs to another user"
UNSEEN: Final = "its process was not found, and nobody said that it ended"
SILENT: Final = "the container's shell says that it is gone, and the runtime does not"
AS_THE_RULE_SAYS: Final = "the rule leaves processes to run on"


@dataclass(slots=True)
class _Owned:
    """The processes that were found of one command."""

    families: list[Family] = field(default_factory=list)
    processes: dict[Ident, Process] = field(default_factory=dict)
    leader: Ident | None = None


class Ending:
    """The jobs of one container, done in one look."""

    def __init__(self, look: Look, place: Place, where: Identity, others: Callable[[], list[Command]], ours: Ours, kins: Sequence[Kin] = ()) -> None:
        """`others`: the commands of the same container that go on, as they are now; `kins`: of all windows there."""
        self._look, self._place, self._where, self._others, self._ours, self._kins = look, place, where, others, ours, kins
        self._argv: dict[Ident, tuple[str, ...]] = {}
        self._denied: set[Ident] = set()
        self._loop = asyncio.get_running_loop()
        self._seen_at = look.said_at  # loop time at which the script had begun
        self._asked_at = look.asked_at  # loop time at which the last look at all processes had not been taken yet

    async def run(self, jobs: Sequence[Job]) -> None:
        """Do them all, one window behind the other; `told` of each is complete then. Raises LookError."""
        fresh = self._loop.time() - self._seen_at < FRESH_S
        processes: Sequence[Process] = self._ours.without(self._place, self._look.there, self._look) if fresh else await self._stat()
        for kin in self._kins:
            kin.clock(self._look.start, self._look.said_at)
            kin.see(self._but_own(processes), self._loop.time())
        for job in jobs:
            muted = [command for other in jobs if other is not job for command in other.commands]
            processes = await self._one(job, processes, muted)

    async def _stat(self) -> tuple[Process, ...]:
        self._asked_at = self._loop.time()
        return self._ours.without(self._place, await self._look.stat(), self._look)

    async def _one(self, job: Job, processes: Sequence[Process], muted: Sequence[Command]) -> Sequence[Process]:
        """One window, while `muted` commands of others wait; the processes that are there behind it."""
        own, since, now = lineage.session(processes, self._look.own), self._since(job.first), self._loop.time()
        job.kin.see(self._but_own(processes), now)
        job.kin.looked(self._asked_at)
        job.kin.outlived(processes, job.began, job.spells)
        known = lineage.explained(processes, job.before, own, since)
        found = lineage.families(processes, known)
        owned = await self._owners(job, [*self._others(), *muted], found, known)
        await self._read_argv([each for one in owned.values() for each in one.processes.values()][:TOLD])
        ending = owned if job.ends else await self._readers(job, owned)
        processes = await self._kill(ending, job, processes, own, since)
        killed = [command for command in job.commands if command.session.id in ending and ending[command.session.id].processes]
        if await self._wait_for_runtime(job.began, killed):
            processes = await self._stat()
        theirs = {each for one in owned.values() for each in one.processes}
        strange = await self._strange(job, processes, [*self._others(), *muted], theirs, since)
        if strange:  # perhaps somebody else's command of a moment, as a node's own checks are
            await self._ours.greeted(self._place)
            await asyncio.sleep(MOMENT_S)
            processes = await self._stat()
            strange = await self._strange(job, processes, [*self._others(), *muted], theirs, since)
        alive = {ident(each) for each in processes if not each.dead}
        job.told = foremost(list(self._told(job, owned, alive, strange)), TOLD + len(job.commands))
        return processes

    def _but_own(self, processes: Sequence[Process]) -> list[Process]:
        return lineage.outside(processes, self._look.own)

    def _since(self, asked: float) -> int:
        return lineage.since(self._look.start, self._seen_at - asked)

    def _begins_until(self, command: Command, within_s: float = BEGUN_S) -> int:
        """The tick until which the first process of a command has begun."""
        return self._since(command.asked) + round(lineage.TICKS * (lineage.SLACK_S + within_s))

    def _in_time(self, first: First, commands: Iterable[Command]) -> bool:
        """Whether somebody saw a first process come, or it began soon behind the request of one of these commands that has its words."""
        same = (command for command in commands if probe.joined(command.session.argv) == first.words)
        return first.came or any(first.ident[1] <= self._begins_until(command) for command in same)

    def _root(self, family: Family) -> Ident | None:
        return next((root for kin in self._kins if (root := kin.root(family)) is not None), None)

    # -- whose is what -----------------------------------------------------------------------------------------------------

    async def _owners(
        self, job: Job, others: Sequence[Command], found: Sequence[Family], known: Collection[int],
    ) -> dict[int, _Owned]:  # fmt: skip
        """By session, the families of each command that is to be ended."""
        everybody = {command.session.id: command for command in (*job.commands, *others)}
        await self._read_argv([family.first for family in found][:DYED])
        by_session = self._by_kin(job, found, everybody)
        by_session |= self._recognised(job, found, by_session, everybody)
        passed = await self._dye(job, found, by_session, everybody)
        if passed is not None:
            silent = [family for family in found if passed.isdisjoint(map(ident, family.members))]  # those whose output takes no words
            by_session |= self._recognised(job, silent, by_session, everybody, words=True)
        self._by_words(job, everybody.values(), _free(found, by_session), by_session)
        self._rest_of_kin(job, _free(found, by_session), by_session, everybody)
        owned, orphans = {}, [family for family in found if family.leader is None]
        for command in job.commands:
            one = owned[command.session.id] = _Owned(list(by_session.get(command.session.id, ())))
            for family in list(one.families):
                if family.leader is not None:
                    command.leader = one.leader = ident(family.leader)
                    one.families += [each for each in await self._linked(family, orphans, known) if each not in one.families]
            one.processes = {ident(each): each for family in one.families for each in family.members}
        for session, families in by_session.items():  # also of those that go on: known from now on
            leader = next((family.leader for family in families if family.leader is not None), None)
            if leader is not None:
                everybody[session].leader = ident(leader)
        return owned

    async def _dye(
        self, job: Job, found: Sequence[Family], by_session: dict[int, list[Family]], everybody: Mapping[int, Command],
    ) -> set[Ident] | None:  # fmt: skip
        """Tell by words in their output whose the families are that may be a command's. Returns the processes that took words or were left alone, or None.

        First come those that still have the argument list of such a command. If they are its own, no other is touched, as that may be an operator's.
        """
        mine = [command for command in job.commands if command.session.id not in by_session and command.session.drain.open]
        free = [family for family in _free(found, by_session) if any(self._perhaps(command, family) for command in mine)]
        said, passed = {command.session.argv for command in mine}, set[Ident]()
        for alike in (True, False):
            some = [family for family in free if (self._argv.get(ident(family.first)) in said) is alike]
            left = [command for command in mine if command.session.id not in by_session]
            if some and left:
                owned_by, dyed = await dye(self._look, some, everybody.values())
                passed |= dyed
                for session, theirs in owned_by.items():
                    by_session.setdefault(session, []).extend(theirs)
                self._proved(job, [command.session.id for command in left if self._young(command)], dyed, owned_by)
            else:
                passed |= {ident(family.first) for family in some}
        return passed if free else None

    def _young(self, command: Command) -> bool:
        """Whether a command may begin still, as on a node with too much to do: then a process that has its words may be somebody else's."""
        return self._loop.time() - command.asked <= YOUNG_S

    def _perhaps(self, command: Command, family: Family) -> bool:
        """Whether a family may be a command's. Into no other is anything written: it may be an operator's, whose client would see it."""
        late = family.leader is not None and family.leader.start > self._begins_until(command)
        return not late and lineage.fits(self._asked(command), family)

    def _asked(self, command: Command, *, words: bool = False) -> Asked:
        begun = words and (command.live or command.session.drain.open) and not self._young(command)
        return Asked(command.session.id, command.session.argv, self._since(command.asked), command.session.tty, command.leader, begun=begun)

    def _recognised(
        self, job: Job, found: Sequence[Family], by_session: dict[int, list[Family]], everybody: Mapping[int, Command], *, words: bool = False,
    ) -> dict[int, list[Family]]:  # fmt: skip
        """By session, what is known without a touch. `words`: also the only family that can be the only command's."""
        running = [command for command in everybody.values() if command.live or command.session.drain.exited is None or command.leader]
        asked = [self._asked(each, words=words) for each in running if each.session.id not in by_session]
        own = lineage.recognised(asked, _free(found, by_session), self._argv, self._root, job.before.unsure)
        return {session: [family] for session, family in own.items()}

    def _proved(self, job: Job, young: Collection[int], dyed: Collection[Ident], owned: Mapping[int, Sequence[Family]]) -> None:
        """Tell the window's kin whose words came out where, and of which commands' connections they would have."""
        mine = {ident(family.first) for families in owned.values() for family in families}
        for key in dyed:
            if key not in mine:
                job.kin.refuted(key, young)
        for command in job.commands:
            for family in owned.get(command.session.id, ()):
                if family.leader is not None:
                    job.kin.proved(command.session.id, command.session.argv, ident(family.leader))
        job.kin.claim(job.spells, self._loop.time())

    def _by_kin(self, job: Job, found: Sequence[Family], everybody: Mapping[int, Command]) -> dict[int, list[Family]]:
        """By session, the families that looks saw to be of its command while it ran; where nobody looked, that began when the command did."""
        for family in found:
            if family.leader is not None:
                job.kin.heard(ident(family.leader), probe.joined(self._argv.get(ident(family.leader), ())))
        job.kin.claim(job.spells, self._loop.time())
        by_session: dict[int, list[Family]] = {}
        for family in found:
            first = job.kin.owner(family)
            command = everybody.get(first.session) if first is not None and first.settled else None
            if first is None or command is None or (command.session.drain.open and self._young(command)):  # words in its output tell
                continue
            if self._in_time(first, [command]):
                by_session.setdefault(first.session, []).append(family)
        return by_session

    def _rest_of_kin(self, job: Job, free: Sequence[Family], by_session: dict[int, list[Family]], everybody: dict[int, Command]) -> None:
        """Families that come from first processes which are known by now; at the end of the window also those of commands with the same words."""
        leaders = {ident(family.leader): session for session, families in by_session.items() for family in families if family.leader is not None}
        leaders |= {command.leader: session for session, command in everybody.items() if command.leader is not None}
        for family in free:
            session, first = leaders.get(job.kin.root(family) or (0, 0)), job.kin.owner(family)
            if session is None and first is not None and first.settled and job.last and self._in_time(first, job.commands):
                session = 0
                if 0 not in everybody:
                    everybody[0] = Command(Several(), self._place, job.first, over=True)
                    job.commands.append(everybody[0])
            if session is not None:
                by_session.setdefault(session, []).append(family)

    def _by_words(self, job: Job, everybody: Iterable[Command], free: Sequence[Family], by_session: dict[int, list[Family]]) -> None:
        """Of commands without a connection, whose output nobody can see: those whose words as many first processes have that began then.

        Not of one whose first process was known: that is gone, and no other is its; nor of one whose input ended, as it probably did, too. Not a process
        that looks saw come: they say whose it is.
        """
        blind = [each for each in job.commands if each.session.id not in by_session and each.leader is None and job.kin.of(each.session.id) is None
                 and each.unheard and not each.cut]  # fmt: skip
        for command in blind:
            since, until = self._since(command.asked), self._begins_until(command, WORDS_S)
            fit = [family for family in _free(free, by_session) if family.leader is not None and self._argv.get(ident(family.leader)) == command.session.argv
                   and since <= family.start <= until and bool(family.leader.tty) == command.session.tty
                   and ident(family.leader) not in job.before.unsure and not job.kin.judged(ident(family.leader))]  # fmt: skip
            same = [each for each in everybody if each.session.argv == command.session.argv and each.session.id not in by_session
                    and abs(each.asked - command.asked) <= BEGUN_S]  # fmt: skip
            if fit and len(same) == len(fit) and all(each in blind for each in same):
                by_session[command.session.id] = [fit[0]]

    async def _linked(self, family: Family, orphans: Sequence[Family], known: Collection[int]) -> list[Family]:
        """Of families without a first process those that hold this one's pipes or terminal."""
        leader = family.leader
        if not orphans or leader is None:
            return []
        answers = await self._look.ask([order("h", *ident(leader), str(leader.terminal if leader.terminal is not None else "-"))])
        return lineage.linked(family, orphans, [each for each in answers if isinstance(each, probe.Holds)], known)

    async def _read_argv(self, processes: Iterable[Process]) -> None:
        wanted = [order("a", *ident(each)) for each in processes if ident(each) not in self._argv]
        if wanted:
            self._argv |= {(each.pid, each.start): each.words for each in await self._look.ask(wanted) if isinstance(each, probe.Argv)}

    # -- the kill ----------------------------------------------------------------------------------------------------------

    async def _readers(self, job: Job, owned: dict[int, _Owned]) -> dict[int, _Owned]:
        """Of commands that the rule leaves those processes that hold an input which its client has not finished: a shell would execute it at its end."""
        found = {}
        for session in (command.session for command in job.commands if not command.session.tty and command.session.drain.open):
            if not session.drain.unfinished:
                continue
            one = owned[session.id]
            answers = await self._look.ask([order("h", *one.leader, "-")]) if one.leader is not None else ()
            pids = {each.pid for each in answers if isinstance(each, probe.Holds) and not each.fd}
            found[session.id] = _Owned(processes={key: each for key, each in one.processes.items() if key[0] in pids})
        return found

    async def _kill(self, owned: dict[int, _Owned], job: Job, processes: Sequence[Process], own: int, since: int) -> Sequence[Process]:
        """Kill what is theirs, look again, and again for what they started meanwhile; the processes of the last look."""
        for turn in range(ROUNDS):
            alive = {ident(each) for each in processes if not each.dead}
            targets = [key for one in owned.values() for key in one.processes if key in alive and key not in self._denied]
            if not targets:
                break
            stops = [*probe.signals("t", targets)] if turn else []
            answers = await self._look.ask([*stops, *probe.signals("k", targets), order("d")])
            self._denied |= {(each.pid, each.start) for each in answers if isinstance(each, probe.Did) and each.what == "denied"}
            processes = self._ours.without(self._place, next((each.processes for each in answers if isinstance(each, probe.Stat)), ()), self._look)
            left = lineage.families(processes, lineage.explained(processes, job.before, own, since))
            for one in owned.values() if job.ends else ():
                sids = {each.sid for each in one.processes.values()}
                for family in left:
                    if family.sids & sids:
                        one.processes |= {ident(each): each for each in family.members}
        return processes

    async def _wait_for_runtime(self, began: float, commands: Sequence[Command]) -> bool:
        """Wait for the runtime's word on the connections that are still open; whether any came meanwhile. `began`: loop time of the mute."""
        waiting = [command.session.drain for command in commands if command.session.drain.open and command.session.drain.exited is None]
        for drain in waiting:
            drain.flow()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(STATUS_S, began + HEARD_S - self._loop.time())):
                for drain in waiting:
                    while drain.open and drain.exited is None:
                        drain.news.clear()
                        await drain.news.wait()
        return any(drain.exited is not None for drain in waiting)

    # -- what is told ------------------------------------------------------------------------------------------------------

    async def _strange(
        self, job: Job, processes: Sequence[Process], others: Sequence[Command], theirs: set[Ident], since: int,
    ) -> list[Family]:  # fmt: skip
        """Families that were not there before the window, and are no command's that is known."""
        left = lineage.families(processes, lineage.explained(processes, job.before, lineage.session(processes, self._look.own), since))
        kins = [kin for kin in self._kins if kin is not job.kin or not job.last]  # others tell of theirs at their own end
        for kin in self._kins:
            kin.see(self._but_own(processes), self._loop.time())
        strange = [family for family in left if theirs.isdisjoint(map(ident, family.members)) and not any(kin.owner(family) for kin in kins)]
        strange = self._but_of_others(strange, others)
        await self._read_argv([each for family in strange for each in family.members][:TOLD])
        nameless = self._ours.nameless(self._place, strange, self._argv) if strange else []
        return [family for family in strange if family not in nameless]

    def _but_of_others(self, strange: Sequence[Family], others: Sequence[Command]) -> list[Family]:
        """Those that no other command can have: one that goes on has one first process, and what belongs to that; one that is over what it is known to."""
        rest = list(strange)
        for command in others:
            asked = self._asked(command, words=True)
            own = next(iter(lineage.recognised([asked], rest, self._argv, self._root).values()), None)
            if own is None and command.leader is None and (command.live or command.session.drain.open):
                own = next((family for family in rest if family.leader is not None and lineage.fits(asked, family)), None)
            if own is not None:
                rest.remove(own)
        return rest

    def _told(self, job: Job, owned: dict[int, _Owned], alive: set[Ident], strange: Sequence[Family]) -> Iterable[ProcessTold]:
        took_ms = round((self._loop.time() - job.began) * 1000)
        explained = (EXPLAINED,) if job.before.known and not strange else ()
        at: dict[str, Any] = {"grant": job.grant, "took_ms": took_ms, **told_of(self._place, self._where)}
        silent = any(self._silent(command.session, owned[command.session.id], alive) for command in job.commands)
        for command in job.commands:
            one, session, runtime = owned[command.session.id], command.session, command.session.drain.exited is not None
            still = 0
            # without a terminal the runtime waits for all that hold the command's output, as an orphan whose words came out there does
            holder = ident(one.families[0].first) if one.families and not session.tty else None
            for key in sorted(one.processes):
                first = key == (one.leader or holder)
                words = self._argv.get(key, session.argv if key == one.leader else ())
                mine = {**at, "session": session.id, "pid": key[0], "start": key[1], "argv": words}
                if key not in alive and silent and not (first and runtime):
                    still += 1
                    yield ProcessLeft(**mine, state=NOT_PROVED, why=SILENT)
                elif key not in alive:
                    proof = ((RUNTIME,) if first and runtime else ()) + (GONE, *explained)
                    yield ProcessEnded(**mine, state=ENDED, proof=proof)
                else:
                    still += 1
                    yield ProcessLeft(**mine, state=NOT_PROVED if job.ends else LEFT, why=self._why(job, key))
            if not one.processes and (command.forced or session.may_run_on):
                mine = {**at, "session": session.id, "argv": session.argv}
                gone = (GONE,) if self._begun(command) and all(family.leader is None for family in strange) else ()
                if runtime or ((gone or explained) and not silent):
                    yield ProcessEnded(**mine, state=ENDED, proof=((RUNTIME,) if runtime else gone) + explained)
                else:
                    still = 1
                    yield ProcessLeft(**mine, state=NOT_PROVED, why=UNSEEN)
            session.may_run_on = still
        for family in strange:
            for each in family.members:
                yield ProcessLeft(**at, pid=each.pid, start=each.start, argv=self._argv.get(ident(each), ()), state=UNEXPLAINED, why=NO_LINK)

    def _begun(self, command: Command) -> bool:
        """Whether a command has begun for certain, so that its first process is gone if nobody's is there: whatever else is there is no exec's own."""
        return command.ended is not None and not command.forced and self._loop.time() - command.asked > BEGUN_S

    def _silent(self, session: Run, one: _Owned, alive: set[Ident]) -> bool:
        """Whether the shell says that a command is gone, and the runtime, which would know, does not: then nothing that this shell says is proof.

        Without a terminal what still lives of the command may hold its output, for which the runtime waits.
        """
        waits = not session.tty and not alive.isdisjoint(one.processes)
        return (session.drain.open or session.drain.unheard) and session.drain.exited is None and one.leader not in alive and not waits

    def _why(self, job: Job, key: Ident) -> str:
        if not job.ends:
            return AS_THE_RULE_SAYS
        return REFUSED if key in self._denied else "it was killed and is there still"


def _free(found: Sequence[Family], by_session: dict[int, list[Family]]) -> list[Family]:
    """Those that are nobody's yet. Compared by one process each: with hundreds of commands, whole families compared with one another hold up the loop."""
    taken = {ident(family.first) for families in by_session.values() for family in families}
    return [family for family in found if ident(family.first) not in taken]
