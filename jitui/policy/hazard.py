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
MILD: Final = frozenset({Hazard.READ, Hazard.SECRET})  # the hazards that write nothing
LOOKS: Final = frozenset({"", "status", "scale"})  # the subresources that are READ where the table does not know the kind

Guards = tuple[str, ...]  # namespaces that a rule guards besides GUARDED, or patterns of them


def guards(namespace: str, more: Guards = ()) -> bool:
    """Whether a namespace is guarded, by its name."""
    return namespace in GUARDED or (bool(namespace) and any(matches(pattern, namespace) for pattern in more))


def past_star_kind(verb: str, group: str, resource: str) -> bool:
    """Whether the plural `*` does not reach this verb and kind: a clause must name the kind."""
    return (group, resource) in UNREACHED or hazard_at(verb, group, resource, "") in OUT


def past_star_verb(verb: str, group: str, resource: str, subresource: str) -> bool:
    """Whether the verb `*` does not reach this although the clause names the kind: it must name the verb, too."""
    return (not subresource and (group, resource) in UNREACHED) or hazard_at(verb, group, resource, subresource) in OUT


def may_create(action: Action) -> bool:
    """Whether the action creates its object if there is none, although its verb is patch or update."""
    return action.apply or (action.verb == "update" and not action.subresource and (action.group, action.resource) in MADE_BY_PUT)


def guarded_name(action: Action) -> str:
    """The namespace that an action is in. A namespace itself counts as inside it: `namespaces:web` is in web, as in RequestInfo."""
    return action.name if (action.resource, action.group) == ("namespaces", "") else action.namespace


def is_guarded(action: Action, more: Guards = ()) -> bool:
    """Whether the action writes in a guarded namespace, or the namespace itself. Exec, attach, port-forward and proxy count as writes."""
    name = action.namespace if action.resource != "namespaces" else guarded_name(action)  # hot path: one call less for most requests
    if name not in GUARDED and not (more and guards(name, more)):
        return False
    return _plain(action) not in MILD


def is_everywhere(action: Action) -> bool:
    """Whether the action writes across all namespaces, guarded ones included, if its kind is namespaced. Only reads may cross namespaces."""
    return not action.namespace and _plain(action) not in MILD


def writes_guarded_out(clause: Clause, atom: Atom, namespace: str) -> bool:
    """Whether the clause covers writes in a guarded namespace: it is no preset, and it names verb, kind and namespace without a `*`."""
    if clause.preset or atom.starred or atom.target.plural == EVERY:
        return False
    return namespace in atom.namespaces or ((atom.target.plural, atom.target.group) == ("namespaces", "") and atom.target.name == namespace)


def hazard_of(action: Action, more: Guards = ()) -> Hazard:
    """The hazard of an action. `more`: the namespaces that the rule guards in addition."""
    hazard = _plain(action)
    return hazard if hazard in MILD or not is_guarded(action, more) else Hazard.ESCAPE


def clause_hazard(clause: Clause, more: Guards = ()) -> Hazard:
    """The worst hazard that the clause allows."""
    return max(clause_hazards(clause, more), key=lambda hazard: hazard.rank, default=Hazard.READ)  # empty: its `*` reaches nothing


@lru_cache(maxsize=4096)
def clause_hazards(clause: Clause, more: Guards = ()) -> frozenset[Hazard]:
    """Every hazard that the clause allows; automatic approval wants them all named."""
    found = {path_hazard("get", path) for path in clause.paths}
    for atom in clause.atoms:
        plain = set(_atom_hazards(atom))
        guarded = [name for name in atom.namespaces if "*" not in name and guards(name, more)]
        if guarded and not plain <= MILD:  # in a guarded namespace a write is ESCAPE, or not allowed at all
            if any(writes_guarded_out(clause, atom, name) for name in guarded):
                found.add(Hazard.ESCAPE)
            if len(guarded) == len(atom.namespaces):
                plain &= MILD
        found |= plain
    return frozenset(found)


class Clauses(Protocol):
    """The part of a Scope that this module uses (scope.py imports this module)."""

    @property
    def clauses(self) -> tuple[Clause, ...]: ...


def scope_hazard(scope: Clauses, more: Guards = ()) -> Hazard:
    """The worst hazard of all clauses."""
    return max((clause_hazard(clause, more) for clause in scope.clauses), key=lambda hazard: hazard.rank)


def scope_hazards(scope: Clauses, more: Guards = ()) -> frozenset[Hazard]:
    """Every hazard that the scope allows."""
    return frozenset(hazard for clause in scope.clauses for hazard in clause_hazards(clause, more))


def path_hazard(verb: str, path: str) -> Hazard:
    """The hazard of a path or of a pattern of paths. A pattern with a `*` in its first segment reaches only the paths that everybody may read."""
    if verb not in READ:
        return Hazard.CHANGE
    first = path[1:].partition("/")[0]
    return Hazard.READ if "*" in first or first in PLAIN_PATHS else Hazard.SECRET


def hazard_at(verb: str, group: str, resource: str, subresource: str) -> Hazard:
    """The hazard of a verb on a kind in any namespace; `apply` counts as a verb. It is not cached: the words come from requests and may be long."""
    found = row(verb, group, resource, subresource)
    if found is not None:
        return found[0]
    if verb in RBAC_VERBS:
        return Hazard.ESCAPE
    if (group, resource, subresource) in BY_KIND:
        return Hazard.READ if verb in READ else Hazard.SPAWN
    if subresource == "proxy":  # Karmada and others serve it for clusters and gateways: it reaches anything behind them
        return Hazard.ESCAPE
    if verb in READ:  # any other subresource may give access: a console, a terminal
        return Hazard.READ if subresource in LOOKS else Hazard.EXEC
    return Hazard.SPAWN


def _plain(action: Action) -> Hazard:
    """The hazard of an action, whatever its namespace."""
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
