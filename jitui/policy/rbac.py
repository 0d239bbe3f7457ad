"""The permissions that scopes need in a cluster, as its RBAC checks them: the smallest set with which the gateway can serve every scope.

RBAC has no patterns: a name with a `*` needs permission on every name, `*` as a kind on every kind that is served, written out, and a namespace
with a `*` on each namespace that matches. It knows neither containers nor commands, and `in *` includes the guarded namespaces: there only the
gateway enforces the scope. For an exec an API server checks `create` with SPDY, and `get` with WebSocket (from 1.35 on `create` as well).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from jitui.policy import builtin
from jitui.policy.clause import VERBS, Atom, Clause
from jitui.policy.hazard import MILD, Guards, guards, hazard_at, past_star_kind, past_star_verb, writes_guarded_out
from jitui.policy.pattern import EVERY, matches
from jitui.policy.scope import Scope
from jitui.policy.streams import UPGRADES
from jitui.policy.terms import Rule

EVERYWHERE: Final = ""  # as a namespace: cluster-scoped kinds, and all namespaces at once
OF_COLLECTIONS: Final = frozenset({"list", "watch", "deletecollection"})  # no subresource knows them
REVIEW_GROUPS: Final = frozenset({"authentication.k8s.io", "authorization.k8s.io"})  # asked by `create`, never stored
# every authenticated user has these (ClusterRole system:basic-user)
BASIC: Final = frozenset({("authorization.k8s.io", "selfsubjectaccessreviews"), ("authorization.k8s.io", "selfsubjectrulesreviews"),
                          ("authentication.k8s.io", "selfsubjectreviews")})  # fmt: skip

Kind = tuple[str, str]  # group and plural


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One permission: a verb on a kind, or a `get` of a path."""

    namespace: str  # EVERYWHERE, a name, or a pattern with "*"
    group: str
    resource: str  # plural, or plural/subresource; "" for a path
    verb: str
    name: str = ""  # "": any
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"get {self.path}"
        plural, _, subresource = self.resource.partition("/")
        kind = (f"{plural}.{self.group}" if self.group else plural) + (f"/{subresource}" if subresource else "")
        return f"{self.verb} {kind}{f':{self.name}' if self.name else ''}{f' in {self.namespace}' if self.namespace else ''}"


def needs(scopes: Iterable[Scope], kinds: Mapping[Kind, bool], more: Guards = ()) -> frozenset[Need]:
    """The permissions that the scopes need.

    `more`: the namespaces that the rules guard in addition. `kinds`: the served kinds, and whether each is namespaced; only a `*` uses them.
    """
    found: set[Need] = set()
    for scope in scopes:
        for clause in scope.clauses:
            found.update(Need(EVERYWHERE, "", "", "get", path=path) for path in clause.paths)
            for atom in clause.atoms:
                found.update(_of(clause, atom, kinds, more))
    return frozenset(need for need in found if not _implied(need, found))


def of_rules(rules: Iterable[Rule], kinds: Mapping[Kind, bool]) -> frozenset[Need]:
    """The needs of all rules of one connection together, with `delete` on the pods that a rule has deleted at the end of its windows, and with what an
    ephemeral container for a look takes.
    """
    rules = list(rules)
    found = {need for rule in rules for need in needs([rule.scope], kinds, rule.guarded)}
    for rule in rules:
        for more in at_ends(rule, kinds).values():
            found |= more
    return frozenset(need for need in found if not _implied(need, found))


def at_ends(rule: Rule, kinds: Mapping[Kind, bool]) -> dict[str, frozenset[Need]]:
    """Needs of what a rule has done about processes in pods, by its setting: beside its scope's, where that has commands run. Else its scope's are enough."""
    settings = {"unexplained: delete-pod": [("pods", "delete")]} if rule.deletes_pods else {}
    settings |= {"probe: ephemeral-container": [("pods", "get"), ("pods/ephemeralcontainers", "patch")]} if rule.probe_image else {}
    execs = [need for need in needs([rule.scope], kinds, rule.guarded) if need.resource == "pods/exec"] if settings else []
    return {setting: frozenset(Need(need.namespace, "", resource, verb, need.name) for need in execs for resource, verb in more)
            for setting, more in settings.items() if execs}  # fmt: skip


def told_at_ends(rule: Rule) -> list[str]:
    """The same as sentences."""
    return [f"{setting} needs in the cluster, beside what its scope needs: {', '.join(sorted(map(str, found)))}"
            for setting, found in at_ends(rule, builtin.KINDS).items()]  # fmt: skip


def bounds_commands(scopes: Iterable[Scope]) -> bool:
    """Whether a clause names a container or a command: RBAC can't restrict these."""
    return any(clause.argv is not None or target.container for scope in scopes for clause in scope.clauses for target in clause.targets)


def asks_for_kinds(scopes: Iterable[Scope]) -> bool:
    """Whether a `*` stands for kinds."""
    return any(atom.target.plural == EVERY for scope in scopes for clause in scope.clauses for atom in clause.atoms)


def in_namespaces(wanted: Iterable[Need], present: Sequence[str]) -> tuple[frozenset[Need], tuple[str, ...]]:
    """The needs with each pattern of namespaces replaced by the present namespaces that match; and the patterns that matched none."""
    found: set[Need] = set()
    empty: set[str] = set()
    for need in wanted:
        if "*" not in need.namespace:
            found.add(need)
            continue
        matched = [name for name in present if matches(need.namespace, name)]
        found.update(replace(need, namespace=name) for name in matched)
        if not matched:
            empty.add(need.namespace)
    return frozenset(found), tuple(sorted(empty))


