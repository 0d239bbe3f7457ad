"""Masks one body of an exchange as it comes: by structure if its kind holds secrets, by pattern if not, whole if it can't be read."""

from typing import Final, Protocol

from jitui.recording.masking.json_body import Json
from jitui.recording.masking.proto_body import MAGIC, Proto
from jitui.recording.masking.spans import SECRET_DATA, Span, behind, masked, merged
from jitui.recording.masking.text import Text
from jitui.recording.masking.yaml_body import Yaml

SNIFF: Final = 8  # bytes by which a body's form is told


class Masker(Protocol):
    """Finds the spans to mask in a stream of bytes that comes in pieces."""

    def feed(self, data: bytes) -> list[Span]: ...


class Whole:
    """Masks everything."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._begun = False

    def feed(self, data: bytes) -> list[Span]:
        begun, self._begun = self._begun, True
        return [Span(0, len(data), self._kind, begun=begun)] if data else []


class Body:
    """Masks a body of a kind that holds secrets. Its first bytes and its media type tell its form."""

    def __init__(self, media: bytes, *, watch: bool, joined: bool = False) -> None:
        """`joined`: the first piece may be from the middle of the body."""
        self._media, self._watch, self._joined = media, watch, joined
        self._text = Text(manifests=False)
        self._form: Masker | None = None
        self._start = b""

    def feed(self, data: bytes) -> list[Span]:
        if not data:
            return []
        found = self._by_form(data)
        return merged(found, self._text.feed(masked(data, found)))  # the pattern masker sees the rest

    def _by_form(self, data: bytes) -> list[Span]:
        if self._form is not None:
            return self._form.feed(data)
        known, self._start = len(self._start), self._start + data
        self._form = self._told(self._start)
        if self._form is None:
            return [Span(0, len(data), SECRET_DATA, begun=bool(known))]
        start, self._start = self._start, b""
        return behind(self._form.feed(start), known)

    def _told(self, start: bytes) -> Masker | None:
        """The masker for the form of this body; None while too few bytes have come."""
        if b"protobuf" in self._media or start.startswith(MAGIC):
            return Proto(watch=self._watch, joined=self._joined)
        first = start.lstrip(b" \t\r\n")
        if self._joined and b"json" in self._media:
            return Json(watch=self._watch, joined=True)
        if not first or (MAGIC.startswith(start) and len(start) < SNIFF):
            return None
        if self._joined:
            return Whole(SECRET_DATA)
        if first[:1] in {b"{", b"["}:
            return Json(watch=self._watch)
        if b"yaml" in self._media:
            return Yaml()
        return Whole(SECRET_DATA)
