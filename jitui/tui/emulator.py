r"""Recorded bytes as the terminal showed them. Nothing of them reaches a screen but characters, one run of cells of one look after the other.

    emulator = Emulator(80, 24)
    emulator.feed(b"\x1b[31mred")      any bytes, cut anywhere
    emulator.resize(100, 30)
    emulator.line(0), emulator.cursor   runs of cells; column and line
    kept = emulator.keep()              a keyframe: `Emulator.of(kept)` goes on from there

libghostty-vt emulates (pyghostty), compared with xterm.js case by case (tests/tui/xterm). It is native code, and recorded bytes are hostile: it runs in a
process of its own (`core.py`), which can open nothing, is bounded in memory, and is ended if it takes too long over a piece. An emulator knows how to get back
to where it stood (a keyframe, and what came after it); a piece that the process did not survive is left out, and counted in `lost`.
docs/terminal.md has the choice, with figures.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple
from unicodedata import category
from weakref import finalize

from jitui.recording.keyframe import compressed, opened
from jitui.tui import core
from jitui.tui.process import CORE, CoreError, Process
from jitui.values import foreign

WIDEST, HIGHEST = 500, 200
NARROWEST: Final = 2  # columns: a wide character has room, as in xterm.js
TRIES: Final = 2  # the process may have ended for another reason than this piece
KEYFRAME: Final = 256 << 10  # bytes after which an emulator keeps its state, so that it is back there soon
SMALL: Final = 16 << 10  # bytes that are rather fed again than kept as a state
INSIDE: Final = 8 << 10  # bytes of one sequence that are remembered; more of it can't change a screen
BANNED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
SPECIAL: Final = re.compile(b"\xc2[\x80-\x9f]|\x7f|\x1b\\[!p")
BEGINS: Final = (b"\xc2", b"\x7f", b"\x1b[!p")
PARTIAL: Final = re.compile(b"(?:\xc2|\x1b(?:\\[!?)?)\\Z")
RESET: Final = b"\x1b[!p"  # DECSTR
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
COLOUR: Final = re.compile("|[0-9]{1,3}|#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Look:
    """How cells look. A colour is empty (the default), a number of the palette, or #rrggbb."""

    foreground: str = ""
    background: str = ""
    styles: frozenset[str] = frozenset()  # of core.ATTRIBUTES
    undelivered: bool = False  # recorded, but the client did not get it; no recorded program can set or clear it


class Run(NamedTuple):
    """Cells of one look. Width 0: each character of the text is a cell; else all of it (a character and its marks) is one cell, or a wide one of two."""

    text: str
    width: int
    look: Look

    @property
    def cells(self) -> int:
        return self.width or len(self.text)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done to an emulator: bytes of output, or a new size."""

    op: int
    columns: int
    lines: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an emulator stood: a compressed snapshot (empty: a fresh terminal of that size), and what was done since."""

    columns: int
    lines: int
    newline: bool
    snapshot: bytes = field(default=b"", repr=False)
    since: tuple[Step, ...] = field(default=(), repr=False)
    tail: bytes = b""  # the beginning of a sequence that is looked at when its end is there
    lost: int = 0  # bytes that are not drawn
    problem: str = ""  # why


