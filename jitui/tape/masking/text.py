"""One stream of text, masked as it comes: output of a program, what was typed, a log, a forwarded connection, a body that holds no Secret by its kind."""

from collections.abc import Iterable
from typing import Final

from jitui.tape.masking import manifests, pairs, patterns
from jitui.tape.masking.hit import Flat, Hit, column_at, flat
from jitui.tape.masking.spans import Span

CONTEXT: Final = 4 << 10  # bytes that are kept of what came, to be read again with what comes
REACH: Final = 20 << 10  # and at most so many, while a secret has begun and not ended
RUNS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-.~%")


class Text:
    """Feed it what came, in pieces of any size: it says what of each piece is masked. Holds at most REACH bytes.

    `columns`: of the terminal behind the stream, 0 if there is none: a word that goes on in the next line of a full one is one word.
    """

    def __init__(self, columns: int = 0) -> None:
        self.columns = columns
        self._tail = b""
        self._column = 0  # where in its line the tail begins
        self._running = ""  # kind of a secret that is longer than REACH, and goes on

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
        hits = list(look(text.text))
        found = list(spans(text, hits, known))
        self._keep(buffer, text, hits)
        return [*before, *(span for span in found if span.end > at)] if at else found

    def _run(self, data: bytes) -> int:
        return next((at for at, byte in enumerate(data) if byte not in RUNS), len(data))

    def _keep(self, buffer: bytes, text: Flat, hits: list[Hit]) -> None:
        """Read again: the last bytes, and all of a secret that has not ended."""
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


def look(text: bytes) -> list[Hit]:
    """Every secret in a text."""
    lower = text.lower()
    return [*patterns.look(text, lower), *pairs.look(text, lower), *manifests.look(text)]


def spans(text: Flat, hits: Iterable[Hit], known: int = 0) -> list[Span]:
    """Where the hits are in the bytes that came, without the first `known` of them; none over another."""
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


def masked_text(text: str) -> str:
    """One short text with its secrets masked: an argv, a reason."""
    from jitui.tape.masking.spans import masked  # noqa: PLC0415

    data = text.encode("utf-8", "surrogateescape")
    return masked(data, Text().feed(data)).decode("utf-8", "replace")
