"""Watches from a list on, from the start, of a Table, and from too far back."""

import json
from typing import Any

import httpx
import pytest

from jitui.demo.cluster import EmbeddedCluster

PODS = "/api/v1/namespaces/web/pods"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


async def watch_lines(client: httpx.AsyncClient, query: str, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    answer = await client.get(f"{PODS}?watch=true&{query}", headers=headers or {})
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_watch_from_a_list_on(client: httpx.AsyncClient) -> None:
    """It has the changes after the list's resourceVersion and ends after timeoutSeconds; an object that leaves the selector is DELETED."""
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
