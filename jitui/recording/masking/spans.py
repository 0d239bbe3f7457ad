"""Masked spans of bytes, and the text that fills them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

SECRET_DATA: Final = "secret data"  # noqa: S105 - the kind of what a Secret, or another object of that sort, holds
STAR: Final = ord("*")
_STARS: Final = bytes(byte if byte in b"\r\n" else STAR for byte in range(256))


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One masked span: `length` bytes from `offset`."""

    offset: int
    length: int
    kind: str  # in a person's words: secret data, token, private key ...
    begun: bool = False  # it continues a span of the frame before

    @property
    def end(self) -> int:
        return self.offset + self.length


def merged(*several: Iterable[Span]) -> list[Span]:
    """All spans in order, without overlaps. Of two that overlap the first is kept (at the same offset that of the earlier list), and the second cut."""
    found: list[Span] = []
    at = 0
    ranked = [(span.offset, rank, span) for rank, spans in enumerate(several) for span in spans]
    for _, _, span in sorted(ranked, key=lambda each: each[:2]):
        start = max(span.offset, at)
        if start >= span.end:
            continue
        if found and start > span.offset and found[-1].kind == span.kind:
            found[-1] = replace(found[-1], length=span.end - found[-1].offset)
        else:
            found.append(Span(start, span.end - start, span.kind, span.begun and start == span.offset))
        at = span.end
    return found


def masked(body: bytes, spans: Sequence[Span]) -> bytes:
    """The body with its spans (in order, without overlaps) filled: it keeps its length and its line ends."""
    if not spans:
        return body
    parts: list[bytes] = []
    at = 0
    for span in spans:
        parts += [body[at : span.offset], fill(body[span.offset : span.end], span.kind, begun=span.begun)]
        at = span.end
    return b"".join([*parts, body[at:]])


def fill(secret: bytes, kind: str, *, begun: bool = False) -> bytes:
    """`[masked: token, 1204 bytes]***...`, as long as the secret; a short secret gets a shorter mark, or only stars."""
    stars = secret.translate(_STARS)
    if begun:
        return stars
    room = len(stars.lstrip(b"\r\n").split(b"\n")[0].split(b"\r")[0])
    at = len(stars) - len(stars.lstrip(b"\r\n"))
    for mark in (f"[masked: {kind}, {len(secret)} bytes]", f"[masked: {kind}]", "[masked]"):
        if len(mark) <= room:
            return stars[:at] + mark.encode() + stars[at + len(mark) :]
    return stars


def behind(spans: Iterable[Span], size: int) -> list[Span]:
    """The spans after the first `size` bytes are cut off."""
    return [Span(max(span.offset - size, 0), span.end - max(span.offset, size), span.kind, begun=span.begun or span.offset < size)
            for span in spans if span.end > size]  # fmt: skip


def cut(spans: Iterable[Span], sizes: Sequence[int]) -> Iterator[list[Span]]:
    """The spans of joined pieces, as spans of each piece; `sizes` are the pieces' bytes."""
    waiting = list(spans)[::-1]
    edges = [0]
    for size in sizes:
        edges.append(edges[-1] + size)
    for start, end in pairwise(edges):
        mine: list[Span] = []
        while waiting and waiting[-1].offset < end:
            span = waiting.pop()
            inside = min(span.end, end) - span.offset
            mine.append(replace(span, offset=span.offset - start, length=inside))
            if inside < span.length:
                waiting.append(Span(end, span.length - inside, span.kind, begun=True))
        yield mine
