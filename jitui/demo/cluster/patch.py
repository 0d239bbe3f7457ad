"""The four ways to patch an object: JSON patch (RFC 6902), merge patch (RFC 7386), strategic merge patch and apply.

Strategic merge: kubernetes/apimachinery pkg/util/strategicpatch. Which key merges which list is a struct tag in Kubernetes; here it is a table.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from jitui.demo.cluster.kinds import Object
from jitui.demo.cluster.status import StatusError, bad_request

# field name of a list -> the key that tells its elements apart (patchMergeKey)
_KEYS: Final[Mapping[str, str]] = {
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "env": "name", "volumes": "name", "imagePullSecrets": "name",
    "volumeMounts": "mountPath", "volumeDevices": "devicePath", "hostAliases": "ip", "topologySpreadConstraints": "topologyKey",
    "conditions": "type", "addresses": "type", "ownerReferences": "uid", "secrets": "name",
}
_SETS: Final = frozenset({"finalizers"})  # lists of plain values that merge
_TYPES: Final = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml")


def apply(current: Object, patch: Any, content_type: str) -> Object:
    """The patched object; neither argument is changed. Raises StatusError 400, 415, 422."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json-patch+json":
        return _json_patch(current, patch)
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: a JSON object was expected")
    if kind == "application/merge-patch+json":
        merged = _merge(current, patch)
    elif kind in _TYPES:
        merged = _strategic(current, patch)
    else:
        raise StatusError(415, "UnsupportedMediaType", "the body of the request was in an unknown format - "
                          f"accepted media types include: {', '.join(_TYPES)}")
    return dict(merged)


def _merge(current: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return result


def _strategic(current: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {key: deepcopy(value) for key, value in patch.items() if key != "$patch"}
    result = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if key == "$retainKeys":
            result = {kept: result[kept] for kept in result if kept in value}
        elif key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [item for item in result.get(field) or [] if item not in value]
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _list(key, result.get(key) or [], value, patch.get(f"$setElementOrder/{key}"))
        else:
            result[key] = _strategic(result.get(key), value)
    return result


def _list(field: str, current: list[Any], patch: list[Any], order: list[Any] | None) -> list[Any]:
    if field in _SETS:
        return [*current, *(item for item in patch if item not in current)]
    key = _merge_key(field, current, patch)
    if not key:
        return deepcopy(patch)
    if any(item.get("$patch") == "replace" for item in patch):
        return [deepcopy(item) for item in patch if "$patch" not in item]
    merged = {item.get(key): item for item in current}
    for item in patch:
        if item.get("$patch") == "delete":
            merged.pop(item.get(key), None)
        else:
            merged[item.get(key)] = _strategic(merged.get(item.get(key)), item)
    if order:
        wanted = [item.get(key) for item in order if isinstance(item, dict)]
        return sorted(merged.values(), key=lambda item: wanted.index(item.get(key)) if item.get(key) in wanted else len(wanted))
    return list(merged.values())


def _merge_key(field: str, current: list[Any], patch: list[Any]) -> str:
    items = [*current, *patch]
    if not all(isinstance(item, dict) for item in items):
        return ""
    if field == "ports":  # of a container, or of a service
        return "containerPort" if any("containerPort" in item for item in items) else "port"
    return _KEYS.get(field, "")


def _json_patch(current: Object, patch: Any) -> Object:
    if not isinstance(patch, list):
        raise bad_request("error decoding patch: a JSON array was expected")
    result: Any = deepcopy(current)
    for step in patch:
        try:
            result = _step(result, step)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise StatusError(422, "Invalid", f"the server rejected our request due to an error in our request: {step!r}") from error
    return dict(result)


def _step(document: Any, step: Mapping[str, Any]) -> Any:
    verb, path = step["op"], _pointer(step["path"])
    if verb == "test":
        if _read(document, path) != step["value"]:
            raise ValueError("test failed")
        return document
    if verb in {"move", "copy"}:
        origin = _pointer(step["from"])
        value = deepcopy(_read(document, origin))
        if verb == "move":
            document = _write(document, origin, None, "remove")
        return _write(document, path, value, "add")
    if verb not in {"add", "replace", "remove"}:
        raise ValueError(verb)
    return _write(document, path, deepcopy(step.get("value")), verb)


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(text)
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _read(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _write(document: Any, path: list[str], value: Any, verb: str) -> Any:
    if not path:
        return value
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        index = len(parent) if last == "-" else int(last)
        if verb == "add":
            parent.insert(index, value)
        elif verb == "replace":
            parent[index] = value
        else:
            del parent[index]
    elif verb == "remove":
        del parent[last]
    else:
        if verb == "replace" and last not in parent:
            raise KeyError(last)
        parent[last] = value
    return document
