"""Compares the gateway's rights in a cluster with those that the rules promise: too narrow, and agents meet refusals; too wide, and it is worth stealing."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from jitui.clusters import reviews
from jitui.clusters.call import call
from jitui.clusters.discovery import Discovery
from jitui.clusters.pool import Pool
from jitui.clusters.port import Upstream
from jitui.policy import builtin, rbac
from jitui.policy.rbac import EVERYWHERE, Need
from jitui.policy.scope import Scope
from jitui.values import foreign
from jitui.values.errors import UpstreamError

SHOWN: Final = 8  # permissions named in one line
ASKED_AT_ONCE: Final = 8
LOOKED_AT: Final = 50  # namespaces where nothing is promised
ELSEWHERE: Final = ("kube-system", "default")  # a namespace that no rule promises anything in shows what holds everywhere


@dataclass(frozen=True, slots=True)
class Found:
    """One finding of `jitui check`."""

    verdict: Literal["ok", "note", "wrong"]
    what: str
    said: str


async def kinds(discovery: Discovery, scopes: Sequence[Scope]) -> dict[rbac.Kind, bool]:
    """The kinds that `*` stands for: those that the cluster serves, or if it can't be asked those of Kubernetes itself."""
    if rbac.asks_for_kinds(scopes):
        await discovery.look("", "pods")
    return {key: kind.namespaced for key, kind in discovery.served.kinds.items()} or dict(builtin.KINDS)


async def namespaces(pool: Pool, upstream: Upstream) -> list[str] | None:
    """Those of the cluster; None if they may not be listed. Raises UpstreamError."""
    reply = await call(pool, upstream, b"GET", b"/api/v1/namespaces", headers=((b"accept", b"application/json"),))
    if reply.status != 200:
        return None
    try:
        return sorted(str(one["metadata"]["name"]) for one in foreign.read(reply.body)["items"])
    except (ValueError, KeyError, TypeError) as error:
        raise UpstreamError("the cluster's list of namespaces can't be read") from error


async def compare(what: str, how: str, pool: Pool, upstream: Upstream, wanted: frozenset[Need]) -> AsyncIterator[Found]:
    """One line for each namespace that is promised something, and one for what holds everywhere. `how`: the fix. Raises UpstreamError."""
    present = await namespaces(pool, upstream)
    patterns = sorted({need.namespace for need in wanted if need.namespace != EVERYWHERE and "*" in need.namespace})
    if present is not None:
        wanted, _ = rbac.in_namespaces(wanted, present)
    elif patterns:
        yield Found("note", what, f"the role may not list namespaces, so what is promised in {', '.join(patterns)} is not compared")
    named = sorted({need.namespace for need in wanted if need.namespace != EVERYWHERE and "*" not in need.namespace})
    for namespace in named:
        there = [need for need in wanted if need.namespace == namespace]
        rules, _ = await reviews.rules(pool, upstream, namespace)
        lacking = await _refused(pool, upstream, rbac.missing(rules, there))
        yield _narrow(what, f"in {namespace}", lacking, how, len(there))
        if extra := rbac.beyond(rules, wanted, namespace):
            yield _wide(what, f"in {namespace}", extra, how)
    everywhere = [need for need in wanted if need.namespace == EVERYWHERE]
    if everywhere:
        yield _narrow(what, "in the whole cluster", await _refused(pool, upstream, everywhere), how, len(everywhere))
    others = [name for name in present or (*ELSEWHERE, "kube-public") if name not in named]
    alike: dict[tuple[str, ...], list[str]] = {}  # by what is too much: what holds everywhere is said once
    whole = True
    for other in others[:LOOKED_AT] if present is not None else others[:1]:
        rules, all_listed = await reviews.rules(pool, upstream, other)
        whole &= all_listed
        if extra := rbac.beyond(rules, wanted, other):
            alike.setdefault(tuple(extra), []).append(other)
    for extra_there, places in alike.items():
        yield _wide(what, f"in {_some(places)}, where no rule promises anything", extra_there, how)
    if len(others) > LOOKED_AT and present is not None:
        yield Found("note", what, f"{len(others) - LOOKED_AT} more namespaces where no rule promises anything were not looked at")
    if not whole:
        said = "the cluster has an authorizer that does not list what it allows (an access policy of the role's entry?): too wide can't be ruled out"
        yield Found("note", what, said)


def _narrow(what: str, where: str, lacking: Sequence[Need], how: str, promised: int) -> Found:
    if not lacking:
        return Found("ok", what, f"the role may do all that the rules promise {where} ({promised} permissions)")
    return Found("wrong", what, f"too narrow {where}, agents are promised and will not get: {_some(map(str, lacking))}; {how}")


def _wide(what: str, where: str, extra: Sequence[str], how: str) -> Found:
    return Found("note", what, f"too wide {where}, no rule needs: {_some(extra)}; {how}, and take away what gives it more")


async def _refused(pool: Pool, upstream: Upstream, needs: Iterable[Need]) -> list[Need]:
    """Those that the cluster really refuses: some authorizers (EKS access policies) do not list their rules."""
    waiting = list(needs)
    refused: list[Need] = []
    for at in range(0, len(waiting), ASKED_AT_ONCE):
        some = waiting[at : at + ASKED_AT_ONCE]
        allowed = await asyncio.gather(*(reviews.may(pool, upstream, _attributes(need)) for need in some))
        refused += [need for need, yes in zip(some, allowed, strict=True) if not yes]
    return refused


def _attributes(need: Need) -> dict[str, str]:
    if need.path:
        return {"path": need.path, "verb": "get"}
    plural, _, subresource = need.resource.partition("/")
    return {"verb": need.verb, "group": need.group, "resource": plural, "subresource": subresource, "namespace": need.namespace, "name": need.name}


def _some(phrases: Iterable[str]) -> str:
    every = list(phrases)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return "; ".join(every[:SHOWN]) + more
