"""Bodies in protobuf."""

import contextlib

import pytest
from hypothesis import given, strategies as st

from jitui.demo.cluster import protobuf


def varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, body: bytes | str | int) -> bytes:
    if isinstance(body, int):
        return varint(number << 3) + varint(body)
    data = body.encode() if isinstance(body, str) else body
    return varint(number << 3 | 2) + varint(len(data)) + data


def unknown(api_version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\0" + field(1, field(1, api_version) + field(2, kind)) + field(2, raw)


@given(st.lists(st.tuples(st.integers(1, 1000), st.binary(max_size=300) | st.integers(0, 2**63))))
def test_fields_come_back(given: list[tuple[int, bytes | int]]) -> None:
    """The fields are decoded in the order in which they were encoded."""
    assert list(protobuf.fields(b"".join(field(number, value) for number, value in given))) == given


@given(st.binary())
def test_garbage_is_said_to_be_garbage(body: bytes) -> None:
    """Never another error, never a hang."""
    with contextlib.suppress(protobuf.UnreadableError, UnicodeDecodeError):
        protobuf.loads(b"k8s\0" + body)


def test_objects() -> None:
    """As their JSON would be."""
    metadata = field(1, field(1, "x") + field(3, "web") + field(11, field(1, "app") + field(2, "a")))
    assert protobuf.loads(unknown("v1", "ConfigMap", metadata + field(2, field(1, "k") + field(2, "v")))) == {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "web", "labels": {"app": "a"}}, "data": {"k": "v"}}
    assert protobuf.loads(unknown("v1", "Secret", metadata + field(2, field(1, "k") + field(2, b"\xff")) + field(3, "Opaque")))["data"] == {"k": "/w=="}
    port = field(3, 80) + field(4, field(1, 0) + field(2, 8080))
    assert protobuf.loads(unknown("v1", "Service", metadata + field(2, field(1, port))))["spec"] == {"ports": [{"port": 80, "targetPort": 8080}]}


@pytest.mark.parametrize("body", [b"{}", unknown("v1", "Gizmo", b""), unknown("v1", "ConfigMap", b"\x0a\xff"), b"k8s\0\x0b"])
def test_what_is_not_read(body: bytes) -> None:
    """No magic, a kind without rows, a field that is cut off, a wire type that is not used."""
    with pytest.raises(protobuf.UnreadableError):
        protobuf.loads(body)
