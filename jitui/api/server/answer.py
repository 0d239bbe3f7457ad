"""Answers: views as JSON, errors as one object that says what, why and what next."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from jitui.values import plain
from jitui.values.errors import JituiError, TooManyError
from jitui.values.page import MORE, OLDER, Page

MANY: Final = 50  # views; more are put into text off the loop


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
    if isinstance(view, Sequence) and not isinstance(view, str) and len(view) > MANY:
        body = await asyncio.to_thread(plain.text, view)
    else:
        body = plain.text(view)
    headers = {}
    if isinstance(view, Page):
        headers = ({MORE: view.more} if view.more else {}) | ({OLDER: "true"} if view.older else {})
    return Response(body, status, headers, media_type="application/json")


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
