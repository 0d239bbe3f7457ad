"""Answers and refusals as HTTP."""

import json
from dataclasses import dataclass

import pytest

from jitui.api.server.answer import MANY, answer, refusal, refusal_of
from jitui.values.errors import JituiError, NotFoundError, TooManyError, UnknownCallerError
from jitui.values.page import MORE, Page


@dataclass(frozen=True)
class View:
    id: str


@pytest.mark.parametrize("count", [1, MANY + 1])
async def test_a_page_says_where_it_goes_on(count: int) -> None:
    """In a header, whether it is put into text on the loop or off it; the last page has none."""
    views = [View(f"r-{number}") for number in range(count)]
    said = await answer(Page(views, "cursor-1"))
    assert (said.status_code, said.headers[MORE], said.headers["content-type"]) == (200, "cursor-1", "application/json")
    assert json.loads(bytes(said.body)) == [{"id": view.id} for view in views]
    assert MORE not in (await answer(Page(views))).headers


@pytest.mark.parametrize(("error", "headers"), [
    (NotFoundError("no request r-9"), {}),
    (UnknownCallerError("no token"), {"www-authenticate": "Bearer"}),
    (TooManyError("too many", limit="reads", retry_after=3), {"retry-after": "3"}),
    (TooManyError("too many", limit="api_connections", close=True), {"connection": "close"}),
])
def test_an_error_keeps_its_class_and_words(error: JituiError, headers: dict[str, str]) -> None:
    """So that another process raises the same; what the client should do next stands in the headers."""
    said = refusal_of(error)
    assert (said.status_code, json.loads(bytes(said.body))) == (error.code, {"error": {
        "code": error.code, "reason": error.reason, "message": str(error), "kind": type(error).__name__}})  # fmt: skip
    assert {name: said.headers[name] for name in ("www-authenticate", "retry-after", "connection") if name in said.headers} == headers


def test_a_refusal_without_a_class() -> None:
    """The framework's own, in the same form."""
    assert json.loads(bytes(refusal(413, "RequestEntityTooLarge", "too large").body))["error"] == {
        "code": 413, "reason": "RequestEntityTooLarge", "message": "too large", "kind": ""}  # fmt: skip
