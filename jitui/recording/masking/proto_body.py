r"""Masks a body of a kind that holds secrets, in Kubernetes' protobuf form, by the tables in `fields`, as it comes.

`k8s\0`, then runtime.Unknown {1 typeMeta {1 apiVersion, 2 kind}, 2 raw} (apimachinery: pkg/runtime/serializer/protobuf). A watch is such messages,
each behind its length in four bytes: metav1.WatchEvent {1 type, 2 object {1 raw: `k8s\0` ...}}, in an envelope or without.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jitui.recording.masking.fields import KINDS, MASK, NOTE, SHOW, Message, Rule, shown
from jitui.recording.masking.spans import SECRET_DATA, Span
from jitui.values import varint

MAGIC: Final = b"k8s\0"
EVENT: Final = 1 << 25  # bytes of one event of a watch at most
TYPE_META: Final = 1024  # bytes
DEPTH: Final = 32
ENDLESS: Final = 1 << 62
FIXED: Final = {1: 8, 5: 4}


@dataclass(slots=True)
class _Part:
    """A message that is being parsed."""

    end: int  # its end, counted from the start of the body
    table: "Message | str"  # or `envelope`, `event`, `object`
    kind: str = ""  # of what an envelope holds


class Proto:
    """Feed it the body in pieces of any size. From an unreadable byte on, all is masked."""

    def __init__(self, *, watch: bool = False, joined: bool = False) -> None:
        self._watch, self._lost = watch, joined
        self._at = 0  # bytes that were read
        self._parts: list[_Part] = []
        self._head = b""  # the incomplete part of a magic, a length, a field's number, or a type
        self._skip = 0  # bytes of a value that are still to come
        self._masks = False  # and whether they are masked
        self._begun = False  # some of them came with a piece before

    def feed(self, data: bytes) -> list[Span]:
        spans: list[Span] = []
        data_at, known = self._at, len(self._head)
        buffer, self._head = self._head + data, b""
        base = data_at - known  # of the buffer, counted from the start of the body
        at = 0
        while at < len(buffer) and not self._lost:
            if self._skip:
                size = min(self._skip, len(buffer) - at)
                if self._masks:
                    self._mask(at, at + size, known, spans)
                at, self._skip = at + size, self._skip - size
                self._begun = bool(self._skip)
                continue
            took = self._step(buffer, at, base)
            if took < 0:
                self._lost = True
            elif not took:
                self._head = buffer[at:]
                break
            else:
                at += took
        if self._lost:
            self._mask(at, len(buffer), known, spans)
        self._at = data_at + len(data)
        return spans

    def _mask(self, start: int, end: int, known: int, spans: list[Span]) -> None:
        first = max(start, known)
        if first < end:
            spans.append(Span(first - known, end - first, SECRET_DATA, begun=self._begun or first > start or (self._lost and start == 0 and not known)))

    def _step(self, buffer: bytes, at: int, base: int) -> int:
        """Parses the element at an offset: returns its bytes, 0 if it is incomplete, -1 if it is invalid."""
        place = base + at
        while self._parts and self._parts[-1].end == place:
            self._parts.pop()
        if not self._parts:
            return self._begin(buffer, at, place)
        part = self._parts[-1]
        if place > part.end:
            return -1
        if part.table == "object":  # a whole document within an event
            return self._magic(buffer, at, part)
        return self._field(buffer, at, place, part)

    def _begin(self, buffer: bytes, at: int, place: int) -> int:
        if not self._watch:
            if place:
                return -1
            self._parts.append(_Part(ENDLESS, "object"))
            return self._magic(buffer, at, self._parts[-1])
        if len(buffer) - at < 8:
            return 0
        size = int.from_bytes(buffer[at : at + 4], "big")
        if not 0 < size <= EVENT:
            return -1
        self._parts.append(_Part(place + 4 + size, "object" if buffer[at + 4 : at + 8] == MAGIC else "event"))
        return 4

    @staticmethod
    def _magic(buffer: bytes, at: int, part: _Part) -> int:
        if len(buffer) - at < 4:
            return 0 if MAGIC.startswith(buffer[at:]) else -1
        if not buffer.startswith(MAGIC, at):
            return -1
        part.table = "envelope"
        return 4

    def _field(self, buffer: bytes, at: int, place: int, part: _Part) -> int:
        """Parses one field's number and length; then enters its value, or skips it."""
        key, size = varint.read(buffer, at)
        if size <= 0:
            return size
        number, wire, table = key >> 3, key & 7, part.table
        if wire == 0:
            _, more = varint.read(buffer, at + size)
            if more <= 0:
                return more
            return size + more if _rule(table, number) is not MASK else self._passed(size, more)
        if wire in FIXED:
            return self._passed(size, FIXED[wire], masks=_rule(table, number) is MASK)
        if wire != 2:
            return -1
        length, more = varint.read(buffer, at + size)
        if more <= 0:
            return more
        begin = size + more
        if place + begin + length > part.end or len(self._parts) > DEPTH:
            return -1
        end = place + begin + length
        inner = self._inner(part, number)
        if inner == "type":
            if length > TYPE_META:
                return -1
            if at + begin + length > len(buffer):
                return 0
            part.kind = kind_of(buffer[at + begin : at + begin + length])
            return begin + length
        if isinstance(inner, Rule):
            whole = at + begin + length <= len(buffer)
            return self._passed(begin, length, masks=not shown(inner, buffer[at + begin : at + begin + length], whole=whole))
        if length:
            self._parts.append(_Part(end, inner))
        return begin

    @staticmethod
    def _inner(part: _Part, number: int) -> "Message | str":
        """The table of a length-delimited field."""
        if part.table == "envelope":
            if number == 1:
                return "type"
            if number == 2 and part.kind == "WatchEvent":
                return "event"
            return KINDS.get(part.kind, MASK) if number == 2 else NOTE
        if part.table == "event":
            return "raw" if number == 2 else SHOW if number == 1 else MASK
        if part.table == "raw":
            return "object" if number == 1 else MASK
        return _rule(part.table, number) if isinstance(part.table, str | Rule) else part.table.get(number, MASK)

    def _passed(self, begin: int, size: int, *, masks: bool = True) -> int:
        self._skip, self._masks, self._begun = size, masks, False
        return begin


def _rule(table: "Message | str", number: int) -> "Rule":
    """The rule of a field by its number."""
    if isinstance(table, Mapping):
        found = table.get(number, MASK)
        return found if isinstance(found, Rule) else MASK
    return table if isinstance(table, Rule) else MASK


def kind_of(types: bytes) -> str:
    """The kind in a TypeMeta; "" if there is none."""
    at, kind = 0, ""
    while at < len(types):
        key, size = varint.read(types, at)
        length, more = varint.read(types, at + max(size, 0))
        if size <= 0 or more <= 0 or key & 7 != 2:
            return ""
        at += size + more
        if key >> 3 == 2:
            kind = types[at : at + length].decode("ascii", "replace")
        at += length
    return kind
