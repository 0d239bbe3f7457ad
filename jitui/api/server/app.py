"""The application: routes, errors as one JSON object, limits."""

import asyncio
import logging
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jitui.api.operations import API
from jitui.api.server.answer import refusal, refusal_of
from jitui.api.server.callers import Authentication
from jitui.api.server.description import Description
from jitui.api.server.peers import Peer
from jitui.api.server.routes import routes
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


def build(authentication: Authentication, closing: asyncio.Event) -> Starlette:
    """The application over one gateway; streams end when `closing` is set."""
    made = routes()
    described = Route("/openapi.json", Description(made).endpoint)
    errors = {JituiError: _refused, HTTPException: _http, Exception: _stumbled}
    app = Starlette(routes=[*made, described], middleware=[Middleware(Limits)], exception_handlers=errors)
    app.router.redirect_slashes = False
    app.state.authentication, app.state.closing = authentication, closing
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, JituiError)
    return refusal_of(error)


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
