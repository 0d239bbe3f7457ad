"""Which processes of a container belong to which command, as far as kernel rules prove it. Pure: looks in, names of processes out.

A command's first process has parent 0 and a session of its own; children keep the session, also as orphans, unless they begin one themselves. Nobody can
join a session, so whatever is of a session that was there before the window is not of the window's commands (docs/cluster-behaviour.md, 2).
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from jitui.protocol.probe import Holds, Process
from jitui.values.errors import InvalidError

Ident: TypeAlias = tuple[int, int]  # pid and start: one process
TICKS: Final = 100  # of `start`, a second (USER_HZ)
SLACK_S: Final = 0.05  # a process may seem to have begun so much before it was asked for: by ticks, and by a look that says late that it began
DRIFT: Final = 2e-4  # and by this share of the time since: the clocks of two machines don't run alike
MOST: Final = 10_000  # processes of a baseline that is kept


def ident(process: Process) -> Ident:
    return process.pid, process.start


def session(processes: Iterable[Process], pid: int) -> int:
    """That of a process; of one that is not among them, as if it had begun one."""
    return next((each.sid for each in processes if each.pid == pid), pid)


def outside(processes: Sequence[Process], pid: int) -> list[Process]:
    """Those that are not of a process's session."""
    own = session(processes, pid)
    return [each for each in processes if each.sid != own]


