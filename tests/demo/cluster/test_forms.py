"""An answer has a form that the client accepts, or there is a 406."""

import httpx

PODS = "/api/v1/namespaces/web/pods"


async def test_protobuf_alone_is_not_acceptable(client: httpx.AsyncClient) -> None:
    """406, so that a client falls back to JSON."""
    assert (await client.get(PODS, headers={"Accept": "application/vnd.kubernetes.protobuf"})).status_code == 406
