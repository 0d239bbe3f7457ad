"""The question of `kubectl auth can-i`, in both of its forms."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from jitui.policy.action import Action
from jitui.protocol import review
from jitui.values.errors import InvalidError
from tests.values.test_protobuf import field

RESOURCE_FIELDS = sorted(review.RESOURCE.items())
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ASKED = st.fixed_dictionaries({"verb": WORDS.filter(bool), "resource": WORDS.filter(bool)}, optional={
    name: WORDS.filter(bool) for name in ("namespace", "group", "version", "subresource", "name")
})


def as_json(asked: dict[str, str], **more: Any) -> bytes:
    return json.dumps({"kind": review.KIND, "apiVersion": "authorization.k8s.io/v1", "spec": {"resourceAttributes": asked}} | more).encode()


def as_protobuf(spec: bytes, *, kind: bytes = b"SelfSubjectAccessReview", encoding: bytes = b"") -> bytes:
    """runtime.Unknown around the object, as apimachinery writes it; empty fields too."""
    meta = field(1, b"authorization.k8s.io/v1") + field(2, kind)
    thing = field(1, field(1, b"")) + field(2, spec) + field(3, field(1, 0) + field(3, b""))
    return review.MAGIC + field(1, meta) + field(2, thing) + field(3, encoding) + field(4, b"")


def attributes(asked: dict[str, str]) -> bytes:
    return field(1, b"".join(field(number, asked.get(name, "").encode()) for number, name in RESOURCE_FIELDS))


@given(ASKED)
def test_both_forms_ask_the_same(asked: dict[str, str]) -> None:
    """Every attribute comes through, from JSON as from protobuf."""
    wanted = Action(asked["verb"], asked.get("group", ""), asked.get("version", ""), asked["resource"], asked.get("subresource", ""),
                    asked.get("namespace", ""), asked.get("name", ""))  # fmt: skip
    assert review.question(as_json(asked), b"application/json") == wanted
    assert review.question(as_protobuf(attributes(asked)), b"application/vnd.kubernetes.protobuf") == wanted


def test_a_path_can_be_asked_about() -> None:
    """`kubectl auth can-i get /metrics`."""
    spec = {"spec": {"nonResourceAttributes": {"path": "/metrics", "verb": "get"}}}
    assert review.question(json.dumps(spec).encode(), b"application/json; charset=utf-8") == Action("get", path="/metrics")
    assert review.question(as_protobuf(field(2, field(1, b"/metrics") + field(2, b"get"))), review.PROTOBUF) == Action("get", path="/metrics")


PODS = {"verb": "get", "resource": "pods"}


@pytest.mark.parametrize(("body", "kind", "encoding"), [
    (b"", review.JSON, b""), (b"[]", review.JSON, b""), (b"{", review.JSON, b""), (b"{}", review.JSON, b""), (b'{"spec":{}}', review.JSON, b""),
    (as_json({}), review.JSON, b""), (as_json({"verb": "get"}), review.JSON, b""), (as_json({"resource": "pods"}), review.JSON, b""),
    (b'{"spec":{"resourceAttributes":[]}}', review.JSON, b""), (b'{"spec":{"resourceAttributes":{"verb":1,"resource":"pods"}}}', review.JSON, b""),
    (b'{"spec":{"resourceAttributes":{"verb":"get","verb":"list","resource":"pods"}}}', review.JSON, b""),
    (as_json(PODS, kind="SubjectAccessReview"), review.JSON, b""), (as_json(PODS, apiVersion="v1"), review.JSON, b""),
    (as_json(PODS, kind=7), review.JSON, b""), (b"[" * 100_000, review.JSON, b""),
    (b'{"spec":{"resourceAttributes":{"verb":"get","resource":"pods"},"nonResourceAttributes":{"verb":"get","path":"/"}}}', review.JSON, b""),
    (b'{"spec":{"nonResourceAttributes":{"verb":"get"}}}', review.JSON, b""),
    (as_json(PODS), b"application/yaml", b""), (as_json(PODS), b"application/cbor", b""), (as_json(PODS), review.JSON, b"gzip"),
    (b"", review.PROTOBUF, b""), (b"k8s\0", review.PROTOBUF, b""), (as_json(PODS), review.PROTOBUF, b""),
    (as_protobuf(attributes(PODS))[:-40], review.PROTOBUF, b""), (as_protobuf(attributes(PODS), kind=b"Pod"), review.PROTOBUF, b""),
    (as_protobuf(attributes(PODS), encoding=b"gzip"), review.PROTOBUF, b""), (as_protobuf(attributes(PODS) * 2), review.PROTOBUF, b""),
])  # fmt: skip
def test_what_can_not_be_read_in_one_way_is_refused(body: bytes, kind: bytes, encoding: bytes) -> None:
    """With a sentence, and 400."""
    with pytest.raises(InvalidError):
        review.question(body, kind, encoding=encoding)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: review.MAGIC + data), st.sampled_from([review.JSON, review.PROTOBUF]))
def test_anything_is_read_or_refused(body: bytes, kind: bytes) -> None:
    """No other exception."""
    try:
        asked = review.question(body, kind)
    except InvalidError:
        return
    assert asked.verb
    assert asked.resource or asked.path


@pytest.mark.parametrize(("asked", "namespaced", "judged"), [
    (Action("get", "", "v1", "pods", "exec", "web", "x"), True, Action("create", "", "v1", "pods", "exec", "web", "x")),
    (Action("delete", "", "v1", "pods", "exec", "web"), True, Action("delete", "", "v1", "pods", "exec", "web")),
    (Action("get", "", "v1", "nodes", namespace="default"), False, Action("get", "", "v1", "nodes")),
    (Action("get", "", "v1", "pods", namespace="web"), True, Action("get", "", "v1", "pods", namespace="web")),
    (Action("get", "x.io", "v1", "widgets", namespace="web"), None, Action("get", "x.io", "v1", "widgets", namespace="web")),
    (Action("get", path="/metrics"), False, Action("get", path="/metrics")),
])  # fmt: skip
def test_a_question_is_judged_as_the_request_would_be(asked: Action, namespaced: bool | None, judged: Action) -> None:
    """An exec by GET is an exec, and the namespace that kubectl names for a cluster-scoped kind means nothing."""
    assert review.judged(asked, namespaced=namespaced) == judged


@pytest.mark.parametrize("asked", [Action("*", resource="pods"), Action("get", resource="*"), Action("get", "*", resource="pods")])
def test_a_question_about_everything_is_known(asked: Action) -> None:
    assert review.everything(asked)
    assert not review.everything(Action("get", resource="pods", name="x"))


def test_no_is_an_answer_of_the_same_kind() -> None:
    """Question repeated, allowed false, denied false, and the reason on one line."""
    asked = Action("delete", "", "", "pods", "", "web")
    answer = json.loads(review.no(asked, "v1", "window g-7\ncovers read pods in web"))
    assert answer == {
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
        "spec": {"resourceAttributes": {"namespace": "web", "verb": "delete", "resource": "pods"}},
        "status": {"allowed": False, "denied": False, "reason": answer["status"]["reason"]},
    }  # fmt: skip
    assert "\n" not in answer["status"]["reason"]
    assert json.loads(review.no(Action("get", path="/x"), "v1beta1", ""))["spec"] == {"nonResourceAttributes": {"path": "/x", "verb": "get"}}
