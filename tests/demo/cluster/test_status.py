"""The API server's errors, in the words that kubectl prints."""

import json

import pytest

from jitui.demo.cluster import status
from jitui.demo.cluster.kinds import DEPLOYMENTS, PODS
from jitui.demo.cluster.status import StatusError


@pytest.mark.parametrize(("error", "code", "reason", "message"), [
    (status.not_found(DEPLOYMENTS, "x"), 404, "NotFound", 'deployments.apps "x" not found'),
    (status.already_exists(PODS, "x"), 409, "AlreadyExists", 'pods "x" already exists'),
    (status.forbidden(PODS, "x", user="u", verb="get", namespace="web"), 403, "Forbidden",
     'pods "x" is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace "web"'),
    (status.invalid(PODS, "x", "spec.containers", "Required value"), 422, "Invalid", 'Pod "x" is invalid: spec.containers: Required value'),
    (status.gone("too old"), 410, "Expired", "too old"),
    (status.unauthorized(), 401, "Unauthorized", "Unauthorized"),
])  # fmt: skip
def test_a_status_is_what_kubectl_reads(error: StatusError, code: int, reason: str, message: str) -> None:
    """Kind, code, reason and message."""
    body = json.loads(error.body())
    assert (body["kind"], body["status"], body["code"], body["reason"], body["message"]) == ("Status", "Failure", code, reason, message)


def test_the_details_name_the_object() -> None:
    assert json.loads(status.conflict(DEPLOYMENTS, "x").body())["details"] == {"name": "x", "group": "apps", "kind": "deployments"}
