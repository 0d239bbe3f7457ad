"""Requests without kubectl: a refusal is a Status with code and reason, and nobody is served without the token."""

import httpx
import pytest

PODS = "/api/v1/namespaces/web/pods"


@pytest.mark.parametrize(("method", "path", "code", "reason"), [
    ("GET", f"{PODS}/nope", 404, "NotFound"), ("GET", "/api/v1/gizmos", 404, "NotFound"), ("GET", "/nope", 404, "NotFound"),
    ("GET", "/apis/nope/v1", 404, "NotFound"), ("GET", f"{PODS}/web/nope", 404, "NotFound"), ("GET", "/api/v1/pods/web", 404, "NotFound"),
    ("GET", "/api/v1/namespaces/web/nodes", 404, "NotFound"), ("PUT", PODS, 405, "MethodNotAllowed"), ("POST", "/api/v1/pods", 405, "MethodNotAllowed"),
    ("OPTIONS", PODS, 405, "MethodNotAllowed"), ("POST", "/version", 405, "MethodNotAllowed"), ("DELETE", "/api/v1/nodes/demo-node", 403, "Forbidden"),
    ("GET", f"{PODS}?fieldSelector=spec.gizmo=1", 400, "BadRequest"), ("GET", f"{PODS}?labelSelector=a((", 400, "BadRequest"),
    ("GET", f"{PODS}?limit=x", 400, "BadRequest"), ("GET", f"{PODS}/web/log?tailLines=x", 400, "BadRequest"),
    ("GET", f"{PODS}/web/portforward", 400, "BadRequest"), ("POST", PODS, 422, "Invalid"),
    ("GET", f"{PODS}?watch=1&resourceVersion=x", 400, "BadRequest"),
])
async def test_refusals(client: httpx.AsyncClient, method: str, path: str, code: int, reason: str) -> None:
    """Each is a Status with its code and reason."""
    answer = await client.request(method, path)
    said = answer.json()
    assert (answer.status_code, said["kind"], said["code"], said["reason"]) == (code, "Status", code, reason)


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}])
async def test_without_the_token(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """401 for everything, discovery too."""
    for path in (PODS, "/version", "/api", f"{PODS}/web/exec?command=ls"):
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")
