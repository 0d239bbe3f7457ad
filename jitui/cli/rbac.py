"""`jitui rbac`: what a cluster, and for EKS the AWS account, must allow so that the rules of one connection can be kept, and no more."""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import yaml

from jitui import config as configuration
from jitui.admin import check, rights
from jitui.cli import show
from jitui.cli.gateway import CONFIG
from jitui.cli.reach import asynchronous
from jitui.clusters import reviews
from jitui.clusters.discovery import Discovery
from jitui.clusters.eks import policies
from jitui.clusters.pool import Pool
from jitui.config import EksConnection, KubernetesConnection
from jitui.policy import builtin, rbac
from jitui.policy.rbac import EVERYWHERE, Need
from jitui.policy.scope import Scope
from jitui.values import places, plain
from jitui.values.clock import SystemClock
from jitui.values.errors import JituiError, NotFoundError, UpstreamError
from jitui.values.said import clean

RBAC: Final = "rbac.authorization.k8s.io"
AGENTS: Final = "jitui:agents"  # the group of impersonated calls

Connection = EksConnection | KubernetesConnection


@dataclass(frozen=True, slots=True)
class Asked:
    """What only the cluster knows; empty where it was not asked, or does not say."""

    kinds: Mapping[rbac.Kind, bool]
    namespaces: tuple[str, ...] = ()
    user: str = ""  # as whom it takes the gateway


@click.command("rbac")
@click.argument("connection")
@CONFIG
@click.option("--namespace", "namespaces", multiple=True, metavar="NS", help="One that a pattern of the rules means; otherwise those that the cluster has.")
@click.option("--group", default="", metavar="NAME", help="The Kubernetes group that is bound; otherwise jitui-CONNECTION.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; the AWS documents are whole in it.")
@asynchronous
async def rbac_command(connection: str, config: Path | None, namespaces: tuple[str, ...], group: str, as_json: bool) -> None:
    """The least that the rules of a connection need: for kubectl apply -f -, and for EKS the access entry and the policies."""
    settings = await asyncio.to_thread(configuration.load, (config or places.config_file(os.environ)).absolute())
    if connection not in settings.connections:
        raise NotFoundError(f"no connection {clean(connection, 60)} in {settings.path}; known: {', '.join(settings.connections) or 'none'}")
    there = settings.connections[connection]
    rules = [rule for rule in settings.rules if rule.connection == connection]
    scopes = [rule.scope for rule in rules]
    if not rules:
        show.note(f"no rule names {connection}, so nothing is needed in it")
    impersonate = isinstance(there, KubernetesConnection) and there.impersonate
    bare = isinstance(there, KubernetesConnection) and not group  # the kubeconfig's user itself is bound: only the cluster knows its name
    patterns = not namespaces and any("*" in name and name != "*" for scope in scopes for clause in scope.clauses for name in clause.namespaces)
    asked = await _ask(there, scopes, wanted=patterns or bare or rbac.asks_for_kinds(scopes))
    wanted, empty = rbac.in_namespaces(rbac.of_rules(rules, asked.kinds), namespaces or asked.namespaces)
    for pattern in empty:
        show.note(f"no namespace matches {pattern} as far as is known; name those that do with --namespace, and print it again when one is added")
    if rbac.bounds_commands(scopes):
        show.note("RBAC knows neither containers nor commands: what is printed is for any of those pods; it is the gateway that holds agents to theirs")
    bound = {"kind": "Group", "name": group or (AGENTS if impersonate else f"jitui-{connection}")}
    if bare and not impersonate:
        bound = {"kind": "User", "name": asked.user or f"USER-OF-{connection}"}
    documents = manifests(f"jitui-{connection}", bound, wanted)
    if impersonate:
        documents += impersonation(f"jitui-{connection}", asked.user or f"USER-OF-{connection}", {rule.identity for rule in rules})
    if bare and not asked.user:
        show.note(f"the cluster could not be asked who the kubeconfig's user is: put its name in place of USER-OF-{connection}")
    account = await _account(there, bound["name"]) if isinstance(there, EksConnection) else {}
    if as_json:
        click.echo(plain.text({"manifests": documents, **account}))
        return
    click.echo(yaml.safe_dump_all(documents, sort_keys=False, default_flow_style=None, width=150), nl=False)
    for name, document in account.items():
        text = document if isinstance(document, str) else json.dumps(document)
        click.echo(f"# {name.replace('_', ' ')}: {text}")


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
    """What lets the gateway's own user call in the agents' names, and in no other's."""
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


async def _ask(connection: Connection, scopes: Sequence[Scope], *, wanted: bool) -> Asked:
    """Of the cluster, with the gateway's own credential. One that does not answer is no reason not to print the rest."""
    if not wanted:
        return Asked(builtin.KINDS)
    try:
        upstream = await check.upstream_of(connection)
    except JituiError as error:
        show.note(f"the cluster can't be asked: {error}")
        return Asked(builtin.KINDS)
    pool = Pool(upstream)
    try:
        subject = await reviews.whoami(pool, upstream)
        discovery = Discovery(upstream, pool, SystemClock())
        kinds = await rights.kinds(discovery, scopes)
        return Asked(kinds, tuple(await rights.namespaces(pool, upstream) or ()), subject.user)
    except UpstreamError as error:
        show.note(f"the cluster can't be asked: {error}; where a rule says * the built-in kinds of Kubernetes are meant")
        return Asked(builtin.KINDS)
    finally:
        pool.close()


async def _account(connection: EksConnection, group: str) -> dict[str, Any]:
    """The AWS side."""
    from jitui.clusters.eks.aws import Aws  # noqa: PLC0415 - boto3, which only this kind needs

    terms = connection.terms()
    try:
        aws = await asyncio.to_thread(Aws, terms)
        caller = (await asyncio.to_thread(aws.whoami)).arn
    except JituiError as error:
        show.note(f"AWS can't be asked who the gateway is: {error}; put its ARN in place of {policies.UNKNOWN}")
        caller = ""
    if ":assumed-role/" in caller:
        show.note(f"the trust policy names {policies.principal(caller)}; if the gateway's own role has a path, as roles of AWS SSO have, put it in")
    return policies.documents(terms, group, caller)
