"""Secrets of Kubernetes printed as text: `kubectl get secret -o yaml`, a manifest in a heredoc, an answer of the API read with curl.

Keys stay, values go. Whether a `data` is of a Secret is told by the kind beside it, before or behind; if neither has come, by its values: base64.
"""

import re
from collections.abc import Iterator
from typing import Final

from jitui.tape.masking.hit import Hit

KIND: Final = "secret data"
REACH: Final = 8 << 10  # bytes in front of a block in which its kind is looked for
LITERALS: Final = (b"data", b"stringData")

_YAML: Final = re.compile(rb"(?P<name>(?:string)?[dD]ata):[ \t]*\r?(?P<line>\n|\Z)")
_ENTRY: Final = re.compile(rb"(?P<indent>[ ]*)(?P<key>[\w.-]+|\"[^\"\n]*\"|'[^'\n]*'):[ \t]+(?P<value>[^\r\n]*)\r?(?:\n|\Z)")
_MORE: Final = re.compile(rb"(?P<indent>[ ]*)(?P<value>[^\r\n]*)\r?(?:\n|\Z)")
_YAML_KIND: Final = re.compile(rb"(?:\A|\n)(?P<indent>[ ]*(?:- )?)kind:[ \t]*\"?(?P<kind>[A-Za-z]+)")
_DOCUMENT: Final = re.compile(rb"\n---|\napiVersion:|\n[ ]*- apiVersion:|^---", re.MULTILINE)
_JSON: Final = re.compile(rb"(?P<quote>\\*\")(?P<name>(?:string)?[dD]ata)(?P=quote)\s*:\s*\{")
_JSON_KIND: Final = re.compile(rb"\\*\"kind\\*\"\s*:\s*\\*\"(?P<kind>[A-Za-z]+)")
_BEHIND: Final = re.compile(rb"\s*,\s*\\*\"(?P<name>\w+)\\*\"\s*:\s*(?:\\*\"(?P<value>[\w./-]*))?")
_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_PLAIN: Final = re.compile(rb"\"\"|''|\|[+-]?|>[+-]?|")


def look(text: bytes) -> Iterator[Hit]:
    """The values of every Secret in it."""
    at = text.find(b"ata")
    while at >= 0:
        end = at + 3
        if text[end : end + 1] == b":":
            for start in (at - 7, at - 1):
                match = _YAML.match(text, start) if start >= 0 else None
                if match is not None and match.end("name") == end:
                    yield from _yaml(text, match)
                    break
        elif text[end : end + 1] in {b'"', b"\\"}:
            quote = text.rfind(b'"', max(0, at - 10), at)
            if quote >= 0:
                while quote and text[quote - 1] == 0x5C:
                    quote -= 1
                match = _JSON.match(text, quote)
                if match is not None:
                    yield from _json(text, match)
        at = text.find(b"ata", end)


def _yaml(text: bytes, match: re.Match[bytes]) -> Iterator[Hit]:
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
        if line["value"] and indent <= depth:
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
    kind = b"Secret" if sure else _yaml_kind(text, begin, at, depth)
    encoded = all(_BASE64.fullmatch(text, *span) for span in values[: -1 if opened else None])
    if kind not in {b"Secret", b""} or (not kind and not (opened and encoded)):
        return
    for start, end in values:
        if not _PLAIN.fullmatch(text, start, end):
            yield Hit(begin, start, end, KIND, open=opened)
    if opened and not values:
        yield Hit(begin, len(text), len(text), KIND, open=True)


def _yaml_kind(text: bytes, begin: int, end: int, depth: int) -> bytes:
    """The kind in the same document, at the same depth; nothing if it has not come."""
    before = text[max(0, begin - REACH) : begin]
    cut = max((match.start() for match in _DOCUMENT.finditer(before)), default=0)
    behind = text[end - 1 : end + REACH]
    stop = _DOCUMENT.search(behind, 1)
    for part in (before[cut:], behind[: stop.start() if stop else None]):
        for match in _YAML_KIND.finditer(part):
            if len(match["indent"]) == depth:
                return match["kind"]
    return b"" if not stop else b"?"


def _json(text: bytes, match: re.Match[bytes]) -> Iterator[Hit]:
    """A flat object of texts; what else it holds is not of a Secret."""
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
    sure = match["name"] == b"stringData" or _json_is_secret(text, match.start(), after)
    encoded = all(_BASE64.fullmatch(text, *span) for span in values if span[1] < len(text))
    maybe = sure is None and (opened or after + 2 >= len(text)) and encoded
    if sure or maybe:
        for start, end in values:
            if end > start:
                yield Hit(match.start(), start, end, KIND, open=opened)
        if opened:
            yield Hit(match.start(), at, len(text), KIND, open=True)


def _json_is_secret(text: bytes, begin: int, after: int) -> bool | None:
    """By what stands behind the object, or else in front of it; None if that is not told."""
    behind = _BEHIND.match(text, after)
    if behind is not None and behind["name"] == b"kind":
        return behind["value"] == b"Secret"
    if behind is not None and behind["name"] == b"type":
        return True
    kinds = _JSON_KIND.findall(text, max(0, begin - REACH), begin)
    if kinds and kinds[-1] in {b"Secret", b"SecretList"}:
        return True
    return False if kinds and kinds[-1] != b"List" else None
