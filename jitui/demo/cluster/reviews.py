"""The rights of the one user: everything, except writes of cluster-scoped kinds. The SelfSubject reviews and the refusals follow the same rule."""

from typing import Any, Final

from jitui.demo.cluster.http import Request
from jitui.demo.cluster.kinds import KINDS, REVIEWS, Kind, Object
from jitui.demo.cluster.resources import body_of

USER: Final = "gateway"
GROUPS: Final = ("gateways", "system:authenticated")
READ: Final = frozenset({"get", "list", "watch"})


def may(verb: str, kind: Kind | None) -> bool:
    """Whether this verb on this kind is allowed. Namespaces may be made and deleted, as the demo does."""
    if kind is None:
        return verb in READ
    return kind.namespaced or kind in REVIEWS or verb in READ or kind.plural == "namespaces"


def answer(kind: Kind, request: Request) -> Object:
    """The review with its status. Bodies come as JSON or, from newer kubectl, as protobuf."""
    given = body_of(request)
    spec: Object = (given.get("spec") if isinstance(given, dict) else None) or {}
    if kind.kind == "SelfSubjectReview":
        status: Object = {"userInfo": {"username": request.header("impersonate-user") or USER, "groups": list(GROUPS)}}
    elif kind.kind == "SelfSubjectAccessReview":
        wanted = spec.get("resourceAttributes") or {}
        found = next((row for row in KINDS if row.plural == wanted.get("resource") and row.group == wanted.get("group", "")), None)
        status = {"allowed": may(str(wanted.get("verb", "")), found)}
    else:
        rules: list[Any] = [{"verbs": ["*"] if may("update", row) else sorted(READ), "apiGroups": [row.group], "resources": [row.plural]} for row in KINDS]
        status = {"resourceRules": rules, "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}], "incomplete": False}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {"creationTimestamp": None}, "spec": spec, "status": status}
