"""Something found in text, and the text that it is looked for in."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_ESCAPE: Final = rb"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|\Z)|[\]PX^_][^\x07\x1b\r\n]{0,512}(?:\x07|\x1b\\|\Z)|[()*+][0-9A-Za-z]|[=>78cDEHMNOZ]|\Z)"
ESCAPE: Final = re.compile(_ESCAPE)
TITLED: Final = re.compile(rb"\x1b[\]PX^_]")  # a sequence with a text in it: the title of a window, the target of a link
BREAK: Final = re.compile(_ESCAPE + rb"|\r|\n")  # each begins with a byte of its own: so it is looked for fast
CONTINUES: Final = bytes(range(0x80, 0xC0))  # of a character in UTF-8


@dataclass(frozen=True, slots=True)
class Hit:
    start: int  # of what tells what it is
    value: int  # where the secret begins
    end: int
    kind: str
    open: bool = False  # it reaches to the end of what came, and may go on


def column_at(data: bytes, place: int, column: int) -> int:
    """The column of one byte, if the first of these is in `column`."""
    line = max(data.rfind(b"\n", 0, place), data.rfind(b"\r", 0, place)) + 1
    shown = len(BREAK.sub(b"", data[line:place]).translate(None, CONTINUES))
    return shown if line else column + shown


@dataclass(frozen=True, slots=True)
class Flat:
    """Text as it is read: without escape sequences, and without line ends that only a full line of a terminal made."""

    text: bytes
    cuts: tuple[tuple[int, int], ...] = ()  # place in the text, and by how much the same byte was further on before
    _starts: list[int] = field(default_factory=list)

    def places(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where `start` to `end` of the text was before, in runs without anything that was taken out."""
        at = bisect_right(self._starts, start) - 1
        while start < end:
            shift = self.cuts[at][1] if at >= 0 else 0
            until = min(end, self.cuts[at + 1][0]) if at + 1 < len(self.cuts) else end
            if until > start:
                yield start + shift, until + shift
            start, at = max(start, until), at + 1

    def before(self, place: int) -> int:
        """Where one byte of the text was."""
        at = bisect_right(self._starts, place) - 1
        return place + (self.cuts[at][1] if at >= 0 else 0)


def flat(data: bytes, columns: int, column: int = 0) -> Flat:
    """`columns`: of the terminal, 0 if there is none; `column`: where in its line the first byte is."""
    if not columns and b"\x1b" not in data:
        return Flat(data)
    parts: list[bytes] = []
    cuts: list[tuple[int, int]] = []
    line = at = size = 0  # at: from where on nothing is in `parts` yet; line: from where on nothing is in `column`
    for match in (BREAK if columns else ESCAPE).finditer(data):
        start, end = match.span()
        if columns:
            if data[start] != 0x1B and not column and start - line < columns:  # an empty line, or the second half of a line end, too
                line = end
                continue
            piece = data[line:start]
            column += len(piece) if piece.isascii() else len(piece.translate(None, CONTINUES))
            line = end
        if data[start] != 0x1B:
            space = data[start - 1] == 0x20 and column % columns == 1 and start > at
            full = column >= columns and (column % columns == 0 or space)
            column = 0
            if not full:
                continue
            if data[start] == 0x0D:
                if data.startswith(b"\r\n", start):
                    end = line = start + 2
                elif space:  # how readline gets to the next line
                    start -= 1
        parts.append(data[at:start])
        size += start - at
        at = end
        cuts.append((size, at - size))
    if not cuts:
        return Flat(data)
    return Flat(b"".join([*parts, data[at:]]), tuple(cuts), [place for place, _ in cuts])
