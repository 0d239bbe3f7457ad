"""Secrets in every form in which they stand on record, made from what is secret in them."""

import json
import struct
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import yaml

from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import Masks

Data = Mapping[str, bytes]
LAST: Final = "kubectl.kubernetes.io/last-applied-configuration"
SECRETS: Final = "/api/v1/namespaces/web/secrets"


def secret(data: Data) -> dict[str, Any]:
    """As the API server answers it, in the order of its fields, with the manifest again in an annotation."""
    encoded = {key: b64encode(value).decode() for key, value in data.items()}
    applied = json.dumps({"apiVersion": "v1", "data": encoded, "kind": "Secret", "metadata": {"name": "db"}})
    fields: dict[str, Any] = {"f:data": {".": {}, **{f"f:{key}": {} for key in data}}, "f:type": {}}
    meta = {"name": "db", "namespace": "web", "uid": "d6a5", "annotations": {LAST: applied, "note": "kept"}, "labels": {"app": "db"},
            "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": fields}]}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": meta, "data": encoded, "type": "Opaque"}


def string_data(data: Data) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {key: value.decode("latin-1") for key, value in data.items()}}


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field of protobuf."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def envelope(kind: str, raw: bytes) -> bytes:
    return b"k8s\0" + field(1, field(1, b"v1") + field(2, kind.encode())) + field(2, raw) + field(3, b"") + field(4, b"")


def proto(data: Data) -> bytes:
    """The message of a Secret."""
    applied = json.dumps({"data": {key: b64encode(value).decode() for key, value in data.items()}}).encode()
    meta = field(1, b"db") + field(3, b"web") + field(12, field(1, LAST.encode()) + field(2, applied)) + field(12, field(1, b"note") + field(2, b"kept"))
    pairs = b"".join(field(2, field(1, key.encode()) + field(2, value)) + field(4, field(1, key.encode()) + field(2, value)) for key, value in data.items())
    return field(1, meta) + pairs + field(3, b"Opaque")


def events(data: Data) -> bytes:
    """A watch in protobuf: two events, each behind its length."""
    event = field(1, b"MODIFIED") + field(2, field(1, envelope("Secret", proto(data))))
    return (struct.pack(">I", len(event)) + event) * 2


def table(data: Data) -> dict[str, Any]:
    """`kubectl get secrets` with the objects in it."""
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "7"}, "columnDefinitions": [{"name": "Name", "type": "string"}],
            "rows": [{"cells": ["db", "Opaque", len(data), "3d"], "object": secret(data)}]}


def patches(data: Data) -> Iterator[tuple[str, Any]]:
    """The four kinds, by media type."""
    encoded = {key: b64encode(value).decode() for key, value in data.items()}
    yield "application/json-patch+json", [{"op": "replace", "path": f"/data/{key}", "value": value} for key, value in encoded.items()] + [
        {"op": "add", "path": "/data", "value": encoded}]
    yield "application/merge-patch+json", {"data": {**encoded, "gone": None}, "metadata": {"annotations": {LAST: json.dumps({"data": encoded})}}}
    yield "application/strategic-merge-patch+json", {"$patch": "merge", "stringData": {key: value.decode("latin-1") for key, value in data.items()}}
    yield "application/apply-patch+yaml", string_data(data)


Exchange = tuple[str, str, bytes, str, bytes]  # request line, media type and body of it, media type and body of the answer


