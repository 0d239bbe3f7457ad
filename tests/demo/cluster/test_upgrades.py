"""Only the known upgrades and subprotocols exist."""

import httpx
import pytest
import websockets

from jitui.demo.cluster import EmbeddedCluster
from tests.demo.cluster.conftest import Exec


@pytest.mark.parametrize(("options", "status"), [
    ({}, 400), ({"Upgrade": "h2c", "Connection": "Upgrade"}, 400), ({"Upgrade": "SPDY/2", "Connection": "Upgrade"}, 400),
    ({"Upgrade": "websocket", "Connection": "Upgrade"}, 405), ({"Upgrade": "SPDY/3.1", "Connection": "Upgrade"}, 400)])
async def test_other_upgrades_are_refused(alone: EmbeddedCluster, client: httpx.AsyncClient, options: dict[str, str], status: int) -> None:
    """With a Status, before any upgrade: none, an unknown one, a WebSocket that is not a GET, SPDY that offers no protocol."""
    answer = await client.post("/api/v1/namespaces/web/pods/web/exec?command=ls&stdout=true", headers=options)
    assert (answer.status_code, answer.json()["kind"]) == (status, "Status")


async def test_unknown_subprotocols_are_refused(alone: EmbeddedCluster) -> None:
    """403 without a body, as the API server does."""
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with Exec(alone, "web", "ls", version="v9"):
            pass
    assert refused.value.response.status_code == 403
