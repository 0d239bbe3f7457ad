"""Finds Secrets of Kubernetes that are printed as text: `kubectl get secret -o yaml`, a manifest in a heredoc, an API answer read with curl.

Keys stay, values go. The `kind` before or behind a `data` tells whether it belongs to a Secret; if neither has come, base64 values do.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from jitui.recording.masking.hit import Hit
from jitui.recording.masking.spans import SECRET_DATA

NAME: Final = b"ata"  # the end of `data` and `stringData`, also where its begin is in capitals
REACH: Final = 8 << 10  # bytes in front of a block in which its kind is looked for

_YAML: Final = re.compile(rb"(?P<quote>[\"']?)(?P<name>(?:string)?[dD]ata)(?P=quote):[ \t]*(?:[&!#][^\r\n]*)?\r?(?P<line>\n|\Z)")
_FLOW: Final = re.compile(rb"(?P<quote>[\"']?)(?P<name>(?:string)?[dD]ata)(?P=quote):[ ]*\{(?P<inside>[^{}\r\n]+)(?=\}|\Z)")
_FLOW_KIND: Final = re.compile(rb"[{,][ ]*[\"']?kind[\"']?:[ ]*[\"']?Secret\b")
_ENTRY: Final = re.compile(rb"(?P<indent>[ ]*)(?P<key>[\w.-]+|\"[^\"\n]*\"|'[^'\n]*'):[ \t]+(?P<value>[^\r\n]*)\r?(?:\n|\Z)")
_MORE: Final = re.compile(rb"(?P<indent>[ ]*)(?P<value>[^\r\n]*)\r?(?:\n|\Z)")
_YAML_KIND: Final = re.compile(rb"(?:\A|\n)(?P<indent>[ ]*(?:- )?)kind:[ \t]*[\"']?(?P<kind>[A-Za-z]+)")
_DOCUMENT: Final = re.compile(rb"\n---|\napiVersion:|\n[ ]*- apiVersion:|^---", re.MULTILINE)
_JSON: Final = re.compile(rb"(?P<quote>\\*\")(?P<name>(?:string)?[dD]ata)(?P=quote)\s*:\s*\{")
_JSON_KIND: Final = re.compile(rb"\\*\"kind\\*\"\s*:\s*\\*\"(?P<kind>[A-Za-z]+)")
_BEHIND: Final = re.compile(rb"(?:\s*,\s*\\*\"immutable\\*\"\s*:\s*(?:true|false))?\s*,\s*\\*\"(?P<name>\w+)\\*\"\s*:\s*(?:\\*\"(?P<value>[\w./-]*))?")
_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_PLAIN: Final = re.compile(rb"\"\"|''|\|[+-]?|>[+-]?|")


class _Kinds:
    """The `kind` fields of one text; the text is searched once for all objects."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    @cached_property
    def _documents(self) -> list[int]:
        return [match.start() for match in _DOCUMENT.finditer(self._text)]

    @cached_property
    def _yaml(self) -> dict[int, tuple[list[int], list[bytes]]]:
        """Depth -> offsets and values of the kinds in YAML."""
        found: dict[int, tuple[list[int], list[bytes]]] = {}
        for match in _YAML_KIND.finditer(self._text):
            places, kinds = found.setdefault(len(match["indent"]), ([], []))
            places.append(match.start())
            kinds.append(match["kind"])
        return found

    @cached_property
    def _json(self) -> tuple[list[int], list[bytes]]:
        found = [(match.end(), match["kind"]) for match in _JSON_KIND.finditer(self._text)]
        return [place for place, _ in found], [kind for _, kind in found]

    @cached_property
    def _flows(self) -> list[int]:
        return [match.start() for match in _FLOW_KIND.finditer(self._text)]

    def yaml(self, begin: int, end: int, depth: int) -> bytes:
        """The kind at the same depth in the same document; b"" if it has not come. `begin` and `end`: the block whose kind is wanted."""
        before = bisect_left(self._documents, begin)
        first = max(begin - REACH, self._documents[before - 1] if before else 0)
        behind = bisect_left(self._documents, end)
        stop = self._documents[behind] if behind < len(self._documents) and self._documents[behind] < end + REACH else 0
        places, kinds = self._yaml.get(depth, ([], []))
        for start, limit in ((first, begin), (end - 1, stop or end + REACH)):
            at = bisect_left(places, start)
            if at < len(places) and places[at] < limit:
                return kinds[at]
        return b"" if not stop else b"?"

    def json(self, begin: int) -> bytes:
        """The last JSON kind before a place."""
        places, kinds = self._json
        at = bisect_right(places, begin) - 1
        return kinds[at] if at >= 0 and places[at] > begin - REACH else b""

    def flow(self, begin: int, end: int) -> bool:
        """Whether the line of a place names the kind Secret."""
        at = bisect_left(self._flows, max(begin - REACH, self._text.rfind(b"\n", max(0, begin - REACH), begin)))
        return at < len(self._flows) and self._flows[at] < end + REACH and self._text.find(b"\n", begin, self._flows[at]) < 0


