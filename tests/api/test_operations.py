"""The table: all of it is served, described, sent, implemented and checked, and one declaration with one implementation is enough for a new row."""

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from jitui.api.client import Client
from jitui.api.operation import NAMED, Given, Operation, Table, operation, operations_of
from jitui.api.operations import BoundOperations, Operations
from jitui.api.server import ApiListener, routes
from jitui.api.server.description import Description
from jitui.api.service.service import Implementation
from jitui.auth.callers import Callers
from jitui.auth.directory import Directory
from jitui.auth.people import People
from jitui.auth.standing import Current
from jitui.auth.tokens import Tokens
from jitui.policy.action import Action
from jitui.policy.rights import Right
from jitui.values.clock import SystemClock
from jitui.values.errors import ConflictError, InvalidError

TABLE: Final = operations_of(Operations)
SAMPLES: Final[Mapping[str, Any]] = {
    "at_us": 5, "action": Action("create", resource="pods", subresource="exec", namespace="web", argv=("sh", "-c", "x"), stdin=True), "after": 7,
    "approval": "required", "brief": True, "conn": 3, "connection": "prod", "cursor": "c-1", "duration_s": 600, "everything": True, "limit": 9, "live": True,
    "look": False, "marks": True, "on": True, "roles": ["agent", "unmask"], "scope": "read pods in web", "since": 3, "since_s": 7200, "unmask": True,
    "looks": True, "until_s": 60, "wait_s": 5,
}  # fmt: skip


class Recorder(BoundOperations):
    """Notes each call, and answers that it is too late."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def bind(self, caller: Current, peer: str, same_user: bool) -> "Recorder":
        return self

    async def perform(self, operation: Operation, given: Given) -> Any:
        self.calls.append((operation.name, dict(given)))
        raise ConflictError("too late")

    async def follow(self, operation: Operation, given: Given) -> AsyncIterator[Any]:
        yield await self.perform(operation, given)


def arguments(row: Operation, target: str) -> dict[str, Any]:
    return {name: target if name in row.in_path else SAMPLES.get(name, f"some-{name}") for name in row.parameters}


@asynccontextmanager
async def served(recorder: Recorder, folder: Path) -> AsyncIterator[str]:
    """Its address, behind a real server that knows the Unix user."""
    async with asyncio.TaskGroup() as tasks:
        callers = Callers(Directory(People(os.getuid(), {}), {}, Tokens([])), SystemClock())
        listener = ApiListener(recorder, callers, lambda work: void(tasks.create_task(work())))
        listener.bind(unix=folder / "desk.sock")
        await listener.open()
        yield f"unix:{folder / 'desk.sock'}"
        await listener.aclose()


def void(_: object) -> None:
    """Nothing."""


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
async def test_every_call_arrives_as_it_was_made(tmp_path: Path, row: Operation) -> None:
    """With all arguments, and with the defaults: what the service is asked is what the client was asked, and the error comes back as itself."""
    recorder = Recorder()
    async with served(recorder, tmp_path) as address:
        client = Client(address)
        for target in ("g-1", "s-2", "all") if len(row.paths) > 1 else ("x-1",):
            whole = arguments(row, target)
            few = {name: value for name, value in whole.items() if row.parameters[name].default is inspect.Parameter.empty}
            for given in (whole, few):
                made = getattr(client, row.name)(**given)
                with pytest.raises(ConflictError, match=r"^too late$"):
                    await (anext(made) if row.event else made)
                assert recorder.calls.pop() == (row.name, row.given(**given))
        await client.aclose()


def test_everything_public_is_an_operation() -> None:
    """A table has no other methods, and Operations has the table's alone."""
    rest = {name for name, _ in inspect.getmembers(Operations, inspect.isfunction) if not name.startswith("_")} - {row.name for row in TABLE}
    assert rest == {"aclose", "perform", "follow"}


def test_every_operation_is_implemented_and_described() -> None:
    """With its words and its rights; no two rows share a path."""
    assert not [row.name for row in TABLE if getattr(Implementation, row.name).__qualname__.startswith(("Table.", "Operations."))]
    made = routes.routes()
    paths = Description(made).document["paths"]
    assert len(made) == sum(len(row.paths) for row in TABLE) == sum(len(methods) for methods in paths.values())
    for row in TABLE:
        for path in row.paths.values():
            found = paths[f"/v1{path}"][row.method.lower()]
            assert (found["description"], found["tags"]) == (row.doc, [row.table])
            assert all(right in str(found["x-rights"]) for need in row.needs for right in need.rights)
            described = {each["name"] for each in found["parameters"]}
            assert described >= row.in_path & set(NAMED.findall(path))
            assert ("requestBody" in found) == (row.method == "POST" and row.parameters.keys() > row.in_path)


async def test_a_new_row_is_a_declaration_and_an_implementation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Client, route and body follow from it."""

    class Allowances(Table):
        @operation("POST", "/grants/{ident}/allowance", Right.STOP)
        async def allowance(self, ident: str, *, left: int) -> str:
            """What a window may still move, in bytes."""
            return ""

    class Wider(Operations, Allowances):
        """The table with one more row."""

    class Allowing(Recorder, Wider):
        async def allowance(self, ident: str, *, left: int) -> str:
            return f"{ident} may move {left} bytes"

    class AllowanceClient(Client, Wider):
        """Nothing of its own."""

    monkeypatch.setattr(routes, "Operations", Wider)
    async with served(Allowing(), tmp_path) as address:
        client = AllowanceClient(address)
        assert await client.allowance("g-1", left=7) == "g-1 may move 7 bytes"
        with pytest.raises(InvalidError, match=r"^left: input should be a valid integer$"):
            await client.allowance("g-1", left="many")  # type: ignore[arg-type]
        await client.aclose()
