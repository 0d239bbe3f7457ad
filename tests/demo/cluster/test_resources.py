"""Writes: conflicts, dry runs, collections."""

import httpx

PODS = "/api/v1/namespaces/web/pods"


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
