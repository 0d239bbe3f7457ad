"""The cluster's memory: objects by kind, namespace and name, and the changes made to them, in the order of their resourceVersion.

Objects are never altered in place: each write stores a new dict, so a reader of the old one keeps an unchanged object.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from jitui.demo.cluster.kinds import Kind, Object
from jitui.demo.cluster.status import already_exists, conflict, gone, not_found

REMEMBERED: Final = 20_000  # changes a watch can go back

Verb = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `old` is None when it was created; on a deletion `new` is its last state."""

    version: int
    verb: Verb
    kind: Kind
    old: Object | None
    new: Object


def timestamp(at: float | None = None) -> str:
    """RFC 3339 in UTC with whole seconds, as Kubernetes writes metadata; `at` in seconds since 1970, default now."""
    return datetime.fromtimestamp(time.time() if at is None else at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Objects:
    """All objects of one cluster. Single-threaded: it belongs to one event loop."""

    def __init__(self, mark: str) -> None:
        self.mark = mark  # eight hex digits; the first group of every uid
        self.version = 1000
        self._objects: dict[Kind, dict[tuple[str, str], Object]] = {}
        self._changes: deque[Change] = deque(maxlen=REMEMBERED)
        self._news = asyncio.Event()

    def uid(self) -> str:
        digits = secrets.token_hex(12)
        return f"{self.mark}-{digits[:4]}-4{digits[5:8]}-a{digits[9:12]}-{digits[12:]}"

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self._objects.get(kind, {}).get((namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """The object of that name. Raises StatusError 404."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    def of(self, kind: Kind, namespace: str = "") -> list[Object]:
        """The objects of a kind, in order of namespace and name; without a namespace those of all namespaces."""
        held = self._objects.get(kind, {})
        return [held[key] for key in sorted(held) if not namespace or key[0] == namespace]

    def everything(self) -> Iterator[tuple[Kind, Object]]:
        for kind, held in list(self._objects.items()):
            for found in list(held.values()):
                yield kind, found

    def create(self, kind: Kind, given: Object) -> Object:
        """Stores a new object; sets its uid, creationTimestamp, generation and resourceVersion. Raises StatusError 409."""
        metadata = given["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        if key in self._objects.get(kind, {}):
            raise already_exists(kind, metadata["name"])
        metadata = {"uid": self.uid(), "creationTimestamp": timestamp()} | metadata
        if "spec" in given:
            metadata.setdefault("generation", 1)
        return self._put(kind, key, "ADDED", None, given | {"metadata": metadata})

    def replace(self, kind: Kind, given: Object) -> Object:
        """Stores a new state of an existing object. A resourceVersion in it must be the current one. Raises StatusError 404, 409."""
        metadata = given["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        old = self.get(kind, *key)
        asked = metadata.get("resourceVersion", "")
        if asked not in {"", old["metadata"]["resourceVersion"]}:
            raise conflict(kind, metadata["name"])
        kept = {field: old["metadata"][field] for field in ("uid", "creationTimestamp", "generation") if field in old["metadata"]}
        new = given | {"metadata": metadata | kept | {"resourceVersion": old["metadata"]["resourceVersion"]}}
        if new == old:
            return old
        if "spec" in new and new["spec"] != old.get("spec"):
            new["metadata"]["generation"] = int(old["metadata"].get("generation", 1)) + 1
        return self._put(kind, key, "MODIFIED", old, new)

    def remove(self, kind: Kind, namespace: str, name: str) -> Object:
        """Removes an object and returns its last state. Raises StatusError 404."""
        old = self.get(kind, namespace, name)
        return self._put(kind, (namespace, name), "DELETED", old, old | {"metadata": dict(old["metadata"])})

    def since(self, version: int) -> list[Change]:
        """The changes after a version, the oldest first. Raises StatusError 410 if they are no longer stored."""
        if self._changes and len(self._changes) == REMEMBERED and version < self._changes[0].version - 1:
            raise gone(f"too old resource version: {version} ({self._changes[0].version})")
        found: list[Change] = []
        for change in reversed(self._changes):
            if change.version <= version:
                break
            found.append(change)
        return found[::-1]

    async def changed(self, version: int) -> None:
        """Returns once there is a newer version than this."""
        while self.version <= version:
            await self._news.wait()

    def _put(self, kind: Kind, key: tuple[str, str], verb: Verb, old: Object | None, new: Object) -> Object:
        self.version += 1
        stored = {"kind": kind.kind, "apiVersion": kind.api_version, **new, "metadata": {**new["metadata"], "resourceVersion": str(self.version)}}
        held = self._objects.setdefault(kind, {})
        if verb == "DELETED":
            held.pop(key, None)
        else:
            held[key] = stored
        self._changes.append(Change(self.version, verb, kind, old, stored))
        self._news.set()
        self._news = asyncio.Event()
        return stored
