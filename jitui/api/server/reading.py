"""Reads the arguments of a call out of a request: from the path, the query and the headers, and from the JSON object of a POST.

The models that check them are made from the table of operations, those of an operation with its first call: to make all takes half a second.
"""

import inspect
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator
from starlette.requests import ClientDisconnect, Request

from jitui.api.inputs import Also, Spread
from jitui.api.operation import NAMED, Operation
from jitui.values import foreign
from jitui.values.errors import InvalidError

M = TypeVar("M")
LAST_EVENT: Final = "last-event-id"  # header of a client that follows a stream again (HTML living standard, section 9.2.4)


class CallBody(BaseModel):
    """The arguments of one call that stand in the JSON object of a POST. A model of each operation derives from this.

    An unknown key is refused: a misspelt `scope` must not ask for everything.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="after")
    def _one_name(self) -> "CallBody":
        for name, other in _second_names(type(self)).items():
            first, second = getattr(self, name), getattr(self, other)
            if first and second and first != second:
                raise ValueError(f"{other} and {name} differ; give one")
        return self


class Reader:
    """Reads the calls of one operation that come to one of its paths."""

    def __init__(self, operation: Operation, path: str) -> None:
        self.operation, self.path = operation, path

    async def body(self, request: Request) -> bytes:
        """The bytes of a request's JSON object; nothing of a GET, whose arguments stand in the address. Raises InvalidError if it does not come whole."""
        if self.operation.method == "GET":
            return b""
        try:
            return await request.body()
        except ClientDisconnect:
            raise InvalidError("the request's body ended before it was whole") from None

    def read(self, request: Request, body: bytes) -> dict[str, Any]:
        """The arguments by name, with the defaults. Raises InvalidError, which names the first that is wrong."""
        found: dict[str, Any] = dict(request.path_params)
        found |= {name: request.query_params[name] for name in self.queried if name in request.query_params}
        if LAST_EVENT in request.headers:
            found[LAST_EVENT] = request.headers[LAST_EVENT]
        try:
            address = self.address_model.model_validate(found)
            given = {name: getattr(address, name) for name in type(address).model_fields}
            if self.body_model is not None:
                given |= self._arguments(self.body_model.model_validate(_document(request, body)))
        except ValidationError as error:
            raise InvalidError(_words(error)) from None
        if given.pop("last_event_id", None) is not None:
            given[self.operation.resume] = address.last_event_id  # type: ignore[attr-defined]
        return given

    @property
    def queried(self) -> Mapping[str, inspect.Parameter]:
        """The arguments that stand in the query."""
        return _outside(self.operation) if self.operation.method == "GET" else {}

    @cached_property
    def address_model(self) -> type[BaseModel]:
        """The arguments of path, query and headers; they are text and are read as the types that they have."""
        stand = {name: self.operation.parameters[name] for name in NAMED.findall(self.path)} | dict(self.queried)
        fields: dict[str, Any] = {name: (each.annotation, _default(each)) for name, each in stand.items()}
        if self.operation.resume:
            fields["last_event_id"] = (Annotated[int | None, Field(ge=0, alias=LAST_EVENT)], None)
        return create_model("Address", __config__=ConfigDict(frozen=True), **fields)

    @cached_property
    def body_model(self) -> type[CallBody] | None:
        """The JSON object; None if there is none."""
        fields: dict[str, Any] = {}
        for name, parameter in self._in_body().items():
            spread = _mark(parameter.annotation, Spread)
            if spread is not None:
                fields |= spread.fields()
                continue
            kind = _plain_list(parameter.annotation)
            fields[name] = (kind, _default(parameter))
            if (also := _mark(parameter.annotation, Also)) is not None:
                fields[also.name] = (kind, _default(parameter))
        title = "".join(word.capitalize() for word in self.operation.name.split("_"))
        return create_model(title, __base__=CallBody, __doc__=self.operation.doc, **fields) if fields else None

    def _in_body(self) -> Mapping[str, inspect.Parameter]:
        return {} if self.operation.method == "GET" else _outside(self.operation)

    def _arguments(self, body: CallBody) -> dict[str, Any]:
        """The arguments that stand in a JSON object."""
        sent = {name: getattr(body, name) for name in type(body).model_fields}
        made: dict[str, Any] = {}
        for name, parameter in self._in_body().items():
            if (spread := _mark(parameter.annotation, Spread)) is not None:
                made[name] = spread.model.value({field: sent[field] for field in spread.fields()})
            elif (also := _mark(parameter.annotation, Also)) is not None:
                made[name] = sent[also.name] or sent[name]
            else:
                made[name] = sent[name]
        return made


def _document(request: Request, body: bytes) -> Any:
    """The JSON of a body; an empty object of none. A page of another site can send a form, but not this type. Raises InvalidError."""
    if not body:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise InvalidError(f'a request\'s body is JSON, not "{kind[:80]}"; send it with content-type: application/json')
    try:
        document = foreign.read(body)
    except ValueError as error:
        raise InvalidError(f"the request's body is no JSON: {error}") from None
    return {} if document is None else document


def _words(error: ValidationError) -> str:
    """The first thing that is wrong, in one sentence."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    what = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {what[:1].lower()}{what[1:]}" if where else f"{what[:1].lower()}{what[1:]}"


def _outside(operation: Operation) -> Mapping[str, inspect.Parameter]:
    """The arguments that do not stand in the path."""
    return {name: parameter for name, parameter in operation.parameters.items() if name not in operation.in_path}


def _default(parameter: inspect.Parameter) -> Any:
    return ... if parameter.default is inspect.Parameter.empty else parameter.default


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
