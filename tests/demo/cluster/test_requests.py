"""Requests as a client sends them, without kubectl: what is refused, and how it is said."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from jitui.demo.cluster import EmbeddedCluster
from tests.demo.cluster.conftest import trust

PODS = "/api/v1/namespaces/web/pods"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


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


async def test_protobuf_alone_is_not_acceptable(client: httpx.AsyncClient) -> None:
    """406, so that a client falls back to JSON."""
    assert (await client.get(PODS, headers={"Accept": "application/vnd.kubernetes.protobuf"})).status_code == 406


@pytest.mark.parametrize("form", ["v2", "v2beta1"])
async def test_aggregated_discovery(client: httpx.AsyncClient, form: str) -> None:
    """Both versions are spoken, tagged, and not sent again to who has them."""
    accept = {"Accept": f"application/json;g=apidiscovery.k8s.io;v={form};as=APIGroupDiscoveryList,application/json"}
    answer = await client.get("/apis", headers=accept)
    assert answer.headers["content-type"] == f"application/json;g=apidiscovery.k8s.io;v={form};as=APIGroupDiscoveryList"
    assert answer.json()["apiVersion"] == f"apidiscovery.k8s.io/{form}"
    again = await client.get("/apis", headers=accept | {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_plain_discovery_agrees_with_the_aggregated(client: httpx.AsyncClient) -> None:
    """The same resources, one document or many."""
    accept = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    together = {group["metadata"].get("name", ""): {row["resource"] for row in group["versions"][0]["resources"]}
                for path in ("/api", "/apis") for group in (await client.get(path, headers=accept)).json()["items"]}
    apart = {group["name"]: f"/apis/{group['name']}/v1" for group in (await client.get("/apis")).json()["groups"]} | {"": "/api/v1"}
    plain = {name: {row["name"] for row in (await client.get(path)).json()["resources"] if "/" not in row["name"]} for name, path in apart.items()}
    assert together == plain


async def watch_lines(client: httpx.AsyncClient, query: str, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    answer = await client.get(f"{PODS}?watch=true&{query}", headers=headers or {})
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_watch_from_a_list_on(client: httpx.AsyncClient) -> None:
    """What happens after the list's resourceVersion, and the end after timeoutSeconds; an object that leaves a selector is DELETED to it."""
    version = (await client.get(PODS)).json()["metadata"]["resourceVersion"]
    for labels in ('{"tier":"x"}', '{"tier":null}'):
        await client.patch(f"{PODS}/web", content=f'{{"metadata":{{"labels":{labels}}}}}', headers={"Content-Type": "application/merge-patch+json"})
    assert [one["type"] for one in await watch_lines(client, f"resourceVersion={version}&timeoutSeconds=1")] == ["MODIFIED", "MODIFIED"]
    assert [one["type"] for one in await watch_lines(client, f"resourceVersion={version}&timeoutSeconds=1&labelSelector=tier=x")] == ["ADDED", "DELETED"]
    assert await watch_lines(client, f"resourceVersion={version}&timeoutSeconds=1&fieldSelector=metadata.name=box") == []


async def test_a_watch_from_the_start(client: httpx.AsyncClient) -> None:
    """Without a version: everything as ADDED. With sendInitialEvents: then a BOOKMARK that says so."""
    names = [pod["metadata"]["name"] for pod in (await client.get(PODS)).json()["items"]]
    assert [one["object"]["metadata"]["name"] for one in await watch_lines(client, "timeoutSeconds=1")] == names
    found = await watch_lines(client, "timeoutSeconds=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan")
    assert [one["object"]["metadata"]["name"] for one in found if one["type"] == "ADDED"] == names
    marks = [one["object"]["metadata"] for one in found if one["type"] == "BOOKMARK"]
    assert marks[0]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_of_a_table(client: httpx.AsyncClient) -> None:
    """Rows; the columns are named once."""
    found = await watch_lines(client, "timeoutSeconds=1", {"Accept": TABLE})
    assert {one["object"]["kind"] for one in found} == {"Table"}
    assert [bool(one["object"]["columnDefinitions"]) for one in found] == [True] + [False] * (len(found) - 1)


