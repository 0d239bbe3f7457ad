"""The values of fields as they may be shown: the document is written out, masked as a recorded body of its kind is, and each value cut from that."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from jitui.recording.masking.body import Body
from jitui.recording.masking.spans import masked
from jitui.recording.masking.text import Text
from jitui.recording.objects.difference import Field, Place

LONGEST: Final = 4 << 20  # bytes of a document; the values of a longer one are masked whole
HIDDEN: Final = "[masked: a value of a very long document]"


def shown(fields: Iterable[Field], before: Any, after: Any, *, secret: bool) -> list[Field]:
    """The fields with their secrets masked. `secret`: the documents are of a kind that holds secrets."""
    found = list(fields)
    old = _Shown(before, [each.was for each in found], secret=secret)
    new = _Shown(after, [each.now for each in found], secret=secret)
    return [replace(each, before=old.value(each.before, each.was), after=new.value(each.after, each.now)) for each in found]


class _Shown:
    """One document, written out with the place of each value that is asked for."""

    def __init__(self, document: Any, places: Sequence[Place | None], *, secret: bool) -> None:
        self._spots: dict[Place, tuple[int, int]] = {}
        wanted = {place for place in places if place is not None}
        self._text, self._masked = b"", b""
        if not wanted:
            return
        parts: list[bytes] = []
        self._write(document, (), parts, 0, wanted | {place[:at] for place in wanted for at in range(len(place))}, wanted)
        text = b"".join(parts)
        if len(text) > LONGEST:
            return
        spans = Body(b"application/json", watch=False).feed(text) if secret else Text().feed(text + b"\n")
        self._text, self._masked = text, masked(text, [span for span in spans if span.offset < len(text)])[: len(text)]

    def value(self, value: Any, place: Place | None) -> Any:
        if place is None:
            return value
        spot = self._spots.get(place)
        if spot is None or not self._text:
            return HIDDEN
        said = self._masked[slice(*spot)]
        if said == self._text[slice(*spot)]:
            return value
        try:
            return json.loads(said)
        except ValueError:
            return said.decode("utf-8", "replace").strip('"')

    def _write(self, value: Any, place: Place, parts: list[bytes], at: int, on_the_way: set[Place], wanted: set[Place]) -> int:
        """Append the value as JSON, and note where the wanted ones stand. The offset behind it."""
        start = at
        if place in on_the_way and isinstance(value, Mapping | list) and value:
            entries = value.items() if isinstance(value, Mapping) else enumerate(value)
            opens, closes = (b"{", b"}") if isinstance(value, Mapping) else (b"[", b"]")
            for number, (key, item) in enumerate(entries):
                lead = (b"," if number else opens) + (_json(str(key)) + b":" if isinstance(value, Mapping) else b"")
                parts.append(lead)
                at = self._write(item, (*place, key), parts, at + len(lead), on_the_way, wanted)
            parts.append(closes)
            at += 1
        else:
            text = _json(value)
            parts.append(text)
            at += len(text)
        if place in wanted:
            self._spots[place] = (start, at)
        return at


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
