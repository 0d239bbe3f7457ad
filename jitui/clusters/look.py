"""A look at single objects of a cluster, with metadata alone and the gateway's own credential: whether they still exist, and who owns them."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from jitui.clusters.call import call
from jitui.clusters.way import Way
from jitui.values import foreign
from jitui.values.errors import UpstreamError

AT_ONCE: Final = 8  # requests
PATIENCE_S: Final = 20.0  # for all of them
LIMIT: Final = 8 << 20  # bytes of an answer
PAGE: Final = 500  # objects of a list
# no other form is accepted: a whole object may hold secrets
ONE: Final = ((b"accept", b"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),)
MANY: Final = ((b"accept", b"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),)
OWNED: Final = (("", "v1", "pods"), ("apps", "v1", "replicasets"), ("batch", "v1", "jobs"))  # objects that controllers make of others


@dataclass(frozen=True, slots=True)
class Target:
    """One object, or without a name a list of them."""

    group: str
    version: str
    resource: str
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Of its URL, with the query."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        parts += ["namespaces", self.namespace] if self.namespace else []
        return "/" + "/".join(quote(part, safe="") for part in (*parts, self.resource, self.name) if part) + ("" if self.name else f"?limit={PAGE}")


@dataclass(frozen=True, slots=True)
class Found:
    """The state of one object: it is there with a uid, it is gone, or nobody knows and `why` says why."""

    uid: str = ""
    owners: tuple[str, ...] = ()  # their uids
    going: bool = False  # it is marked for deletion
    why: str = ""

    @property
    def gone(self) -> bool:
        return not self.uid and not self.why


@dataclass(frozen=True, slots=True)
class Owned:
    """An object that controllers made."""

    resource: str
    uid: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """The result of one look."""

    found: Mapping[Target, Found]
    owned: Sequence[Owned] = ()
    unlisted: str = ""  # why what controllers made was not, or not all, listed


def lists(namespaces: Iterable[str]) -> list[Target]:
    """The lists of what controllers may have made in these namespaces."""
    return [Target(group, version, resource, namespace, "") for namespace in namespaces for group, version, resource in OWNED]


async def look(way: Way, targets: Sequence[Target], namespaces: Collection[str] = ()) -> Looked:
    """Ask for each target, and for what controllers made in the namespaces. It never raises: what can't be asked is not known."""
    gate, found, owned, unlisted = asyncio.Semaphore(AT_ONCE), dict[Target, Found](), list[Owned](), list[str]()

    async def one(target: Target) -> None:
        async with gate:
            found[target] = await _one(way, target)

    async def many(target: Target) -> None:
        async with gate:
            items, why = await _many(way, target)
            owned.extend(items)
            unlisted.extend([why] if why else [])

    try:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            for target in targets:
                group.create_task(one(target))
            for target in lists(namespaces):
                group.create_task(many(target))
    except TimeoutError:
        unlisted.append(f"the cluster took longer than {PATIENCE_S:g} s")
    late = Found(why=f"the cluster took longer than {PATIENCE_S:g} s for all of them")
    return Looked({target: found.get(target, late) for target in targets}, owned, unlisted[0] if unlisted else "")


async def _one(way: Way, target: Target) -> Found:
    document, why = await _get(way, target.path, ONE)
    if document is None:
        return Found(why=why)
    meta = _tree(document.get("metadata"))
    uid = meta.get("uid")
    if not isinstance(uid, str) or not uid:
        return Found(why="the cluster's answer has no uid in it")
    return Found(uid, _owners(meta), bool(meta.get("deletionTimestamp")))


async def _many(way: Way, target: Target) -> tuple[list[Owned], str]:
    document, why = await _get(way, target.path, MANY)
    metas = [_tree(each.get("metadata")) for each in (document or {}).get("items") or () if isinstance(each, Mapping)]
    more = _tree((document or {}).get("metadata")).get("continue")
    return [Owned(target.resource, str(meta.get("uid") or ""), _owners(meta)) for meta in metas], why or (
        f"there are more than {PAGE} {target.resource} in {target.namespace}" if more else "")


async def _get(way: Way, target: str, headers: tuple[tuple[bytes, bytes], ...]) -> tuple[Mapping[str, Any] | None, str]:
    """The document, or why there is none; neither if there is no such object."""
    try:
        reply = await call(way.pool, way.upstream, b"GET", target.encode(), headers=headers, limit=LIMIT, timeout=PATIENCE_S)
        if reply.status == 404:
            return None, ""
        if reply.status != 200:
            return None, "the gateway's own credential may not look at it (403)" if reply.status == 403 else f"the cluster answered {reply.status}"
        document = foreign.read(reply.body)
    except UpstreamError as error:
        return None, str(error)
    except ValueError:
        return None, "the cluster's answer can't be read"
    return (document, "") if isinstance(document, Mapping) else (None, "the cluster's answer can't be read")


def _owners(meta: Mapping[str, Any]) -> tuple[str, ...]:
    found = meta.get("ownerReferences")
    return tuple(str(each.get("uid")) for each in found if isinstance(each, Mapping)) if isinstance(found, list) else ()


def _tree(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
