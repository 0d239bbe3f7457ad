"""Asks a cluster about the gateway itself: who it is there, and what it may do (SelfSubject*Review)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jitui.clusters.call import call
from jitui.clusters.pool import Pool
from jitui.clusters.port import Upstream
from jitui.values import foreign
from jitui.values.errors import UpstreamError
from jitui.values.said import clean

JSON: Final = ((b"accept", b"application/json"), (b"content-type", b"application/json"))


@dataclass(frozen=True, slots=True)
class Subject:
    """As whom the cluster takes the gateway."""

    user: str
    groups: tuple[str, ...]


async def whoami(pool: Pool, upstream: Upstream) -> Subject:
    """Raises UpstreamError."""
    status = await _review(pool, upstream, "authentication.k8s.io", "SelfSubjectReview", {})
    info = status.get("userInfo") or {}
    return Subject(str(info.get("username") or ""), tuple(str(group) for group in info.get("groups") or ()))


async def rules(pool: Pool, upstream: Upstream, namespace: str) -> tuple[Sequence[Mapping[str, Any]], bool]:
    """The ResourceRules that hold in a namespace, the cluster-wide ones among them; and whether those are all: some authorizers list none.

    Raises UpstreamError.
    """
    status = await _review(pool, upstream, "authorization.k8s.io", "SelfSubjectRulesReview", {"namespace": namespace})
    return [rule for rule in status.get("resourceRules") or () if isinstance(rule, Mapping)], status.get("incomplete") is not True


async def may(pool: Pool, upstream: Upstream, attributes: Mapping[str, str]) -> bool:
    """Whether one action is allowed, whichever authorizer says so. `attributes`: of ResourceAttributes, or path and verb. Raises UpstreamError."""
    kind = "nonResourceAttributes" if "path" in attributes else "resourceAttributes"
    status = await _review(pool, upstream, "authorization.k8s.io", "SelfSubjectAccessReview", {kind: dict(attributes)})
    return status.get("allowed") is True


async def _review(pool: Pool, upstream: Upstream, group: str, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    body = json.dumps({"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}).encode()
    reply = await call(pool, upstream, b"POST", f"/apis/{group}/v1/{kind.lower()}s".encode(), headers=JSON, body=body)
    try:
        answer = foreign.read(reply.body)
        if reply.status != 201:
            raise UpstreamError(f"the cluster answered {reply.status} to a {kind}: {clean(str(answer.get('message') or 'no reason given'))}")
        return dict(answer["status"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UpstreamError(f"the cluster's answer to a {kind} can't be read") from error
