"""Objects of a real API server in both forms (corpus.jsonl: path, JSON, protobuf in base64): what is read of the one is the other."""

import base64
import json
from pathlib import Path
from typing import Any, Final

import pytest

from jitui.recording.objects.kinds import Kinds
from jitui.store.exchanges import kinds
from jitui.values.errors import InvalidError

CORPUS: Final = [json.loads(line) for line in Path(__file__).with_name("corpus.jsonl").read_text(encoding="utf-8").splitlines()]
DEPLOYMENT: Final = base64.b64decode(CORPUS[0]["protobuf"])


def present(value: Any) -> Any:
    """Without nulls and empty lists, which protobuf does not have."""
    if isinstance(value, dict):
        return {key: present(item) for key, item in value.items() if item not in (None, [])}
    return [present(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("one", CORPUS, ids=lambda one: one["path"].rpartition("/")[2])
def test_protobuf_is_read_as_the_json_of_the_same_object(one: dict[str, Any]) -> None:
    """Every field, with its type."""
    found, missed = kinds().read(base64.b64decode(one["protobuf"]))
    assert present(found) == present(one["json"])
    assert missed == 0


def test_cut_bytes_raise_one_kind_of_error() -> None:
    """Wherever they are cut."""
    for at in range(0, len(DEPLOYMENT) - 1, 7):
        try:
            kinds().read(DEPLOYMENT[:at])
        except InvalidError:
            continue


def test_damaged_bytes_raise_one_kind_of_error() -> None:
    """Whichever byte is another."""
    for at in range(0, len(DEPLOYMENT), 31):
        damaged = bytearray(DEPLOYMENT)
        damaged[at] ^= 0xFF
        try:
            kinds().read(bytes(damaged))
        except InvalidError:
            continue


def test_a_kind_that_the_table_does_not_have_is_named() -> None:
    """Its fields have no names here."""
    with pytest.raises(InvalidError, match=r"Odd in test\.io/v1"):
        kinds().read(b"k8s\0\x0a\x11\x0a\x0atest.io/v1\x12\x03Odd\x12\x00")
    with pytest.raises(InvalidError, match="magic"):
        kinds().read(b"{}")


def test_fields_that_the_table_does_not_have_are_counted() -> None:
    """As a newer API server sends them."""
    table = {"kinds": {"v1 ConfigMap": 0}, "messages": [{"2": ["data", "?{s"]}]}
    body = next(base64.b64decode(one["protobuf"]) for one in CORPUS if one["path"].endswith("configmaps/c"))
    found, missed = Kinds(table).read(body)
    assert found["data"] == {"a": "", "b": "x"}
    assert missed == 2  # metadata, binaryData


def test_messages_in_messages_end() -> None:
    """A body of a few bytes can't be nested without end."""
    table = {"kinds": {"v1 X": 0}, "messages": [{"1": ["x", "0"]}]}
    inner = b""
    for _ in range(300):
        inner = b"\x0a" + (bytes([len(inner)]) if len(inner) < 128 else bytes([len(inner) & 0x7F | 0x80, len(inner) >> 7])) + inner
    size = len(inner)
    body = b"k8s\0\x0a\x07\x0a\x02v1\x12\x01X\x12" + bytes([size & 0x7F | 0x80, size >> 7]) + inner
    with pytest.raises(InvalidError, match="more than"):
        Kinds(table).read(body)