def look(text: bytes, places: Iterable[int]) -> Iterator[Hit]:
    """The values of every Secret in the text. `places`: of NAME."""
    kinds = _Kinds(text)
    for at in places:
        end = at + 3
        if text[end : end + 1] in {b":", b'"', b"'"}:
            yield from _block(text, kinds, at, end)
        if text[end : end + 1] in {b'"', b"\\"}:
            quote = text.rfind(b'"', max(0, at - 10), at)
            if quote >= 0:
                while quote and text[quote - 1] == 0x5C:
                    quote -= 1
                match = _JSON.match(text, quote)
                if match is not None:
                    yield from _json(text, kinds, match)


def _block(text: bytes, kinds: _Kinds, at: int, end: int) -> Iterator[Hit]:
    """The values of a YAML block whose name ends with the NAME at this offset."""
    for start in (at - 8, at - 7, at - 2, at - 1):
        match = _YAML.match(text, start) if start >= 0 else None
        if match is not None and match.end("name") == end:
            yield from _yaml(text, kinds, match)
            return
        found = _FLOW.match(text, start) if start >= 0 else None
        if found is not None and found.end("name") == end:
            yield from _flow(text, kinds, found)
            return


def _flow(text: bytes, kinds: _Kinds, match: re.Match[bytes]) -> Iterator[Hit]:
    """All values of a flow mapping `{a: x, b: y}`, if it is a Secret's."""
    begin = max(text.rfind(b"\n", 0, match.start()) + 1, match.start() - REACH)
    lead = text[begin : match.start()]
    sure = match["name"] == b"stringData" or kinds.flow(match.start(), match.end())
    if sure or (not lead.strip(b" -") and kinds.yaml(begin, match.end() + 2, len(lead)) == b"Secret"):
        yield Hit(begin, match.start("inside"), match.end("inside"), SECRET_DATA, open=match.end("inside") == len(text))


def _yaml(text: bytes, kinds: _Kinds, match: re.Match[bytes]) -> Iterator[Hit]:
    begin = text.rfind(b"\n", 0, match.start()) + 1
    lead = text[begin : match.start()]
    if lead.strip(b" -"):
        return
    depth, sure = len(lead), match["name"] == b"stringData"
    values: list[tuple[int, int]] = []
    at = match.end()
    deep = -1  # indentation of a key whose value is on the lines behind it
    while at < len(text):
        entry = _ENTRY.match(text, at)
        line = _MORE.match(text, at)
        assert line is not None
        indent = len(line["indent"])
        if line["value"] and indent <= depth and not line["value"].startswith(b"#"):
            break
        if entry is not None and (deep < 0 or indent <= deep):
            values.append(entry.span("value"))
            deep = indent
        elif line["value"]:
            values.append(line.span("value"))
        if line.end() == at:
            break
        at = line.end()
    opened = at >= len(text)
    kind = b"Secret" if sure else kinds.yaml(begin, at, depth)
    encoded = all(_BASE64.fullmatch(text, *span) for span in values[: -1 if opened else None])
    if kind not in {b"Secret", b""} or (not kind and not (opened and encoded)):
        return
    for start, end in values:
        if not _PLAIN.fullmatch(text, start, end):
            yield Hit(begin, start, end, SECRET_DATA, open=opened)
    if opened and not values:
        yield Hit(begin, len(text), len(text), SECRET_DATA, open=True)


def _json(text: bytes, kinds: _Kinds, match: re.Match[bytes]) -> Iterator[Hit]:
    """The values of a flat JSON object of strings; a nested object is no Secret's data."""
    quote = match["quote"]
    pair = re.compile(rb"\s*,?\s*" + re.escape(quote) + rb"[\w.-]*" + re.escape(quote) + rb"\s*:\s*(?:null|" + re.escape(quote) + rb"(?P<value>[^\"\\]*"
                      + (rb"(?:\\.[^\"\\]*)*" if quote == b'"' else rb"(?:\\{" + str(2 * len(quote) - 1).encode() + rb",}.[^\"\\]*)*")
                      + rb")(?:" + re.escape(quote) + rb"|\Z))")
    values: list[tuple[int, int]] = []
    at = match.end()
    while (found := pair.match(text, at)) is not None:
        if found["value"] is not None:
            values.append(found.span("value"))
        at = found.end()
    rest = text[at : at + 400].lstrip()
    closed = rest.startswith(b"}")
    opened = not closed and at + 400 >= len(text)
    if not closed and not opened:
        return
    after = text.find(b"}", at) + 1 if closed else len(text)
    sure = match["name"] == b"stringData" or _json_is_secret(text, kinds, match.start(), after)
    encoded = all(_BASE64.fullmatch(text, *span) for span in values if span[1] < len(text))
    maybe = sure is None and (opened or after + 2 >= len(text)) and encoded
    if sure or maybe:
        for start, end in values:
            if end > start:
                yield Hit(match.start(), start, end, SECRET_DATA, open=opened)
        if opened:
            yield Hit(match.start(), at, len(text), SECRET_DATA, open=True)


def _json_is_secret(text: bytes, kinds: _Kinds, begin: int, after: int) -> bool | None:
    """Whether the kind behind the object, or else before it, is Secret; None if neither is there."""
    behind = _BEHIND.match(text, after)
    if behind is not None and behind["name"] == b"kind":
        return behind["value"] == b"Secret"
    if behind is not None and behind["name"] == b"type":
        return True
    kind = kinds.json(begin)
    if kind in {b"Secret", b"SecretList"}:
        return True
    return False if kind and kind != b"List" else None
