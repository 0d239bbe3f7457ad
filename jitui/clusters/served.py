"""The kinds that a cluster serves, read from its discovery documents, and whether they live in namespaces.

Aggregated (apidiscovery.k8s.io v2 and v2beta1, KEP-3352) and the older forms (APIVersions, APIGroupList, APIResourceList) alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jitui.values import foreign
from jitui.values.errors import UpstreamError

GroupVersion = tuple[str, str]  # ("", "v1"), ("apps", "v1")
AGGREGATED: Final = "APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class Kind:
    namespaced: bool
    subresources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Served:
    """The group-versions that are served, and the kinds of all of their versions together."""

    named: frozenset[GroupVersion] = frozenset()
    kinds: Mapping[tuple[str, str], Kind] = field(default_factory=dict)  # by group and resource


def parse(body: bytes, path: str) -> Mapping[str, Any]:
    """A discovery document. Raises UpstreamError if it is none."""
    try:
        document = foreign.read(body)
    except ValueError as error:
        raise UpstreamError(f"the cluster's answer to {path} is not JSON") from error
    if not isinstance(document, dict):
        raise UpstreamError(f"the cluster's answer to {path} is not a JSON object")
    return document


def is_aggregated(document: Mapping[str, Any]) -> bool:
    """Whether it holds the kinds too, and not the names of groups alone."""
    return document.get("kind") == AGGREGATED


def named(document: Mapping[str, Any]) -> frozenset[GroupVersion]:
    """The group-versions that an answer to /api or /apis names, in whichever form it is. Raises UpstreamError."""
    try:
        if is_aggregated(document):
            return frozenset((group_of(item), str(version["version"])) for item in document["items"] for version in item["versions"])
        if document.get("kind") == "APIVersions":
            return frozenset(("", str(version)) for version in document["versions"])
        return frozenset((str(group["name"]), str(version["version"])) for group in document.get("groups") or () for version in group["versions"])
    except (AttributeError, KeyError, TypeError) as error:
        raise UpstreamError("the cluster's discovery can't be read: a group or version has no name") from error


def kinds_of(documents: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Kind]:
    """The kinds in aggregated documents and in APIResourceLists. Raises UpstreamError."""
    kinds: dict[tuple[str, str], Kind] = {}
    try:
        for document in documents:
            for group, resource, subresource, namespaced in _aggregated(document) if is_aggregated(document) else _listed(document):
                old = kinds.get((group, resource))
                subresources = old.subresources if old is not None else frozenset()
                if subresource:
                    subresources |= {subresource}
                # should versions differ, the stricter reading holds: with an `in` clause, not as cluster-scoped
                kinds[group, resource] = Kind(namespaced or (old is not None and old.namespaced), subresources)
    except (AttributeError, KeyError, TypeError) as error:
        raise UpstreamError("the cluster's discovery can't be read: a resource has no name or scope") from error
    return kinds


def group_of(item: Mapping[str, Any]) -> str:
    """The group's name in an aggregated document; core has none."""
    return str((item.get("metadata") or {}).get("name") or "")


def _aggregated(document: Mapping[str, Any]) -> Iterable[tuple[str, str, str, bool]]:
    for item in document.get("items") or ():
        group = group_of(item)
        for version in item.get("versions") or ():
            for resource in version.get("resources") or ():
                namespaced = resource["scope"] == "Namespaced"
                yield group, str(resource["resource"]), "", namespaced
                for sub in resource.get("subresources") or ():
                    yield group, str(resource["resource"]), str(sub["subresource"]), namespaced


def _listed(document: Mapping[str, Any]) -> Iterable[tuple[str, str, str, bool]]:
    group, _, _ = str(document.get("groupVersion") or "").rpartition("/")
    for resource in document.get("resources") or ():
        name, _, subresource = str(resource["name"]).partition("/")
        yield group, name, subresource, bool(resource["namespaced"])
