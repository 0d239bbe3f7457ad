"""A request of the API has one caller, and a desk bound to it."""

import os

import httpx
import pytest

from jitui.auth.people import user_name
from tests.api.server.conftest import bearer
from tests.fakes.gateway import Address

ME = f"uid {os.getuid()}"


async def test_the_socket_knows_its_user(gateway: Address, local: httpx.AsyncClient) -> None:
    """Without a token the caller is the Unix user at the other end, and the same user as the gateway."""
    said = (await local.get("/v1/hello")).json()
    assert (said["you"], said["roles"]) == (user_name(os.getuid()), ["admin", "approver", "auditor", "operator"])
    assert gateway.house.calls == [("hello", user_name(os.getuid()), ME, "", True)]


async def test_a_token_beats_the_peer(gateway: Address, local: httpx.AsyncClient) -> None:
    """An agent's token gains nothing by the socket: it is the agent there too."""
    said = (await local.get("/v1/hello", headers=bearer(gateway.agent))).json()
    assert (said["you"], said["roles"]) == ("agent-a", ["agent"])
    assert gateway.house.calls == [("hello", "agent-a", ME, gateway.agent[3:11], True)]


async def test_a_token_over_tls(gateway: Address, remote: httpx.AsyncClient) -> None:
    """The desk is bound to the token's identity, with where it came from; a loopback client of our own user is known as such."""
    assert (await remote.get("/v1/hello", headers=bearer(gateway.ana))).json()["you"] == "ana"
    assert gateway.house.calls == [("hello", "ana", "127.0.0.1", gateway.ana[3:11], True)]


@pytest.mark.parametrize(("headers", "says"), [
    ({}, "no token; name its file with --token-file or JITUI_TOKEN, or come over the gateway's Unix socket"),
    ({"authorization": "Basic YTpi"}, "authorization is not Bearer"),
    ({"authorization": "Bearer jt_x"}, "token is unknown here"),
    ({"authorization": "Bearer"}, "token is unknown here"),
    ({"authorization": ""}, "authorization is not Bearer"),
])
async def test_nobody(gateway: Address, remote: httpx.AsyncClient, headers: dict[str, str], says: str) -> None:
    """Without a good token nothing is asked of any desk; one clear sentence says why, and a counter counts."""
    answer = await remote.get("/v1/hello", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    error = answer.json()["error"]
    assert (error["code"], error["reason"], error["kind"]) == (401, "Unauthorized", "UnknownCallerError")
    assert error["message"].startswith(says)
    assert gateway.house.calls == []


async def test_a_bad_token_on_the_socket_is_not_the_user(gateway: Address, local: httpx.AsyncClient) -> None:
    """A token that is refused never falls back to who is at the other end."""
    answer = await local.get("/v1/hello", headers=bearer(gateway.expired))
    assert (answer.status_code, gateway.house.calls) == (401, [])
    assert "expired at" in answer.json()["error"]["message"]
