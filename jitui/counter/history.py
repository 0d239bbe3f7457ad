"""What an identity did on a connection before, in one line, and the scope of what it really used."""

from collections import Counter

from jitui.errors import InvalidError
from jitui.rules.policy import suggest
from jitui.rules.scope import Scope, narrower
from jitui.store.archive import Files

NEWEST = 2000  # actions looked at
SUGGESTED = 12  # clauses of a narrowed scope at most


def history(files: Files, identity: str, connection: str, since_us: int, asked: Scope) -> tuple[str, str]:
    """("3 windows in 30 d: 41 reads, 2 execs, 1 denied", scope of what was used and lies within what is asked now, "" if nothing)."""
    windows = sum(1 for grant in files.grants(identity=identity) if grant.connection == connection and grant.started_us >= since_us)
    rows = [row for row in files.actions(identity=identity, limit=NEWEST) if row.connection == connection and row.at_us >= since_us]
    if not windows and not rows:
        return "nothing in 30 d", ""
    counts: Counter[str] = Counter()
    clauses: dict[str, None] = {}
    for row in rows:
        if row.verdict == "denied":
            counts["denied"] += row.count
            continue
        counts[row.hazard] += row.count
        text = suggest(row.action) if row.action.resource else ""
        if text:
            clauses[text] = None
    words = [f"{counts[hazard]} {name}" for hazard, name in (("READ", "reads"), ("SECRET", "of secrets"), ("EXEC", "execs"), ("CHANGE", "changes"),
                                                             ("SPAWN", "spawns"), ("ESCAPE", "escapes")) if counts[hazard]]  # fmt: skip
    words.append(f"{counts['denied']} denied")
    return f"{windows} window{'' if windows == 1 else 's'} in 30 d: {', '.join(words)}", _within(list(clauses), asked)


def _within(clauses: list[str], asked: Scope) -> str:
    kept = []
    for clause in clauses:
        try:
            if narrower(Scope.parse(clause), asked):
                kept.append(clause)
        except InvalidError:
            continue
    if not kept or len(kept) > SUGGESTED:
        return ""
    return str(Scope.parse("; ".join(kept)))
