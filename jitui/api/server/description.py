"""The description of the API (OpenAPI 3.1), made from the routes when somebody asks for it first: it takes a second."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jitui import __version__
from jitui.api.operation import Operation
from jitui.api.server.answer import ErrorAnswer
from jitui.api.server.reading import LAST_EVENT
from jitui.api.server.routes import OperationRoute

Key = tuple[str, str]  # a route's path and method, and what of it
ERROR: Final = ("", "error")
SAID: Final = dict[str, str]  # the answer of an operation that gives a sentence


class Description:
    """Answers GET /openapi.json, to anybody."""

    def __init__(self, routes: Sequence[OperationRoute]) -> None:
        self._routes = routes

    async def endpoint(self, _: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(lambda: self.document))

    @cached_property
    def document(self) -> dict[str, Any]:
        """The whole of it."""
        schemas, definitions = TypeAdapter.json_schemas(list(self._shapes()), ref_template="#/components/schemas/{model}")
        found = {key: schema for (key, _), schema in schemas.items()}
        paths: dict[str, dict[str, Any]] = {}
        for route in self._routes:
            paths.setdefault(route.path, {})[route.operation.method.lower()] = self._operation(route, found)
        return {
            "openapi": "3.1.0", "paths": paths, "components": {"schemas": definitions["$defs"]},
            "info": {"title": "jitui", "version": __version__, "description": "Just-in-time access to Kubernetes: ask, decide, watch, replay."},
        }  # fmt: skip

    def _shapes(self) -> Iterator[tuple[Key, JsonSchemaMode, TypeAdapter[Any]]]:
        """Every type that the description names, by its key."""
        yield ERROR, "serialization", TypeAdapter(ErrorAnswer)
        for route in self._routes:
            at, gives = _at(route), route.operation.gives
            yield (at, "gives"), "serialization", TypeAdapter(SAID if gives is str else gives)
            if route.reader.body_model is not None:
                yield (at, "body"), "validation", TypeAdapter(route.reader.body_model)

    def _operation(self, route: OperationRoute, found: dict[Key, Any]) -> dict[str, Any]:
        operation, at = route.operation, _at(route)
        kind = "text/event-stream" if operation.event else "application/json"
        made: dict[str, Any] = {
            "operationId": f"{operation.name}_{route.path.strip('/')}".translate(str.maketrans("/{}-", "____")), "summary": _title(operation.name),
            "description": operation.doc, "tags": [operation.table], "x-rights": _rights(operation), "parameters": list(_parameters(route)), "responses": {
                "200": {"description": "the answer", "content": {kind: {"schema": found[at, "gives"]}}},
                "default": {"description": "what, why and what next", "content": {"application/json": {"schema": found[ERROR]}}},
            },
        }  # fmt: skip
        if route.reader.body_model is not None:
            needed = any(field.is_required() for field in route.reader.body_model.model_fields.values())
            made["requestBody"] = {"content": {"application/json": {"schema": found[at, "body"]}}, "required": needed}
        return made


def _at(route: OperationRoute) -> str:
    return f"{route.operation.method} {route.path}"


def _parameters(route: OperationRoute) -> Iterator[dict[str, Any]]:
    """The arguments that stand in the address, and in a header."""
    shape = route.reader.address_model.model_json_schema()
    for name, schema in shape.get("properties", {}).items():
        place = "path" if name in route.param_convertors else "header" if name == LAST_EVENT else "query"
        yield {"name": name, "in": place, "required": name in shape.get("required", ()), "schema": schema}


def _rights(operation: Operation) -> list[str]:
    """The rights in words; empty if none is needed."""
    return [" or ".join(need.rights) + (f" if {need.when}" if need.when else f" if not {need.unless}" if need.unless else "")
            for need in operation.needs if need.rights]  # fmt: skip


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
