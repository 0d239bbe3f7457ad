"""The objects in bodies of every form."""

import base64
import json
from typing import Any, Final

import pytest

from jitui.recording.objects.bodies import Body, read
from jitui.store.exchanges import kinds
from tests.recording.objects.test_kinds import CORPUS

JSON: Final = b"application/json"
PROTOBUF: Final = b"application/vnd.kubernetes.protobuf"
CM: Final = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": {"a": "1"}}


def body(value: Any, media: bytes = JSON, *, watch: bool = False) -> Body:
    return read(value if isinstance(value, bytes) else json.dumps(value).encode(), media, kinds(), watch=watch)


def test_one_object() -> None:
    """In JSON, in YAML and in protobuf."""
    assert body(CM).items == [CM]
    assert body(b'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: "1"\n', b"application/apply-patch+yaml").items == [CM]
    found = body(base64.b64decode(CORPUS[3]["protobuf"]), PROTOBUF)
    assert found.items[0]["metadata"]["name"] == "c"
    assert found.kind == "ConfigMap"
    assert (found.partial, found.why) == (False, "")


def test_a_list() -> None:
    """Its items get the kind that a typed list leaves out."""
    assert body({"kind": "ConfigMapList", "apiVersion": "v1", "items": [{"metadata": {"name": "c"}, "data": {"a": "1"}}]}).items == [CM]


def test_a_table_has_metadata_alone() -> None:
    """Unless the client asked for the objects."""
    partial = {"kind": "PartialObjectMetadata", "metadata": {"name": "c"}}
    found = body({"kind": "Table", "rows": [{"cells": ["c"], "object": partial}]})
    assert (found.items, found.partial) == ([partial], True)
    assert body({"kind": "Table", "rows": [{"cells": ["c"], "object": CM}]}).partial is False


def test_a_watch() -> None:
    """Each event's object; the last one may be cut."""
    events = b"".join(json.dumps({"type": kind, "object": CM}).encode() + b"\n" for kind in ("ADDED", "MODIFIED", "BOOKMARK", "DELETED"))
    found = body(events + b'{"type":"ADDED","obj', watch=True)
    assert list(found.items) == [CM, CM, CM]
    assert found.gone == {2}


def test_a_watch_in_protobuf() -> None:
    """Messages behind their lengths, in the envelope of all objects or without."""
    object_ = base64.b64decode(CORPUS[3]["protobuf"])

    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data) & 0x7F | 0x80, len(data) >> 7]) + data

    event = field(1, b"ADDED") + field(2, field(1, object_))
    enveloped = b"k8s\0" + field(1, field(2, b"WatchEvent")) + field(2, event)
    found = body(b"".join(len(one).to_bytes(4, "big") + one for one in (event, enveloped)) + b"\0\0\0\x09xx", PROTOBUF, watch=True)
    assert [each["metadata"]["name"] for each in found.items] == ["c", "c"]


@pytest.mark.parametrize("bad", [b"", b"{", b"[" * 100_000, b"k8s\0\xff", b"\xff\xfe", b"k8s\0"])
@pytest.mark.parametrize("watch", [False, True])
def test_what_cannot_be_read_says_why(bad: bytes, watch: bool) -> None:
    """And raises nothing."""
    found = body(bad, watch=watch)
    assert not found.items
    assert watch or found.why


def test_nesting_is_bounded() -> None:
    """What compares and writes a document may call itself once for each level."""
    deep: Any = "x"
    for _ in range(400):
        deep = {"a": deep}
    found = body({**CM, "data": deep})
    assert (found.items, found.value, found.why) == ((), None, "it is nested deeper than 128")
    events = json.dumps({"type": "ADDED", "object": {**CM, "data": deep}}).encode() + json.dumps({"type": "ADDED", "object": CM}).encode()
    assert list(body(events, watch=True).items) == [CM]


def test_a_patch_has_no_objects() -> None:
    """A JSON Patch is a list of steps; a merge patch names no object."""
    assert body([{"op": "add", "path": "/a", "value": 1}]).items == ()
    assert body({"data": {"a": "2"}}).items == []
    assert body(b"a: [1, 1.5, true, null, '2', x]\n", b"application/yaml").value == {"a": [1, 1.5, True, None, "2", "x"]}