class Emulator:
    """Bytes in, cells out. Never raises; `feed` takes time linear in its input."""

    def __init__(self, columns: int = 80, lines: int = 24, *, newline: bool = False, low: bool = False, process: Process = CORE) -> None:
        """`newline`: no tty translated the output, a line feed also returns. `low`: fewer lines are kept above the screen."""
        self.columns, self.lines = _clamped(columns, lines)
        self.lost = 0  # bytes that are not drawn, since the process did not survive them
        self.problem = ""  # why
        self._process, self._low = process, low
        self._base = Kept(self.columns, self.lines, newline)
        self._since: list[Step] = []
        self._size = 0  # bytes of those
        self._inside = 0  # bytes of the sequence that has begun before the newest step
        self._tail = b""
        self._seen: _Seen | None = None
        self._ident = process.ident()
        self._generation = 0  # of the process that has this terminal
        finalize(self, process.free, self._ident).atexit = False

    @classmethod
    def of(cls, kept: Kept, process: Process = CORE, *, low: bool = False) -> "Emulator":
        """One that goes on from there."""
        found = cls(kept.columns, kept.lines, newline=kept.newline, low=low, process=process)
        found._base = kept
        found._since, found._tail, found.lost, found.problem = list(kept.since), kept.tail, kept.lost, kept.problem
        found._size = sum(len(step.data) for step in kept.since)
        for step in kept.since:
            found.columns, found.lines = step.columns, step.lines
        return found

    def keep(self) -> Kept:
        """Where it stands."""
        if self._size > SMALL:
            self._keyframe()
        return replace(self._base, since=tuple(self._since), tail=self._tail, lost=self.lost, problem=self.problem)

    def keyframe(self) -> Kept | None:
        """Where it stands, as a state alone; None where there is none, in the middle of a long sequence."""
        self._keyframe()
        kept = self.keep()
        return kept if kept.snapshot and not kept.since else None

    @property
    def alive(self) -> bool:
        """Whether the terminal is there, or could be brought back as it was kept."""
        try:
            self._there()
        except CoreError:
            return False
        return True

    def feed(self, data: bytes, *, delivered: bool = True) -> None:
        data, self._tail = self._tail + data, b""
        if cut := PARTIAL.search(data, max(0, len(data) - 3)):
            data, self._tail = data[: cut.start()], cut.group()
        op = core.FEED if delivered else core.UNDELIVERED
        for piece in _pieces(data):
            self._do(Step(core.SOFT_RESET if piece == RESET else op, self.columns, self.lines, piece))

    def resize(self, columns: int, lines: int) -> None:
        """To a size, clamped to between 2x1 and 500x200."""
        wide, high = _clamped(columns, lines)
        if (wide, high) != (self.columns, self.lines):
            self._do(Step(core.RESIZE, wide, high))
            self.columns, self.lines = wide, high

    def line(self, y: int) -> tuple[Run, ...]:
        """A line's runs from the left, without plain blanks at its end."""
        return self._look().lines[y]

    def text(self) -> list[str]:
        """The lines as plain text, without blanks at their ends."""
        return ["".join(run.text for run in line).rstrip() for line in self._look().lines]

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and line; None if it is hidden."""
        if self._seen is None:  # without reading the screen
            try:
                return _cursor(foreign.read(self._ask(core.CURSOR)), self.columns, self.lines)
            except (CoreError, ValueError, TypeError):
                return self._look().cursor
        return self._seen.cursor

    @property
    def drawn(self) -> bool:
        """Whether the screen could be read."""
        return self._look().drawn

    def _look(self) -> "_Seen":
        """The screen since the last step."""
        for _ in range(TRIES):
            if self._seen is not None:
                return self._seen
            try:
                self._seen = _read(self._ask(core.READ), self.columns, self.lines)
            except CoreError as problem:
                self.problem = str(problem)
                self._process.stop()
                self._recover()
        self._seen = self._seen or _Seen([()] * self.lines, None, drawn=False)
        return self._seen

    def _do(self, step: Step) -> None:
        self._seen = None
        said: bytes | None = None
        for _ in range(TRIES):
            try:
                said = self._ask(step.op, step.columns, step.lines, step.data)
                break
            except CoreError as problem:
                why = str(problem)
                self._recover()
        if said is None:
            self.lost, self.problem = self.lost + len(step.data), why
            return
        self._inside = self._inside + len(step.data) if said == core.INSIDE else 0
        if self._inside > INSIDE:
            return
        self._since.append(step)
        self._size += len(step.data)
        if self._size >= KEYFRAME:
            self._keyframe()

    def _keyframe(self) -> None:
        """Remember the state instead of what led to it. In the middle of a long sequence that is not possible."""
        with suppress(CoreError):
            snapshot = self._ask(core.KEEP)
            self._base = Kept(self.columns, self.lines, self._base.newline, compressed(snapshot))
            self._since, self._size = [], 0

    def _ask(self, op: int, one: int = 0, two: int = 0, data: bytes = b"") -> bytes:
        self._there()
        return self._process.ask(op, self._ident, one, two, data)

    def _there(self) -> None:
        """Have this terminal in the process that runs now."""
        self._process.start()
        if self._generation == self._process.generation:
            return
        base = self._base
        wide, high = base.columns | (core.LOW if self._low else 0), base.lines | (core.NEWLINE if base.newline else 0)
        if base.snapshot:
            self._process.ask(core.LOAD, self._ident, wide, high, opened(base.snapshot))
        else:
            self._process.ask(core.NEW, self._ident, wide, high)
        for step in self._since:
            self._process.ask(step.op, self._ident, step.columns, step.lines, step.data)
        self._generation = self._process.generation

    def _recover(self) -> None:
        """After the process ended: to where the terminal stood before that step; if even that can't be drawn, to a keyframe; at last to an empty screen."""
        for forget in (None, self._forget_steps, self._forget_all):
            if forget is not None:
                forget()
            with suppress(CoreError):
                self._there()
                return

    def _forget_steps(self) -> None:
        self.lost += self._size
        self._since, self._size = [Step(core.RESIZE, self.columns, self.lines)], 0

    def _forget_all(self) -> None:
        self._base, self._since = Kept(self.columns, self.lines, self._base.newline), []


