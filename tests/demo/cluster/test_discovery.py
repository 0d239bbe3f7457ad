"""Discovery, plain and aggregated, names the same kinds."""

import httpx
import pytest


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
