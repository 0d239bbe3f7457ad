"""A recorded terminal on the screen: the thin widget over the emulator. Nothing recorded reaches the real terminal but cells of text."""

import asyncio
from collections import deque
from functools import lru_cache
from typing import Final

from pyte.screens import Char
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from jitui.tui.emulator import Emulator
from jitui.tui.theme import ANSI, INK, PAPER

SLICE: Final = 1024  # bytes fed between two looks at the time
BUDGET_S: Final = 0.02  # a tick's work
HELD: Final = 256 << 10  # bytes that wait; beyond that the oldest are left out and counted
CUT: Final = "…"  # in the last cell of a line that goes on beyond the widget
HEX: Final = frozenset("0123456789abcdef")


class Terminal(Widget):
    """Shows an emulator. `push` takes live bytes and works them off in small slices; `show` takes an emulator as it is."""

    DEFAULT_CSS = f"Terminal {{ background: {PAPER}; color: {INK}; height: 1fr; min-height: 3; }}"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.emulator = Emulator()
        self.lost = 0  # live bytes that were left out
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._held = 0

    def on_mount(self) -> None:
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

    def first_line(self) -> int:
        """The emulator's line at the top of the widget: so that the cursor, or the last line with text, is in view."""
        height = self.content_size.height
        if self.emulator.lines <= height:
            return 0
        cursor = self.emulator.cursor
        last = cursor[1] if cursor else max((y for y, line in enumerate(self.emulator.text()) if line), default=0)
        return min(max(0, last - height + 1), self.emulator.lines - height)

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        row = y + self.first_line()
        if row >= self.emulator.lines:
            return Strip.blank(width, self.rich_style)
        cursor = self.emulator.cursor
        at = cursor[0] if cursor and cursor[1] == row else -1
        cells = self.emulator.cells(row)
        strip = Strip(_segments(cells, at)).adjust_cell_length(width, Style(bgcolor=PAPER))
        if width and any(cell.data.strip() for cell in cells[width:]):
            return Strip.join([strip.crop(0, width - 1), Strip([Segment(CUT, Style(color=INK, bgcolor=PAPER, bold=True, reverse=True))])])
        return strip

    def shown(self) -> str:
        """Which part of a recorded terminal that is larger than the widget is in view: `columns 1-76, lines 8-24`; empty if all of it is."""
        size, emulator, first = self.content_size, self.emulator, self.first_line()
        columns = f"columns 1-{size.width}" if emulator.columns > size.width else ""
        lines = f"lines {first + 1}-{min(first + size.height, emulator.lines)}" if emulator.lines > size.height else ""
        return ", ".join(filter(None, (columns, lines)))


def _segments(cells: list[Char], cursor: int) -> list[Segment]:
    """Cells as runs of one style. Every cell is as wide as the emulator says, whatever is in it."""
    segments: list[Segment] = []
    run, style = "", _style(cells[0], here=False) if cells else Style()
    skip = False
    for x, cell in enumerate(cells):
        if skip:
            skip = False
            continue
        data = cell.data or " "
        wide = cell_len(data)
        if wide == 2 and x + 1 < len(cells) and cells[x + 1].data == "":
            skip = True
        elif wide != 1:
            data = "\N{REPLACEMENT CHARACTER}"
        now = _style(cell._replace(data=""), here=x == cursor)
        if now != style:
            segments.append(Segment(run, style))
            run, style = "", now
        run += data
    return [*segments, Segment(run, style)] if run else segments


@lru_cache(1024)
def _style(cell: Char, *, here: bool) -> Style:
    return Style(
        color=_colour(cell.fg, INK), bgcolor=_colour(cell.bg, PAPER), bold=cell.bold, italic=cell.italics, underline=cell.underscore,
        strike=cell.strikethrough, reverse=cell.reverse != here, dim=cell.blink,
    )  # fmt: skip


def _colour(name: str, otherwise: str) -> str:
    if name in ANSI:
        return ANSI[name]
    return f"#{name}" if len(name) == 6 and HEX.issuperset(name) else otherwise
