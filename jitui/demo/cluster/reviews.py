"""What the one user may: everything, except writing what is cluster-scoped. Answers the SelfSubject reviews and refuses by the same rule."""

import json
from collections.abc import Iterator
from typing import Any, Final

from jitui.demo.cluster.http import Request
from jitui.demo.cluster.kinds import KINDS, REVIEWS, Kind, Object
from jitui.demo.cluster.status import bad_request

USER: Final = "gateway"
GROUPS: Final = ("gateways", "system:authenticated")
READ: Final = frozenset({"get", "list", "watch"})


def may(verb: str, kind: Kind | None) -> bool:
    """Whether this verb on this kind is allowed. Namespaces may be made and deleted: the demo wants that."""
    if kind is None:
        return verb in READ
    return kind.namespaced or kind in REVIEWS or verb in READ or kind.plural == "namespaces"


def answer(kind: Kind, request: Request) -> Object:
    """The review with its status. Bodies come as JSON or, from newer kubectl, as protobuf."""
    spec = _spec(request)
    if kind.kind == "SelfSubjectReview":
        status: Object = {"userInfo": {"username": USER, "groups": list(GROUPS)}}
    elif kind.kind == "SelfSubjectAccessReview":
        wanted = spec.get("resourceAttributes") or {}
        found = next((row for row in KINDS if row.plural == wanted.get("resource") and row.group == wanted.get("group", "")), None)
        status = {"allowed": may(str(wanted.get("verb", "")), found)}
    else:
        rules: list[Any] = [{"verbs": ["*"] if may("update", row) else sorted(READ), "apiGroups": [row.group], "resources": [row.plural]} for row in KINDS]
        status = {"resourceRules": rules, "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}], "incomplete": False}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {"creationTimestamp": None}, "spec": spec, "status": status}


def _spec(request: Request) -> Object:
    if "protobuf" in request.header("content-type"):
        return _from_protobuf(request.body)
    try:
        spec = json.loads(request.body or b"{}").get("spec")
    except (ValueError, AttributeError) as error:
        raise bad_request("the object provided is unrecognized") from error
    return dict(spec or {})


def _from_protobuf(body: bytes) -> Object:
    """spec.resourceAttributes of a SelfSubjectAccessReview: runtime.Unknown {2 raw} -> {2 spec} -> {1 resourceAttributes}."""
    names = {1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name"}
    try:
        for number in (2, 2, 1):
            body = dict(_fields(body.removeprefix(b"k8s\0")))[number]
        return {"resourceAttributes": {names[number]: text.decode() for number, text in _fields(body) if number in names}}
    except (KeyError, IndexError, UnicodeDecodeError):
        return {}


def _fields(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of one protobuf message. Raises IndexError on anything else."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(body):
        tag = varint()
        if tag & 7 != 2:
            raise IndexError(tag)
        length = varint()
        yield tag >> 3, body[at:at + length]
        at += length
