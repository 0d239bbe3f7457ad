"""YAML with the line of every key."""

import pytest
from hypothesis import given, strategies as st

from jitui import marked
from jitui.values.errors import InvalidError


def test_lines_of_keys_and_items() -> None:
    """Each key and each item has its own line, also in a nested list."""
    found = marked.load("a: 1\nb:\n  - x\n  - c: true\n    d: null\n")
    assert found.data == {"a": 1, "b": ["x", {"c": True, "d": None}]}
    assert [found.line(path) for path in (("a",), ("b",), ("b", 1), ("b", 1, "d"), ("b", 1, "nowhere"))] == [1, 2, 4, 5, 4]


@pytest.mark.parametrize(("text", "says"), [
    ("a: 1\na: 2\n", "2: a: given twice, first on line 1"),
    ("a: [1\nb: 2\n", "not YAML"),
    ("a: 1\n? [x]\n: 2\n", "2: a key is a plain word"),
    ("a: \x07\n", "1: not YAML"),
    ("&x [*x]\n", "the anchor x contains itself"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n", "3: a key is a plain word"),
])
def test_refused(text: str, says: str) -> None:
    """YAML that can be read in two ways, or builds no plain data, is refused with its line."""
    with pytest.raises(InvalidError, match=r"^\d+: ") as caught:
        marked.load(text)
    assert says in str(caught.value)


def test_a_date_stays_text() -> None:
    """Only null, booleans and numbers are read as such; a tag builds no object."""
    assert marked.load("a: 2026-01-02\nb: !!python/name:os.system x\nc: 1.5\nd: ''\n").data == {"a": "2026-01-02", "b": "x", "c": 1.5, "d": ""}


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    """Any text either gives plain data or one InvalidError, nothing else."""
    try:
        marked.load(text)
    except InvalidError as error:
        assert str(error)[0].isdigit()  # noqa: PT017
