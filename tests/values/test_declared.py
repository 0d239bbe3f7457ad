"""A dataclass that is declared quickly is a dataclass: it compares, hashes, shows itself and is taken apart as one of the standard library."""

import dataclasses
from dataclasses import field
from typing import Any, Final

import pytest

from jitui.values.declared import dataclass


def _both() -> tuple[Any, Any]:
    """The same class, made by jitui and by the standard library."""

    def declared() -> type:
        class Row:
            name: str
            sizes: tuple[int, ...] = ()
            note: str = field(default="", compare=False, repr=False)

        return Row

    return dataclass(frozen=True, slots=True, kw_only=True)(declared()), dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(declared())


ROWS: Final[list[dict[str, Any]]] = [{"name": "a"}, {"name": "a", "note": "x"}, {"name": "b"}, {"name": "a", "sizes": (1,)}]


@pytest.mark.parametrize("one", ROWS)
@pytest.mark.parametrize("other", ROWS)
def test_two_are_equal_as_of_the_standard_library(one: dict[str, Any], other: dict[str, Any]) -> None:
    """So are their hashes; a field with `compare=False` does not count."""
    ours, theirs = _both()
    assert (ours(**one) == ours(**other)) is (theirs(**one) == theirs(**other))
    assert (hash(ours(**one)) == hash(ours(**other))) is (hash(theirs(**one)) == hash(theirs(**other)))


def test_it_is_shown_and_taken_apart_as_of_the_standard_library() -> None:
    """`repr`, `fields`, `asdict` and `replace`, and no attribute beside the fields."""
    ours, theirs = _both()
    for row in ROWS:
        mine, its = ours(**row), theirs(**row)
        assert repr(mine) == repr(its)
        assert dataclasses.asdict(mine) == dataclasses.asdict(its)
        assert dataclasses.replace(mine, name="c") == ours(**{**row, "name": "c"})
    assert [each.name for each in dataclasses.fields(ours)] == [each.name for each in dataclasses.fields(theirs)]
    with pytest.raises(AttributeError):
        ours(name="a").other = 1
    with pytest.raises(TypeError):
        ours()
    assert ours(name="a") != theirs(name="a")


def test_methods_of_the_class_stay() -> None:
    """`__repr__` and `__eq__` that a class writes itself are not replaced; one without fields equals another."""

    @dataclass(frozen=True, slots=True)
    class Quiet:
        token: str

        def __repr__(self) -> str:
            return "Quiet()"

    @dataclass(frozen=True, slots=True)
    class Empty:
        pass

    assert repr(Quiet("secret")) == "Quiet()"
    assert Quiet("secret") == Quiet("secret")
    assert Empty() == Empty()
    assert len({Empty(), Empty()}) == 1
