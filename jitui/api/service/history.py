"""The past of an identity on a connection in one line, and the scope of the actions that it really used."""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final

from jitui.api.outcome import count
from jitui.policy.policy import suggest
from jitui.policy.scope import Scope, narrower
from jitui.policy.terms import Request
from jitui.recording.facts import Fact
from jitui.recording.objects.writes import Effect
from jitui.store.archive import Files
from jitui.store.bus import Bus
from jitui.store.listing import ROWS
from jitui.store.residue import Residue, residue
from jitui.values.errors import InvalidError
from jitui.values.instant import Instant

BEFORE_US: Final = 30 * 86_400_000_000
KEPT: Final = 1000  # identities whose histories are remembered
FRESH_US: Final = 10_000_000  # plain requests are no facts: a history is read again after so long
SUGGESTED = 12  # clauses of a narrowed scope at most
WINDOWS: Final = 20  # of an identity, among which its last one on a connection is looked for
LOOKED: Final = 16 << 20  # bytes of the record that are read for what a window left
NAMED: Final = 3  # objects
ONE: Final = {"ephemeral containers": "ephemeral container", "processes": "process", "credentials seen": "credential seen", "copies": "copy"}
TRIED = 200  # that are looked at for it
NAMES: Final = (("READ", "read"), ("SECRET", ""), ("EXEC", "exec"), ("CHANGE", "change"), ("SPAWN", "spawn"), ("ESCAPE", "escape"))


@dataclass(frozen=True, slots=True)
class _Known:
    read_us: int  # boot clock
    told: tuple[str, str]


class Histories:
    """The histories of one gateway's identities, each read from the files once, until a fact of the identity is committed or FRESH_US have passed."""

    def __init__(self, files: Files, bus: Bus) -> None:
        self._files = files
        self._left: OrderedDict[str, str] = OrderedDict()  # by grant's label, until a fact tells more of it
        self._known: OrderedDict[str, dict[tuple[str, str], _Known]] = OrderedDict()  # by identity: by connection and scope
        bus.hear(self._heard)

    def _heard(self, fact: Fact) -> None:
        self._known.pop(fact.who, None)
        self._known.pop(fact.identity, None)
        self._left.pop(fact.subject, None)

    def known(self, request: Request, now: Instant) -> tuple[str, str] | None:
        """The result of `read`, if it is known already."""
        found = self._known.get(request.identity, {}).get((request.connection, str(request.scope)))
        return found.told if found is not None and now.boot_us - found.read_us < FRESH_US else None

    def read(self, request: Request, now: Instant) -> tuple[str, str]:
        """The line and the scope of `history`, out of the files: for a thread. Facts that come meanwhile make the loop forget it."""
        kept = self._known.setdefault(request.identity, {})
        told = history(self._files, request.identity, request.connection, now.wall_us - BEFORE_US, request.scope)
        kept[request.connection, str(request.scope)] = _Known(now.boot_us, told)  # into a dictionary that was dropped if a fact came meanwhile
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return told

    def left(self, identity: str, connection: str) -> str:
        """One line of what the identity's last window on the connection left, out of the record: for a thread. Empty if it left nothing."""
        ended = [grant for grant in self._files.grants(identity=identity, limit=WINDOWS) if grant.connection == connection and grant.ended_us]
        newest = ended[-1] if ended else None
        if newest is None:
            return ""
        found = self._left.get(newest.label)
        if found is None:
            found = self._left[newest.label] = still(residue(self._files, newest.id, budget=LOOKED), newest.label)
            while len(self._left) > KEPT:
                self._left.popitem(last=False)
        return found


def still(found: Residue, grant: str) -> str:
    """`g-17 left 2 objects (deployments.apps web/web, configmaps web/c), 1 deleted, 1 credential seen`; whether objects exist was not looked at."""
    kept = [each.ref for each in found.touched if each.effect is not Effect.DELETED]
    gone = [each for each in found.touched if each.effect is Effect.DELETED and each.first.write.effect is not Effect.CREATED]
    names = ", ".join(f"{ref.kind} {ref.namespace}/{ref.name}" for ref in kept[:NAMED]) + (" and more" if len(kept) > NAMED else "")
    counts = [(len(kept), f"object{'' if len(kept) == 1 else 's'} ({names})"), (len(gone), "deleted"), (len(found.ephemeral), "ephemeral containers"),
              (len(found.processes), "processes"), (len(found.seen), "credentials seen"), (len(found.copies), "copies")]  # fmt: skip
    parts = [f"{number} {ONE.get(words, words) if number == 1 else words}" for number, words in counts if number]
    return f"{grant} left {', '.join(parts)}" if parts else ""


def history(files: Files, identity: str, connection: str, since_us: int, asked: Scope) -> tuple[str, str]:
    """("3 windows in 30 d: 41 reads, 2 execs, 1 denied", scope of what was used and lies within what is asked now, "" if nothing)."""
    windows, rows = files.past(identity, connection, since_us)
    if not windows and not rows:
        return "nothing in 30 d", ""
    counts: Counter[str] = Counter()
    clauses: dict[str, None] = {}
    for row in rows:
        if row.verdict == "denied":
            counts["denied"] += row.count
            continue
        counts[row.hazard] += row.count
        if row.action.resource and len(clauses) < TRIED and (text := suggest(row.action)):
            clauses[text] = None
    words = [count(counts[hazard], name) if name else f"{counts[hazard]} of secrets" for hazard, name in NAMES if counts[hazard]]
    words.append(f"{counts['denied']} denied")
    newest = f" (of the newest {ROWS} requests)" if rows.older else ""
    return f"{windows} window{'' if windows == 1 else 's'} in 30 d: {', '.join(words)}{newest}", _within(list(clauses), asked)


def _within(clauses: list[str], asked: Scope) -> str:
    """One scope of those that lie within what is asked; empty if there are none, or too many to be of use."""
    kept: list[str] = []
    for clause in clauses:
        try:
            if narrower(Scope.parse(clause), asked):
                kept.append(clause)
        except InvalidError:
            continue
        if len(kept) > SUGGESTED:
            return ""
    return str(Scope.parse("; ".join(kept))) if kept else ""
