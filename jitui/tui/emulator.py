"""Draws recorded bytes as the terminal showed them, with a guarded pyte screen behind our own parser. Pure: no widget, no I/O.

Recorded bytes are hostile. pyte alone raises on surplus parameters, takes seconds over combining marks and huge sizes, prints DCS text and
has no alternate screen. Here only known sequences with clamped parameters reach it; what is not known is ignored.
"""

import unicodedata
from collections import defaultdict
from typing import Any, Final

import pyte
from pyte import modes
from pyte.screens import Char, Cursor, StaticDefaultDict

from jitui.tui.escapes import Parser

WIDEST, HIGHEST = 500, 200
MARKS: Final = 4  # combining marks in a cell
SAVED: Final = 8  # cursors kept by DECSC
ALTERNATE: Final = frozenset({47, 1047, 1049})
BANNED: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
MODES: Final = {4: modes.IRM, 20: modes.LNM}
PRIVATE_MODES: Final = {6: modes.DECOM, 7: modes.DECAWM, 25: modes.DECTCEM}


class Guarded(pyte.Screen):
    """pyte's screen with an alternate one, bounded cells, and a mark on what was recorded but not delivered.

    `undelivered` rides in pyte's `blink` attribute, which recorded programs can't set here.
    """

    undelivered: bool = False
    _main: tuple[Any, Cursor] | None = None

    def reset(self) -> None:
        self._main = None
        super().reset()
        self._mark()

    def draw(self, data: str) -> None:
        """Text without controls. Marks beyond four in a cell, and characters without a place, are dropped."""
        if data.isascii():
            super().draw(data)
            return
        run: list[str] = []
        for char in data:
            category = unicodedata.category(char)
            if category[0] == "M" and unicodedata.combining(char):
                if run:
                    super().draw("".join(run))
                    run = []
                self._combine(char)
            elif category not in BANNED and category[0] != "M":
                run.append(char)
        if run:
            super().draw("".join(run))

    def _combine(self, mark: str) -> None:
        x = self.cursor.x - 1
        line = self.buffer[self.cursor.y]
        if x > 0 and line[x].data == "":
            x -= 1  # the second half of a wide character
        if x >= 0 and line[x].data and len(line[x].data) <= MARKS:
            line[x] = line[x]._replace(data=unicodedata.normalize("NFC", line[x].data + mark))

    def select_graphic_rendition(self, *attrs: int) -> None:
        super().select_graphic_rendition(*attrs)
        self._mark()

    def _mark(self) -> None:
        if self.cursor.attrs.blink != self.undelivered:
            self.cursor.attrs = self.cursor.attrs._replace(blink=self.undelivered)

    def deliver(self, delivered: bool) -> None:
        """Say whether the bytes that are drawn from now on reached the client."""
        self.undelivered = not delivered
        self._mark()

    def save_cursor(self) -> None:
        del self.savepoints[: max(0, len(self.savepoints) - SAVED + 1)]
        super().save_cursor()

    def erase_in_display(self, how: int = 0, *_: Any, **__: Any) -> None:
        """Whole lines go at once, however often it is asked."""
        rows = range(self.cursor.y + 1, self.lines) if how == 0 else range(self.cursor.y) if how == 1 else range(self.lines)
        plain = self.cursor.attrs == self.default_char
        for y in rows:
            if plain:
                self.buffer.pop(y, None)
            else:
                self.buffer[y] = StaticDefaultDict(self.cursor.attrs._replace(data=" "))
        if how in {0, 1}:
            self.erase_in_line(how)

    def alternate(self, on: bool) -> None:
        """To the other screen and back; what was there is still there."""
        if on and self._main is None:
            self._main = (self.buffer, Cursor(self.cursor.x, self.cursor.y, self.cursor.attrs))
            self.buffer = defaultdict(lambda: StaticDefaultDict(self.default_char))
        elif not on and self._main is not None:
            (self.buffer, self.cursor), self._main = self._main, None
            self.ensure_hbounds()
            self.ensure_vbounds()


