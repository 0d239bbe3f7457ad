"""How much an action can hurt: the table's row for its kind and verb, and beside the table guarded namespaces, paths, and kinds that the table does not know.

Hazards feed badges, keys, timeline marks, Changes and automatic approval. A workload's creation is SPAWN: it starts code with any service account of the
namespace. A patch or an update of a workload that exists is CHANGE, as the screens show it. A server-side apply creates what is missing, so on a workload
it is SPAWN. Any write of a kind that the table does not know is SPAWN: an operator may start anything because of it, or a policy may be gone.

In a guarded namespace the cluster's own programs run, under service accounts that may do what the agent may not; the credentials, the leader's leases and,
on EKS, the map of roles to users are there. Whatever is written there is ESCAPE, an exec too, and only a clause that writes out verb, kind and namespace
covers it.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Protocol

from jitui.policy.action import Action, Hazard
from jitui.policy.clause import RBAC_VERBS, Atom, Clause
from jitui.policy.pattern import EVERY, matches
from jitui.policy.table import BY_KIND, MADE_BY_PUT, OUT, PLAIN_PATHS, READ, UNREACHED, row

GUARDED: Final = frozenset({"kube-system", "kube-node-lease", "kube-public"})
MILD: Final = frozenset({Hazard.READ, Hazard.SECRET})  # writes nothing
LOOKS: Final = frozenset({"", "status", "scale"})  # of a kind that the table does not know, what is only looked at by reading it

Guards = tuple[str, ...]  # namespaces that a rule guards besides GUARDED, or patterns of them


def guards(namespace: str, more: Guards = ()) -> bool:
    """Whether this namespace, by its name, is one of those."""
    return namespace in GUARDED or (bool(namespace) and any(matches(pattern, namespace) for pattern in more))


def past_star_kind(verb: str, group: str, resource: str) -> bool:
    """Whether the plural `*` does not reach this: it must be written out."""
    return (group, resource) in UNREACHED or hazard_at(verb, group, resource, "") in OUT


def past_star_verb(verb: str, group: str, resource: str, subresource: str) -> bool:
    """Whether the verb `*` does not reach this, though the kind is written out: so must the verb be."""
    return (not subresource and (group, resource) in UNREACHED) or hazard_at(verb, group, resource, subresource) in OUT


def may_create(action: Action) -> bool:
    """Whether it creates what it names where there is nothing, though its verb is patch or update."""
    return action.apply or (action.verb == "update" and not action.subresource and (action.group, action.resource) in MADE_BY_PUT)


def guarded_name(action: Action) -> str:
    """The namespace in which it acts, or which it is: `namespaces:web` is in web, as RequestInfo has it too."""
    return action.name if (action.resource, action.group) == ("namespaces", "") else action.namespace


def is_guarded(action: Action, more: Guards = ()) -> bool:
    """Whether it writes in a guarded namespace, or the namespace itself; an exec, an attach, a port-forward and a proxy count as written."""
    name = action.namespace if action.resource != "namespaces" else guarded_name(action)  # of every request: no call where none is needed
    if name not in GUARDED and not (more and guards(name, more)):
        return False
    return _plain(action) not in MILD


def is_everywhere(action: Action) -> bool:
    """Whether it writes across all namespaces, the guarded ones included, if its kind lives in namespaces. Only lists and watches are meant to."""
    return not action.namespace and _plain(action) not in MILD


def writes_guarded_out(clause: Clause, atom: Atom, namespace: str) -> bool:
    """Whether the clause means that namespace: no preset, and neither verb, kind nor namespace by a `*`."""
    if clause.preset or atom.starred or atom.target.plural == EVERY:
        return False
    return namespace in atom.namespaces or ((atom.target.plural, atom.target.group) == ("namespaces", "") and atom.target.name == namespace)


def hazard_of(action: Action, more: Guards = ()) -> Hazard:
    """`more`: what the rule guards besides."""
    hazard = _plain(action)
    return hazard if hazard in MILD or not is_guarded(action, more) else Hazard.ESCAPE


def clause_hazard(clause: Clause, more: Guards = ()) -> Hazard:
    """The worst that the clause allows."""
    return max(clause_hazards(clause, more), key=lambda hazard: hazard.rank, default=Hazard.READ)  # none: its `*` reaches nothing


@lru_cache(maxsize=4096)
def clause_hazards(clause: Clause, more: Guards = ()) -> frozenset[Hazard]:
    """Every hazard that the clause allows; automatic approval wants them all named."""
    found = {path_hazard("get", path) for path in clause.paths}
    for atom in clause.atoms:
        plain = set(_atom_hazards(atom))
        guarded = [name for name in atom.namespaces if "*" not in name and guards(name, more)]
        if guarded and not plain <= MILD:  # there it is ESCAPE, or not allowed at all
            if any(writes_guarded_out(clause, atom, name) for name in guarded):
                found.add(Hazard.ESCAPE)
            if len(guarded) == len(atom.namespaces):
                plain &= MILD
        found |= plain
    return frozenset(found)


class Clauses(Protocol):
    """A Scope, for what is asked of it here."""

    @property
    def clauses(self) -> tuple[Clause, ...]: ...


def scope_hazard(scope: Clauses, more: Guards = ()) -> Hazard:
    """The worst of the clauses."""
    return max((clause_hazard(clause, more) for clause in scope.clauses), key=lambda hazard: hazard.rank)


def scope_hazards(scope: Clauses, more: Guards = ()) -> frozenset[Hazard]:
    """Every hazard that the scope allows."""
    return frozenset(hazard for clause in scope.clauses for hazard in clause_hazards(clause, more))


def path_hazard(verb: str, path: str) -> Hazard:
    """Of a path, or of a pattern of paths: one whose first segment has a `*` reaches plain paths alone."""
    if verb not in READ:
        return Hazard.CHANGE
    first = path[1:].partition("/")[0]
    return Hazard.READ if "*" in first or first in PLAIN_PATHS else Hazard.SECRET


def hazard_at(verb: str, group: str, resource: str, subresource: str) -> Hazard:
    """Of a verb on a kind, wherever that is; `apply` is a verb here. Remembers nothing: the words come from requests, and may be long."""
    found = row(verb, group, resource, subresource)
    if found is not None:
        return found[0]
    if verb in RBAC_VERBS:
        return Hazard.ESCAPE
    if (group, resource, subresource) in BY_KIND:
        return Hazard.READ if verb in READ else Hazard.SPAWN
    if subresource == "proxy":  # of clusters and gateways, as Karmada and others have it: whatever stands behind
        return Hazard.ESCAPE
    if verb in READ:  # any other subresource may be a way in: a console, a terminal
        return Hazard.READ if subresource in LOOKS else Hazard.EXEC
    return Hazard.SPAWN


def _plain(action: Action) -> Hazard:
    """Wherever it is."""
    if not action.resource:
        return path_hazard(action.verb, action.path)
    return hazard_at("apply" if action.apply else action.verb, action.group, action.resource, action.subresource)


def _atom_hazards(atom: Atom) -> Iterator[Hazard]:
    target = atom.target
    for verb in atom.verbs:
        if atom.starred and target.plural != EVERY and past_star_verb(verb, target.group, target.plural, target.subresource):
            continue
        yield hazard_at(verb, target.group, target.plural, target.subresource)
        if target.plural == EVERY:
            for group, resource, subresource in BY_KIND:
                if not subresource and target.group in {"", group} and not past_star_kind(verb, group, resource):
                    yield hazard_at(verb, group, resource, "")
