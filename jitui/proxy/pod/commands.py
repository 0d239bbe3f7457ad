"""The commands of windows in a container, and the job to end those of one window there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from jitui.proxy.drain import Drain
from jitui.proxy.pod.kin import Kin, Spell
from jitui.proxy.pod.lineage import Before, Ident
from jitui.proxy.pod.look import Identity, Place
from jitui.recording.facts import ProcessEnded, ProcessLeft, ProcessTold
from jitui.recording.facts.processes import ENDED, GONE, NOT_PROVED, RUNTIME

YOUNG_S: Final = 3.0  # seconds for which a command that was asked for may not have begun, on a node with too much to do


class Run(Protocol):
    """The session of a command, as far as its end in the pod asks it."""

    @property
    def id(self) -> int: ...

    @property
    def argv(self) -> tuple[str, ...]: ...

    @property
    def tty(self) -> bool: ...

    @property
    def stdin(self) -> bool: ...

    @property
    def drain(self) -> Drain: ...

    may_run_on: int


@dataclass(slots=True)
class Command:
    """One exec of a window, as long as something of it may run."""

    session: Run
    place: Place
    asked: float  # loop time: none of its processes began before
    leader: Ident | None = None
    over: bool = False  # its session has ended
    forced: bool = False  # by the gateway
    ended: float | None = None  # loop time of the end of its session
    exited: bool = False  # the runtime has told its end
    lost: bool = False  # with an earlier gateway: nobody knows when its connection was closed
    watched: bool = False  # its first process is known, or was awaited long enough
    looked: bool = False  # the container was looked at behind its end

    @property
    def live(self) -> bool:
        return not self.over

    def spell(self, *, mine: bool) -> Spell:
        """The same for `Kin`. `mine`: of the window that it is of."""
        return Spell(self.session.id, self.session.argv, self.asked, self.ended, mine, self.exited, self.cut)

    @property
    def unheard(self) -> bool:
        """Whether the runtime did not tell its end, and its connection is closed, so that nobody will hear of it."""
        drain = self.session.drain
        return self.over and not self.exited and not drain.open and drain.exited is None

    @property
    def cut(self) -> bool:
        """Whether nobody heard of its end, and it may be gone, or may never have begun: its input ended with its connection, or that was closed at once."""
        at_once = self.ended is not None and self.ended - self.asked <= YOUNG_S and not self.lost
        return self.unheard and (at_once or (self.session.stdin and not self.session.tty))


@dataclass(slots=True)
class Job:
    """The commands of one window in one container that are to be ended now."""

    grant: int
    commands: list[Command]  # perhaps none: all of its commands ended by themselves
    first: float  # loop time of the window's first command in the container
    began: float  # loop time of the mute
    before: Before
    ends: bool  # their processes are ended; else they are left to run on, as the rule says
    last: bool = False  # the window has ended: nothing more of it will come
    kin: Kin = field(default_factory=Kin)  # of the window
    spells: list[Spell] = field(default_factory=list)  # the commands in the container, of every window
    told: list[ProcessTold] = field(default_factory=list)  # its outcome


@dataclass(slots=True)
class Several:
    """Commands of one window with the same words, of which nobody can say which began a process (a Run)."""

    id: int = 0
    argv: tuple[str, ...] = ()
    tty: bool = False
    stdin: bool = False
    may_run_on: int = 0
    drain: Drain = field(default_factory=Drain)


def told_of(place: Place, where: Identity) -> dict[str, str]:
    """Which container facts are about."""
    return {"pod": f"{place.namespace}/{place.pod}", "pod_uid": where.uid, "container": place.container or where.only, "container_id": where.container_id}


def unseen(job: Job, place: Place, where: Identity, took_ms: int, why: str) -> list[ProcessTold]:
    """The outcomes in a container that nobody could look into: for each command the runtime's word; and at a window's end that nobody knows whether its
    finished commands left something.
    """
    told: list[ProcessTold] = []
    at: dict[str, Any] = {"grant": job.grant, "took_ms": took_ms, **told_of(place, where)}
    for command in job.commands:
        session = command.session
        mine = {**at, "session": session.id, "argv": session.argv}
        if where.gone:
            session.may_run_on = 0
            told.append(ProcessEnded(**mine, state=ENDED, proof=(GONE,), why=why))
        elif session.drain.exited is not None:
            session.may_run_on = 0
            told.append(ProcessEnded(**mine, state=ENDED, proof=(RUNTIME,)))
        elif command.forced or session.may_run_on:
            session.may_run_on = 1
            told.append(ProcessLeft(**mine, state=NOT_PROVED, why=why))
    if job.last and not where.gone and all(each.state == ENDED for each in told):  # commands that ended by themselves may have left something there
        told.append(ProcessLeft(**at, state=NOT_PROVED, why=why))
    return told


def foremost(told: Sequence[ProcessTold], most: int) -> list[ProcessTold]:
    """At most `most` of the outcomes: first those that may run on, then one of each command, so that no command seems unknown because others have many."""
    seen, first, more = set[int](), list[ProcessTold](), list[ProcessTold]()
    for each in told:
        if each.state != ENDED:
            seen.add(each.session)
    for each in told:
        if each.state == ENDED:
            (more if each.session in seen else first).append(each)
            seen.add(each.session)
    return [*(each for each in told if each.state != ENDED), *first, *more][:most]
