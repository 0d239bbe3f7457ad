"""Discovery in the three forms that clients ask for: one document of everything (apidiscovery.k8s.io, v2 and v2beta1), or
group by group. Sources: KEP-3352, and kubernetes: staging/src/k8s.io/api/apidiscovery.
"""

import platform
from collections.abc import Sequence
from typing import Any, Final

from jitui.demo.cluster.kinds import GROUPS, KINDS, REVIEWS, VERBS, Kind, Object

MINOR: Final = 34
GIT_VERSION: Final = f"v1.{MINOR}.0-jitui"


def version() -> Object:
    """The answer to GET /version."""
    return {"major": "1", "minor": str(MINOR), "gitVersion": GIT_VERSION, "gitCommit": "0" * 40, "gitTreeState": "clean",
            "buildDate": "2026-01-01T00:00:00Z", "goVersion": "none", "compiler": "none", "platform": f"linux/{platform.machine()}"}


def kinds_in(group: str) -> Sequence[Kind]:
    return [kind for kind in (*KINDS, *REVIEWS) if kind.group == group]


def _verbs(kind: Kind) -> list[str]:
    return ["create"] if kind in REVIEWS else list(VERBS)


def resources(group: str) -> Object:
    """APIResourceList of one group (of its only version)."""
    rows: list[dict[str, Any]] = []
    for kind in kinds_in(group):
        row: dict[str, Any] = {"name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind, "verbs": _verbs(kind)}
        if kind.short:
            row["shortNames"] = list(kind.short)
        if kind.categories:
            row["categories"] = list(kind.categories)
        rows.append(row)
        for sub in kind.subresources:
            foreign = {"group": sub.group, "version": sub.version} if sub.version else {}
            rows.append({"name": f"{kind.plural}/{sub.name}", "singularName": "", "namespaced": kind.namespaced, **foreign,
                         "kind": sub.kind, "verbs": list(sub.verbs)})
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/v1" if group else "v1", "resources": rows}


def versions() -> Object:
    """The plain answer to GET /api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]}


def group(name: str) -> Object:
    """One APIGroup, as listed and at /apis/GROUP."""
    one = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [one], "preferredVersion": one}


def groups() -> Object:
    """The plain answer to GET /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(name) for name in GROUPS]}


def aggregated(*, core: bool, form: str) -> Object:
    """APIGroupDiscoveryList of core (/api) or of the named groups (/apis); `form` is v2 or v2beta1."""
    items = [{"metadata": {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None},
              "versions": [{"version": "v1", "freshness": "Current", "resources": [_aggregated(kind) for kind in kinds_in(name)]}]}
             for name in ([""] if core else GROUPS)]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{form}", "metadata": {}, "items": items}


def _aggregated(kind: Kind) -> dict[str, Any]:
    row: dict[str, Any] = {
        "resource": kind.plural, "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster", "singularResource": kind.singular, "verbs": _verbs(kind)}
    if kind.short:
        row["shortNames"] = list(kind.short)
    if kind.categories:
        row["categories"] = list(kind.categories)
    if kind.subresources:
        row["subresources"] = [{"subresource": sub.name, "verbs": list(sub.verbs), "responseKind": {
            "group": sub.group or kind.group, "version": sub.version or kind.version, "kind": sub.kind}} for sub in kind.subresources]
    return row
