"""The past of an identity on a connection in one line, and the scope of the actions that it really used."""

from collections import Counter

from jitui.policy.policy import suggest
from jitui.policy.scope import Scope, narrower
from jitui.store.archive import Files
from jitui.values.errors import InvalidError

SUGGESTED = 12  # clauses of a narrowed scope at most
TRIED = 200  # that are looked at for it
NAMES = (("READ", "reads"), ("SECRET", "of secrets"), ("EXEC", "execs"), ("CHANGE", "changes"), ("SPAWN", "spawns"), ("ESCAPE", "escapes"))


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
    words = [f"{counts[hazard]} {name}" for hazard, name in NAMES if counts[hazard]]
    words.append(f"{counts['denied']} denied")
    return f"{windows} window{'' if windows == 1 else 's'} in 30 d: {', '.join(words)}", _within(list(clauses), asked)


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
