"""Finds the API objects in one recorded body: JSON, YAML or protobuf; one object, a list, a Table, or the events of a watch."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jitui.recording.objects.kinds import MAGIC, Kinds
from jitui.values import foreign, nodes, protobuf
from jitui.values.errors import InvalidError

LARGEST: Final = 16 << 20  # bytes of a body that is read
DEPTH: Final = 128  # objects and lists in each other
Object = dict[str, Any]
Tree = Mapping[str, Any]
_NUMBER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?[0-9][0-9]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[Tree] = {"": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "false": False, "False": False}
PARTIAL: Final = frozenset({"PartialObjectMetadata", "PartialObjectMetadataList"})


@dataclass(frozen=True, slots=True)
class Body:
    """The content of a body."""

    value: Any = None  # the document itself
    items: Sequence[Object] = ()  # the objects in it, in order; of a watch the newest state of each event's object
    gone: frozenset[int] = frozenset()  # indexes of those that a watch tells of as deleted
    partial: bool = False  # their metadata alone
    why: str = ""  # why it, or a part of it, can't be read

    @property
    def kind(self) -> str:
        return str(self.value.get("kind") or "") if isinstance(self.value, Mapping) else ""


def read(body: bytes, media: bytes, kinds: Kinds, *, watch: bool = False) -> Body:
    """The objects in a whole body of this media type. It never raises: an unreadable body says `why`."""
    if not body:
        return Body(why="there is no body")
    try:
        if watch:
            return _events(body, kinds)
        value, missed = _document(body, media, kinds)
    except (InvalidError, ValueError, RecursionError) as error:
        return Body(why=str(error) or "it can't be read")
    found = _objects(value)
    return found if not missed or found.why else Body(found.value, found.items, partial=found.partial, why=f"{missed} fields of it have no name here")


def _document(body: bytes, media: bytes, kinds: Kinds) -> tuple[Any, int]:
    if body.startswith(MAGIC):
        return kinds.read(body)
    if b"yaml" in media and not body.lstrip().startswith((b"{", b"[")):
        return _plain(nodes.compose(body)), 0
    return foreign.read(body), 0


def _plain(node: nodes.Node | None) -> Any:
    """The JSON value of a YAML node, as Kubernetes makes it."""
    if node is None:
        return None
    if node.items is not None and node.pairs is None:
        return [_plain(item) for item in node.items]
    if node.pairs is not None:
        return {key.value: _plain(value) for key, value in node.pairs}
    if not node.plain:
        return node.value
    if node.value in _WORDS:
        return _WORDS[node.value]
    return int(node.value) if _NUMBER.fullmatch(node.value) else float(node.value) if _FLOAT.fullmatch(node.value) else node.value


def _is_deep(value: Any) -> bool:
    """Whether it is nested deeper than DEPTH; code that compares and writes it may call itself as often."""
    level = [value]
    for _ in range(DEPTH):
        level = [item for each in level if isinstance(each, dict | list) for item in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return False
    return True


def _objects(value: Any) -> Body:
    """The objects in a document; a patch has none."""
    if _is_deep(value):
        return Body(why=f"it is nested deeper than {DEPTH}")
    if not isinstance(value, Mapping):
        return Body(value)
    kind, version = str(value.get("kind") or ""), str(value.get("apiVersion") or "")
    if kind == "Table":
        rows = [row.get("object") for row in _list(value.get("rows")) if isinstance(row, Mapping)]
        found = [dict(each) for each in rows if isinstance(each, Mapping)]
        return Body(value, found, partial=any(each.get("kind") in PARTIAL for each in found) or not found)
    if kind.endswith("List") and "items" in value:
        items = [{"kind": kind.removesuffix("List"), "apiVersion": version, **each} for each in _list(value["items"]) if isinstance(each, Mapping)]
        return Body(value, items, partial=kind in PARTIAL)
    return Body(value, [dict(value)] if isinstance(value.get("metadata"), Mapping) else [], partial=kind in PARTIAL)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _events(body: bytes, kinds: Kinds) -> Body:
    """Of a watch, which may be cut within its last event."""
    items: list[Object] = []
    gone: list[int] = []
    partial, why = False, ""
    for kind, value, reason in _protobuf_events(body, kinds) if body.lstrip()[:1] != b"{" else _json_events(body):
        found = _objects(value)
        why = why or reason or found.why
        partial = partial or found.partial
        if kind in {"ADDED", "MODIFIED", "DELETED"} and found.items:
            gone += [len(items) + at for at in range(len(found.items))] if kind == "DELETED" else []
            items += found.items
    return Body(None, items, frozenset(gone), partial=partial, why=why)


def _json_events(body: bytes) -> Iterator[tuple[str, Any, str]]:
    decoder, text, at = json.JSONDecoder(), body.decode("utf-8", "replace"), 0
    while at < len(text):
        try:
            event, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return  # the last event did not come whole
        if isinstance(event, Mapping):
            yield str(event.get("type") or ""), event.get("object"), ""
        while at < len(text) and text[at] in " \r\n\t":
            at += 1


def _protobuf_events(body: bytes, kinds: Kinds) -> Iterator[tuple[str, Any, str]]:
    """Messages behind their length in four bytes: metav1.WatchEvent {1 type, 2 object {1 raw}}, in the envelope of all objects or without."""
    at = 0
    while at + 4 <= len(body):
        size = int.from_bytes(body[at : at + 4], "big")
        message, at = body[at + 4 : at + 4 + size], at + 4 + size
        if len(message) < size:
            return
        if message.startswith(MAGIC):
            message = protobuf.only(message[len(MAGIC) :], 2).get(2, b"")
        event = protobuf.only(message, 1, 2)
        try:
            value, missed = kinds.read(protobuf.only(event.get(2, b""), 1).get(1, b""))
        except InvalidError as error:
            yield protobuf.text(event.get(1, b"")), None, str(error)
        else:
            yield protobuf.text(event.get(1, b"")), value, f"{missed} fields of it have no name here" if missed else ""
