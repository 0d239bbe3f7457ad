"""A recorded terminal on the screen: the thin widget over the emulator. Nothing recorded reaches the real terminal but cells of text."""

import asyncio
from collections import deque
from functools import lru_cache
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from jitui.tui.emulator import REPLACEMENT, Emulator, Look, Run
from jitui.tui.figures import size
from jitui.tui.process import CORE
from jitui.tui.theme import ANSI, INK, PAPER
from jitui.tui.words import words

SLICE: Final = 4096  # bytes fed between two looks at the time
BUDGET_S: Final = 0.02  # a tick's work
HELD: Final = 256 << 10  # bytes that wait; beyond that the oldest are left out and counted
CUT: Final = "…"  # in the first or last cell of a line that goes on beyond the widget
STEPS: Final = (0, 95, 135, 175, 215, 255)  # of red, green and blue in the colours 16 to 231 of a terminal's palette


class Terminal(Widget):
    """Shows an emulator. `push` takes live bytes and works them off in small slices; `show` takes an emulator as it is."""

    DEFAULT_CSS = f"Terminal {{ background: {PAPER}; color: {INK}; height: 1fr; min-height: 3; }}"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.emulator = Emulator()
        self.lost = 0  # live bytes that were left out
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._held = 0
        self._left: int | None = None  # where it was panned to
        self._top: int | None = None

    def on_mount(self) -> None:
        CORE.start()
        self.set_interval(0.05, self.work_off)

    def show(self, emulator: Emulator) -> None:
        """Draw this one from now on."""
        self.emulator = emulator
        self._waiting.clear()
        self._held = self.lost = 0
        self.refresh()

    def push(self, data: bytes, *, delivered: bool = True) -> None:
        """Bytes as they come."""
        self._waiting.append((data, delivered))
        self._held += len(data)
        while self._held > HELD and len(self._waiting) > 1:
            old, _ = self._waiting.popleft()
            self._held -= len(old)
            self.lost += len(old)

    def work_off(self) -> None:
        """Emulate what waits, for a moment at most."""
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + BUDGET_S
        while self._waiting:
            data, delivered = self._waiting.popleft()
            self.emulator.feed(data[:SLICE], delivered=delivered)
            self._held -= min(SLICE, len(data))
            if len(data) > SLICE:
                self._waiting.appendleft((data[SLICE:], delivered))
            if loop.time() > until:
                break
        self.refresh()

    def pan(self, columns: int, lines: int) -> None:
        """Move the view over a larger recording by so many columns and lines; it stays there until it is followed again."""
        if columns:
            self._left = min(max(0, self.first_column() + columns), self._beyond()[0])
        if lines:
            self._top = min(max(0, self.first_line() + lines), self._beyond()[1])
        self.refresh()

    def follow(self) -> None:
        """Keep the cursor in view again, wherever it was panned to."""
        self._left = self._top = None
        self.refresh()

    @property
    def larger(self) -> bool:
        """Whether there is anything to pan to."""
        return self._beyond() != (0, 0)

    @property
    def panned(self) -> bool:
        return self._left is not None or self._top is not None

    def _beyond(self) -> tuple[int, int]:
        """Columns and lines of the recording that have no room."""
        room = self.content_size
        return max(0, self.emulator.columns - room.width), max(0, self.emulator.lines - room.height)

    def first_column(self) -> int:
        """The emulator's column at the left of the widget: the first, unless it was panned."""
        return min(self._left or 0, self._beyond()[0])

    def first_line(self) -> int:
        """The emulator's line at the top of the widget: so that the cursor, or the last line with text, is in view, unless it was panned."""
        beyond = self._beyond()[1]
        if not beyond:
            return 0
        if self._top is not None:
            return min(self._top, beyond)
        cursor = self.emulator.cursor
        last = cursor[1] if cursor else max((y for y, line in enumerate(self.emulator.text()) if line), default=0)
        return min(max(0, last - self.content_size.height + 1), beyond)

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        row, left = y + self.first_line(), self.first_column()
        if row >= self.emulator.lines:
            return self._outside(y, width)
        cursor = self.emulator.cursor
        runs = self.emulator.line(row)
        strip = Strip(_segments(runs, cursor[0] if cursor and cursor[1] == row else -1))
        end = strip.cell_length
        inside = min(self.emulator.columns - left, width)
        strip = strip.crop(left, left + inside).adjust_cell_length(inside, Style(bgcolor=PAPER))
        if inside < width:
            return Strip.join([strip, Strip([Segment(EDGE, FRAME)]), Strip.blank(width - inside - 1, FRAME)])
        if width and end > left + width and "".join(run.text for run in runs).strip():
            strip = Strip.join([strip.crop(0, width - 1), MORE])
        if width and left and end:
            strip = Strip.join([MORE, strip.crop(1, width)])
        return strip

    def _outside(self, y: int, width: int) -> Strip:
        """Below a recording that is lower than the widget: its lower edge, then nothing."""
        wide = min(self.emulator.columns, width)
        edge = "─" * wide + ("╯" if wide < width else "")
        return Strip([Segment(edge if y == self.emulator.lines else "", FRAME)]).adjust_cell_length(width, FRAME)

    def says(self) -> str:
        """Its size, which part of it is in view, and how much of its output could not be drawn."""
        shown, emulator = self.shown(), self.emulator
        left_out = f"{size(emulator.lost)} of output are recorded and not drawn" if emulator.lost else "it can't be drawn"
        lost = f", {left_out}: {words(emulator.problem)}" if emulator.lost or not emulator.drawn else ""
        return f"{emulator.columns}x{emulator.lines}" + (f", in view: {shown}" if shown else "") + lost

    def shown(self) -> str:
        """Which part of a recorded terminal that is larger than the widget is in view: `columns 1-76, lines 8-24`; empty if all of it is."""
        room, emulator, left, top = self.content_size, self.emulator, self.first_column(), self.first_line()
        columns = f"columns {left + 1}-{left + room.width}" if emulator.columns > room.width else ""
        lines = f"lines {top + 1}-{min(top + room.height, emulator.lines)}" if emulator.lines > room.height else ""
        return ", ".join(filter(None, (columns, lines)))


