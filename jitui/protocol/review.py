"""SelfSubjectAccessReview, the question of `kubectl auth can-i`: this module reads it as the action it names, and writes the gateway's own no.

Sources: kubernetes api/authorization/v1/types.go and generated.proto; apimachinery/pkg/runtime/serializer/protobuf (the magic of four bytes and
the runtime.Unknown around a protobuf object). kubectl sends protobuf from 1.33 on, and JSON before.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from jitui.policy.action import Action
from jitui.policy.streams import UPGRADES
from jitui.values import protobuf
from jitui.values.errors import InvalidError
from jitui.values.said import clean

GROUP: Final = "authorization.k8s.io"
KIND: Final = "SelfSubjectAccessReview"
JSON: Final = b"application/json"
PROTOBUF: Final = b"application/vnd.kubernetes.protobuf"
MAGIC: Final = b"k8s\0"
LIMIT: Final = 64 << 10  # bytes of a question
REASON_LIMIT: Final = 1000  # characters of an answer's reason

RESOURCE: Final = {1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name"}
PATH: Final = {1: "path", 2: "verb"}


def question(body: bytes, content_type: bytes, *, encoding: bytes = b"") -> Action:
    """The action that a review asks about. `encoding`: the body's Content-Encoding. Raises InvalidError if it has no reading, or two."""
    if encoding.strip().lower() not in {b"", b"identity"}:
        raise InvalidError(f"a {KIND} in {clean(encoding.decode('latin-1'), 40)} can't be read here; send it as it is")
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == PROTOBUF:
        resource, path = _from_protobuf(body)
    elif kind in {JSON, b""}:
        resource, path = _from_json(body)
    else:
        raise InvalidError(f"a {KIND} as {clean(kind.decode('latin-1'), 60)} can't be read here; send {JSON.decode()} or {PROTOBUF.decode()}")
    if (resource is None) is (path is None):
        raise InvalidError(f"a {KIND} asks about either resourceAttributes or nonResourceAttributes; send one of them")
    if path is not None:
        if not path.get("verb") or not path.get("path"):
            raise InvalidError(f"a {KIND} names a verb and a path; send both")
        return Action(path["verb"], path=path["path"])
    assert resource is not None
    return _action(resource)


def judged(asked: Action, *, namespaced: bool | None) -> Action:
    """The action as the rules would judge the real request.

    kubectl names its default namespace for cluster-scoped kinds, too; and exec is one action, whatever the method (policy/kube.py).
    """
    if not asked.resource:
        return asked
    stream = (asked.group, asked.resource) == ("", "pods") and asked.subresource in UPGRADES and asked.verb == "get"
    return replace(asked, verb="create" if stream else asked.verb, namespace="" if namespaced is False else asked.namespace)


def everything(asked: Action) -> bool:
    """Whether the question is about every verb or every kind at once."""
    return "*" in {asked.verb, asked.group, asked.resource, asked.subresource}


def no(asked: Action, version: str, reason: str) -> bytes:
    """The answer `not allowed` as JSON. kubectl prints `no - <reason>` and exits 1."""
    answer = {
        "kind": KIND, "apiVersion": f"{GROUP}/{version}", "metadata": {}, "spec": _spec(asked),
        "status": {"allowed": False, "denied": False, "reason": clean(reason, REASON_LIMIT)},
    }  # fmt: skip
    return json.dumps(answer, separators=(",", ":")).encode() + b"\n"


def _spec(asked: Action) -> dict[str, dict[str, str]]:
    if not asked.resource:
        return {"nonResourceAttributes": {"path": asked.path, "verb": asked.verb}}
    known = {name: getattr(asked, name) for name in RESOURCE.values()}
    return {"resourceAttributes": {name: value for name, value in known.items() if value}}


def _action(asked: Mapping[str, str]) -> Action:
    if not asked.get("verb") or not asked.get("resource"):
        raise InvalidError(f"a {KIND} names a verb and a resource; send both")
    get = asked.get
    return Action(asked["verb"], get("group", ""), get("version", ""), asked["resource"], get("subresource", ""), get("namespace", ""), get("name", ""))


def _from_protobuf(body: bytes) -> tuple[dict[str, str] | None, dict[str, str] | None]:
    if not body.startswith(MAGIC):
        raise InvalidError("a protobuf object of Kubernetes begins with the bytes 6b 38 73 00")
    unknown = protobuf.only(body[len(MAGIC) :], 1, 2, 3)
    meta = {number: protobuf.text(value) for number, value in protobuf.only(unknown.get(1, b""), 1, 2).items()}
    _check_kind(meta.get(1, ""), meta.get(2, ""))
    if unknown.get(3):
        raise InvalidError(f"an encoded {KIND} ({clean(unknown[3].decode('latin-1'), 40)}) can't be read here; send it as it is")
    asked = protobuf.only(protobuf.only(unknown.get(2, b""), 2).get(2, b""), 1, 2)
    return _named(asked.get(1), RESOURCE), _named(asked.get(2), PATH)


def _named(data: bytes | None, names: Mapping[int, str]) -> dict[str, str] | None:
    if data is None:
        return None
    return {names[number]: protobuf.text(value) for number, value in protobuf.only(data, *names).items()}


def _from_json(body: bytes) -> tuple[dict[str, str] | None, dict[str, str] | None]:
    try:
        document = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise InvalidError(f"a {KIND} that is not JSON, or has a key twice") from None
    if not isinstance(document, dict) or not isinstance(document.get("spec"), dict):
        raise InvalidError(f"a {KIND} is an object with a spec")
    _check_kind(document.get("apiVersion", ""), document.get("kind", ""))
    return _strings(document["spec"].get("resourceAttributes"), RESOURCE), _strings(document["spec"].get("nonResourceAttributes"), PATH)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _strings(found: object, names: Mapping[int, str]) -> dict[str, str] | None:
    if found is None:
        return None
    if not isinstance(found, dict):
        raise InvalidError(f"the attributes of a {KIND} are an object")
    asked = {name: found[name] for name in names.values() if found.get(name) is not None}
    if not all(isinstance(value, str) for value in asked.values()):
        raise InvalidError(f"an attribute of a {KIND} is not a text")
    return asked


def _check_kind(version: object, kind: object) -> None:
    """Raises InvalidError unless both fit or are missing: the path says which kind is posted."""
    if not isinstance(kind, str) or kind not in {"", KIND} or not isinstance(version, str) or (version and version.partition("/")[0] != GROUP):
        raise InvalidError(f"{clean(str(kind), 60)} of {clean(str(version), 60)} was posted where a {KIND} of {GROUP} is due")