def exchanges(data: Data) -> Iterator[Exchange]:
    """Every way in which a Secret crosses the gateway."""
    whole, text = secret(data), "application/json"
    binary = "application/vnd.kubernetes.protobuf"
    yield f"GET {SECRETS}/db", "", b"", text, json.dumps(whole, separators=(",", ":")).encode()
    yield f"GET {SECRETS}/db?pretty=true", "", b"", text, json.dumps(whole, indent=2).encode()
    yield f"GET {SECRETS}/db", "", b"", "application/yaml", yaml.safe_dump(whole).encode()
    yield f"GET {SECRETS}/db", "", b"", binary, envelope("Secret", proto(data))
    yield f"GET {SECRETS}?limit=500", "", b"", text, json.dumps({"kind": "SecretList", "items": [whole, whole]}).encode()
    yield "GET /api/v1/secrets", "", b"", binary, envelope("SecretList", field(1, field(2, b"7")) + field(2, proto(data)) * 2)
    yield f"GET {SECRETS}", "", b"", text, json.dumps(table(data)).encode()
    yield f"GET {SECRETS}?watch=true", "", b"", text, (json.dumps({"type": "ADDED", "object": whole}, separators=(",", ":")) + "\n").encode() * 2
    yield f"GET {SECRETS}?watch=1", "", b"", f"{binary};stream=watch", events(data)
    yield f"POST {SECRETS}", text, json.dumps(string_data(data)).encode(), text, json.dumps(whole).encode()
    yield f"POST {SECRETS}", binary, envelope("Secret", proto(data)), binary, envelope("Secret", proto(data))
    yield f"PUT {SECRETS}/db", "application/yaml", yaml.safe_dump(string_data(data)).encode(), "application/yaml", yaml.safe_dump(whole).encode()
    yield f"POST {SECRETS}", "application/yaml", yaml.safe_dump(string_data(data), default_flow_style=True).encode(), text, b"{}"
    yield f"POST {SECRETS}", "application/cbor", b"\xd9\xd9\xf7" + b"".join(data.values()), text, b"{}"
    for media, patch in patches(data):
        yield f"PATCH {SECRETS}/db", media, json.dumps(patch).encode(), text, json.dumps(whole).encode()
    yield f"PATCH {SECRETS}/db", "application/apply-patch+yaml", yaml.safe_dump(string_data(data)).encode(), text, b"{}"


def split(body: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    edges = [0, *sorted({cut % (len(body) + 1) for cut in cuts}), len(body)]
    yield from (body[start:end] for start, end in pairwise(edges))


def recorded(exchange: Exchange, cuts: Sequence[int]) -> list[Frame]:
    """An exchange as frames, its bodies cut at these places."""
    line, sent, request, came, answer = exchange
    pieces = [(Channel.REQUEST, f"{line} HTTP/1.1\r\nHost: c\r\nContent-Type: {sent}\r\n\r\n".encode())]
    pieces += [(Channel.REQUEST_BODY, piece) for piece in split(request, cuts)]
    pieces += [(Channel.RESPONSE, f"HTTP/1.1 200 OK\r\nContent-Type: {came}\r\n\r\n".encode())]
    pieces += [(Channel.RESPONSE_BODY, piece) for piece in split(answer, cuts)]
    return [Frame(1, seq, seq, 0, channel, body) for seq, (channel, body) in enumerate(pieces)]


def stream(channel: Channel, pieces: Iterable[bytes]) -> list[Frame]:
    return [Frame(1, seq, seq, 0, channel, piece) for seq, piece in enumerate(pieces)]


def shown(frames: Sequence[Frame], *, alone: bool = False, masks: Masks | None = None) -> bytes:
    """All bytes that are shown of these frames, looked at together, or each `alone` as a live viewer gets them."""
    masks = masks or Masks()
    calls: Callable[[], list[Any]] = (lambda: [one for frame in frames for one in masks.frames([frame])]) if alone else (lambda: masks.frames(frames))
    found = calls()
    assert [len(one.frame.body) for one in found] == [len(frame.body) for frame in frames], "a mask is as long as what it hides"
    return b"".join(one.frame.body for one in found)


def windows(secret_bytes: bytes, size: int = 8) -> set[bytes]:
    """Every run of so many bytes in it."""
    return {secret_bytes[at : at + size] for at in range(len(secret_bytes) - size + 1)}


def leaks(said: bytes, secrets: Iterable[bytes]) -> list[bytes]:
    """Runs of 8 bytes of a secret that are shown."""
    return [window for one in secrets for window in windows(one) if window in said]
