r"""Reads objects in Kubernetes' protobuf form as the JSON of the same objects (apimachinery: pkg/runtime/serializer/protobuf).

The form is the magic `k8s\0`, then runtime.Unknown {1 typeMeta {1 apiVersion, 2 kind}, 2 raw}. The fields of each message come from a table that is made
of Go's own types (tests/recording/kinds); a field that it does not have is left out and counted.
"""

import base64
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jitui.values import protobuf
from jitui.values.errors import InvalidError

MAGIC: Final = b"k8s\0"
DEPTH: Final = 100
_SIGN: Final = 1 << 63
_ZEROS: Final = ("", 0, False, 0.0)


class Kinds:
    """The messages of all kinds that the table has. Raises InvalidError for bytes that are no such message."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        """`table`: the content of kinds.json, `kinds` (by `apiVersion kind` the index of a message) and `messages` (by field number its name and type)."""
        self._kinds: Mapping[str, int] = table["kinds"]
        self._messages: Sequence[Mapping[str, Sequence[str]]] = table["messages"]
        self._scalars: Mapping[str, Callable[[int | bytes], Any]] = {
            "s": _text, "b": bool, "i": _number, "f": _float, "y": _base64, "t": _time, "u": lambda value: _time(value, micro=True), "q": _quantity,
            "o": _int_or_string, "r": _json,
        }  # fmt: skip

    def read(self, body: bytes) -> tuple[dict[str, Any], int]:
        """The object, and how many of its fields the table does not have."""
        if not body.startswith(MAGIC):
            raise InvalidError("a body without the magic of Kubernetes' protobuf form")
        unknown = protobuf.only(body[len(MAGIC) :], 1, 2)
        types = protobuf.only(unknown.get(1, b""), 1, 2)
        version, kind = protobuf.text(types.get(1, b"")), protobuf.text(types.get(2, b""))
        at = self._kinds.get(f"{version} {kind}")
        if at is None:
            raise InvalidError(f"protobuf of the kind {kind or 'without a name'} in {version or 'no version'}, whose fields are not known here")
        found, missed = self._message(unknown.get(2, b""), at, DEPTH)
        return {"kind": kind, "apiVersion": version, **found}, missed

    def _message(self, data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
        if not depth:
            raise InvalidError(f"protobuf messages in more than {DEPTH} others")
        rows, found, missed = self._messages[at], dict[str, Any](), 0
        for number, value in protobuf.fields(data):
            row = rows.get(str(number))
            if row is None:
                missed += 1
                continue
            name, kind = row
            zero, kind = kind.startswith("?"), kind.removeprefix("?")
            if kind.startswith("{"):
                key, item, more = self._entry(_bytes(value), kind[1:], depth)
                found.setdefault(name, {})[key] = item
            elif kind.startswith("["):
                item, more = self._value(value, kind[1:], depth)
                found.setdefault(name, []).append(item)
            else:
                item, more = self._value(value, kind, depth)
                if not name:
                    found.update(item)
                elif not (zero and item in _ZEROS):
                    found[name] = item
            missed += more
        return found, missed

    def _value(self, value: int | bytes, kind: str, depth: int) -> tuple[Any, int]:
        if kind.isdigit():
            return self._message(_bytes(value), int(kind), depth - 1)
        if kind.startswith("x"):
            pairs = [self._value(item, kind[1:], depth - 1) for _, item in protobuf.fields(_bytes(value))]
            return [item for item, _ in pairs], sum(more for _, more in pairs)
        return self._scalars[kind](value), 0

    def _entry(self, data: bytes, kind: str, depth: int) -> tuple[str, Any, int]:
        pair = dict(protobuf.fields(data))
        empty: int | bytes = 0 if kind in {"b", "i"} else b""
        item, more = self._value(pair.get(2, empty), kind, depth)
        return _text(pair.get(1, b"")), item, more


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise InvalidError("a protobuf number where a text or message is due")
    return value


def _text(value: int | bytes) -> str:
    return protobuf.text(_bytes(value))


def _number(value: int | bytes) -> int:
    """An int32 or int64; both are written as 64 bits, two's complement."""
    if not isinstance(value, int):
        raise InvalidError("a protobuf text or message where a number is due")
    return value - 2 * _SIGN if value >= _SIGN else value


def _float(value: int | bytes) -> float:
    data = _bytes(value)
    if len(data) != 8:
        raise InvalidError("a protobuf number of another size than 64 bits")
    return float(struct.unpack("<d", data)[0])


def _base64(value: int | bytes) -> str:
    return base64.b64encode(_bytes(value)).decode()


def _time(value: int | bytes, *, micro: bool = False) -> str | None:
    """metav1.Time {1 seconds, 2 nanos} as RFC 3339; None of one that is not set."""
    parts = dict(protobuf.fields(_bytes(value)))
    seconds, nanos = _number(parts.get(1, 0)), _number(parts.get(2, 0))
    if not seconds:
        return None
    try:
        when = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds, microseconds=nanos // 1000)
    except OverflowError:
        raise InvalidError(f"a time {seconds} s after 1970, which no calendar has") from None
    return when.strftime("%Y-%m-%dT%H:%M:%S") + (f".{when.microsecond:06}" if micro else "") + "Z"


def _quantity(value: int | bytes) -> str:
    return _text(dict(protobuf.fields(_bytes(value))).get(1, b""))


def _int_or_string(value: int | bytes) -> int | str:
    """intstr.IntOrString {1 type, 2 int, 3 string}."""
    parts = dict(protobuf.fields(_bytes(value)))
    return _text(parts.get(3, b"")) if parts.get(1) else _number(parts.get(2, 0))


def _json(value: int | bytes) -> Any:
    """JSON inside of protobuf: runtime.RawExtension {1 raw}, metav1.FieldsV1 {1 Raw}."""
    raw = dict(protobuf.fields(_bytes(value))).get(1, b"")
    try:
        return json.loads(_bytes(raw)) if raw else {}
    except (ValueError, RecursionError):
        return {"": _base64(raw)}

