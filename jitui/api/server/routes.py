"""The routes, made from the table of operations."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jitui.api.operation import Operation, operations_of
from jitui.api.operations import API, BoundOperations, Operations
from jitui.api.server.answer import answer
from jitui.api.server.callers import Authentication
from jitui.api.server.reading import Reader
from jitui.api.server.stream import EventStream, event

Endpoint = Callable[[Request], Awaitable[Response]]


class OperationRoute(Route):
    """One path of one operation. It takes the operation's method alone, where Starlette's would take HEAD with GET."""

    def __init__(self, operation: Operation, prefix: str) -> None:
        self.operation, self.reader = operation, Reader(operation, operation.paths[prefix])
        endpoint = _streaming(self.reader) if operation.event else _answering(self.reader, prefix)
        super().__init__(f"/v{API}{self.reader.path}", endpoint, name=operation.name)
        self.methods = {operation.method}


def routes() -> list[OperationRoute]:
    """A route for each path of each operation."""
    return [OperationRoute(operation, prefix) for operation in operations_of(Operations) for prefix in operation.paths]


def _answering(reader: Reader, prefix: str) -> Endpoint:
    """The route of one path: the operation is done for the caller, and what it gives is the answer."""
    operation = reader.operation
    (target,) = operation.in_path if prefix else ("",)

    async def endpoint(request: Request) -> Response:
        body = await reader.body(request)
        bound = await _bound(request)
        given = reader.read(request, body)
        if prefix:
            given[target] = _full(prefix, given.get(target, ""))
        done = await getattr(bound, operation.name)(**given)
        return await answer({"said": done} if operation.gives is str else done)

    return endpoint


def _streaming(reader: Reader) -> Endpoint:
    """The route of a stream, which goes on until one side ends or the caller loses a right."""
    operation, form = reader.operation, reader.operation.event
    assert form is not None

    async def endpoint(request: Request) -> Response:
        bound = await _bound(request)
        request.state.peer.stream()
        given = reader.read(request, b"")
        source = getattr(bound, operation.name)(**given)

        def line(item: Any) -> bytes:
            name, ident = form(item)
            return event(name, item, ident)

        return EventStream(source, line, request.app.state.closing, lambda: bound.lost(operation, operation.given(**given)))

    return endpoint


async def _bound(request: Request) -> BoundOperations:
    """The operations, bound to the caller of a request. Raises UnknownCallerError."""
    authentication: Authentication = request.app.state.authentication
    return await authentication.bound(request.state.peer, request.headers.get("authorization"))


def _full(prefix: str, ident: str) -> str:
    """`g-17`, also of 17: an id under /grants is never that of something else. A path without an id stands for its word, as `all`."""
    return ident if ident.startswith(prefix) else prefix + ident
