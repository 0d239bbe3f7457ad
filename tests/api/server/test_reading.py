"""The arguments of a call, out of a request."""

import asyncio

import httpx
import pytest

from jitui.api.server.routes import routes
from tests.api.server.conftest import bearer
from tests.fakes.gateway import Address


async def said(answer: httpx.Response) -> str:
    """The sentence of a refused call."""
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"]["message"])


def test_no_model_is_built_before_a_call_needs_it() -> None:
    """To build all takes long, and most gateways serve few operations: the routes alone build none."""
    assert not [route.path for route in routes() if {"address_model", "body_model"} & set(vars(route.reader))]


@pytest.mark.parametrize(("path", "says"), [
    ("facts?after=x", "after: input should be a valid integer, unable to parse string as an integer"),
    ("facts?after=", "after: input should be a valid integer, unable to parse string as an integer"),
    ("facts?after=-1", "after: input should be greater than or equal to 0"),
    ("facts?after=1&after=-7", "after: input should be greater than or equal to 0"),
    ("facts?limit=1001", "limit: input should be less than or equal to 1000"),
    ("sessions?live=perhaps", "live: input should be a valid boolean, unable to interpret input"),
    ("requests/r-1?wait_s=21", "wait_s: input should be less than or equal to 20"),
])
async def test_a_wrong_query(gateway: Address, local: httpx.AsyncClient, path: str, says: str) -> None:
    """It is refused with the name of the argument; of an argument that is given twice the last counts."""
    assert await said(await local.get(f"/v1/{path}")) == says
    assert gateway.house.calls == []


async def test_the_path_stands_for_itself(local: httpx.AsyncClient) -> None:
    """The query can't name another target than the path does."""
    answer = await local.get("/v1/requests/r-9?ident=r-1")
    assert answer.json()["error"]["message"] == "no request r-9"


@pytest.mark.parametrize("header", ["x", "-1", "1.5"])
async def test_a_wrong_last_event(local: httpx.AsyncClient, header: str) -> None:
    """The header is a fact's number."""
    assert (await said(await local.get("/v1/events", headers={"last-event-id": header}))).startswith("last-event-id: input should be")


@pytest.mark.parametrize(("kind", "body", "says"), [
    ("text/plain", b"{}", 'a request\'s body is JSON, not "text/plain"; send it with content-type: application/json'),
    ("application/x-www-form-urlencoded", b"connection=prod", 'a request\'s body is JSON, not "application/x-www-form-urlencoded"; send it with'),
    ("", b"{}", 'a request\'s body is JSON, not ""; send it with content-type: application/json'),
    ("application/json", b"{", "the request's body is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ("application/json", b"\xff\xff\xff", "the request's body is no JSON: "),
    ("application/json", b"[" * 60000, "the request's body is no JSON: nested too deeply to be read"),
    ("application/json", b"[]", "input should be a valid dictionary or instance of Ask"),
    ("application/json", b"null", "connection: field required"),
    ("application/json", b"", "connection: field required"),
    ("application/json", b'{"connection": "prod", "scoop": "x"}', "scoop: extra inputs are not permitted"),
    ("application/json; charset=utf-8", b'{"connection": "prod", "approval": "perhaps"}', "approval: input should be '', 'required' or 'automatic'"),
])
async def test_a_wrong_body(gateway: Address, local: httpx.AsyncClient, kind: str, body: bytes, says: str) -> None:
    """Only JSON is read, which a page of another site can't send; nothing is asked of the service."""
    answer = await local.post("/v1/requests", content=body, headers=bearer(gateway.agent) | ({"content-type": kind} if kind else {}))
    assert (await said(answer)).startswith(says)
    assert gateway.house.calls == []


async def test_nobody_is_told_what_is_wrong_but_a_caller(gateway: Address, local: httpx.AsyncClient) -> None:
    """A request without a known token is refused as such, whatever it brings."""
    answer = await local.post("/v1/requests", content=b"{", headers=bearer("jt_x") | {"content-type": "application/json"})
    assert answer.status_code == 401


async def test_a_body_that_never_comes_whole(gateway: Address, caplog: pytest.LogCaptureFixture) -> None:
    """A client that goes before the end of its body is no mistake of the gateway's."""
    _, writer = await asyncio.open_unix_connection(gateway.socket)
    writer.write(b"POST /v1/requests HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    await asyncio.sleep(0.05)
    assert caplog.text == ""
    assert gateway.house.calls == []
