"""Answers: views as JSON, errors as one object that says what, why and what next."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.responses import Response

from jitui.api.views import FrameView, LiveChunk
from jitui.values import plain
from jitui.values.errors import JituiError, TooManyError
from jitui.values.page import MORE, OLDER, Page

MANY: Final = 50  # views; more are put into text off the loop
LARGE: Final = 256 << 10  # characters of their frames; more are, too

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    code: int  # the HTTP status
    reason: str  # a Kubernetes StatusReason
    message: str  # one sentence for a person
    kind: str = ""  # the class in errors.py, so that another process can raise the same


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    error: ErrorDetail


async def answer(view: Any, status: int = 200) -> Response:
    """A view, or a list of views, as JSON. Of a page the header MORE has the cursor of what follows it, and OLDER says that a limit left out older ones."""
    body = await made(view, _encoded)
    headers = {}
    if isinstance(view, Page):
        headers = ({MORE: view.more} if view.more else {}) | ({OLDER: "true"} if view.older else {})
    return Response(body, status, headers, media_type="application/json")


async def made(view: T, form: Callable[[T], bytes]) -> bytes:
    """The bytes that `form` makes of a view, or of a list of views: off the loop if these are many, or large."""
    return await asyncio.to_thread(form, view) if _long(view) else form(view)


def _long(view: object) -> bool:
    if isinstance(view, LiveChunk):
        view = (view.frame,)
    if not isinstance(view, Sequence) or isinstance(view, str):
        return False
    return len(view) > MANY or sum(len(each.data_b64) for each in view if isinstance(each, FrameView)) > LARGE


def _encoded(view: object) -> bytes:
    return plain.text(view).encode("ascii")


def error_of(error: JituiError) -> ErrorAnswer:
    return ErrorAnswer(ErrorDetail(error.code, error.reason, str(error), type(error).__name__))


def refusal(code: int, reason: str, message: str) -> Response:
    """An error that no JituiError stands for."""
    return Response(plain.text(ErrorAnswer(ErrorDetail(code, reason, message))), code, media_type="application/json")


def refusal_of(error: JituiError) -> Response:
    headers = {"www-authenticate": "Bearer"} if error.code == 401 else {}
    if isinstance(error, TooManyError):
        headers |= {"retry-after": str(error.retry_after)} if error.retry_after else {}
        headers |= {"connection": "close"} if error.close else {}
    return Response(plain.text(error_of(error)), error.code, headers, media_type="application/json")
