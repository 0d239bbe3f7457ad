"""OpenAPI as far as kubectl needs it: it says that the server validates fields itself, and describes the top-level fields (KEP-2896).

Schemas stop at the first level.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from jitui.demo.cluster.discovery import GIT_VERSION, kinds_in
from jitui.demo.cluster.kinds import GROUPS, REVIEWS, Kind, Object

V2_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # clients ask for it with @ in place of the dot before v1.0

_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "apiVersion": ("string", "The version of the schema of this object."),
    "kind": ("string", "What this object is."),
    "metadata": ("object", "Name, namespace, labels and what the server notes about it."),
    "spec": ("object", "What is wanted."),
    "status": ("object", "What is."),
}
_OWN: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "ConfigMap": {"data": ("object", "Text by key."), "binaryData": ("object", "Bytes in base64 by key.")},
    "Secret": {"data": ("object", "Bytes in base64 by key."), "stringData": ("object", "Text by key, written only."), "type": ("string", "Its use.")},
    "Event": {"involvedObject": ("object", "What it is about."), "reason": ("string", "Why, in one word."), "message": ("string", "What happened."),
              "type": ("string", "Normal or Warning."), "count": ("integer", "How often.")},
    "ServiceAccount": {"secrets": ("array", "Secrets that its pods may use.")},
}
_WITHOUT_SPEC: Final = frozenset(_OWN)


def index() -> Object:
    """The answer to GET /openapi/v3."""
    found = {}
    for path in ("api/v1", *(f"apis/{group}/v1" for group in GROUPS)):
        digest = hashlib.sha256(json.dumps(document(path), sort_keys=True).encode()).hexdigest()[:32].upper()
        found[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": found}


def document(path: str) -> Object | None:
    """The answer to GET /openapi/v3/{path}; None for an unknown group-version."""
    group = "" if path == "api/v1" else path.removeprefix("apis/").removesuffix("/v1")
    if path not in {"api/v1", f"apis/{group}/v1"} or (group and group not in GROUPS):
        return None
    paths: Object = {}
    schemas: Object = {}
    for kind in kinds_in(group):
        middle = "namespaces/{namespace}/" if kind.namespaced else ""
        base = f"/{path}/{middle}{kind.plural}"
        paths[base] = {"post": _operation(kind, "post")}
        if kind not in REVIEWS:
            paths[base + "/{name}"] = {verb: _operation(kind, verb) for verb in ("get", "put", "patch", "delete")}
        schemas[_schema_name(kind)] = _schema(kind)
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": GIT_VERSION}, "paths": paths, "components": {"schemas": schemas}}


def v2() -> Object:
    """The answer to GET /openapi/v2 as JSON: a document without models, so that clients use their built-in ones."""
    return {"swagger": "2.0", "info": {"title": "Kubernetes", "version": GIT_VERSION}, "paths": {}, "definitions": {}}


def v2_protobuf() -> bytes:
    """The same in the protobuf form (gnostic openapi_v2.Document: 1 swagger, 2 info {1 title, 2 version}, 8 paths)."""
    info = _field(1, b"Kubernetes") + _field(2, GIT_VERSION.encode())
    return _field(1, b"2.0") + _field(2, info) + _field(8, b"")


def _field(number: int, body: bytes) -> bytes:
    return bytes([number << 3 | 2, len(body)]) + body  # every body here is shorter than 128 bytes


def _schema_name(kind: Kind) -> str:
    return f"io.k8s.api.{(kind.group or 'core').removesuffix('.k8s.io')}.{kind.version}.{kind.kind}"


def _gvk(kind: Kind) -> Object:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _operation(kind: Kind, verb: str) -> Object:
    parameters: list[Any] = []
    if verb in {"post", "put", "patch"}:
        text = {"type": "string", "uniqueItems": True}
        parameters = [{"name": name, "in": "query", "schema": text} for name in ("dryRun", "fieldManager", "fieldValidation")]
    reference = {"$ref": f"#/components/schemas/{_schema_name(kind)}"}
    return {"parameters": parameters, "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": reference}}}},
            "x-kubernetes-action": verb, "x-kubernetes-group-version-kind": _gvk(kind)}


def _schema(kind: Kind) -> Object:
    own = _OWN.get(kind.kind, {})
    fields = {name: found for name, found in _FIELDS.items() if kind.kind not in _WITHOUT_SPEC or name not in {"spec", "status"}} | dict(own)
    return {"type": "object", "description": f"{kind.kind}, as the embedded cluster keeps it.",
            "properties": {name: {"type": kind_of, "description": text} | ({"items": {"type": "object"}} if kind_of == "array" else {})
                           for name, (kind_of, text) in fields.items()},
            "x-kubernetes-group-version-kind": [_gvk(kind)]}
