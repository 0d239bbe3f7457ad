r"""Bodies in Kubernetes' protobuf form, which newer kubectl sends when it creates simple things (apimachinery: pkg/runtime/serializer/protobuf).

The form is the magic `k8s\0`, then runtime.Unknown {1 typeMeta {1 apiVersion, 2 kind}, 2 raw}. Each field that is read has a row (kubernetes:
staging/src/k8s.io/api/*/generated.proto); fields without a row are skipped, and kinds without rows answer 415.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jitui.demo.cluster.kinds import Object

MAGIC: Final = b"k8s\0"

Value = bytes | int
Read = Callable[[Value], Any]


class UnreadableError(ValueError):
    """The body is not protobuf, or its kind has no rows here."""


@dataclass(frozen=True, slots=True)
class Row:
    """One field of a message. `many`: `list` for a repeated one, `map` for a map."""

    name: str
    read: Read
    many: str = ""


def _text(value: Value) -> str:
    return _bytes(value).decode()


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise UnreadableError("a number where bytes were expected")
    return value


def _number(value: Value) -> int:
    if not isinstance(value, int):
        raise UnreadableError("bytes where a number was expected")
    return value


def _base64(value: Value) -> str:
    return base64.b64encode(_bytes(value)).decode()


def _message(rows: Mapping[int, Row]) -> Read:
    return lambda value: decode(_bytes(value), rows)


def _int_or_string(value: Value) -> int | str:
    found = dict(fields(_bytes(value)))
    return _text(found[3]) if found.get(1) else _number(found.get(2, 0))


_META: Final = {1: Row("name", _text), 2: Row("generateName", _text), 3: Row("namespace", _text), 11: Row("labels", _text, "map"),
                12: Row("annotations", _text, "map")}
_METADATA: Final = Row("metadata", _message(_META))
_PORT: Final = {1: Row("name", _text), 2: Row("protocol", _text), 3: Row("port", _number), 4: Row("targetPort", _int_or_string)}
_SERVICE: Final = {1: Row("ports", _message(_PORT), "list"), 2: Row("selector", _text, "map"), 3: Row("clusterIP", _text), 4: Row("type", _text)}
_CONTAINER: Final = {1: Row("name", _text), 2: Row("image", _text), 3: Row("command", _text, "list"), 4: Row("args", _text, "list"),
                     6: Row("ports", _message({1: Row("name", _text), 3: Row("containerPort", _number), 4: Row("protocol", _text)}), "list")}
_TEMPLATE: Final = {1: _METADATA, 2: Row("spec", _message({2: Row("containers", _message(_CONTAINER), "list")}))}
_DEPLOYMENT: Final = {1: Row("replicas", _number), 2: Row("selector", _message({1: Row("matchLabels", _text, "map")})), 3: Row("template", _message(_TEMPLATE))}
_ATTRIBUTES: Final = {1: Row("namespace", _text), 2: Row("verb", _text), 3: Row("group", _text), 4: Row("version", _text), 5: Row("resource", _text),
                      6: Row("subresource", _text), 7: Row("name", _text)}

KINDS: Final[Mapping[str, Mapping[int, Row]]] = {
    "ConfigMap": {1: _METADATA, 2: Row("data", _text, "map"), 3: Row("binaryData", _base64, "map")},
    "Secret": {1: _METADATA, 2: Row("data", _base64, "map"), 3: Row("type", _text), 4: Row("stringData", _text, "map")},
    "Namespace": {1: _METADATA},
    "ServiceAccount": {1: _METADATA},
    "Service": {1: _METADATA, 2: Row("spec", _message(_SERVICE))},
    "Deployment": {1: _METADATA, 2: Row("spec", _message(_DEPLOYMENT))},
    "SelfSubjectReview": {},
    "SelfSubjectRulesReview": {2: Row("spec", _message({1: Row("namespace", _text)}))},
    "SelfSubjectAccessReview": {2: Row("spec", _message({1: Row("resourceAttributes", _message(_ATTRIBUTES))}))},
}


def loads(body: bytes) -> Object:
    """The object as parsed JSON. Raises UnreadableError."""
    if not body.startswith(MAGIC):
        raise UnreadableError("no protobuf magic")
    unknown = dict(fields(body[len(MAGIC):]))
    types = dict(fields(_bytes(unknown.get(1, b""))))
    kind = _text(types.get(2, b""))
    if kind not in KINDS:
        raise UnreadableError(f"no rows for {kind}")
    return {"apiVersion": _text(types.get(1, b"")), "kind": kind} | decode(_bytes(unknown.get(2, b"")), KINDS[kind])


def decode(body: bytes, rows: Mapping[int, Row]) -> Object:
    """One message by its rows; empty values are left out, as JSON does."""
    found: Object = {}
    for number, value in fields(body):
        row = rows.get(number)
        if row is None or value in {b"", 0}:
            continue
        if row.many == "map":
            pair = dict(fields(_bytes(value)))
            found.setdefault(row.name, {})[_text(pair.get(1, b""))] = row.read(pair.get(2, b""))
        elif row.many == "list":
            found.setdefault(row.name, []).append(row.read(value))
        else:
            found[row.name] = row.read(value)
    return found


def fields(body: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of each field: varints as int, length-delimited ones as bytes. Raises UnreadableError."""
    at = 0
    while at < len(body):
        tag, at = _varint(body, at)
        if tag & 7 == 0:
            value, at = _varint(body, at)
            yield tag >> 3, value
        elif tag & 7 == 2:
            length, at = _varint(body, at)
            if at + length > len(body):
                raise UnreadableError("a field is cut off")
            yield tag >> 3, body[at:at + length]
            at += length
        else:
            raise UnreadableError(f"wire type {tag & 7}")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(body):
            break
        value |= (body[at] & 0x7F) << shift
        at += 1
        if body[at - 1] < 0x80:
            return value, at
    raise UnreadableError("a number is cut off")
