"""Two states of an object as fields: each path that differs, with its value before and after.

Left out are the object's name, what the API server keeps by itself, and kubectl's copy of the manifest, which says the same once more. Lists of objects are
compared by the field that names their items in Kubernetes (its patch merge keys), other lists as one value.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jitui.recording.objects.bodies import Tree

Place = tuple[str | int, ...]  # keys and indexes from the root of a document

META: Final = frozenset({"name", "namespace", "generateName", "managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink",
                         "deletionTimestamp", "deletionGracePeriodSeconds"})  # fmt: skip
NOTES: Final = frozenset({"kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"})
NAMING: Final[tuple[tuple[str, ...], ...]] = (
    ("name",), ("containerPort", "protocol"), ("port", "protocol"), ("mountPath",), ("devicePath",), ("uid",), ("ip",), ("type",), ("key",), ("topologyKey",),
    ("topologyKey", "whenUnsatisfiable"), ("host",),
)  # fmt: skip
DEPTH: Final = 200


@dataclass(frozen=True, slots=True)
class Field:
    """One path that differs."""

    path: str  # spec.template.spec.containers[app].image
    before: Any = None  # None: it was not there
    after: Any = None
    was: Place | None = None  # where its value stands in the document before
    now: Place | None = None


def difference(before: Tree | None, after: Tree | None, *, status: bool = False) -> list[Field]:
    """The fields that differ, in the order of the document after. `status`: it was written too."""
    return list(_differ("", before, after, (), status=status))


def asked(document: Any, before: Tree | None = None) -> list[Field]:
    """The fields that a patch or a manifest names, with the values that it asks for; JSON Patch (RFC 6902) by its operations."""
    if isinstance(document, list):
        found = []
        for at, step in enumerate(document):
            if isinstance(step, Mapping):
                words = [part.replace("~1", "/").replace("~0", "~") for part in str(step.get("path") or "").split("/")[1:]]
                found.append(Field(_spoken(words), _at(before, words), step.get("value"), None, (at, "value") if "value" in step else None))
        return found
    if not isinstance(document, Mapping):
        return []
    return [Field(each.path, _known(before, each.now), each.after, None, each.now) for each in _differ("", None, document, (), status=True)]


def _spoken(words: Sequence[str]) -> str:
    return "".join(f"[{word}]" if word.isdigit() or word == "-" else _key(word) for word in words).removeprefix(".")


def _at(tree: Any, words: Sequence[str]) -> Any:
    for word in words:
        if isinstance(tree, Mapping):
            tree = tree.get(word)
        elif isinstance(tree, list) and word.isdigit() and int(word) < len(tree):
            tree = tree[int(word)]
        else:
            return None
    return tree


def _known(before: Any, place: Place | None) -> Any:
    """The value at a place that leads through maps alone: which item of a list is meant is not said by its index."""
    return _at(before, [str(part) for part in place]) if place and all(isinstance(part, str) for part in place) else None


def _key(name: str) -> str:
    return f".{name}" if name.replace("-", "").replace("_", "").isalnum() else f"[{name}]"


def _differ(path: str, before: Any, after: Any, at: Place, other: Place | None = None, *, status: bool) -> Iterator[Field]:
    """`at`: where `after` stands in its document, `other` where `before` does, if that is elsewhere."""
    was = at if other is None else other
    if before == after or len(at) > DEPTH:
        return
    if isinstance(before, Mapping | None) and isinstance(after, Mapping | None) and (before or after):
        old, new = before or {}, after or {}
        for name in [*new, *(name for name in old if name not in new)]:
            if not _hidden(at, name, status=status):
                yield from _differ(path + _key(str(name)), _some(old.get(name)), _some(new.get(name)), (*at, name), (*was, name), status=status)
        return
    if isinstance(before, list | None) and isinstance(after, list | None):
        old_list, new_list = before or [], after or []
        if (keys := _keys(old_list, new_list)) is not None:
            yield from _named(path, _by(old_list, keys), _by(new_list, keys), at, was, status=status)
            return
    yield Field(path.removeprefix("."), before, after, None if before is None else was, None if after is None else at)


def _named(path: str, old: Mapping[str, tuple[int, Any]], new: Mapping[str, tuple[int, Any]], at: Place, was: Place, *, status: bool) -> Iterator[Field]:
    for name in [*new, *(name for name in old if name not in new)]:
        (old_at, before), (new_at, after) = old.get(name, (0, None)), new.get(name, (0, None))
        yield from _differ(f"{path}[{name}]", before, after, (*at, new_at), (*was, old_at), status=status)


def _some(value: Any) -> Any:
    """An empty list says no more than none."""
    return None if value == [] else value


def _hidden(at: Place, name: Any, *, status: bool) -> bool:
    if not at:
        return name in {"apiVersion", "kind"} or (name == "status" and not status)
    if at == ("metadata",):
        return name in META
    return at == ("metadata", "annotations") and name in NOTES


def _keys(*several: Sequence[Any]) -> tuple[str, ...] | None:
    """The fields that name the items of these lists, () if only their order does; None if the items are no objects."""
    items = [item for each in several for item in each]
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    for keys in NAMING:
        if all(_is_naming(each, keys) for each in several):
            return keys
    return ()


def _is_naming(items: Sequence[Mapping[str, Any]], keys: tuple[str, ...]) -> bool:
    named = [_name(item, keys) for item in items]
    return all(keys[0] in item for item in items) and len(set(named)) == len(named)


def _name(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return "/".join(str(item[key]) for key in keys if item.get(key) is not None)


def _by(items: Sequence[Mapping[str, Any]], keys: tuple[str, ...]) -> dict[str, tuple[int, Any]]:
    return {_name(item, keys) if keys else str(at): (at, item) for at, item in enumerate(items)}
