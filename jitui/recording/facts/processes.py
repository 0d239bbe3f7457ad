"""Facts about processes in containers that a window's commands started. The subject is the window's label, g-N; `session` names the command, where known.

A process is `pid` and `start` within one container; a later fact about the same one takes the place of an earlier one (`newest`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from jitui.recording.facts.fact import Fact, Kind
from jitui.recording.facts.payload import Payload, label

ENDED: Final = "ended"  # seen to be gone after it was ended
LEFT: Final = "left"  # it runs on, as the rule says
UNEXPLAINED: Final = "unexplained"  # it runs on, was not there before the window, and can't be tied to a command
NOT_PROVED: Final = "not-proved"  # nobody saw whether it runs on; `why` says why. Its pid is 0 where it was never seen

RUNTIME: Final = "runtime"  # the runtime's own Status came on the command's connection: the first process of the command is dead
GONE: Final = "gone"  # a look at the container after the end did not find it
EXPLAINED: Final = "explained"  # nothing was left there that had not been there before the window


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessesBefore(Payload):
    """The processes of a container before a window's first command there."""

    KIND: ClassVar = Kind.PROCESSES_BEFORE
    grant: Annotated[int, label("g")]
    probe: Annotated[int, label("s")] = 0  # the session that looked; 0: none could be opened
    pod: str  # namespace/name
    pod_uid: str = ""  # empty: the cluster did not say
    container: str
    container_id: str = ""  # empty: the cluster did not say
    processes: tuple[str, ...] = ()  # pid:start:sid, each a decimal number
    took_ms: int = 0
    why: str = ""  # nothing is known of them; empty: these are all


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSeen(Payload):
    """The first process of a command that runs for some time, or has left something, and what comes from it. A later one takes its place."""

    KIND: ClassVar = Kind.PROCESS_SEEN
    grant: Annotated[int, label("g")]
    session: Annotated[int, label("s")]
    pod: str  # namespace/name
    pod_uid: str = ""  # empty: the cluster did not say
    container: str
    container_id: str = ""  # empty: the cluster did not say
    pid: int
    start: int  # clock ticks since the boot of its node
    processes: tuple[str, ...] = ()  # the others, pid:start:sid, each a decimal number


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTold(Payload):
    """The content of both facts about one process."""

    grant: Annotated[int, label("g")]
    session: Annotated[int, label("s")] = 0  # the command that it belongs to; 0: nobody knows
    pod: str  # namespace/name
    pod_uid: str = ""  # empty: the cluster did not say
    container: str
    container_id: str = ""  # empty: the cluster did not say
    pid: int = 0  # in the container; 0: it was never seen
    start: int = 0  # clock ticks since the boot of its node: with the pid it names one process
    argv: tuple[str, ...] = ()  # as it stands in the container, where the process may write anything there; of an unseen one the command's
    state: str  # ended, left, unexplained, not-proved
    proof: tuple[str, ...] = ()  # of runtime, gone, explained
    took_ms: int = 0  # from the mute to the last look
    why: str = ""  # of all states but ended: one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnded(ProcessTold):
    """A process that a command of the window started is gone, as `proof` says."""

    KIND: ClassVar = Kind.PROCESS_ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLeft(ProcessTold):
    """A process may run on after the window's command; nobody claims that it ended."""

    KIND: ClassVar = Kind.PROCESS_LEFT


OF_PROCESSES: Final = (ProcessEnded, ProcessLeft)


def newest(facts: Iterable[Fact]) -> list[ProcessTold]:
    """The last word about each process, in the order of the first, from the facts about one window in their order. Other kinds are passed over.

    A command whose process was never seen (pid 0) is one of its own, until a process of the same command is told of.
    """
    kinds = {cls.KIND: cls for cls in OF_PROCESSES}
    found: dict[tuple[str, str, int, int, int], ProcessTold] = {}
    for fact in facts:
        cls = kinds.get(fact.kind)
        if cls is None:
            continue
        told = cls.of(fact)
        if told.pid:
            found.pop((told.pod_uid, told.container, 0, 0, told.session), None)
        found[told.pod_uid, told.container, told.pid, told.start, 0 if told.pid else told.session] = told
    return list(found.values())
