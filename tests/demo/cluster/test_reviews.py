"""The one user's rights, and the reviews that tell them."""

import json

import pytest

from jitui.demo.cluster import reviews
from jitui.demo.cluster.http import Request
from jitui.demo.cluster.kinds import NAMESPACES, NODES, PODS, REVIEWS, Kind


@pytest.mark.parametrize(("verb", "kind", "expected"), [
    ("delete", PODS, True), ("get", NODES, True), ("delete", NODES, False), ("delete", NAMESPACES, True), ("create", REVIEWS[0], True),
])  # fmt: skip
def test_cluster_scoped_kinds_are_read_only(verb: str, kind: Kind, expected: bool) -> None:
    """Except namespaces, which the demo makes and deletes, and reviews."""
    assert reviews.may(verb, kind) is expected


@pytest.mark.parametrize(("verb", "resource", "allowed"), [("delete", "pods", True), ("delete", "nodes", False), ("delete", "gizmos", False)])
def test_a_review_says_what_a_request_would_meet(verb: str, resource: str, allowed: bool) -> None:
    body = json.dumps({"spec": {"resourceAttributes": {"verb": verb, "resource": resource}}}).encode()
    answer = reviews.answer(REVIEWS[1], Request("POST", "/", (("content-type", "application/json"),), body))
    assert answer["status"] == {"allowed": allowed}


def test_whoami_names_the_impersonated_user() -> None:
    request = Request("POST", "/", (("content-type", "application/json"), ("impersonate-user", "jitui:bot")), b"{}")
    assert reviews.answer(REVIEWS[0], request)["status"]["userInfo"]["username"] == "jitui:bot"
