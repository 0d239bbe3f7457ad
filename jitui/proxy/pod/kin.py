"""The processes of a window's commands as looks saw them while the commands ran, so that what outlives a command is known to be the window's. Pure.

Only an exec begins a process with parent 0 and a session of its own. That it is the exec of a command of the window is certain if it began between the
command's request and end, had the command's words, and no other such process did. What it starts is seen as its child or in its session; a session's number
is not used again while one of its processes lives. Whatever is not seen in one of these ways belongs to nobody.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Final

from jitui.protocol.probe import COMMAND, Process, joined
from jitui.proxy.pod.lineage import TICKS, Before, Family, Ident, ident

MOST: Final = 10_000  # processes of one window in one container that are kept
UNNAMED_S: Final = 10.0  # seconds for which one that is gone is kept though its words are no command's
REUSED: Final = 100  # ticks in which no node begins the 30,000 processes until the number of one is used again
LOOKS: Final = joined(COMMAND)[:100]  # the words of the gateway's own looks begin so
EARLY_S: Final = 1.0  # seconds that the node may take to begin another exec with the same words, which would make it uncertain whose is whose


@dataclass(frozen=True, slots=True)
class Spell:
    """A command, and the time in which its first process began. Loop time."""

    session: int
    argv: tuple[str, ...]
    asked: float
    ended: float | None  # None: it runs
    mine: bool  # of this window
    exited: bool = False  # the runtime has told its end: its first process is gone since
    cut: bool = False  # it may be gone, or may never have begun, and nobody will hear of it


@dataclass(slots=True)
class First:
    """A process that an exec began."""

    ident: Ident
    before: float  # loop time at which it was not there yet
    seen: float  # loop time at which it was
    words: str = ""  # empty: it was not seen with words of its own
    mine: bool = False  # it is certain that a command of the window began it
    session: int = 0  # which; 0: one of several with the same words
    settled: bool = False  # nothing that is still to come changes that
    fitted: bool = False  # a command had its words
    never: set[int] = field(default_factory=set)  # commands that had exited while it lived

    @property
    def came(self) -> bool:
        """Whether somebody saw it come, or it is on record; else it was there at the first look, and may have come at any time before that."""
        return self.before > -math.inf or self.seen == -math.inf


@dataclass(slots=True)
class Kin:
    """Of one window in one container."""

    before: Before = field(default_factory=Before)
    firsts: dict[Ident, First] = field(default_factory=dict)
    _roots: dict[Ident, Ident] = field(default_factory=dict)  # by process the first one that it comes from
    _newest: dict[int, Ident] = field(default_factory=dict)  # by pid
    _sids: dict[Ident, int] = field(default_factory=dict)  # the session that a process was seen in
    _lived: dict[Ident, int] = field(default_factory=dict)  # by the process that began a session the newest tick at which one of that is known to have lived
    _began: dict[int, Ident] = field(default_factory=dict)  # by command its first process, once that is certain: a command begins no other, also later
    _unseen: dict[int, First] = field(default_factory=dict)  # by pid those that were gone when the first of their session was seen; they began before that
    _looked: float = -math.inf  # loop time of the last answer
    _booted: float = math.inf  # loop time at which the node's clock stood at 0, or later

    # -- what is seen ------------------------------------------------------------------------------------------------------

    def see(self, processes: Iterable[Process], now: float) -> None:
        """Processes that are there together, of an answer that came at this loop time; `looked` follows. None is of the gateway's own looks."""
        there = {each.pid: each for each in processes if not each.dead}
        youngest = max((each.start for each in there.values()), default=0)
        for each in there.values():
            if ident(each) in self._roots:
                self._live(each.sid, youngest)
        for each in sorted(there.values(), key=lambda each: (each.start, each.pid)):
            key = ident(each)
            known = self._newest.get(each.pid) == key
            self._newest[each.pid] = key
            self._booted = min(self._booted, now - each.start / TICKS)
            if key in self._roots:
                self._sids[key] = each.sid
            elif (not known or not each.ppid) and key not in self.before.processes and len(self._roots) < MOST:  # a first one begins its session late
                self._place(each, there, now)
                if key in self._roots:
                    self._live(each.sid, youngest)

    def looked(self, at: float) -> None:
        """Whatever is not seen yet was not there at this loop time: the look had not been taken by then."""
        self._looked = max(self._looked, at)

    def clock(self, start: int, at: float) -> None:
        """A process that began at this tick had begun at this loop time: so starts are compared with the times of commands. 0: nobody knows its tick."""
        if start:
            self._booted = min(self._booted, at - start / TICKS)

    def _place(self, each: Process, there: dict[int, Process], now: float) -> None:
        key = ident(each)
        if not each.ppid and each.sid == each.pid != 1:
            self.firsts[key] = First(key, self._looked, now)
            root: Ident | None = key
        else:
            parent = there.get(each.ppid)
            root = self._roots.get(ident(parent)) if parent is not None else None
            root = root or self._of_session(each)
            orphan = each.ppid == 1 or (parent is None and each.ppid > 0)
            if root is None and orphan and self.before.known and each.sid not in {0, 1, each.pid} and not (
                    each.sid in self.before.sids or each.sid in self._newest):
                self._unseen.setdefault(each.sid, First((each.sid, each.start), self._looked, now))
        if root is not None:
            self._roots[key], self._sids[key] = root, each.sid

    def _live(self, sid: int, tick: int) -> None:
        """One of a session was seen, and so the session lived when the youngest process began that the same look saw."""
        began = self._newest.get(sid)
        if began is not None:
            self._lived[began] = max(self._lived.get(began, 0), tick)

    def _of_session(self, each: Process) -> Ident | None:
        """The first process from which the one comes that began its session, unless that may have ended, and its number have been used again."""
        began = self._newest.get(each.sid)
        if began is None or each.start - self._lived.get(began, 0) > REUSED:
            return None
        return self._roots.get(began)

    def heard(self, key: Ident, words: str) -> None:
        """The words of a process that an exec began."""
        first = self.firsts.get(key)
        if first is not None and not first.words:
            first.words = words

    # -- whose it is -------------------------------------------------------------------------------------------------------

    def claim(self, spells: Sequence[Spell], now: float) -> None:
        """Which of them commands of the window began. `spells`: all commands in the container that may have, of every window."""
        if all(first.settled or not first.words for first in self.firsts.values()):
            return
        said, bits = {spell.session: joined(spell.argv) for spell in spells}, {spell.session: 1 << at for at, spell in enumerate(spells)}

        def mask(some: Iterable[Spell]) -> int:
            return reduce(or_, (bits[spell.session] for spell in some), 0)

        fits = self._fits(spells, said)
        masks = {key: mask(fit) for key, fit in fits.items()}
        for key, fit in fits.items():
            self.firsts[key].fitted = self.firsts[key].fitted or bool(fit)
        others = (mask(self._unnamed(first, spells, said)) for first in (*self.firsts.values(), *self._unseen.values()))
        rivals = _rivals(Counter([*masks.values(), *filter(None, others)]))
        early = mask(spell for spell in spells if now - spell.asked <= EARLY_S and not spell.exited)
        for key, fit in fits.items():
            first, (enough, among) = self.firsts[key], rivals[masks[key]]
            if first.settled:
                continue
            first.mine = enough and all(spell.mine for spell in fit) and (key not in self.before.unsure or self._runs(fit, now))
            first.session = fit[0].session if first.mine and len(fit) == 1 else 0
            over = all(spell.ended is not None for spell in fit)
            first.settled = not among & early and ((over and bool(fit)) or now - first.seen > EARLY_S)
            if first.settled and first.session:
                self._began[first.session] = key

    def _runs(self, spells: Iterable[Spell], now: float) -> bool:
        """Whether each has begun for certain, and runs: then its process is there, and was seen."""
        return all(spell.ended is None and now - spell.asked > EARLY_S for spell in spells)

    def _fits(self, spells: Sequence[Spell], said: Mapping[int, str]) -> dict[Ident, list[Spell]]:
        """By first process the commands that may have begun it. `said`: the words of each."""
        by_words: dict[str, list[Spell]] = {}
        for spell in spells:
            by_words.setdefault(said[spell.session], []).append(spell)
        return {key: [spell for spell in by_words.get(first.words, ()) if self._may_be(first, spell)] for key, first in self.firsts.items() if first.words}

    def _unnamed(self, first: First, spells: Iterable[Spell], said: Mapping[int, str]) -> list[Spell]:
        """The commands that may have begun a first process with other words, which perhaps became another program before it was seen, or with none."""
        if first.fitted or first.words.startswith(LOOKS) or not (first.words or first.came or first.ident not in self.firsts):
            return []
        return [spell for spell in spells if said[spell.session] != first.words and self._may_be(first, spell)
                and self._start(first) <= spell.asked + 2 * EARLY_S]  # fmt: skip

    def outlived(self, processes: Iterable[Process], asked: float, spells: Iterable[Spell]) -> None:
        """A first process that lives is of no command whose end the runtime had told before. `processes`: of a look that was asked for at that loop time."""
        alive = {ident(each) for each in processes if not each.dead}
        over = {spell.session for spell in spells if spell.exited and spell.ended is not None and spell.ended <= asked}
        for key, first in self.firsts.items():
            if key in alive and first.words:
                first.never |= over
                if first.session in first.never:
                    self._began.pop(first.session, None)
                    first.mine, first.session = False, 0

    def proved(self, session: int, argv: Sequence[str], key: Ident) -> None:
        """A first process is this command's beyond doubt. So no other is, though it was taken for one of several commands with these words."""
        for other, first in self.firsts.items():
            if other == key:
                first.mine, first.session, first.settled = True, session, True
            elif first.session == session or (first.mine and not first.session and first.words == joined(argv)):
                first.mine, first.session, first.settled = False, 0, False
        self._began[session] = key

    def refuted(self, key: Ident, sessions: Iterable[int]) -> None:
        """A first process is none of these commands'."""
        first = self.firsts.get(key)
        if first is not None:
            first.never |= set(sessions)
            if not first.session or first.session in first.never:
                first.mine, first.session, first.settled = False, 0, False

    def _may_be(self, first: First, spell: Spell) -> bool:
        """Whether it began in the time of the command, and nothing says that this has another one. Its start is counted from the earliest instant that the
        node can have booted, so none is too late.
        """
        if first.ident != self._began.get(spell.session, first.ident) or spell.session in first.never:
            return False
        known = self._began.get(spell.session) == first.ident
        return spell.asked <= self._start(first) and (spell.ended is None or first.before <= spell.ended) and (known or not spell.cut)

    def _start(self, first: First) -> float:
        return self._booted + (first.ident[1] + 1) / TICKS

    def begun(self, asked: float) -> int:
        """How many execs have begun since then, as far as it was seen with which words."""
        return sum(bool(first.words) and self._start(first) >= asked for first in self.firsts.values())

    def judged(self, key: Ident) -> bool:
        """Whether somebody saw a first process come, and it is settled whose it is."""
        first = self.firsts.get(key)
        return first is not None and first.came and first.settled

    def root(self, family: Family) -> Ident | None:
        """The first process that a family comes from, if it is known."""
        roots = {root for each in family.members if (root := self._roots.get(ident(each))) is not None}
        return roots.pop() if len(roots) == 1 else None

    def owner(self, family: Family) -> First | None:
        """The first process that a family comes from, if it is certain that it was the window's."""
        first = self.firsts.get(self.root(family) or (0, 0))
        return first if first is not None and first.mine else None

    def of(self, session: int) -> First | None:
        """The first process of a command."""
        return next((first for first in self.firsts.values() if first.mine and first.session == session), None)

    def others(self, root: Ident) -> list[tuple[int, int, int]]:
        """Pid, start and session of what comes from a first process, without that itself."""
        return sorted((*key, self._sids[key]) for key, other in self._roots.items() if other == root != key)

    # -- what is kept ------------------------------------------------------------------------------------------------------

    def keep(self, processes: Sequence[Process], running: Iterable[Spell]) -> set[Ident]:
        """Forget what is gone, as a look at all processes says; the first processes of which something lives. `running`: commands that go on, or just ended."""
        alive = {ident(each) for each in processes if not each.dead}
        sids = {each.sid for each in processes if not each.dead}
        held = {key for key in self._roots if key in alive or (key[0] in sids and self._newest.get(key[0]) == key)}
        roots = {self._roots[key] for key in held}
        known = list(running)
        words = {joined(spell.argv) for spell in known}
        self._began = {spell.session: self._began[spell.session] for spell in known if spell.session in self._began}
        self._roots = {key: root for key, root in self._roots.items() if key in held}
        self._sids = {key: sid for key, sid in self._sids.items() if key in held}
        self._newest = {pid: key for pid, key in self._newest.items() if key in alive or key in held}
        self._lived = {key: tick for key, tick in self._lived.items() if key in held}
        self._unseen = {pid: first for pid, first in self._unseen.items() if pid in sids}
        self.firsts = {key: first for key, first in self.firsts.items()
                       if key in roots or (not first.settled and (first.words in words or self._looked - first.seen < UNNAMED_S))}  # fmt: skip
        return roots

    def begin_anew(self, start: float) -> None:
        """Forget all that began before this tick: the container was started anew then, and numbers of processes are used again. Infinite: nobody knows when,
        or it is on another node, whose clock is another.
        """
        self.before, self._booted = Before(), self._booted if start < math.inf else math.inf
        self._roots = {key: root for key, root in self._roots.items() if min(key[1], root[1]) >= start}
        self._sids = {key: self._sids[key] for key in self._roots}
        self._newest = {pid: key for pid, key in self._newest.items() if key[1] >= start}
        self._lived = {key: tick for key, tick in self._lived.items() if key in self._roots}
        self.firsts = {key: first for key, first in self.firsts.items() if key[1] >= start}
        self._unseen = {pid: first for pid, first in self._unseen.items() if first.ident[1] >= start}

    def restore(self, session: int, leader: Ident, others: Iterable[tuple[int, int, int]]) -> None:
        """Take over what is on record of a command: its first process, and what came from it (pid, start, session)."""
        self.firsts[leader] = First(leader, -math.inf, -math.inf, mine=True, session=session, settled=True)
        self._began[session] = leader
        for pid, start, sid in [(*leader, leader[0]), *others]:
            self._roots[pid, start], self._sids[pid, start], self._newest[pid] = leader, sid, (pid, start)
            self._live(sid, start)


def _rivals(counts: Mapping[int, int]) -> dict[int, tuple[bool, int]]:
    """Whether there are as many commands as first processes that they may have begun, as each began one at most; and all commands that say so. `counts`: by a
    set of commands, as bits, how many processes any of these may have begun, and no other command.
    """
    found = {}
    for mask in counts:
        rivals = [(other, count) for other, count in counts.items() if other & mask]
        among = reduce(or_, (other for other, _ in rivals), mask)
        within = sum(count for other, count in rivals if not other & ~mask) <= mask.bit_count()
        found[mask] = bool(mask) and within and sum(count for _, count in rivals) <= among.bit_count(), among
    return found
