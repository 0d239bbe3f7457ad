"""Advice to whoever writes a scope: some clauses match less, or restrict less, than they seem to. `jitui check` prints it."""

from collections.abc import Iterator, Sequence
from typing import Final

from jitui.policy.clause import VERBS, Clause
from jitui.policy.hazard import MILD, Guards, guards, hazard_at, past_star_verb, writes_guarded_out
from jitui.policy.pattern import EVERY, Wild, Word
from jitui.policy.scope import Scope

# These programs run the code that their arguments or their input name: a clause that names one of them restricts nothing once an argument is free.
RUNNERS: Final = frozenset({
    "sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "env", "xargs", "find", "awk", "sed", "vi", "vim", "less", "python", "python3", "perl",
    "ruby", "node", "php", "lua", "sudo", "su", "nohup", "timeout", "nsenter", "chroot", "ssh", "tar",
})  # fmt: skip
SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"})


def advice(scope: Scope, more: Guards = ()) -> tuple[str, ...]:
    """One sentence for each clause that needs a warning. `more`: the namespaces that the rule guards in addition."""
    return tuple(sentence for clause in scope.clauses for sentence in (*_of(clause), *_of_guarded(clause, more)))


def _of_guarded(clause: Clause, more: Guards) -> Iterator[str]:
    """Warns of a preset or a `*` in a guarded namespace, where a write must be named by its verb, kind and namespace."""
    for namespace in clause.namespaces:
        if "*" not in namespace and guards(namespace, more):
            for atom in clause.atoms:
                target = atom.target
                writes = [verb for verb in VERBS if verb in atom.verbs and hazard_at(verb, target.group, target.plural, target.subresource) not in MILD]
                if writes and not writes_guarded_out(clause, atom, namespace):
                    example = f"{writes[0]} {target if target.plural != EVERY else 'pods'} in {namespace}"
                    yield f"{clause}: no * and no preset writes anything in {namespace}; write verbs and kinds out, for instance: {example}"
                    break


def _of(clause: Clause) -> Iterator[str]:
    for atom in clause.atoms:
        target = atom.target
        if not atom.starred or target.plural == EVERY:
            continue
        missing = [verb for verb in VERBS if past_star_verb(verb, target.group, target.plural, target.subresource)]
        if missing:
            what = "nothing" if len(missing) == len(VERBS) else "no write"
            yield f"{clause}: * reaches {what} of {target}; write the verbs out, for instance: {missing[0]} {target}"
    if clause.argv and (said := "; ".join(_of_command(clause, clause.argv))):
        yield f"{clause}: {said}"


def _of_command(clause: Clause, argv: Sequence[Word]) -> Iterator[str]:
    unnamed = next((target for target in clause.targets if not target.container), None)
    if unnamed is not None:
        named = f"exec {unnamed.plural}:{unnamed.name or EVERY}/"
        yield f"for the pod's default container alone; name another one, or any: {named}NAME, {named}*"
    first = argv[0]
    free = any(isinstance(word, Wild) for word in argv)
    program = "" if isinstance(first, Wild) else first.rpartition("/")[2]
    if isinstance(first, Wild):
        yield "any program may be named, so the command bounds nothing; write its first word out"
    elif program in SHELLS and (free or len(argv) == 1):
        yield "a command clause is worth nothing for a shell; write the whole command, or grant exec without one"
    elif program in RUNNERS and free:
        yield f"{program} can run other programs, so a free argument bounds nothing; write the whole command"
