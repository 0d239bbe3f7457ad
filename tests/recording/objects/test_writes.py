"""The effects of exchanges."""

import json
from typing import Any, Final

import pytest

from jitui.policy.action import Action
from jitui.recording.frame import Channel, Frame
from jitui.recording.objects.exchange import exchange
from jitui.recording.objects.writes import UNNAMED, Effect, Write, is_inside, writes
from jitui.store.exchanges import kinds

META: Final = {"name": "web", "namespace": "web", "uid": "u-1"}
DEPLOYMENT: Final = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": META, "spec": {"replicas": 1}}
STATUS: Final = {"kind": "Status", "status": "Success", "details": {"name": "web", "uid": "u-1"}}
PATH: Final = "/apis/apps/v1/namespaces/web/deployments"
POD: Final = "/api/v1/namespaces/web/pods"


def done(method: str, path: str, code: int | None, answer: Any = None, sent: Any = None, media: str = "application/json", *, unknown: bool = False,
         own: bool = False) -> list[Write]:  # fmt: skip
    """The effects of one exchange with these bodies."""
    pieces = [(Channel.REQUEST, f"{method} {path} HTTP/1.1\r\nContent-Type: {media}\r\n\r\n".encode())]
    pieces += [(Channel.REQUEST_BODY, json.dumps(sent).encode())] if sent is not None else []
    pieces += [(Channel.RESPONSE, f"HTTP/1.1 {code} x\r\nContent-Type: application/json\r\n\r\n".encode())] if code else []
    pieces += [(Channel.RESPONSE_BODY, json.dumps(answer).encode())] if answer is not None else []
    pieces += [(Channel.MARK, b'{"outcome":"unknown"}')] if unknown else []
    pieces += [(Channel.GATEWAY, b"{}")] if own else []
    found = exchange(Frame(1, seq, 0, 0, channel, body) for seq, (channel, body) in enumerate(pieces))
    assert found is not None
    return list(writes(found, kinds()))


@pytest.mark.parametrize(("method", "path", "code", "media", "effect", "verb"), [
    ("POST", PATH, 201, "application/json", Effect.CREATED, "create"),
    ("PUT", f"{PATH}/web", 200, "application/json", Effect.CHANGED, "update"),
    ("PUT", f"{PATH}/web", 201, "application/json", Effect.CREATED, "update"),
    ("PATCH", f"{PATH}/web", 200, "application/json-patch+json", Effect.CHANGED, "patch"),
    ("PATCH", f"{PATH}/web", 200, "application/merge-patch+json", Effect.CHANGED, "patch"),
    ("PATCH", f"{PATH}/web", 200, "application/strategic-merge-patch+json", Effect.CHANGED, "patch"),
    ("PATCH", f"{PATH}/web?fieldManager=x", 201, "application/apply-patch+yaml", Effect.CREATED, "apply"),
    ("PATCH", f"{PATH}/web?fieldManager=x", 200, "application/apply-patch+yaml", Effect.CHANGED, "apply"),
    ("PATCH", f"{PATH}/web/status", 200, "application/merge-patch+json", Effect.CHANGED, "patch"),
])  # fmt: skip
def test_the_answer_is_the_state_after(method: str, path: str, code: int, media: str, effect: Effect, verb: str) -> None:
    """Of every write that the API server answers with the object."""
    (write,) = done(method, path, code, DEPLOYMENT, {}, media)
    assert (write.effect, write.verb, write.after, write.part) == (effect, verb, DEPLOYMENT, "")
    assert (write.ref.kind, write.ref.namespace, write.ref.name, write.ref.uid) == ("deployments.apps", "web", "web", "u-1")


def test_deletions() -> None:
    """Answered with a Status, or with the object, which may have to wait for its finalizers."""
    (plain,) = done("DELETE", f"{PATH}/web", 200, STATUS)
    assert (plain.effect, plain.ref.uid, plain.last, plain.why) == (Effect.DELETED, "u-1", None, "")
    held = {**DEPLOYMENT, "metadata": {**META, "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b"]}}
    (waits,) = done("DELETE", f"{PATH}/web", 200, held)
    assert waits.last == held
    assert "a/b" in waits.why
    (evicted,) = done("POST", f"{POD}/web/eviction", 201, {"kind": "Status"}, {"metadata": {"name": "web"}})
    assert (evicted.effect, evicted.ref.resource, evicted.ref.name) == (Effect.DELETED, "pods", "web")


def test_a_collection_is_deleted_one_by_one() -> None:
    """As its answer lists them; else it is said that the answer names none."""
    other = {**DEPLOYMENT, "metadata": {"name": "api", "namespace": "web", "uid": "u-2"}}
    found = done("DELETE", PATH, 200, {"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [DEPLOYMENT, other]})
    assert [(each.ref.name, each.ref.uid, each.effect) for each in found] == [("web", "u-1", Effect.DELETED), ("api", "u-2", Effect.DELETED)]
    (unnamed,) = done("DELETE", PATH, 200, {"kind": "Status"})
    assert (unnamed.ref.name, unnamed.why) == ("", UNNAMED)


def test_parts() -> None:
    """A Scale is a document of its own; a token changes nothing, and is issued."""
    (scale,) = done("PATCH", f"{PATH}/web/scale", 200, {"kind": "Scale", "metadata": META, "spec": {"replicas": 3}})
    assert (scale.part, scale.effect, scale.ref.uid) == ("scale", Effect.CHANGED, "u-1")
    (token,) = done("POST", "/api/v1/namespaces/web/serviceaccounts/sa/token", 201, {"kind": "TokenRequest", "metadata": {"name": "sa"}, "status": {}})
    assert (token.effect, token.ref.resource, token.ref.name) == (Effect.ISSUED, "serviceaccounts", "sa")


@pytest.mark.parametrize(("code", "unknown", "own", "effects"), [
    (403, False, False, []), (409, False, False, []), (422, False, False, []), (429, False, False, []), (503, False, False, []),
    (500, False, False, [Effect.UNKNOWN]), (504, False, False, [Effect.UNKNOWN]), (None, True, True, [Effect.UNKNOWN]), (None, False, False, [Effect.UNKNOWN]),
    (None, False, True, []),
])  # fmt: skip
def test_failures_and_doubts(code: int | None, unknown: bool, own: bool, effects: list[Effect]) -> None:
    """A refused write had no effect; of one without an answer, or at which the API server gave up, nobody knows."""
    found = done("POST", PATH, code, {"kind": "Status"} if code else None, {"metadata": {"name": "web"}}, unknown=unknown, own=own)
    assert [each.effect for each in found] == effects
    assert all(each.ref.name == "web" and "not known" in each.why for each in found)


@pytest.mark.parametrize("path", [f"{PATH}?dryRun=All", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", f"{POD}/web/exec?command=x", "/healthz"])
def test_what_writes_nothing(path: str) -> None:
    """Dry runs, questions, streams into pods."""
    assert done("POST", path, 201, DEPLOYMENT, DEPLOYMENT) == []


def test_inside() -> None:
    """Streams into pods, and what passes the API server's proxy."""
    assert is_inside(Action("create", resource="pods", subresource="exec"))
    assert is_inside(Action("create", resource="services", subresource="proxy"))
    assert not is_inside(Action("create", resource="pods"))


def test_an_answer_that_cannot_be_read() -> None:
    """The effect is known, the state after is not, and it is said why."""
    (write,) = done("POST", PATH, 201, None, {"metadata": {"name": "web"}})
    assert (write.effect, write.after, write.ref.name) == (Effect.CREATED, None, "web")
    assert write.why
