"""A declaration without a docstring, a right or a type can't exist, and an implementation that leaves one out can't either."""

from collections.abc import AsyncIterator

import pytest

from jitui.api.operation import ANYBODY, Table, complete, needs, operation, operation_of, operations_of, stream
from jitui.policy.rights import Right
from jitui.policy.terms import Identity, Role
from jitui.values.errors import RefusedError

AUDITOR = Identity("aud", frozenset({Role.AUDITOR}))
APPROVER = Identity("ana", frozenset({Role.APPROVER}))


class Doors(Table):
    @operation("POST", "/doors/{ident}/open", Right.STOP, needs(Right.ADMIN, when="wide"))
    async def open(self, ident: str, *, wide: bool = False) -> str:
        """Open a door."""
        return ""

    @stream("/doors", ANYBODY, event=lambda door: (door, None))
    def doors(self, *, since: int = -1) -> AsyncIterator[str]:
        """Doors as they open."""
        raise NotImplementedError


async def test_a_declaration_says_all_of_it() -> None:
    """Name, noun, method, path, rights, types, defaults and words are read from the method."""
    row = operation_of(Doors.open)
    assert (row.name, row.table, row.method, dict(row.paths), row.doc) == ("open", "doors", "POST", {"": "/doors/{ident}/open"}, "Open a door.")
    assert (row.gives, {name: each.annotation for name, each in row.parameters.items()}) == (str, {"ident": str, "wide": bool})
    assert row.given("d-1") == {"ident": "d-1", "wide": False}
    assert [each.name for each in operations_of(Doors)] == ["open", "doors"]
    assert operation_of(Doors.doors).gives is str


def test_no_operation_without_a_docstring() -> None:
    """The description of the API is made of it."""
    with pytest.raises(TypeError, match="operation silent has no docstring"):

        @operation("GET", "/silent", ANYBODY)
        async def silent(self: Table) -> str:
            return ""


def test_no_operation_without_a_right() -> None:
    """That none is needed is said with a word of its own."""
    with pytest.raises(TypeError, match="operation free names no right; if none is needed, say ANYBODY"):

        @operation("GET", "/free")
        async def free(self: Table) -> str:
            """Free."""
            return ""


def test_no_operation_without_types() -> None:
    """Of its arguments and of its answer: the client, the routes and mypy read them."""
    with pytest.raises(TypeError, match="operation lax has no type for ident"):

        @operation("GET", "/lax/{ident}", ANYBODY)
        async def lax(self: Table, ident) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
            """Lax."""
            return ""

    with pytest.raises(TypeError, match="operation mute has no type for its answer"):

        @operation("GET", "/mute", ANYBODY)
        async def mute(self: Table):  # type: ignore[no-untyped-def]  # noqa: ANN202
            """Mute."""


def test_paths_and_rights_name_arguments_that_there_are() -> None:
    """A path with an argument that the method does not take is a mistake, and so is a right that depends on one."""
    with pytest.raises(TypeError, match="operation lost takes no ident, which its path or its rights name"):

        @operation("GET", "/lost/{ident}", ANYBODY)
        async def lost(self: Table) -> str:
            """Lost."""
            return ""

    with pytest.raises(TypeError, match="operation narrow takes no wide"):

        @operation("GET", "/narrow", needs(Right.ADMIN, when="wide"))
        async def narrow(self: Table) -> str:
            """Narrow."""
            return ""


def test_an_operation_is_awaited() -> None:
    """A method that gives items one by one is a stream."""
    with pytest.raises(TypeError, match="operation plain is not async"):

        @operation("GET", "/plain", ANYBODY)
        def plain(self: Table) -> str:
            """Plain."""
            return ""


def test_no_implementation_without_all_operations() -> None:
    """The class that leaves one out can't be defined; the error names it."""
    with pytest.raises(TypeError, match="Half does not implement doors"):

        @complete
        class Half(Doors):
            async def open(self, ident: str, *, wide: bool = False) -> str:
                return ident

    @complete
    class Whole(Doors):
        async def open(self, ident: str, *, wide: bool = False) -> str:
            return ident

        async def doors(self, *, since: int = -1) -> AsyncIterator[str]:
            yield "d-1"

    assert [each.name for each in operations_of(Whole)] == ["open", "doors"]


async def test_a_table_performs_nothing_by_itself() -> None:
    """It says what was asked of it."""
    with pytest.raises(NotImplementedError, match="Doors does not perform open, called with ident, wide"):
        await Doors().open("d-1")
    with pytest.raises(NotImplementedError, match="Doors does not follow doors"):
        Doors().doors()
    with pytest.raises(TypeError, match="ident"):
        await Doors().open()  # type: ignore[call-arg]


def test_rights_are_checked_in_their_order() -> None:
    """One of several is enough; what depends on an argument counts with that argument alone."""
    row = operation_of(Doors.open)
    row.check(APPROVER, row.given("d-1"))
    with pytest.raises(RefusedError, match="ana may not manage identities"):
        row.check(APPROVER, row.given("d-1", wide=True))
    with pytest.raises(RefusedError, match="aud may not revoke, kill, freeze or lock down"):
        row.check(AUDITOR, row.given("d-1", wide=True))
    needs(Right.SEE, Right.ASK).check(AUDITOR, {})
    with pytest.raises(RefusedError, match="aud may not ask for a window"):
        needs(Right.STOP, Right.ASK).check(AUDITOR, {})
    needs(Right.ADMIN, unless="on").check(AUDITOR, {"on": True})
    with pytest.raises(RefusedError, match="aud may not manage"):
        needs(Right.ADMIN, unless="on").check(AUDITOR, {"on": False})
