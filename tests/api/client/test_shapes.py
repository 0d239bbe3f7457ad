"""Views out of JSON, as pydantic reads them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from pydantic import TypeAdapter

from jitui.api.client.shapes import DifferentError, read
from jitui.api.operation import operations_of
from jitui.api.operations import Operations
from jitui.values import plain
from jitui.values.said import Said
from tests.api.test_views import some


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    word: Literal["a", "b"]
    note: Said = field(default_factory=lambda: Said(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    inner: Inner | None
    many: tuple[Inner, ...] = ()
    counts: Mapping[str, int] | None = None
    ratio: Annotated[float, "of one"] = 0.0
    anything: Any = None


WRONG: list[tuple[Any, Any, str]] = [
    (int, True, "bool where int is known"), (int, "1", "str where int is known"), (bool, 1, "int where bool is known"), (float, "1", "str where a number"),
    (str, None, "NoneType where str is known"), (list[int], {}, "dict where a list is known"), (dict[str, int], [], "list where an object is known"),
    (Inner, [], "list where Inner is known"), (Inner, {}, "word is missing"), (Inner, {"word": "c"}, "word: 'c' is none of a, b"),
    (Inner, {"word": []}, "word: [] is none of a, b"), (Inner, {"word": "a", "note": 7}, "note: int where str is known"),
    (Outer, {"inner": {"word": "c"}}, "inner: dict where NoneType is known"), (Outer, {"inner": None, "many": [{"word": "a"}, {}]}, "many: word is missing"),
]  # fmt: skip


@pytest.mark.parametrize("shape", {str(row.gives): row.gives for row in operations_of(Operations) if row.gives is not str}.values(), ids=str)
def test_the_answers_of_all_operations(shape: Any) -> None:
    """Each is read as it was sent, and as pydantic, the reference, reads it; a key of a later version is left out."""
    made = [some(shape.__args__[0])] if getattr(shape, "__origin__", None) is list else some(shape)
    sent = json.loads(plain.text(made))
    assert read(shape, sent) == made == TypeAdapter(shape).validate_python(sent)
    later = [{**sent[0], "later": 1}] if isinstance(sent, list) else {**sent, "later": 1}
    assert read(shape, later) == made


def test_what_may_be_there_or_not() -> None:
    """Defaults stand for what is not said; a whole number is a number."""
    assert read(Outer, {"inner": None}) == Outer(inner=None)
    assert read(Outer, {"inner": {"word": "b"}, "counts": {"x": 1}, "ratio": 1, "anything": [None]}) == Outer(
        inner=Inner(word="b"), counts={"x": 1}, ratio=1.0, anything=[None])


@pytest.mark.parametrize(("shape", "data", "says"), WRONG)
def test_another_shape_is_said_with_its_place(shape: Any, data: Any, says: str) -> None:
    with pytest.raises(DifferentError) as raised:
        read(shape, data)
    assert says in str(raised.value)


def test_a_shape_that_no_view_has() -> None:
    """It is a mistake of the table, not of the data."""
    with pytest.raises(TypeError, match="no view has a field of type"):
        read(bytes, "x")
