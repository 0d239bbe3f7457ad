"""A scope is the part of a connection that a grant covers: a union of clauses. It matches actions and compares with other scopes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from jitui.policy import grammar
from jitui.policy.action import Action
from jitui.policy.clause import Atom, Clause
from jitui.policy.hazard import (
    MILD,
    Guards,
    guarded_name,
    guards,
    hazard_at,
    is_everywhere,
    is_guarded,
    may_create,
    past_star_kind,
    past_star_verb,
    path_hazard,
    writes_guarded_out,
)
from jitui.policy.pattern import EVERY, argv_contains, argv_matches, contains, matches
from jitui.policy.table import OUT
from jitui.values.errors import InvalidError

__all__ = ["Clause", "Kinds", "Scope", "narrower"]


class Kinds(Protocol):
    """The kinds that the cluster serves, from the gateway's own copy of its discovery."""

    def namespaced(self, group: str, resource: str) -> bool | None:
        """Whether a kind is namespaced; None if there is no such kind (the action is then denied)."""


Row = tuple[Atom, Clause]


@dataclass(frozen=True, slots=True)
class Scope:
    """A union of clauses. Its text, `str(scope)`, reads back as an equal scope."""

    clauses: tuple[Clause, ...]
    _written: dict[tuple[str, str, str, str], list[Row]] = field(init=False, repr=False, compare=False)  # by verb, group, resource, subresource
    _starred: dict[str, list[Row]] = field(init=False, repr=False, compare=False)  # by verb: the plural is "*"
    _text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        written: dict[tuple[str, str, str, str], list[Row]] = {}
        starred: dict[str, list[Row]] = {}
        for clause in self.clauses:
            for atom in clause.atoms:
                target = atom.target
                for verb in atom.verbs:
                    if target.plural == EVERY:
                        starred.setdefault(verb, []).append((atom, clause))
                    elif not (atom.starred and past_star_verb(verb, target.group, target.plural, target.subresource)):
                        written.setdefault((verb, target.group, target.plural, target.subresource), []).append((atom, clause))
        object.__setattr__(self, "_written", written)
        object.__setattr__(self, "_starred", starred)
        object.__setattr__(self, "_text", "; ".join(clause.text for clause in self.clauses))

    @classmethod
    def parse(cls, text: str | Sequence[str]) -> "Scope":
        """A scope from its text, or from a list of clauses (YAML). Raises InvalidError with the position in the text, and a hint."""
        if isinstance(text, str):
            return cls(grammar.parse(text))
        if not text:
            raise InvalidError(f"scope without a clause; it never means everything: write clauses, or a preset: {grammar.PRESET_WORDS}")
        found: dict[Clause, None] = {}
        for number, part in enumerate(text, 1):
            found.update(dict.fromkeys(grammar.parse(part, f"scope, clause {number}")))
        return cls(tuple(found))

    def __str__(self) -> str:
        return self._text

    def allows(self, action: Action, kinds: Kinds, more: Guards = ()) -> Clause | None:
        """The clause that covers the action, or None. An action that creates a missing object, as a server-side apply, must be covered as create too.

        `more`: the namespaces that the rule guards in addition to those that are always guarded.
        """
        if not action.resource:
            return self._allows_path(action)
        namespaced = kinds.namespaced(action.group, action.resource)
        if namespaced is None:
            return None
        guarded = is_guarded(action, more) if action.namespace or not namespaced else is_everywhere(action)
        clause = self._allows(action, action.verb, namespaced, guarded)
        if clause is not None and may_create(action) and self._allows(action, "create", namespaced, guarded) is None:
            return None
        return clause

    def _allows(self, action: Action, verb: str, namespaced: bool, guarded: bool) -> Clause | None:
        for atom, clause in self._written.get((verb, action.group, action.resource, action.subresource), ()):
            if _fits(atom, action, namespaced) and (not guarded or writes_guarded_out(clause, atom, guarded_name(action))):
                return clause
        if guarded or action.subresource or verb not in self._starred or past_star_kind(verb, action.group, action.resource):
            return None
        for atom, clause in self._starred[verb]:
            if atom.target.group in {"", action.group} and _fits(atom, action, namespaced):
                return clause
        return None

    def covers(self, clause: Clause, more: Guards = ()) -> bool:
        """Whether everything that the clause allows is proved to be allowed by this scope."""
        if clause in self.clauses:
            return True
        outer = [path for each in self.clauses for path in each.paths]
        return all(any(_path_inside(inner, path) for path in outer) for inner in clause.paths) and all(
            self._covers(clause, atom, verb, namespace, more) for atom in clause.atoms for verb, namespace in _pieces(atom)
        )

    def _covers(self, clause: Clause, atom: Atom, verb: str, namespace: str, more: Guards) -> bool:
        target = atom.target
        every = target.plural == EVERY
        if not every:
            rows = self._written.get((verb, target.group, target.plural, target.subresource), ())
            if name := _guarded_name(atom, verb, namespace, more):
                # a clause that does not mean the guarded namespace reaches nothing there, so there is nothing to contain
                return not writes_guarded_out(clause, atom, name) or any(
                    writes_guarded_out(meant, outer, name) and _inside(atom, namespace, outer) for outer, meant in rows
                )
            if any(_inside(atom, namespace, outer) for outer, _ in rows):
                return True
        if target.subresource or (not every and past_star_kind(verb, target.group, target.plural)):
            return False
        return any(outer.target.group in {"", target.group} and _inside(atom, namespace, outer) for outer, _ in self._starred.get(verb, ()))

    def _allows_path(self, action: Action) -> Clause | None:
        if action.verb != "get":
            return None
        return next((clause for clause in self.clauses if any(_path_inside(action.path, path) for path in clause.paths)), None)