def read(words: Sequence[str]) -> list[tuple[int, int, int]]:
    """Pid, start and session of processes, as facts have them: pid:start:sid of each. Raises InvalidError."""
    try:
        return [(pid, start, sid) for pid, start, sid in (map(int, word.split(":")) for word in words)]
    except ValueError as error:
        raise InvalidError(f"the processes of a fact can't be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Before:
    """The processes that were there before a window's first command. Without `known` nobody looked."""

    processes: frozenset[Ident] = frozenset()
    sids: frozenset[int] = frozenset()
    known: bool = False
    unsure: frozenset[Ident] = frozenset()  # it is not certain whether they began before the command: their words alone make none of them its

    @classmethod
    def of(cls, processes: Iterable[Process], unsure: Iterable[Process] = ()) -> "Before":
        """Of a look, without its own processes."""
        there = [each for each in processes if not each.dead]
        return cls(frozenset(map(ident, there)), frozenset(each.sid for each in there), known=True, unsure=frozenset(map(ident, unsure)))

    @classmethod
    def read(cls, words: Sequence[str]) -> "Before":
        """As a fact has it: pid:start:sid of each. Raises InvalidError."""
        found = read(words)
        return cls(frozenset((pid, start) for pid, start, _ in found), frozenset(sid for _, _, sid in found), known=bool(found))


def written(processes: Iterable[Process]) -> tuple[str, ...]:
    """The processes that `Before.of` takes, in the words that `Before.read` takes; none if there are more than are kept."""
    found = tuple(f"{each.pid}:{each.start}:{each.sid}" for each in processes if not each.dead)
    return found if len(found) <= MOST else ()


@dataclass(frozen=True, slots=True)
class Family:
    """Processes that belong together: one command's, if they are any command's. The oldest is first."""

    members: tuple[Process, ...]

    @property
    def leader(self) -> Process | None:
        """The first process of the command; None once it is gone."""
        return next((each for each in self.members if not each.ppid and each.sid == each.pid), None)

    @property
    def first(self) -> Process:
        return self.leader or self.members[0]

    @property
    def start(self) -> int:
        return self.members[0].start

    @property
    def sids(self) -> frozenset[int]:
        return frozenset(each.sid for each in self.members)


def explained(processes: Sequence[Process], before: Before, own: int, since: int) -> set[int]:
    """The pids that are not of any command since then: what was there, its sessions and children, the look itself, and the container's first process.

    Without a baseline: what is older than `since` (in ticks), and its sessions.
    """
    there = {each.pid: each for each in processes}
    sids = {own} | (before.sids if before.known else {each.sid for each in processes if each.start < since})
    if 1 in there:
        sids.add(there[1].sid)
    known = {each.pid for each in processes
             if each.pid == 1 or each.sid in sids or (ident(each) in before.processes if before.known else each.start < since)}  # fmt: skip
    children: dict[int, list[int]] = {}
    for each in processes:
        children.setdefault(each.ppid, []).append(each.pid)
    todo = [pid for pid in known if pid != 1]  # orphans of anybody have parent 1
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in known:
                known.add(child)
                todo.append(child)
    return known


def families(processes: Sequence[Process], known: Collection[int]) -> list[Family]:
    """The living that are not `known`, put together by parent, session and terminal; the oldest family first.

    Where containers share their processes each has terminals of its own, with the same numbers: two first processes of one number have two terminals.
    """
    left = {each.pid: each for each in processes if each.pid not in known and not each.dead}
    roots = {pid: pid for pid in left}

    def root(pid: int) -> int:
        while roots[pid] != pid:
            roots[pid] = pid = roots[roots[pid]]
        return pid

    first: dict[tuple[str, int], int] = {}
    terminals = Counter(each.tty for each in left.values() if not each.ppid and each.sid == each.pid)
    for pid, each in left.items():
        for key in (("sid", each.sid), *((("tty", each.tty),) if each.tty and terminals[each.tty] < 2 else ())):
            roots[root(pid)] = root(first.setdefault(key, pid))
        if each.ppid in left:
            roots[root(pid)] = root(each.ppid)
    found: dict[int, list[Process]] = {}
    for pid, each in left.items():
        found.setdefault(root(pid), []).append(each)
    made = [Family(tuple(sorted(members, key=lambda each: (each.start, each.pid)))) for members in found.values()]
    return sorted(made, key=lambda family: (family.start, family.first.pid))


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, as far as a look can compare it with a family."""

    session: int
    argv: tuple[str, ...]
    since: int  # the tick before which none of its processes began
    tty: bool
    leader: Ident | None = None  # once it is known
    begun: bool = True  # it has begun for certain, and nobody told its end


def recognised(
    commands: Sequence[Asked], found: Sequence[Family], argv: Mapping[Ident, tuple[str, ...]], root: Callable[[Family], Ident | None],
    unsure: Collection[Ident] = (),
) -> dict[int, Family]:  # fmt: skip
    """By session, the families that nothing but its command explains, without a touch: its leader is known, or was the `root` of what is left; or there is
    one command, which has begun, and one family, whose first process still has the words of the command, and is not `unsure`.
    """
    owned: dict[int, Family] = {}
    free = list(found)
    for command in commands:
        for family in free:
            if command.leader is not None and (
                    command.leader in map(ident, family.members) or (family.leader is None and command.leader == root(family))):
                owned[command.session] = family
                free.remove(family)
                break
    rest = [command for command in commands if command.session not in owned and command.leader is None]
    if len(rest) == 1 and len(free) == 1 and rest[0].begun and fits(rest[0], free[0]):
        leader = free[0].leader
        if leader is not None and argv.get(ident(leader)) == rest[0].argv and ident(leader) not in unsure:
            owned[rest[0].session] = free[0]
    return owned


def fits(command: Asked, family: Family) -> bool:
    """Whether a family may be a command's: it is not older, and its first process has a terminal if the command asked for one."""
    leader = family.leader
    return family.start >= command.since and (leader is None or bool(leader.tty) == command.tty)


def linked(family: Family, found: Sequence[Family], holds: Iterable[Holds], known: Collection[int]) -> list[Family]:
    """Further families that hold the first process's pipes or terminal. One with a first process of its own is another command's.

    A pipe that a process of the container itself holds too is not the command's own, and links nobody.
    """
    by_fd: dict[int, set[int]] = {}
    for held in holds:
        by_fd.setdefault(held.fd, set()).add(held.pid)
    own = {pid for pids in by_fd.values() if not pids & set(known) for pid in pids}
    return [other for other in found if other is not family and other.leader is None and own & {each.pid for each in other.members}]


def parted(processes: Sequence[Process], tick: int, after_s: float, until_s: float) -> tuple[list[Process], list[Process]]:
    """Those that had begun before an instant, and those of which it is not certain. The instant was at least `after_s` seconds and at most `until_s` behind
    that tick, or before it, with less than 0.
    """
    first, last = math.floor(tick + TICKS * after_s), math.ceil(tick + 1 + TICKS * until_s)
    return [each for each in processes if each.start < first], [each for each in processes if first <= each.start < last]


def since(own_start: int, ago_s: float) -> int:
    """The tick so many seconds before the look's own first process began, with the slack: what began earlier was not asked for then."""
    return max(0, own_start - math.ceil(TICKS * (ago_s + SLACK_S + DRIFT * max(0.0, ago_s))))
