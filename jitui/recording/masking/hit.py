"""A secret found in text, and the flattened text that is searched."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
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


@dataclass(frozen=True)
class Flat:
    """Text as a person reads it: without escape sequences, and without the line ends that a full terminal line caused."""

    text: bytes
    data: bytes = field(default=b"", repr=False)  # the input, if it has sequences or such line ends
    joined: Sequence[tuple[int, int]] = ()  # begin and end of each such line end in the input

    @cached_property
    def _cuts(self) -> tuple[list[int], list[int]]:
        """Offsets in the text, and by how much the offset of the byte there is larger in the input. Needed only where a secret was found."""
        gone = sorted([*self.joined, *(match.span() for match in ESCAPE.finditer(self.data))])
        shifts = list(accumulate(end - start for start, end in gone))
        return [end - shift for (_, end), shift in zip(gone, shifts, strict=True)], shifts

    def places(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The places in the input of `start` to `end` of the text, as runs without removed bytes."""
        starts, shifts = self._cuts
        at = bisect_right(starts, start) - 1
        while start < end:
            shift = shifts[at] if at >= 0 else 0
            until = min(end, starts[at + 1]) if at + 1 < len(starts) else end
            if until > start:
                yield start + shift, until + shift
            start, at = max(start, until), at + 1

    def before(self, place: int) -> int:
        """The offset in the input of one byte of the text."""
        starts, shifts = self._cuts
        at = bisect_right(starts, place) - 1
        return place + (shifts[at] if at >= 0 else 0)


def flat(data: bytes, columns: int, column: int = 0) -> Flat:
    """Flattens input. `columns`: the width of the terminal, 0 without one. `column`: the column of the first byte.

    Only lines whose length says that their end may be one of a full terminal line are looked at byte by byte: the first, the last, and those of a whole
    number of rows, or one column more.
    """
    if not columns:
        return Flat(ESCAPE.sub(b"", data), data) if b"\x1b" in data else Flat(data)
    bare = ESCAPE.sub(b"", data) if b"\x1b" in data else data
    lines = bare.split(b"\n")
    sizes = lines if bare.isascii() else bare.translate(None, CONTINUES).split(b"\n")
    returns = bare.count(b"\r") != bare.count(b"\r\n")  # there are others than those of line ends
    near = [at for at, size in enumerate(map(len, sizes))  # with a return at its end, perhaps
            if size >= columns and (size % columns < 3 or (returns and b"\r" in lines[at][:-1]))]  # fmt: skip
    raw = data.split(b"\n") if bare is not data else lines
    ends = list(accumulate((len(line) + 1 for line in raw), initial=0))
    joined: list[tuple[int, int]] = []
    parts, done = list[bytes](), 0
    for at in sorted({0, *near, len(lines) - 1}):
        last = at == len(lines) - 1
        line = raw[at] if last else raw[at] + b"\n"
        gone = _removed(line, columns, column if not at else 0, last=last)
        parts += [b"\n".join(lines[done:at]), b"\n" * (at > done), *_kept(line, gone)]
        joined += [(ends[at] + start, ends[at] + end) for start, end in gone if line[start] != 0x1B]
        done = at + 1
    return Flat(b"".join(parts), data, joined) if joined or bare is not data else Flat(data)


def _removed(data: bytes, columns: int, column: int, *, last: bool) -> Iterable[tuple[int, int]]:
    """The pieces that are taken out of a line, or of input: begin and end of each piece. `last`: it may go on."""
    found: list[tuple[int, int]] = []
    at = line = 0  # at: behind the last piece; line: the first offset that is not counted in `column` yet
    for match in BREAK.finditer(data):
        start, end = match.span()
        if data[start] != 0x1B and not column and start - line < columns:  # an empty line, or the second half of a line end, too
            line = end
            continue
        column += _shown(data[line:start])
        line = end
        if data[start] != 0x1B:
            space = start > at and data[start - 1] == 0x20 and column % columns == 1
            full = column >= columns and (column % columns == 0 or space)
            column = 0
            if not full:
                continue
            if data[start] == 0x0D:
                if data.startswith(b"\r\n", start):
                    end = line = start + 2
                elif space:  # readline goes to the next line this way
                    start -= 1
        found.append((start, end))
        at = end
    if last and data.endswith(b" ") and at < len(data):
        column += _shown(data[line:])
        if column > columns and column % columns == 1:  # the return that makes it readline's way to the next line may still come: the word may go on
            found.append((len(data) - 1, len(data)))
    return found


def _kept(data: bytes, gone: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    at = 0
    for start, end in gone:
        yield data[at:start]
        at = end
    yield data[at:]