async def test_a_watch_too_far_back(client: httpx.AsyncClient, alone: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """One ERROR event with 410, and the end."""
    monkeypatch.setattr("jitui.demo.cluster.objects.REMEMBERED", len(alone._objects._changes))
    (only,) = await watch_lines(client, "resourceVersion=1&timeoutSeconds=5")
    assert (only["type"], only["object"]["code"], only["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_an_update_of_an_old_version_is_a_conflict(client: httpx.AsyncClient) -> None:
    """409, in the API server's words."""
    found = (await client.get(f"{PODS}/web")).json()
    assert (await client.put(f"{PODS}/web", json=found | {"metadata": found["metadata"] | {"labels": {"a": "b"}}})).status_code == 200
    answer = await client.put(f"{PODS}/web", json=found)
    assert (answer.status_code, answer.json()["message"]) == (
        409, 'Operation cannot be fulfilled on pods "web": the object has been modified; please apply your changes to the latest version and try again')


async def test_a_dry_run_writes_nothing(client: httpx.AsyncClient) -> None:
    """It answers as if it had."""
    maps = "/api/v1/namespaces/web/configmaps"
    assert (await client.post(f"{maps}?dryRun=All", json={"metadata": {"name": "x"}})).status_code == 201
    assert (await client.get(f"{maps}/x")).status_code == 404
    assert (await client.delete(f"{PODS}/web?dryRun=All")).status_code == 200
    assert (await client.get(f"{PODS}/web")).status_code == 200


async def test_deleting_a_collection(client: httpx.AsyncClient) -> None:
    """By label."""
    assert (await client.delete(f"{PODS}?labelSelector=app in (web,box)")).status_code == 200
    assert "box" not in [pod["metadata"]["name"] for pod in (await client.get(PODS)).json()["items"]]


async def test_the_audit_log(client: httpx.AsyncClient, alone: EmbeddedCluster) -> None:
    """Each request twice, with the client's Audit-ID; never the token."""
    answer = await client.get(f"{PODS}/web", headers={"Audit-ID": "jitui:g-1/s-2", "Impersonate-User": "bot"})
    assert answer.headers["audit-id"] == "jitui:g-1/s-2"
    rows = [json.loads(line) for line in alone.audit.read_text().splitlines()]
    assert [(row["stage"], row["audit_id"], row["impersonated"], row.get("code")) for row in rows] == [
        ("RequestReceived", "jitui:g-1/s-2", "bot", None), ("ResponseComplete", "jitui:g-1/s-2", "bot", 200)]
    assert alone.token not in alone.audit.read_text()


async def test_requests_in_pieces_and_in_chunks(alone: EmbeddedCluster) -> None:
    """A head that comes byte by byte, a chunked body, and the next request on the same connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(alone.url.rpartition(":")[2]), ssl=trust(alone.kubeconfig))
    token = f"Authorization: Bearer {alone.token}\r\n"
    post = f"POST /api/v1/namespaces/web/configmaps HTTP/1.1\r\nHost: x\r\n{token}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    for byte in post.encode():
        writer.write(bytes([byte]))
    for piece in (b'{"metadata":', b'{"name":"chunked"}}', b""):
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}\r\n".encode())
    answers = await asyncio.wait_for(reader.read(), 5)
    assert answers.startswith(b"HTTP/1.1 201 Created\r\n")
    assert answers.endswith(b"\r\n\r\nok")
    writer.close()


@pytest.mark.parametrize("garbage", [b"\r\n\r\n", b"GET\r\n\r\n", b"x" * 100_000, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                                     b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
                                     b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
async def test_garbage_ends_the_connection(alone: EmbeddedCluster, garbage: bytes) -> None:
    """And nothing else."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(alone.url.rpartition(":")[2]), ssl=trust(alone.kubeconfig))
    writer.write(garbage)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_log_that_follows_ends_with_its_pod(client: httpx.AsyncClient) -> None:
    """Lines come as they are said, and the stream ends cleanly when the pod is gone."""
    async with client.stream("GET", f"{PODS}/chatty/log?follow=true&tailLines=1") as answer:
        lines = answer.aiter_lines()
        first = int((await anext(lines)).split()[1])
        assert int((await anext(lines)).split()[1]) == first + 1
        await client.delete(f"{PODS}/chatty")
        assert all([line.startswith("line ") async for line in lines])


async def test_a_pod_that_does_not_run_yet(client: httpx.AsyncClient) -> None:
    """Has no log and no exec."""
    await client.post(PODS, json={"metadata": {"name": "new"}, "spec": {"containers": [{"name": "one", "image": "a:1"}]}})
    for path in ("log", "exec?command=ls"):
        answer = await client.get(f"{PODS}/new/{path}")
        assert (answer.status_code, answer.json()["message"]) == (400, 'container "one" in pod "new" is waiting to start: ContainerCreating')