def _segments(runs: tuple[Run, ...], cursor: int) -> list[Segment]:
    """Runs as segments, with the cursor in its cell. Every cell is as wide as the emulator says, whatever is in it."""
    segments: list[Segment] = []
    at = 0
    for run in runs:
        text = run.text if run.text.isascii() else _fitted(run)
        end = at + run.cells
        if at <= cursor < end:
            before = 0 if run.width else cursor - at
            after = len(text) if run.width else before + 1
            parts = ((text[:before], False), (text[before:after], True), (text[after:], False))
            segments += [Segment(part, _style(run.look, here=here)) for part, here in parts if part]
        else:
            segments.append(Segment(text, _style(run.look, here=False)))
        at = end
    if cursor >= at:
        segments += [Segment(" " * (cursor - at), _style(PLAIN, here=False)), Segment(" ", _style(PLAIN, here=True))]
    return segments


@lru_cache(4096)
def _fitted(run: Run) -> str:
    """The text of a run that is not plain ASCII, as wide as its cells: terminals and the screen's library differ about some characters."""
    if not run.width:
        return run.text if cell_len(run.text) == len(run.text) else "".join(char if cell_len(char) == 1 else REPLACEMENT for char in run.text)
    text = run.text
    while len(text) > 1 and cell_len(text) > run.width:
        text = text[:-1]
    return text + " " * (run.width - cell_len(text)) if cell_len(text) <= run.width else REPLACEMENT.ljust(run.width)


@lru_cache(1024)
def _style(look: Look, *, here: bool) -> Style:
    styles = look.styles
    return Style(
        color=_colour(look.foreground, INK), bgcolor=_colour(look.background, PAPER), bold="bold" in styles, italic="italic" in styles,
        underline="underline" in styles, strike="strikethrough" in styles, overline="overline" in styles, reverse=("inverse" in styles) != here,
        dim=look.undelivered or "faint" in styles,
    )  # fmt: skip


def _colour(colour: str, otherwise: str) -> str:
    """The palette's first sixteen are the app's own; the others are the same on every terminal."""
    if not colour or colour.startswith("#"):
        return colour or otherwise
    number = min(255, int(colour))
    if number < 16:
        return ANSI[number]
    if number >= 232:
        return f"#{8 + (number - 232) * 10:02x}" + f"{8 + (number - 232) * 10:02x}" * 2
    red, green, blue = (number - 16) // 36, (number - 16) // 6 % 6, (number - 16) % 6
    return f"#{STEPS[red]:02x}{STEPS[green]:02x}{STEPS[blue]:02x}"


PLAIN: Final = Look()
FRAME: Final = Style(color=ANSI[8], bgcolor=PAPER)
EDGE: Final = "│"  # at the right of a recording that is narrower than the widget
MORE: Final = Strip([Segment(CUT, Style(color=INK, bgcolor=PAPER, bold=True, reverse=True))])
