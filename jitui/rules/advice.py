"""What a scope's writer should know: clauses that say less, or hold less, than they seem to. `jitui check` prints it."""

from collections.abc import Iterator
from typing import Final

from jitui.rules.clause import VERBS, Clause
from jitui.rules.hazard import past_star_verb
from jitui.rules.pattern import EVERY, Wild
from jitui.rules.scope import Scope

# programs that run what their arguments or their input say, so naming them bounds nothing once an argument is free
RUNNERS: Final = frozenset({
    "sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "env", "xargs", "find", "awk", "sed", "vi", "vim", "less", "python", "python3", "perl",
    "ruby", "node", "php", "lua", "sudo", "su", "nohup", "timeout", "nsenter", "chroot", "ssh", "tar",
})  # fmt: skip
SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"})


def advice(scope: Scope) -> tuple[str, ...]:
    """One sentence for each clause that deserves one."""
    return tuple(sentence for clause in scope.clauses for sentence in _of(clause))


def _of(clause: Clause) -> Iterator[str]:
    for atom in clause.atoms:
        target = atom.target
        if not atom.starred or target.plural == EVERY:
            continue
        missing = [verb for verb in VERBS if past_star_verb(verb, target.group, target.plural, target.subresource)]
        if missing:
            what = "nothing" if len(missing) == len(VERBS) else "no write"
            yield f"{clause}: * reaches {what} of {target}; write the verbs out, for instance: {missing[0]} {target}"
    if clause.argv:
        first = clause.argv[0]
        free = any(isinstance(word, Wild) for word in clause.argv)
        program = "" if isinstance(first, Wild) else first.rpartition("/")[2]
        if isinstance(first, Wild):
            yield f"{clause}: any program may be named, so the command bounds nothing; write its first word out"
        elif program in SHELLS and (free or len(clause.argv) == 1):
            yield f"{clause}: a command clause is worth nothing for a shell; write the whole command, or grant exec without one"
        elif program in RUNNERS and free:
            yield f"{clause}: {program} can run other programs, so a free argument bounds nothing; write the whole command"
