"""Answers and refusals as HTTP."""

import json
from dataclasses import dataclass
from threading import current_thread, main_thread

import pytest

from jitui.api.server.answer import LARGE, MANY, answer, made, refusal, refusal_of
from jitui.api.views import FrameView, LiveChunk
from jitui.values import plain
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


def frame(size: int) -> FrameView:
    return FrameView(seq=0, at_us=0, conn=0, channel="response-body", data_b64="A" * size)


@pytest.mark.parametrize(("view", "off"), [
    (frame(LARGE + 1), False), ([frame(LARGE // 2)] * 2, False), ([frame(LARGE // 2)] * 3, True), ([frame(LARGE + 1)], True),
    (LiveChunk(kind="frame", frame=frame(LARGE)), False), (LiveChunk(kind="frame", frame=frame(LARGE + 1)), True), (LiveChunk(kind="end"), False),
    ([frame(0)] * MANY, False), ([frame(0)] * (MANY + 1), True), ("x" * (LARGE + 1), False),
])  # fmt: skip
async def test_large_frames_are_put_into_text_off_the_loop(view: object, off: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few: their bytes count. One by itself is no answer."""
    threads = []

    def text(value: object) -> str:
        threads.append(current_thread())
        return json.dumps(plain.of(value), separators=(",", ":"))

    monkeypatch.setattr(plain, "text", text)
    said = bytes((await answer(view)).body)
    assert await made(view, lambda given: text(given).encode()) == said
    assert [thread is not main_thread() for thread in threads] == [off, off]


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
