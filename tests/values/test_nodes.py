"""YAML as a tree of nodes, each with its line."""

import pytest
from hypothesis import given, strategies as st

from jitui.values.errors import InvalidError
from jitui.values.nodes import DEPTH, NODES, Node, compose


def shape(node: Node | None) -> object:
    """The tree as Python's own types, each with its line."""
    if node is None:
        return None
    if node.pairs is not None:
        return {key.value: (key.line, shape(value)) for key, value in node.pairs}
    if node.items is not None:
        return [shape(item) for item in node.items]
    return node.value, node.plain, node.line


def test_lists_maps_and_scalars_with_their_lines() -> None:
    """Quotes are told from none; an alias is the node it names, with the line of that one."""
    assert shape(compose("a: &x 1\nb:\n- '2'\n- *x\n- {c: }\n")) == {
        "a": (1, ("1", True, 1)), "b": (2, [("2", False, 3), ("1", True, 1), {"c": (5, ("", True, 5))}]),
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "# only a comment", "---\n...\n", b"\xef\xbb\xbf"])
def test_no_document(text: str | bytes) -> None:
    """An empty file, or one with comments alone, has no node."""
    found = compose(text)
    assert found is None or found.value == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1\nb: 2\n", "2: not YAML"), ("a: b\n---\nc: d\n", "2: a second document"), ("a: *x", "1: not YAML: no anchor x"),
        ("&x [*x]", "1: the anchor x contains itself"),
        ("\n- \x07", "1: not YAML: control characters"), (b"a: \xff", "1: not YAML: invalid"), ("[" * 100_000, f"1: nested deeper than {DEPTH}"),
        ("\n".join(" " * at + "-" for at in range(DEPTH + 9)), f"{DEPTH + 1}: nested deeper"), ("\ud800", "1: not YAML"),
        ("".join(f"a{at}: &a{at} [{','.join([f'*a{at - 1}'] * 9) if at else 'x'}]\n" for at in range(12)), f"7: more than {NODES} values"),
        ("a: &a [x]\n" + "".join(f"b{at}: &b{at} [*{'a' if not at else f'b{at - 1}'}]\n" for at in range(DEPTH + 1)), f"{DEPTH}: nested deeper"),
    ],
)  # fmt: skip
def test_refused(text: str | bytes, says: str) -> None:
    """The line comes first. Neither depth nor aliases cost more than their bound."""
    with pytest.raises(InvalidError, match=r"^\d+: ") as caught:
        compose(text)
    assert str(caught.value).startswith(says)


def test_the_first_of_several_documents() -> None:
    """Where Kubernetes reads the first alone, a fault behind it is none."""
    assert shape(compose("a\n---\n[", first=True)) == ("a", True, 1)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60), st.text(alphabet="[]{}:,-? &*!|>'\"\n\t ab1~<", max_size=60)))
def test_any_text(text: str | bytes) -> None:
    """It gives nodes or one InvalidError, nothing else."""
    try:
        compose(text)
    except InvalidError as error:
        assert str(error)[0].isdigit()  # noqa: PT017
