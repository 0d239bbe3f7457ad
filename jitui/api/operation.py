"""Declares operations: each once, in a table from which the client, the routes and the check of the right are made.

A table is a class, and each of its methods is one operation. The decorator gives the HTTP method, the path and the rights it needs; the signature gives the
input and the output; the docstring says what it does. There is no body:

    class Requests(Table):
        @operation("POST", "/requests/{ident}/deny", Right.DECIDE)
        async def deny(self, ident: str, *, reason: Text) -> RequestView:
            \"\"\"Say no; the agent is told the reason.\"\"\"

An argument that the path names stands in the path. The others stand in the query of a GET and in the JSON object of a POST.

A subclass of a table performs its operations in one of two ways. Either it overrides every method, as the service does. Or it overrides `perform` and
`follow`, which get each call as an Operation with its arguments: the client sends them, and the authorisation checks the right and hands them on.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cached_property, wraps
from inspect import Parameter, Signature, cleandoc, iscoroutinefunction, signature
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast, get_args, get_origin, get_type_hints

from jitui.policy.identity import Identity
from jitui.policy.rights import Right, require, rights_of
from jitui.values.declared import dataclass

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound="type[Table]")

Method: TypeAlias = Literal["GET", "POST"]
Given: TypeAlias = Mapping[str, Any]  # the arguments of one call by their names, with the defaults filled in
Event: TypeAlias = Callable[[Any], tuple[str, int | None]]  # an item of a stream to the name and the id of its server-sent event
Paths: TypeAlias = Mapping[str, str]  # several paths of one operation, by the prefix of the id they are for (`g-`), or by the word that stands for all

ROW: Final = "operation"  # the attribute of a declared method that holds its Operation
NAMED: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Need:
    """One of these rights is needed. With `when` only if that argument is true; with `unless` only if it is not."""

    rights: tuple[Right, ...]
    when: str = ""
    unless: str = ""

    def check(self, who: Identity, given: Given) -> None:
        """Raises RefusedError; of several rights it names the last."""
        if (self.when and not given[self.when]) or (self.unless and given[self.unless]):
            return
        if self.rights and not rights_of(who).intersection(self.rights):
            require(who, self.rights[-1])


def needs(*rights: Right, when: str = "", unless: str = "") -> Need:
    """One of these rights; with `when` or `unless` only if that argument is, or is not, true."""
    return Need(rights, when, unless)


ANYBODY: Final = Need(())  # no right is needed: every known caller may. Without Right.SEE they get only what is their own.


@dataclass(frozen=True, slots=False)
class Operation:
    """One row of the table. Its types are found once they are asked for: a command uses few of them."""

    name: str
    table: str  # the noun it belongs to, in lower case
    method: Method
    paths: Paths  # by prefix; the only path by ""
    needs: tuple[Need, ...]  # all of them, checked in this order
    declared: Callable[..., Any]  # the method without a body
    in_path: frozenset[str]  # the arguments that the paths name
    doc: str
    order: str = ""  # of a list whose pages come newest first: the field by which the whole list is sorted
    event: Event | None = None  # of a stream
    resume: str = ""  # of a stream: the argument that the header Last-Event-ID stands for

    @property
    def paged(self) -> bool:
        """Whether the answer is a part of a list and may have a cursor."""
        return "cursor" in self.parameters

    @cached_property
    def _types(self) -> dict[str, Any]:
        return get_type_hints(self.declared, include_extras=True)

    @cached_property
    def signature(self) -> Signature:
        """With the types as annotations; without self."""
        return Signature([each.replace(annotation=self._types[each.name]) for each in list(signature(self.declared).parameters.values())[1:]])

    @cached_property
    def gives(self) -> Any:
        """The type of the answer, a list as list[...]; of a stream the type of each item."""
        gives: Any = self._types["return"]
        if get_origin(gives) in {Sequence, AsyncIterator}:
            return get_args(gives)[0] if self.event else list[get_args(gives)]  # type: ignore[misc]
        return gives

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The arguments by name, in their order."""
        return self.signature.parameters

    def given(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The arguments of a call by name, with the defaults. Raises TypeError as the call would."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def check(self, who: Identity, given: Given) -> None:
        """Raises RefusedError if the caller lacks a right that this call needs."""
        for need in self.needs:
            need.check(who, given)


class Table:
    """The base of every table of operations."""

    async def perform(self, operation: Operation, given: Given) -> Any:
        """Do one operation; gives what the operation does. Called for each method that a subclass does not override."""
        raise NotImplementedError(f"{type(self).__name__} does not perform {operation.name}, called with {', '.join(given)}")

    def follow(self, operation: Operation, given: Given) -> AsyncIterator[Any]:
        """The same for a stream."""
        raise NotImplementedError(f"{type(self).__name__} does not follow {operation.name}, called with {', '.join(given)}")


def operation(method: Method, path: str | Paths, *needed: Right | Need, order: str = "") -> Callable[[F], F]:
    """Declares an operation. Raises TypeError if the docstring, the needed right (or ANYBODY), or the type of an argument or of the answer is missing."""

    def declare(function: F) -> F:
        made = _read(function, method, path, needed, order=order)
        if not iscoroutinefunction(function):
            raise TypeError(f"operation {made.name} is not async; what goes on until one side ends is a stream")

        @wraps(function)
        async def call(self: Table, *args: Any, **kwargs: Any) -> Any:
            return await self.perform(made, made.given(*args, **kwargs))

        setattr(call, ROW, made)
        return cast("F", call)

    return declare


def stream(path: str, *needed: Right | Need, event: Event, resume: str = "") -> Callable[[F], F]:
    """Declares a stream of server-sent events: a method, not async, that gives an AsyncIterator. Raises TypeError as `operation` does."""

    def declare(function: F) -> F:
        made = _read(function, "GET", path, needed, event=event, resume=resume)

        @wraps(function)
        def call(self: Table, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            return self.follow(made, made.given(*args, **kwargs))

        setattr(call, ROW, made)
        return cast("F", call)

    return declare


def operation_of(method: Callable[..., Any]) -> Operation:
    """The declaration of a table's method, as in `operation_of(Requests.deny)`."""
    found: Operation = getattr(method, ROW)
    return found


def operations_of(table: type[Table]) -> tuple[Operation, ...]:
    """All that a table and its bases declare, in their order."""
    return tuple(getattr(member, ROW) for base in reversed(table.__mro__) for member in vars(base).values() if hasattr(member, ROW))


def complete(implementation: C) -> C:
    """Decorates a class that implements a table by overriding. Raises TypeError if it leaves an operation out."""
    missing = [one.name for one in operations_of(implementation) if hasattr(getattr(implementation, one.name), ROW)]
    if missing:
        raise TypeError(f"{implementation.__name__} does not implement {', '.join(missing)}")
    return implementation


def _read(function: Callable[..., Any], method: Method, path: str | Paths, needed: tuple[Right | Need, ...], **more: Any) -> Operation:
    """The row of one method. Raises TypeError."""
    name, types, code = function.__name__, function.__annotations__, function.__code__
    takes = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    untyped = [each for each in takes if each not in types]
    if untyped or "return" not in types:
        raise TypeError(f"operation {name} has no type for {', '.join(untyped) or 'its answer'}")
    if not (function.__doc__ or "").strip():
        raise TypeError(f"operation {name} has no docstring")
    if not needed:
        raise TypeError(f"operation {name} names no right; if none is needed, say ANYBODY")
    paths = {"": path} if isinstance(path, str) else dict(path)
    in_path = frozenset(each for one in paths.values() for each in NAMED.findall(one))
    made = Operation(
        name, function.__qualname__.rpartition(".")[0].rpartition(".")[2].lower(), method, paths,
        tuple(Need((each,)) if isinstance(each, Right) else each for each in needed), function, in_path, cleandoc(function.__doc__ or ""), **more,
    )  # fmt: skip
    named = {*made.in_path, *(word for need in made.needs for word in (need.when, need.unless) if word), *({made.resume} - {""})}
    if unknown := named.difference(takes):
        raise TypeError(f"operation {name} takes no {', '.join(sorted(unknown))}, which its path or its rights name")
    return made
