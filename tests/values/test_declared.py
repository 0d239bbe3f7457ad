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


def test_its_init_is_made_with_the_first_instance_and_is_that_of_the_standard_library() -> None:
    """The order of the arguments, factories, what a subclass adds, `__post_init__`, and the words of an error."""

    @dataclass(frozen=True, slots=True)
    class First:
        name: str
        sizes: list[int] = field(default_factory=list)
        length: int = field(default=0, init=False)

        def __post_init__(self) -> None:
            self.length = len(self.name)  # type: ignore[misc]

    @dataclass(frozen=True, slots=True)
    class Second(First):
        note: str = ""

    assert [each.name for each in dataclasses.fields(Second)] == ["name", "sizes", "length", "note"]
    with pytest.raises(TypeError, match=r"First\.__init__\(\) missing 1 required positional argument: 'name'"):
        First()  # type: ignore[call-arg]
    one, other = Second("abc", [1], "x"), Second("abc")
    assert (one.name, one.sizes, one.length, one.note, other.sizes, other.note) == ("abc", [1], 3, "x", [], "")
    assert other.sizes is not Second("abc").sizes
    assert dataclasses.replace(one, name="ab").length == 2
    assert First("abc") != one
