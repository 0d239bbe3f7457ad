"""Errors as one object, limits, the description."""

import httpx
import pytest

from jitui.api.server.app import BODY_LIMIT
from tests.api.server.conftest import bearer
from tests.fakes.gateway import Address


async def error(answer: httpx.Response) -> tuple[int, str, str]:
    said = answer.json()["error"]
    assert said["code"] == answer.status_code
    return answer.status_code, said["reason"], said["message"]


async def test_the_desks_errors_keep_their_words(gateway: Address, local: httpx.AsyncClient) -> None:
    """A refusal of the desk arrives with its code, reason and sentence."""
    assert await error(await local.get("/v1/requests/r-9")) == (404, "NotFound", "no request r-9")
    answer = await local.post("/v1/requests", json={"connection": "prod"}, headers=bearer(gateway.ana))
    assert await error(answer) == (403, "Forbidden", "ana may not ask")


async def test_unknown_paths_and_methods(local: httpx.AsyncClient) -> None:
    """An unknown path or method is an error in the same form."""
    assert (await error(await local.get("/v2/hello")))[:2] == (404, "NotFound")
    assert (await error(await local.delete("/v1/hello")))[:2] == (405, "MethodNotAllowed")


@pytest.mark.parametrize(("body", "says"), [
    ({"connection": "prod", "scoop": "x"}, "scoop: extra inputs are not permitted"),
    ({"duration": "30m"}, "connection: field required"),
    ({"connection": "prod", "duration": "soon"}, 'duration: a duration is hours, minutes, seconds as in 30m, 1h30m or 45s, not "soon"'),
    ({"connection": "prod", "duration": 60, "duration_s": 61}, "duration and duration_s differ; give one"),
    ({"connection": 7}, "connection: input should be a valid string"),
])
async def test_a_wrong_body(gateway: Address, local: httpx.AsyncClient, body: dict[str, object], says: str) -> None:
    """A misspelt key is refused with its name; nothing is asked of the desk."""
    assert await error(await local.post("/v1/requests", json=body, headers=bearer(gateway.agent))) == (400, "BadRequest", says)
    assert gateway.house.calls == []


async def test_not_json(gateway: Address, local: httpx.AsyncClient) -> None:
    """A body that is no JSON is a bad request, not a stumble."""
    answer = await local.post("/v1/requests", content=b"{", headers={"content-type": "application/json"} | bearer(gateway.agent))
    assert (await error(answer))[:2] == (400, "BadRequest")


async def test_large_bodies(gateway: Address, local: httpx.AsyncClient) -> None:
    """64 KiB is the most, whether the length is declared or not."""
    big = b'{"connection": "prod", "reason": "' + b"a" * BODY_LIMIT + b'"}'

    async def chunks() -> httpx.AsyncByteStream:  # type: ignore[misc]
        for at in range(0, len(big), 8192):
            yield big[at : at + 8192]

    headers = {"content-type": "application/json"} | bearer(gateway.agent)
    for content in (big, chunks()):
        answer = await local.post("/v1/requests", content=content, headers=headers)
        assert (await error(answer))[:2] == (413, "RequestEntityTooLarge")
    assert gateway.house.calls == []


async def test_a_stumble_says_nothing_of_the_inside(gateway: Address, local: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch,
                                                     caplog: pytest.LogCaptureFixture) -> None:
    """A bug in the gateway is one sentence to the caller, and a traceback in its log; the next request is served."""
    monkeypatch.setattr(gateway.house, "identities", None)
    assert await error(await local.get("/v1/identities")) == (500, "InternalError", "the gateway stumbled over this request; its log says where")
    assert "AttributeError" in caplog.text
    assert (await local.get("/v1/hello")).status_code == 200
