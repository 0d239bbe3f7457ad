"""The application: routes, errors as one JSON object, limits."""

import asyncio
import logging
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jitui import __version__
from jitui.api.operations import API
from jitui.api.server.answer import ErrorAnswer, refusal, refusal_of
from jitui.api.server.callers import Authentication
from jitui.api.server.peers import Peer
from jitui.api.server.routes import router
from jitui.values.errors import JituiError

BODY_LIMIT: Final = 64 << 10  # bytes of a request's body
TOO_LARGE: Final = f"a request's body is at most {BODY_LIMIT} bytes"
LOG: Final = logging.getLogger("jitui.api")


class Limits:
    """Refuses a body that is larger than any request here needs, declared or not; counts the requests that were nobody's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._bounded(scope, receive, send)
        finally:
            peer: Peer = scope["state"]["peer"]
            if not peer.over():
                scope["state"]["hang_up"]()

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > BODY_LIMIT:
            refused = refusal(413, "RequestEntityTooLarge", TOO_LARGE)
            refused.headers["connection"] = "close"
            await refused(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > BODY_LIMIT:
                raise HTTPException(413, TOO_LARGE)  # inside the application, which answers it
            return message

        await self._app(scope, counted, send)


def build(authentication: Authentication, closing: asyncio.Event) -> FastAPI:
    """The application over one gateway; streams end when `closing` is set."""
    app = FastAPI(title="jitui", version=__version__, description="Just-in-time access to Kubernetes: ask, decide, watch, replay.",
                  docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.authentication, app.state.closing = authentication, closing
    app.include_router(router(), prefix=f"/v{API}", responses={"default": {"description": "what, why and what next", "model": ErrorAnswer}})
    app.add_exception_handler(JituiError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _stumbled)
    app.add_middleware(Limits)
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, JituiError)
    return refusal_of(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path"})
    what = str(first["msg"]).removeprefix("Value error, ")
    return refusal(400, "BadRequest", f"{where}: {what[:1].lower()}{what[1:]}" if where else what)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: ("NotFound", f"no such path; the API is described at /openapi.json, its version is {API}"),
             413: ("RequestEntityTooLarge", TOO_LARGE),
             405: ("MethodNotAllowed", "this path takes another method; see /openapi.json")}
    reason, message = words.get(error.status_code, ("BadRequest", str(error.detail)))
    return refusal(error.status_code, reason, message)


async def _stumbled(request: Request, error: Exception) -> Response:
    LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return refusal(500, "InternalError", "the gateway stumbled over this request; its log says where")
