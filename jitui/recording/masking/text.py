"""Masks one stream of text as it comes: output of a program, typed input, a log, a forwarded connection, a body of a kind without secrets."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from jitui.recording.masking import commands, manifests, pairs, patterns
from jitui.recording.masking.hit import TITLED, Flat, Hit, column_at, flat
from jitui.recording.masking.spans import Span, masked, merged
from jitui.recording.masking.words import Words

CONTEXT: Final = 4 << 10  # bytes that are kept and searched again with the next piece
REACH: Final = 64 << 10  # bytes that are kept at most, while a secret has begun and not ended
PLAIN: Final = Words(*(word for word, _ in patterns.LOOKS), manifests.NAME)  # in the text as it is
LOWER: Final = Words(*(word for word, _ in (*patterns.LOWER, *commands.COMMANDS)), *pairs.LITERALS)  # in the text in lower case
RUNS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-.~%")


class Text:
    """Feed it the stream in pieces of any size: it returns the masked spans of each piece. Holds at most REACH bytes.

    `columns`: the width of the terminal behind the stream, 0 without one. A word that continues after a full line is one word.
    """

    def __init__(self, columns: int = 0, *, manifests: bool = True) -> None:
        """`manifests`: also search for printed Secrets."""
        self.columns = columns
        self._manifests = manifests
        self._tail = b""
        self._column = 0  # the column at which the tail begins
        self._running = ""  # the kind of a secret that is longer than REACH and goes on

    def feed(self, data: bytes) -> list[Span]:
        if not data:
            return []
        at = self._run(data) if self._running else 0
        before = [Span(0, at, self._running, begun=True)] if at else []
        if at < len(data):
            self._running = ""
        known = len(self._tail)
        buffer = self._tail + data
        text = flat(buffer, self.columns, self._column)
        hits = look(text.text, manifest=self._manifests)
        found = spans(text, hits, known)
        if TITLED.search(buffer):
            found = merged(found, spans(Flat(buffer), look(buffer, manifest=False), known))
        self._keep(buffer, text, hits)
        return [*before, *(span for span in found if span.end > at)] if at else found

    def _run(self, data: bytes) -> int:
        return next((at for at, byte in enumerate(data) if byte not in RUNS), len(data))

    def _keep(self, buffer: bytes, text: Flat, hits: list[Hit]) -> None:
        """Keeps bytes for the next search: the last ones, and all of a secret that has not ended."""
        begun = min((text.before(hit.start) for hit in hits if hit.open), default=len(buffer))
        start = max(0, min(len(buffer) - CONTEXT, begun))
        if len(buffer) - start > REACH:
            start = len(buffer) - REACH
            lost = [hit for hit in hits if hit.open and text.before(hit.start) < start]
            if lost and all(byte in RUNS for byte in buffer[-64:]):
                self._running = lost[0].kind
        if self.columns:
            self._column = column_at(buffer, start, self._column)
        self._tail = buffer[start:]


def look(text: bytes, *, manifest: bool = True) -> list[Hit]:
    """Every secret in a text. Most texts have none of the words, and nothing else is done with them."""
    places, lower = PLAIN.within(text), LOWER.within(text.lower())
    if not places and not lower:
        return []
    found = [*patterns.look(text, places, lower), *pairs.look(text, lower), *commands.look(text, lower)]
    return [*found, *manifests.look(text, places.get(manifests.NAME, ()))] if manifest else found


def spans(text: Flat, hits: Iterable[Hit], known: int = 0) -> list[Span]:
    """The spans of the hits in the input, without its first `known` bytes and without overlaps."""
    found: list[Span] = []
    at = known
    for hit in sorted(hits, key=lambda hit: (hit.value, -hit.end)):
        for start, end in text.places(hit.value, hit.end):
            first = max(start, at)
            if first < end:
                begun = start < known or (bool(found) and found[-1].end + known == first and found[-1].kind == hit.kind and first > start)
                found.append(Span(first - known, end - first, hit.kind, begun))
                at = end
    return found


@lru_cache(maxsize=4096)
def masked_text(text: str) -> str:
    """A short, complete text with its secrets masked: a reason, a line about an action."""
    data = _encoded(text)
    found = Text().feed(data + b"\n")  # the newline ends an open secret
    return masked(data, found).decode("utf-8", "surrogatepass") if found else text


def _encoded(text: str) -> bytes:
    """Text of another party as bytes: JSON can hold half a surrogate pair, which UTF-8 can't encode."""
    return text.encode("utf-8", "surrogatepass")


def masked_words(words: Sequence[str]) -> tuple[str, ...]:
    """An argv with its secrets masked, word by word; a flag in one word tells the meaning of the next."""
    line = " ".join(words)
    shown = masked_text(line)
    if shown == line:
        return tuple(words)
    data, found, at = _encoded(shown), [], 0
    for word in words:
        size = len(_encoded(word))
        found.append(data[at : at + size].decode("utf-8", "replace"))
        at += size + 1
    return tuple(found)


def masked_values(what: Mapping[str, Any], keys: frozenset[str]) -> Mapping[str, Any]:
    """The mapping with the strings, and lists of words, under these keys masked."""
    changed: dict[str, Any] = {}
    for key in keys & what.keys():
        value = what[key]
        if isinstance(value, str):
            changed[key] = masked_text(value)
        elif isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
            changed[key] = list(masked_words(value))
    return {**what, **changed} if changed else what
