"""The least that a cluster, and for some kinds of connection a cloud, must allow so that the rules of one connection can be kept."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jitui.admin import rights
from jitui.clusters import reviews
from jitui.clusters.discovery import Discovery
from jitui.clusters.kind import ConnectionSettings, Note
from jitui.clusters.pool import Pool
from jitui.clusters.registry import kind_of
from jitui.config import Configuration
from jitui.policy import builtin, rbac
from jitui.policy.rbac import EVERYWHERE, Need
from jitui.policy.scope import Scope
from jitui.values.clock import SystemClock
from jitui.values.errors import JituiError, NotFoundError, UpstreamError
from jitui.values.said import clean

RBAC: Final = "rbac.authorization.k8s.io"
AGENTS: Final = "jitui:agents"  # the group of impersonated calls


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of the cluster; empty where it was not asked, or does not say."""

    kinds: Mapping[rbac.Kind, bool]
    namespaces: tuple[str, ...] = ()
    user: str = ""  # as whom it takes the gateway


@dataclass(frozen=True, slots=True)
class Least:
    """The least that the rules of a connection need."""

    manifests: list[dict[str, Any]]  # of Kubernetes, to be applied
    beside: dict[str, Any]  # further documents of the kind of connection, by what each is


async def least(settings: Configuration, name: str, note: Note, *, namespaces: Sequence[str] = (), group: str = "") -> Least:
    """The documents of one connection. Asks the cluster what only it knows, where that matters. Raises NotFoundError, ConfigurationError.

    `namespaces`: those that the patterns of the rules mean; none: those that the cluster has. `group`: the Kubernetes group that is bound, if
    another than jitui-NAME. `note` is told what the administrator has to know beside the documents, as it is found.
    """
    if name not in settings.connections:
        raise NotFoundError(f"no connection {clean(name, 60)} in {settings.path}; known: {', '.join(settings.connections) or 'none'}")
    connection = settings.connections[name]
    kind = kind_of(connection)
    rules = [rule for rule in settings.rules if rule.connection == name]
    scopes = [rule.scope for rule in rules]
    if not rules:
        note(f"no rule names {name}, so nothing is needed in it")
    bare = kind.binds_user and not group
    patterns = not namespaces and any("*" in one and one != "*" for scope in scopes for clause in scope.clauses for one in clause.namespaces)
    asked = await _ask(connection, scopes, note, wanted=patterns or bare or rbac.asks_for_kinds(scopes))
    wanted, empty = rbac.in_namespaces(rbac.of_rules(rules, asked.kinds), namespaces or asked.namespaces)
    for pattern in empty:
        note(f"no namespace matches {pattern} as far as is known; name those that do with --namespace, and print it again when one is added")
    if rbac.bounds_commands(scopes):
        note("RBAC knows neither containers nor commands: what is printed is for any of those pods; it is the gateway that holds agents to theirs")
    for rule in rules:
        for sentence in rbac.told_at_ends(rule):
            note(f"rule for {rule.identity}: {sentence}; it is in what is printed")
    user = asked.user or f"USER-OF-{name}"
    bound = {"kind": "Group", "name": group or f"jitui-{name}"}
    if kind.impersonates(connection):
        bound = {"kind": "Group", "name": group or AGENTS}
    elif bare:
        bound = {"kind": "User", "name": user}
    documents = manifests(f"jitui-{name}", bound, wanted)
    if kind.impersonates(connection):
        documents += impersonation(f"jitui-{name}", user, {rule.identity for rule in rules})
    if bare and not asked.user:
        note(f"the cluster could not be asked who the kubeconfig's user is: put its name in place of USER-OF-{name}")
    return Least(documents, await kind.documents(connection, bound["name"], note))


def manifests(name: str, subject: Mapping[str, str], wanted: Iterable[Need]) -> list[dict[str, Any]]:
    """A Role and its binding for each namespace, a ClusterRole and its binding for what holds everywhere."""
    by_namespace: dict[str, list[Need]] = {}
    for need in wanted:
        by_namespace.setdefault(need.namespace, []).append(need)
    documents: list[dict[str, Any]] = []
    for namespace, needs in sorted(by_namespace.items()):
        documents += _bound(name, namespace, rbac.policy_rules(needs), subject)
    return documents


def impersonation(name: str, user: str, identities: Iterable[str]) -> list[dict[str, Any]]:
    """The rights by which the gateway's own user calls in the agents' names, and in no other's."""
    rules = [
        {"apiGroups": [""], "resources": ["users"], "resourceNames": sorted(f"jitui:{identity}" for identity in identities), "verbs": ["impersonate"]},
        {"apiGroups": [""], "resources": ["groups"], "resourceNames": [AGENTS], "verbs": ["impersonate"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["userextras/jitui-grant"], "verbs": ["impersonate"]},
    ]
    return _bound(f"{name}-impersonates", EVERYWHERE, rules, {"kind": "User", "name": user})


def _bound(name: str, namespace: str, rules: Sequence[Mapping[str, Any]], subject: Mapping[str, str]) -> list[dict[str, Any]]:
    kind = "ClusterRole" if namespace == EVERYWHERE else "Role"
    metadata = {"name": name} if namespace == EVERYWHERE else {"name": name, "namespace": namespace}
    return [
        {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata, "rules": [dict(rule) for rule in rules]},
        {"apiVersion": f"{RBAC}/v1", "kind": f"{kind}Binding", "metadata": dict(metadata), "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
         "subjects": [{"apiGroup": RBAC, **subject}]},
    ]  # fmt: skip


async def _ask(connection: ConnectionSettings, scopes: Sequence[Scope], note: Note, *, wanted: bool) -> Asked:
    """The cluster's answers, with the gateway's own credential. One that does not answer is no reason not to print the rest."""
    if not wanted:
        return Asked(builtin.KINDS)
    try:
        upstream = await asyncio.to_thread(kind_of(connection).load, connection, SystemClock())
    except JituiError as error:
        note(f"the cluster can't be asked: {error}")
        return Asked(builtin.KINDS)
    pool = Pool(upstream)
    try:
        subject = await reviews.whoami(pool, upstream)
        discovery = Discovery(upstream, pool, SystemClock())
        kinds = await rights.kinds(discovery, scopes)
        return Asked(kinds, tuple(await rights.namespaces(pool, upstream) or ()), subject.user)
    except UpstreamError as error:
        note(f"the cluster can't be asked: {error}; where a rule says * the built-in kinds of Kubernetes are meant")
        return Asked(builtin.KINDS)
    finally:
        pool.close()
