"""Secrets of Kubernetes that are printed as text."""

import pytest

from jitui.recording.masking.manifests import NAME, look
from jitui.recording.masking.text import PLAIN


def values(text: bytes) -> list[bytes]:
    return [text[hit.value : hit.end] for hit in look(text, PLAIN.within(text).get(NAME, ()))]


@pytest.mark.parametrize("text", [
    b"apiVersion: v1\nkind: Secret\ndata:\n  a: aHVudGVyMg==\ntype: Opaque\n",
    b"apiVersion: v1\ndata:\n  a: aHVudGVyMg==\nkind: Secret\n",
    b"apiVersion: v1\nkind: Secret\ndata: {a: aHVudGVyMg==}\n",
    b'{"kind":"Secret","data":{"a":"aHVudGVyMg=="}}\n',
    b'{"data":{"a":"aHVudGVyMg=="},"kind":"Secret"}\n',
    b"stringData:\n  a: aHVudGVyMg==\nx: y\n",
])  # fmt: skip
def test_the_values_of_a_secret(text: bytes) -> None:
    """In YAML and JSON, with the kind before or behind."""
    assert any(b"aHVudGVyMg==" in value for value in values(text))


@pytest.mark.parametrize("text", [
    b"apiVersion: v1\nkind: ConfigMap\ndata:\n  a: plain text\n", b'{"kind":"ConfigMap","data":{"a":"plain text"}}\n', b"data: {mode: fast}\n",
    b"apiVersion: v1\nkind: ConfigMap\ndata:\n  a: x\n---\napiVersion: v1\nkind: Secret\n",
])  # fmt: skip
def test_data_of_another_kind_is_shown(text: bytes) -> None:
    """The Secret of another document does not count."""
    assert values(text) == []


def test_without_a_kind_base64_is_taken_for_a_secrets() -> None:
    assert values(b"data:\n  a: aHVudGVyMmh1bnRlcjI=\n  b: aHVudGVyMmh1bnRlcjI=\n")