@dataclass(frozen=True, slots=True)
class _Seen:
    lines: list[tuple[Run, ...]]
    cursor: tuple[int, int] | None
    drawn: bool = True


def _pieces(data: bytes) -> Iterator[bytes]:
    """The output without what the library does not know: C1 controls of one character become those of two, DEL is ignored. DECSTR is a piece of its own."""
    if not any(begin in data for begin in BEGINS):  # a search for each is faster than one for all
        if data:
            yield data
        return
    for number, piece in enumerate(data.split(RESET)):
        if number:
            yield RESET
        if plain := SPECIAL.sub(_plain, piece):
            yield plain


def _plain(found: re.Match[bytes]) -> bytes:
    return b"" if found.group() == b"\x7f" else b"\x1b" + bytes([found.group()[1] - 0x40])


def _read(said: bytes, columns: int, lines: int) -> _Seen:
    """The answer of the process, which is not trusted: it may have been taken over by the bytes that it drew. Raises CoreError."""
    try:
        found = foreign.read(said)
        looks = [Look(_colour(fore), _colour(back), _styles(bits & (core.LOST - 1)), bool(bits & core.LOST)) for fore, back, bits in found["looks"]]
        rows = [tuple(Run(_shown(text, width), width, looks[look]) for text, width, look in runs) for runs in found["lines"][:lines]]
        if any(sum(run.cells for run in row) > columns for row in rows):
            raise CoreError("cells outside of the screen")
        return _Seen(rows + [()] * (lines - len(rows)), _cursor(found["cursor"], columns, lines))
    except (ValueError, TypeError, LookupError, AttributeError) as problem:
        raise CoreError("the terminal emulator's answer is not one") from problem


def _cursor(said: list[int], columns: int, lines: int) -> tuple[int, int] | None:
    x, y, shown = said
    if not (0 <= x < columns and 0 <= y < lines):
        raise ValueError("a cursor outside of the screen")
    return (x, y) if shown else None


def _shown(text: str, width: int) -> str:
    """Characters that move no cursor and turn no text around."""
    if width not in {0, 1, 2} or not text or (width and len(text) > 1 + core.MARKS):
        raise ValueError("no run of cells")
    if text.isprintable():
        return text
    text = text.replace("\N{SOFT HYPHEN}", "-")
    if width:
        return "".join(char for char in text if category(char) not in BANNED) or REPLACEMENT
    return "".join(REPLACEMENT if category(char) in BANNED else char for char in text)


def _colour(colour: str) -> str:
    if not COLOUR.fullmatch(colour):
        raise ValueError(colour)
    return colour


@lru_cache(core.LOST)
def _styles(bits: int) -> frozenset[str]:
    return frozenset(name for bit, name in enumerate(core.ATTRIBUTES) if bits >> bit & 1)


def _clamped(columns: int, lines: int) -> tuple[int, int]:
    return min(WIDEST, max(NARROWEST, columns)), min(HIGHEST, max(1, lines))
