"""Discovery documents as API servers give them, small."""

import json
from typing import Any

Table = dict[str, dict[str, dict[str, Any]]]  # group -> version -> resource -> {"namespaced", "subresources"}

SERVED: Table = {
    "": {"v1": {"pods": {"namespaced": True, "subresources": ["log", "exec"]}, "nodes": {"namespaced": False, "subresources": []}}},
    "apps": {"v1": {"deployments": {"namespaced": True, "subresources": ["scale"]}}},
}


def aggregated(groups: Table, version: str = "v2") -> bytes:
    """APIGroupDiscoveryList."""
    items = [
        {
            **({"metadata": {"name": group}} if group else {"metadata": {}}),
            "versions": [
                {"version": name, "freshness": "Current", "resources": [
                    {"resource": resource, "scope": "Namespaced" if is_["namespaced"] else "Cluster", "verbs": ["get"],
                     "subresources": [{"subresource": sub, "verbs": ["get"]} for sub in is_["subresources"]]} for resource, is_ in resources.items()
                ]} for name, resources in versions.items()
            ],
        } for group, versions in groups.items()
    ]  # fmt: skip
    return json.dumps({"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}, "items": items}).encode()


def versions(groups: Table) -> bytes:
    """APIVersions, the old answer to /api."""
    return json.dumps({"kind": "APIVersions", "versions": list(groups.get("", {}))}).encode()


def groups_of(groups: Table) -> bytes:
    """APIGroupList, the old answer to /apis."""
    named = [
        {"name": group, "versions": [{"groupVersion": f"{group}/{name}", "version": name} for name in versions]}
        for group, versions in groups.items() if group
    ]  # fmt: skip
    return json.dumps({"kind": "APIGroupList", "apiVersion": "v1", "groups": named}).encode()


def resources(groups: Table, group: str, version: str) -> bytes:
    """APIResourceList, the answer to /api/v1 and /apis/GROUP/VERSION."""
    rows = []
    for name, is_ in groups[group][version].items():
        rows += [{"name": full, "namespaced": is_["namespaced"]} for full in (name, *(f"{name}/{sub}" for sub in is_["subresources"]))]
    named = f"{group}/{version}" if group else version
    return json.dumps({"kind": "APIResourceList", "groupVersion": named, "resources": rows}).encode()
