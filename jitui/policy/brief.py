"""A scope in little room: the worst clause first, and of what is left out how many clauses and the worst of them.

Whoever decides must not be led past a clause by harmless ones in front of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from jitui.policy.action import Hazard
from jitui.values.errors import InvalidError
from jitui.values.said import clean

Part = tuple[str, str]  # a clause's text and its hazard; foreign both, until they are cleaned
LONGEST: Final = 20_000  # characters: more than any scope that can be asked
RANKS: Final = {hazard.value: hazard.rank for hazard in Hazard}
MEANS: Final[Mapping[str, str]] = {
    "READ": "looks, changes nothing",
    "SECRET": "shows credentials, or what may hold them",
    "EXEC": "runs commands in pods; what it starts there may go on afterwards",
    "CHANGE": "can change what runs; what it changes outlives the window",
    "SPAWN": "may start code with any service account of the namespace, or reach further than its kind says",
    "ESCAPE": "can leave the window or widen rights",
}
TYPED: Final = frozenset({"SPAWN", "ESCAPE"})  # a person says yes to these with the agent's name typed


def parts(scope: str) -> list[Part]:
    """The clauses of a scope's text; as one of unknown hazard if it can't be read."""
    from jitui.policy.hazard import clause_hazard  # noqa: PLC0415 - a command that shows requests alone gets clauses with their hazards
    from jitui.policy.scope import Scope  # noqa: PLC0415

    try:
        return [(clause.text, clause_hazard(clause).value) for clause in Scope.parse(scope).clauses]
    except InvalidError:
        return [(scope, "")]


def worst_first(clauses: Sequence[Part]) -> list[Part]:
    """In falling order of hazard, an unknown one before all; equal ones stay in order."""
    return sorted(clauses, key=lambda part: -RANKS.get(part[1], len(RANKS)))


def tally(clauses: Sequence[Part]) -> str:
    """`15 clauses: 1 CHANGE, 14 READ`."""
    counts = Counter(hazard or "unknown" for _, hazard in worst_first(clauses))
    return f"{len(clauses)} clauses: " + ", ".join(f"{count} {clean(hazard, 10)}" for hazard, count in counts.items())


def brief(clauses: Sequence[Part], room: int, *, measure: Callable[[str], int] = len, cut: Callable[[str, int], str] = clean) -> str:
    """One clean line of at most `room`, as `measure` counts it and `cut` cuts it; what is left out is counted.

    Where the clauses are not all of one hazard each says its own.
    """
    ordered = [(cut(text, LONGEST), clean(hazard, 10)) for text, hazard in worst_first(clauses)]
    mixed = len({hazard for _, hazard in ordered}) > 1
    pieces = [f"{hazard} {text}" if mixed and hazard else text for text, hazard in ordered]
    whole = "; ".join(pieces)
    if measure(whole) <= room:
        return whole
    for shown in range(len(pieces) - 1, 0, -1):
        line = "; ".join(pieces[:shown]) + _left_out(ordered[shown:])
        if measure(line) <= room:
            return line
    tail = _left_out(ordered[1:])
    return cut(pieces[0], max(0, room - measure(tail))) + tail if measure(tail) < room else cut(tail.strip(), room)


def _left_out(rest: Sequence[Part]) -> str:
    """` +14 READ` of what is not shown, the worst first; nothing if nothing is missing."""
    return f" +{len(rest)} {rest[0][1] or 'unknown'}" if rest else ""