def _fits(atom: Atom, action: Action, namespaced: bool) -> bool:
    """Whether an atom covers the action's name, namespace and command; verb and kind were looked up before."""
    name = atom.target.name
    if name and not (action.name and matches(name, action.name)):
        return False
    namespace = action.namespace
    if namespaced:
        if namespace not in atom.namespaces and not any(
            pattern == EVERY or (namespace and "*" in pattern and matches(pattern, namespace)) for pattern in atom.namespaces
        ):
            return False
    elif atom.namespaces or (namespace and (action.resource != "namespaces" or action.group or namespace != action.name)):
        return False  # RequestInfo gives a request for a namespace that namespace's name as its namespace, too
    if (atom.target.container or atom.argv is not None) and not _runs_in(atom.container, action):
        return False
    return atom.argv is None or (not action.stdin and not action.tty and argv_matches(atom.argv, action.argv))


def _runs_in(container: str, action: Action) -> bool:
    """Whether the clause covers the request's container. The API server sends a request without one to the pod's only container, or refuses it."""
    if not container:
        return not action.container or action.default
    if container == EVERY:
        return True
    return bool(action.container) and matches(container, action.container)


@lru_cache(maxsize=1024)
def narrower(a: Scope, b: Scope, more: Guards = ()) -> bool:
    """Whether b allows everything that a allows, where a rule guards `more` in addition. The answer is False if it can't be proved.

    Proved piece by piece: each verb on each target in each namespace of a lies inside one piece of b, whichever clause it is in.
    """
    return all(b.covers(clause, more) for clause in a.clauses)


def wider_clause(a: Scope, b: Scope, more: Guards = ()) -> Clause | None:
    """The first clause of a that is not proved to lie inside b; None if a is narrower."""
    return next((clause for clause in a.clauses if not b.covers(clause, more)), None)


def _guarded_name(atom: Atom, verb: str, namespace: str, more: Guards) -> str:
    """The one guarded namespace that this piece writes in, or writes itself; empty if there is none. A pattern never stands for a guarded namespace."""
    target = atom.target
    name = target.name if (target.plural, target.group) == ("namespaces", "") else namespace
    if not name or "*" in name or not guards(name, more):
        return ""
    return "" if hazard_at(verb, target.group, target.plural, target.subresource) in MILD else name


def _path_inside(inner: str, outer: str) -> bool:
    """Whether a path or a pattern of paths lies inside another. A path that not everybody may read is only inside one with the same first segment."""
    if not contains(outer, inner):
        return False
    return path_hazard("get", inner) not in OUT or inner.split("/")[1] == outer.split("/")[1]


def _pieces(atom: Atom) -> Iterator[tuple[str, str]]:
    """The atom, one verb and one namespace at a time ("" for cluster-scoped), without what it never reaches."""
    target = atom.target
    for verb in atom.verbs:
        if not (atom.starred and target.plural != EVERY and past_star_verb(verb, target.group, target.plural, target.subresource)):
            for namespace in atom.namespaces or ("",):
                yield verb, namespace


def _inside(inner: Atom, namespace: str, outer: Atom) -> bool:
    """Whether name, namespace and command that `inner` allows are allowed by `outer`; verb and kind were looked up."""
    name = outer.target.name
    if name and not (inner.target.name and contains(name, inner.target.name)):
        return False
    if not namespace or not outer.namespaces:
        return not namespace and not outer.namespaces and _commands_inside(inner, outer)
    # "*" is more than a pattern, it also means lists across all namespaces: only "*" contains it
    return any(contains(pattern, namespace) for pattern in outer.namespaces) and _commands_inside(inner, outer)


def _commands_inside(inner: Atom, outer: Atom) -> bool:
    if outer.container != EVERY and not (inner.container == outer.container or (inner.container and contains(outer.container, inner.container))):
        return False
    return outer.argv is None or (inner.argv is not None and argv_contains(outer.argv, inner.argv))
