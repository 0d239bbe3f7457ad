"""The audit log has each request and its answer."""

import json

import httpx

from jitui.demo.cluster import EmbeddedCluster

PODS = "/api/v1/namespaces/web/pods"


async def test_the_audit_log(client: httpx.AsyncClient, alone: EmbeddedCluster) -> None:
    """Each request twice, with the client's Audit-ID; never the token."""
    answer = await client.get(f"{PODS}/web", headers={"Audit-ID": "jitui:g-1/s-2", "Impersonate-User": "bot"})
    assert answer.headers["audit-id"] == "jitui:g-1/s-2"
    rows = [json.loads(line) for line in alone.audit.read_text().splitlines()]
    assert [(row["stage"], row["audit_id"], row["impersonated"], row.get("code")) for row in rows] == [
        ("RequestReceived", "jitui:g-1/s-2", "bot", None), ("ResponseComplete", "jitui:g-1/s-2", "bot", 200)]
    assert alone.token not in alone.audit.read_text()
