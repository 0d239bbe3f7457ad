"""YAML as Kubernetes reads it; test_corpus.py compares with client-go itself."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from jitui.clusters.kubeconfig.document import line, read
from jitui.values.errors import InvalidError
from tests.support.soak import soak

Documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=9,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1:30", "1:30"), ("0o17", 15), ("017", 15), ("08", 8), ("0x_f", 15), ("-0b11", -3), ("1_000", 1000), ("1.0", 1), (".5", 0.5), ("1e400", "1e400"),
        ("9" * 5000, "9" * 5000),
        ("y", True), ("No", False), ("yEs", "yEs"), ("~", None), ("2020-01-02", "2020-01-02"), ("! 12", "12"), ("!!str 12", "12"), ("!!float 1", 1),
        ("!x 12", "12"), ("=", "="),
        ("!!binary aGk=", "hi"), ("{1: a, 1.5: b, yes: c}", {"1": "a", "1.5": "b", "true": "c"}), ("{a: 1, a: 2}", {"a": 2}),
        ("18446744073709551615", (1 << 64) - 1),
        ("{<<: {a: 1}, a: 2}", {"a": 2}), ("{a: 2, <<: {a: 1}}", {"a": 1}), ("{<<: [{a: 1}, {a: 2, b: 3}]}", {"a": 1, "b": 3}), ("{'<<': 1}", {"<<": 1}),
        ("", None),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    """The types are those of go.yaml.in/yaml/v2, which no version of YAML has."""
    found = read(text.encode())[0]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["a: .inf", "!!int x", "!!null x", "!!bool 1", "!!binary '*'", "? [a]\n: b", "~: a", "<<: a", "<<: [a]", "18446744073709551615: a"]
)
def test_refused(text: str) -> None:
    """What JSON can't have, Kubernetes does not read."""
    with pytest.raises(InvalidError, match=r"^1: "):
        read(text.encode())


def test_the_line_of_a_path() -> None:
    """It is the line of the last part that is written there; of two equal keys the second, which counts."""
    _, root = read(b"a:\n- b: 1\n  b:\n    2\n-\n  c: 3\n")
    assert [line(root, path) for path in ((), ("a",), ("a", 0, "b"), ("a", 1, "c"), ("a", 1, "z"), ("z",))] == [1, 1, 3, 6, 6, 1]
    assert line(None, ("a", 0)) == 1


@settings(max_examples=soak(40, 5000), deadline=None)
@given(Documents)
def test_plain_documents_are_what_they_were(document: Any) -> None:
    """Whatever PyYAML writes is read, or refused with its line."""
    try:
        found = read(yaml.safe_dump(document, allow_unicode=True).encode())[0]
    except InvalidError as error:
        assert str(error)[0].isdigit()  # noqa: PT017
    else:
        assert isinstance(found, type(None) | bool | int | float | str | list | dict)
