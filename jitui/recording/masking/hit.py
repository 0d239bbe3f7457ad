"""A secret found in text, and the flattened text that is searched."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_ESCAPE: Final = rb"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|\Z)|[\]PX^_][^\x07\x1b\r\n]{0,512}(?:\x07|\x1b\\|\Z)|[()*+][0-9A-Za-z]|[=>78cDEHMNOZ]|\Z)"
ESCAPE: Final = re.compile(_ESCAPE)
TITLED: Final = re.compile(rb"\x1b[\]PX^_]")  # a sequence with a text in it: the title of a window, the target of a link
BREAK: Final = re.compile(_ESCAPE + rb"|\r\n?|\n")  # each alternative begins with another byte, which makes the search fast
CONTINUES: Final = bytes(range(0x80, 0xC0))  # of a character in UTF-8


@dataclass(frozen=True, slots=True)
class Hit:
    start: int  # offset of the pattern that tells the kind
    value: int  # offset at which the secret begins
    end: int
    kind: str
    open: bool = False  # it reaches the end of the input, and may go on


def column_at(data: bytes, place: int, column: int) -> int:
    """The terminal column of the byte at `place`, if the first byte is in `column`."""
    line = max(data.rfind(b"\n", 0, place), data.rfind(b"\r", 0, place)) + 1
    shown = len(BREAK.sub(b"", data[line:place]).translate(None, CONTINUES))
    return shown if line else column + shown


def _shown(piece: bytes) -> int:
    """How many columns a piece without escape sequences takes."""
    return len(piece) if piece.isascii() else len(piece.translate(None, CONTINUES))


@dataclass(frozen=True, slots=True)
class Flat:
    """Text as a person reads it: without escape sequences, and without the line ends that a full terminal line caused."""

    text: bytes
    cuts: tuple[tuple[int, int], ...] = ()  # offset in the text, and by how much that byte's offset in the input is larger
    _starts: list[int] = field(default_factory=list)

    def places(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The places in the input of `start` to `end` of the text, as runs without removed bytes."""
        at = bisect_right(self._starts, start) - 1
        while start < end:
            shift = self.cuts[at][1] if at >= 0 else 0
            until = min(end, self.cuts[at + 1][0]) if at + 1 < len(self.cuts) else end
            if until > start:
                yield start + shift, until + shift
            start, at = max(start, until), at + 1

    def before(self, place: int) -> int:
        """The offset in the input of one byte of the text."""
        at = bisect_right(self._starts, place) - 1
        return place + (self.cuts[at][1] if at >= 0 else 0)


def flat(data: bytes, columns: int, column: int = 0) -> Flat:
    """Flattens input. `columns`: the width of the terminal, 0 without one. `column`: the column of the first byte."""
    if not columns and b"\x1b" not in data:
        return Flat(data)
    parts: list[bytes] = []
    cuts: list[tuple[int, int]] = []
    line = at = size = 0  # at: the first offset that is not in `parts` yet; line: the first that is not counted in `column` yet
    for match in (BREAK if columns else ESCAPE).finditer(data):
        start, end = match.span()
        if columns:
            if data[start] != 0x1B and not column and start - line < columns:  # an empty line, or the second half of a line end, too
                line = end
                continue
            column += _shown(data[line:start])
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
                elif space:  # readline goes to the next line this way
                    start -= 1
        parts.append(data[at:start])
        size += start - at
        at = end
        cuts.append((size, at - size))
    if columns and data.endswith(b" ") and at < len(data):
        column += _shown(data[line:])
        if column > columns and column % columns == 1:  # the return that makes it readline's way to the next line may still come: the word may go on
            parts.append(data[at:-1])
            size += len(parts[-1])
            at = len(data)
            cuts.append((size, at - size))
    if not cuts:
        return Flat(data)
    return Flat(b"".join([*parts, data[at:]]), tuple(cuts), [place for place, _ in cuts])