class Emulator:
    """Bytes in, cells out. Never raises; `feed` takes time linear in its input."""

    def __init__(self, columns: int = 80, lines: int = 24, *, newline: bool = False) -> None:
        self.screen = Guarded(*_clamped(columns, lines))
        self._newline = newline  # no tty translated the output: a line feed also returns
        self._parser = Parser(self)
        self._modes()

    def _modes(self) -> None:
        if self._newline:
            self.screen.mode.add(modes.LNM)

    @property
    def columns(self) -> int:
        return int(self.screen.columns)

    @property
    def lines(self) -> int:
        return int(self.screen.lines)

    def feed(self, data: bytes, *, delivered: bool = True) -> None:
        self.screen.deliver(delivered)
        self._parser.feed(data)

    def resize(self, columns: int, lines: int) -> None:
        """To a size, clamped to 500x200; text stays where it was."""
        wide, high = _clamped(columns, lines)
        self.screen.resize(high, wide)
        self.screen.ensure_hbounds()
        self.screen.ensure_vbounds()

    def cells(self, y: int) -> list[Char]:
        """The cells of a line, from the left; a wide character is followed by an empty one."""
        line = self.screen.buffer.get(y)
        blank = self.screen.default_char
        return [blank] * self.columns if line is None else [line[x] for x in range(self.columns)]

    def text(self) -> list[str]:
        """The lines as plain text, without blanks at their ends."""
        return ["".join(cell.data for cell in self.cells(y)).rstrip() for y in range(self.lines)]

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and line; None if it is hidden."""
        cursor = self.screen.cursor
        return None if cursor.hidden else (min(cursor.x, self.columns - 1), cursor.y)

    # called by the parser

    def printed(self, text: str) -> None:
        self.screen.draw(text)

    def control(self, char: str) -> None:
        screen = self.screen
        if char in "\n\x0b\x0c":
            screen.linefeed()
        elif char == "\r":
            screen.carriage_return()
        elif char == "\b":
            screen.backspace()
        elif char == "\t":
            screen.tab()
        elif char == "\x0e":
            screen.shift_out()
        elif char == "\x0f":
            screen.shift_in()

    def escape(self, final: str) -> None:
        screen = self.screen
        if final == "c":
            screen.reset()
            self._modes()
        elif final == "D":
            screen.index()
        elif final == "E":
            screen.carriage_return()
            screen.index()
        elif final == "H":
            screen.set_tab_stop()
        elif final == "M":
            screen.reverse_index()
        elif final == "7":
            screen.save_cursor()
        elif final == "8":
            screen.restore_cursor()

    def charset(self, slot: str, code: str) -> None:
        self.screen.define_charset(code, slot)

    def csi(self, private: str, parameters: list[int], final: str) -> None:
        if private:
            if private == "?" and final in "hl":
                self._private(parameters, on=final == "h")
            return
        one = parameters[0]
        two = parameters[1] if len(parameters) > 1 else 0
        screen = self.screen
        if final in COUNTED:
            getattr(screen, COUNTED[final])(one)
        elif final in "Hf":
            screen.cursor_position(one, two)
        elif final == "m":
            screen.select_graphic_rendition(*parameters)
        elif final == "J" and one in range(4):
            screen.erase_in_display(one)
        elif final == "K" and one in range(3):
            screen.erase_in_line(one)
        elif final == "r":
            screen.set_margins(one or None, two or None)
        elif final in "hl":
            for mode in parameters:
                if mode in MODES:
                    (screen.set_mode if final == "h" else screen.reset_mode)(MODES[mode])
        elif final == "g" and one in {0, 3}:
            screen.clear_tab_stop(one)
        elif final == "s":
            screen.save_cursor()
        elif final == "u":
            screen.restore_cursor()
        elif final in "ST":
            self._scroll(min(one or 1, self.lines), up=final == "S")

    def _private(self, parameters: list[int], *, on: bool) -> None:
        screen = self.screen
        for mode in parameters:
            if mode in ALTERNATE:
                screen.alternate(on)
            elif mode == 1048:
                (screen.save_cursor if on else screen.restore_cursor)()
            elif mode == 25:
                screen.cursor.hidden = not on
            elif mode in PRIVATE_MODES:
                (screen.set_mode if on else screen.reset_mode)(PRIVATE_MODES[mode])

    def _scroll(self, count: int, *, up: bool) -> None:
        screen = self.screen
        x, y = screen.cursor.x, screen.cursor.y
        margins = screen.margins
        top = margins.top if margins else 0
        screen.cursor.y = top
        (screen.delete_lines if up else screen.insert_lines)(count)
        screen.cursor.x, screen.cursor.y = x, y


COUNTED: Final = {
    "@": "insert_characters", "A": "cursor_up", "B": "cursor_down", "C": "cursor_forward", "D": "cursor_back", "E": "cursor_down1", "F": "cursor_up1",
    "G": "cursor_to_column", "L": "insert_lines", "M": "delete_lines", "P": "delete_characters", "X": "erase_characters", "a": "cursor_forward",
    "d": "cursor_to_line", "e": "cursor_down", "`": "cursor_to_column",
}  # fmt: skip


def _clamped(columns: int, lines: int) -> tuple[int, int]:
    return min(WIDEST, max(1, columns)), min(HIGHEST, max(1, lines))