def policy_rules(wanted: Iterable[Need]) -> list[dict[str, Any]]:
    """PolicyRules (rbac.authorization.k8s.io/v1) for needs of one namespace, in a stable order."""
    verbs: dict[tuple[str, str, str], set[str]] = {}
    paths = sorted({need.path for need in wanted if need.path})
    for need in wanted:
        if not need.path:
            verbs.setdefault((need.group, need.resource, need.name), set()).add(need.verb)
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, resource, name), those in sorted(verbs.items()):
        alike.setdefault((group, name, _in_order(those)), []).append(resource)
    rules = [{"apiGroups": [group], "resources": resources, **({"resourceNames": [name]} if name else {}), "verbs": list(those)}
             for (group, name, those), resources in alike.items()]  # fmt: skip
    return rules + ([{"nonResourceURLs": paths, "verbs": ["get"]}] if paths else [])


def missing(rules: Sequence[Mapping[str, Any]], wanted: Iterable[Need]) -> list[Need]:
    """The needs that no ResourceRule of a SelfSubjectRulesReview covers."""
    return sorted(need for need in wanted if not need.path and not any(_covers(rule, need) for rule in rules))


def beyond(rules: Sequence[Mapping[str, Any]], wanted: Iterable[Need], namespace: str) -> list[str]:
    """The permissions of the ResourceRules in a namespace that no need asks for, one phrase for each kind: `delete,patch pods`."""
    promised: dict[tuple[str, str, str], set[str]] = {}
    for need in wanted:
        if need.namespace in {EVERYWHERE, namespace} or ("*" in need.namespace and matches(need.namespace, namespace)):
            promised.setdefault((need.group, need.resource, need.verb), set()).add(need.name)
    extra: dict[tuple[str, str, str], set[str]] = {}
    for rule in rules:
        names = rule.get("resourceNames") or [""]
        for group in rule.get("apiGroups") or [""]:
            for resource in rule.get("resources") or []:
                if (group, resource) in BASIC:
                    continue
                for verb in rule.get("verbs") or []:
                    had = promised.get((group, resource, verb), set())
                    for name in names if "" not in had else ():
                        if name not in had:
                            extra.setdefault((group, resource, name), set()).add(verb)
    return [f"{','.join(_in_order(verbs))} {_kind(group, resource)}{f':{name}' if name else ''}" for (group, resource, name), verbs in sorted(extra.items())]


def _of(clause: Clause, atom: Atom, kinds: Mapping[Kind, bool], more: Guards) -> Iterator[Need]:
    target = atom.target
    name = "" if "*" in target.name else target.name
    for namespace in atom.namespaces or (EVERYWHERE,):
        where = EVERYWHERE if namespace == EVERY else namespace
        held = "*" not in namespace and guards(namespace, more) and not writes_guarded_out(clause, atom, namespace)  # this clause covers no write there
        if target.plural == EVERY:
            for (group, plural), namespaced in kinds.items():
                if target.group in {"", group} and namespaced == bool(atom.namespaces):
                    reached = (verb for verb in atom.verbs if _reaches(verb, group, plural) and not (held and hazard_at(verb, group, plural, "") not in MILD))
                    yield from (Need(where, group, plural, verb, name) for verb in reached)
            continue
        resource = f"{target.plural}/{target.subresource}" if target.subresource else target.plural
        stream = target.subresource in UPGRADES and (target.group, target.plural) == ("", "pods")
        verbs = atom.verbs - OF_COLLECTIONS if target.subresource else atom.verbs
        for verb in sorted(verbs | {"get", "create"} if stream and verbs & {"get", "create"} else verbs):
            written = hazard_at(verb, target.group, target.plural, target.subresource) not in MILD
            if not (held and written) and not (atom.starred and past_star_verb(verb, target.group, target.plural, target.subresource)):
                yield Need(where, target.group, resource, verb, name)


def _reaches(verb: str, group: str, plural: str) -> bool:
    """Whether the plural `*` stands for this verb and kind; a kind that is never stored can only be created."""
    stored = group not in REVIEW_GROUPS and (group, plural) != ("", "bindings")
    return (stored or verb == "create") and not past_star_kind(verb, group, plural)


def _implied(need: Need, others: set[Need]) -> bool:
    """Whether `others` has a wider need: the same for any name, or in all namespaces."""
    wider = [replace(need, name=name, namespace=where) for name in {"", need.name} for where in {EVERYWHERE, need.namespace}]
    return any(one != need and one in others for one in wider)


def _covers(rule: Mapping[str, Any], need: Need) -> bool:
    def has(key: str, value: str) -> bool:
        given = rule.get(key) or []
        return value in given or EVERY in given

    _, slash, subresource = need.resource.partition("/")
    resource = has("resources", need.resource) or (slash != "" and f"*/{subresource}" in (rule.get("resources") or []))
    named = not rule.get("resourceNames") or need.name in rule["resourceNames"]
    return has("verbs", need.verb) and has("apiGroups", need.group) and resource and named


def _kind(group: str, resource: str) -> str:
    plural, slash, subresource = resource.partition("/")
    return (f"{plural}.{group}" if group else plural) + slash + subresource


def _in_order(verbs: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(verbs, key=lambda verb: (VERBS.index(verb) if verb in VERBS else len(VERBS), verb)))
