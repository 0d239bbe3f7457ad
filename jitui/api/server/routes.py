"""The routes and their description, made from the table of operations."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

from fastapi import APIRouter, Header, Request, Response
from pydantic import create_model, model_validator

from jitui.api.inputs import Also, Body, Spread
from jitui.api.operation import NAMED, Operation, operations_of
from jitui.api.operations import Operations
from jitui.api.server.answer import answer
from jitui.api.server.callers import ForCaller, ForFollower
from jitui.api.server.stream import EventStream, event

Endpoint = Callable[..., Awaitable[Response]]
M = TypeVar("M")


def router() -> APIRouter:
    """A route for each path of each operation."""
    made = APIRouter()
    for operation in operations_of(Operations):
        for prefix, path in operation.paths.items():
            endpoint = _streaming(operation) if operation.event else _answering(operation, prefix)
            shown: dict[str, Any] = {"response_model": dict[str, str] if operation.gives is str else operation.gives}
            if operation.event:
                shown = {"response_class": EventStream, "responses": {200: {"model": operation.gives}}}
            made.add_api_route(path, endpoint, methods=[operation.method], tags=[operation.table], openapi_extra={"x-rights": _rights(operation)}, **shown)
    return made


class CallBody(Body):
    """The arguments of one call that stand in the JSON object of a POST. A model of each operation derives from this."""

    @model_validator(mode="after")
    def _one_name(self) -> "CallBody":
        for name, other in _second_names(type(self)).items():
            first, second = getattr(self, name), getattr(self, other)
            if first and second and first != second:
                raise ValueError(f"{other} and {name} differ; give one")
        return self


def body_model(operation: Operation) -> type[CallBody] | None:
    """The model of an operation's JSON object; None if it takes none."""
    fields: dict[str, Any] = {}
    for name, parameter in _in_body(operation).items():
        spread = _mark(parameter.annotation, Spread)
        if spread is not None:
            fields |= {field: (info.annotation, info) for field, info in spread.model.model_fields.items()}
            continue
        kind = _plain_list(parameter.annotation)
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[name] = (kind, default)
        if (also := _mark(parameter.annotation, Also)) is not None:
            fields[also.name] = (kind, default)
    title = "".join(word.capitalize() for word in operation.name.split("_"))
    return create_model(title, __base__=CallBody, __doc__=operation.doc, **fields) if fields else None


def arguments(operation: Operation, body: CallBody) -> dict[str, Any]:
    """The arguments that stand in a JSON object."""
    sent = {name: getattr(body, name) for name in type(body).model_fields}
    made: dict[str, Any] = {}
    for name, parameter in _in_body(operation).items():
        if (spread := _mark(parameter.annotation, Spread)) is not None:
            made[name] = spread.model.value({field: sent[field] for field in spread.model.model_fields})
        elif (also := _mark(parameter.annotation, Also)) is not None:
            made[name] = sent[also.name] or sent[name]
        else:
            made[name] = sent[name]
    return made


def _answering(operation: Operation, prefix: str) -> Endpoint:
    """The route of one path: the operation is done for the caller, and what it gives is the answer."""
    model = body_model(operation)
    (target,) = operation.in_path if prefix else ("",)

    async def endpoint(bound: ForCaller, body: CallBody | None = None, **sent: Any) -> Response:
        if model is not None:
            sent |= arguments(operation, body or model())
        if prefix:
            sent[target] = _full(prefix, sent.get(target, ""))
        done = await getattr(bound, operation.name)(**sent)
        return await answer({"said": done} if operation.gives is str else done)

    parameters = [_parameter("bound", ForCaller), *_in_address(operation, operation.paths[prefix])]
    if model is not None:
        optional = not any(field.is_required() for field in model.model_fields.values())
        parameters.append(_parameter("body", model | None, None) if optional else _parameter("body", model))
    return _named(endpoint, operation, parameters)


def _streaming(operation: Operation) -> Endpoint:
    """The route of a stream, which goes on until one side ends or the caller loses a right."""
    form = operation.event
    assert form is not None

    async def endpoint(request: Request, bound: ForFollower, last_event_id: int | None = None, **sent: Any) -> Response:
        if last_event_id is not None:
            sent[operation.resume] = last_event_id
        source = getattr(bound, operation.name)(**sent)

        def line(item: Any) -> bytes:
            name, ident = form(item)
            return event(name, item, ident)

        return EventStream(source, line, request.app.state.closing, lambda: bound.lost(operation, operation.given(**sent)))

    parameters = [_parameter("request", Request), _parameter("bound", ForFollower), *_in_address(operation, operation.paths[""])]
    if operation.resume:
        parameters.append(_parameter("last_event_id", Annotated[int | None, Header(ge=0)], None))
    return _named(endpoint, operation, parameters)


def _full(prefix: str, ident: str) -> str:
    """`g-17`, also of 17: an id under /grants is never that of something else. A path without an id stands for its word, as `all`."""
    return ident if ident.startswith(prefix) else prefix + ident


def _in_body(operation: Operation) -> dict[str, inspect.Parameter]:
    if operation.method == "GET":
        return {}
    return {name: parameter for name, parameter in operation.parameters.items() if name not in operation.in_path}


def _in_address(operation: Operation, path: str) -> list[inspect.Parameter]:
    """The parameters of the path and the query."""
    query = operation.parameters.keys() - operation.in_path if operation.method == "GET" else set()
    return [_parameter(name, each.annotation, each.default) for name, each in operation.parameters.items() if name in {*NAMED.findall(path), *query}]


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _named(endpoint: Endpoint, operation: Operation, parameters: list[inspect.Parameter]) -> Endpoint:
    """The endpoint with the name, the description and the typed parameters that FastAPI reads."""
    endpoint.__name__, endpoint.__doc__ = operation.name, operation.doc
    setattr(endpoint, "__signature__", inspect.Signature(parameters))  # noqa: B010 - mypy knows no such attribute
    return endpoint


def _rights(operation: Operation) -> list[str]:
    """The rights in words; empty if none is needed."""
    return [" or ".join(need.rights) + (f" if {need.when}" if need.when else f" if not {need.unless}" if need.unless else "")
            for need in operation.needs if need.rights]  # fmt: skip


def _plain_list(annotation: Any) -> Any:
    """A list for a Sequence, which is the same in JSON, and whose errors speak of a list."""
    kind, *notes = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    if get_origin(kind) is Sequence:
        kind = list[get_args(kind)]  # type: ignore[misc]
    return Annotated[kind, *notes] if notes else kind


def _mark(annotation: Any, kind: type[M]) -> M | None:
    """The note of this kind in an Annotated type."""
    return next((note for note in getattr(annotation, "__metadata__", ()) if isinstance(note, kind)), None)


def _second_names(model: type[CallBody]) -> dict[str, str]:
    """The arguments that have a second name in the JSON."""
    return {name: note.name for name, field in model.model_fields.items() for note in field.metadata if isinstance(note, Also) and note.name != name}
