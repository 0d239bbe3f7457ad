r"""Recorded output as lines of text, to be read and searched: a line is a line, however long it is and however wide the terminal was.

    text = Printed(columns=80)
    text.feed(b"10%\r100%\n")     gives "100%\n"; what has no line end yet waits
    text.end()                    gives what still waits

A line shows what stood in it when it ended: carriage returns, backspaces, tabs and the sequences that move or erase within a line are done as a terminal
does them. A sequence that leaves the line ends it, so that whatever a program painted on a screen is there, in the order of its painting; a row that was
painted piece by piece is there once for each, as it stood then. Text that was drawn over or erased within a line is not in it: `drawn_over` counts such lines.
No control character is left in the output.

Cost: time is linear in the input. A move costs no more than a row, of at most BROADEST columns, or WIDEST where no width is known. Erasing costs no more
than what was written since the last time: what is known to be blank is not erased again. To shift the rest of a line is to move HELD cells or twice as many
in memory, as one piece. A line that is longer than HELD is given out as it comes, and can't be changed from its end backwards any more.
"""

import re
import unicodedata
from codecs import getincrementaldecoder
from collections.abc import Sequence
from typing import Final

from jitui.recording.painted import Painted
from jitui.values.said import plain

HELD: Final = 32 << 10  # characters of a line that can still be changed
STRING: Final = 4096  # characters of a string to the terminal; a longer one was none
BLANKS: Final = 10_000  # empty lines that wait for one with text
WIDEST: Final = 500  # columns that moves reach where no width is known
BROADEST: Final = 1000  # columns of a row; a client may say that its terminal has 65,535
MARKS: Final = frozenset({"Mn", "Me", "Cf"})
MOST: Final = 32  # characters of a cell
STOP: Final = 8  # columns between two tab stops
ALTERNATE: Final = frozenset({"47", "1047", "1049"})
STRINGS: Final = rf"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x18\x1a\x1b\n\x9c]{{0,{STRING}}}"  # it ends with its line at the latest, so that it hides none
TOKEN: Final = re.compile(
    rf"(?P<text>[^\x00-\x1f\x7f-\x9f]+)|(?:\x1b\[|\x9b)(?P<given>[0-?]*)[ -/]*(?P<final>[@-~])|{STRINGS}(?:\x07|\x1b\\|[\x18\x1a\x9c]|(?=[\x1b\n]|\Z))"
    r"|\x1b[ -/]+[0-~]|\x1b(?P<escape>[0-~])|(?P<control>[\x00-\x1f\x7f-\x9f])")
BEGUN: Final = re.compile(rf"(?:\x1b|(?:\x1b\[|\x9b)[0-?]*[ -/]*|{STRINGS}\x1b?|\x1b[ -/]+)\Z")  # at the end of a piece: it may go on in the next
C1: Final = re.compile("[\x90\x98\x9b\x9d-\x9f]")
# of no effect on a line that is only written on: colours, erasing what is behind the cursor, modes of the keyboard and the cursor, the title of the window
IDLE: Final = re.compile(r"\x1b(?:\[(?:[0-9;:]*m|0?K|\?(?:1|7|12|25|1004|2004|2026)[hl])|\(B|[=>]|\][^\x07\x18\x1a\x1b\n\x9c]{0,512}(?:\x07|\x1b\\))")


class Printed:
    """One stream of output. Feed it pieces of any size; it never raises."""

    def __init__(self, columns: int = 0) -> None:
        """`columns`: the width of the terminal behind the stream, which decides where a carriage return leads; 0 without one."""
        self.resize(columns)
        self.drawn_over = 0  # lines that do not show all that was printed in them
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._begun = ""  # a sequence whose end has not come
        self._cells: list[str] = []  # of the line: a character with its marks each; the second half of a wide one is empty
        self._clear = 0  # cells at its beginning that are blank because they were erased; there may be more
        self._at = 0  # the cursor's place in it
        self._full = False  # the cursor stands on the last character of a full row: the next one goes into the next row
        self._insert = False  # characters are put between those that are there
        self._last = ""  # the character that was printed last
        self._row = 0  # on the screen, from 1, if a program said where it paints; else 0
        self._over = False  # this line was drawn over
        self._told = False  # nothing was written in this line since it was given out
        self._given = 0  # characters of this line that are given out
        self._blank = 0  # line ends that wait
        self._out: list[str] = []

    @property
    def waits(self) -> bool:
        """Whether a line was begun and not ended."""
        return (len(self._cells) > self._clear and not self._told) or bool(self._given)

    def resize(self, columns: int) -> None:
        """From here on the terminal has so many columns."""
        self._columns, self._painted = min(columns, BROADEST), Painted()

    def feed(self, data: bytes) -> str:
        """The lines that this ended, each with a line feed behind it."""
        text = self._begun + self._decoder.decode(data)
        self._begun = ""
        if (begins := _begins(text)) >= 0:
            self._begun, text = text[begins:], text[:begins]
        text = text.replace("\r\n", "\n")
        if text.endswith("\r") and not self._begun:  # half a line end
            self._begun, text = "\r", text[:-1]
        end = text.rfind("\n") + 1
        if end:
            self._lines(text[:end])
        if end < len(text):
            self._draw(text[end:])
            self._relieve()
        return self._take()

    def end(self) -> str:
        """The rest of the line that has no end; the next piece begins a new one."""
        self._begun = ""
        if tail := self._decoder.decode(b"", final=True):
            self._draw(tail)
        if self.waits or self._over:
            self._line()
        self._row, self._at, self._cells, self._told, self._painted = 0, 0, [], False, Painted()
        return self._take()

    def _take(self) -> str:
        out, self._out = "".join(self._out), []
        return out

    def _lines(self, text: str) -> None:
        """Whole lines. Nearly all are plain, and pass as they are, as many at once as follow each other."""
        idle = IDLE.sub("", text) if "\x1b" in text else text
        if self._fresh and idle.replace("\n", "").isprintable():
            self._pass(idle)
            return
        lines = idle[:-1].split("\n")
        full = text[:-1].split("\n") if idle is not text else lines
        at = 0
        while at < len(lines):
            end = at
            while self._fresh and end < len(lines) and lines[end].isprintable():
                end += 1
            if end > at:
                self._pass("\n".join([*lines[at:end], ""]))
                at = end
            else:
                self._draw(full[at])
                self._feed_line()
                self._last = ""
                at += 1

    @property
    def _fresh(self) -> bool:
        """Whether the cursor stands at the beginning of a new line."""
        return not (self._cells or self._at or self._given or self._over)

    def _pass(self, text: str) -> None:
        """Lines without anything to do in them."""
        self._row += text.count("\n") if self._row else 0
        self._painted.forget()
        self._emit(plain(text))

    def _emit(self, text: str) -> None:
        """Lines; empty ones wait for one with text."""
        body = text.rstrip("\n")
        ends = len(text) - len(body)
        if body:
            self._out += ["\n" * self._blank, body, "\n" * bool(ends)]
            self._blank, ends = 0, max(0, ends - 1)
        self._blank += ends
        if self._blank > BLANKS:
            self._out.append("\n" * (self._blank - BLANKS))
            self._blank = BLANKS

    def _line(self) -> None:
        """End the line."""
        line = plain("".join(self._cells).rstrip()) + "\n"
        if self._given:
            self._out.append(line)
        elif not self._told:
            self._emit(line)
        self._told = False
        self.drawn_over += self._over
        self._cells, self._clear, self._at, self._given, self._over, self._full = [], 0, 0, 0, False, False

    def _relieve(self) -> None:
        """Give out the beginning of a line that grows without end."""
        if len(self._cells) > HELD:
            away = len(self._cells) - HELD // 2
            away -= away % self._columns if self._columns else 0
            self._out += ["\n" * self._blank, plain("".join(self._cells[:away]))]
            self._blank = 0
            self._given += away
            self._at, self._clear = max(0, self._at - away), max(0, self._clear - away)
            del self._cells[:away]

    def _draw(self, text: str) -> None:
        for match in TOKEN.finditer(text):
            if match.lastgroup == "text":
                self._write(match.group())
            else:
                if match.lastgroup == "final":
                    self._sequence(match["given"], match["final"])
                elif match.lastgroup == "escape":
                    self._escape(match["escape"])
                elif match.lastgroup == "control":
                    self._control(match["control"])
                self._last = ""
            if len(self._cells) > 2 * HELD:
                self._relieve()

    def _write(self, text: str) -> None:
        cells = list(text) if text.isascii() else self._marked(text)
        if not cells:
            return
        here, end = self._at, self._at + len(cells)
        if here > len(self._cells):
            self._cells += " " * (here - len(self._cells))
        if self._insert:
            end = here
        elif here < len(self._cells) and not self._over:
            before = self._cells[here:end]
            self._over = any(old[:1] != new[:1] and old.strip() for old, new in zip(before, cells, strict=False))
        self._cells[here:end] = cells
        self._clear, self._told = min(self._clear, here), False
        self._at = here + len(cells)
        self._full = bool(self._columns) and self._at % self._columns == 0
        self._last = (cells[-1] or cells[-2])[0]

    def _marked(self, text: str) -> list[str]:
        """Text by cells: a wide character takes two, a mark belongs to the character before it."""
        cells: list[str] = []
        for char in text:
            if unicodedata.category(char) in MARKS:
                there, at = (cells, len(cells)) if cells else (self._cells, self._at)
                at -= 1 if at < 2 or there[at - 1 : at] != [""] else 2
                if 0 <= at < len(there):
                    there[at] = (there[at] + char)[:MOST]
                    self._clear = self._clear if cells else min(self._clear, at)
                else:
                    cells.append(char)
            elif unicodedata.east_asian_width(char) in "WF":
                cells += [char, ""]
            else:
                cells.append(char)
        return cells

    def _stand(self) -> int:
        """The cursor's place, for what moves it: on the last character of a full row, not behind it."""
        if self._full:
            self._at, self._full = self._at - 1, False
        return self._at

    def _first(self) -> int:
        """The place of the first column of the cursor's row."""
        return self._stand() // self._columns * self._columns if self._columns else 0

    def _rightmost(self) -> int:
        """The last place in the cursor's row that a move reaches."""
        return self._first() + self._columns - 1 if self._columns else max(self._at, WIDEST - 1)

    def _control(self, char: str) -> None:
        if char == "\r":
            self._at = self._first()
        elif char == "\b":
            self._at = max(0, self._stand() - 1)
        elif char == "\t":
            self._tab(1)
        elif char in "\n\x0b\x0c\x84\x85":
            self._feed_line()
        elif char == "\x8d":
            self._escape("M")

    def _tab(self, by: int) -> None:
        """So many tab stops on or back."""
        first = self._first()
        column = self._at - first
        stop = (column // STOP + by) * STOP if by > 0 else (-(-column // STOP) + by) * STOP
        self._at = min(self._rightmost(), first + stop) if by > 0 else first + max(0, stop)

    def _escape(self, char: str) -> None:
        if char in "DE":
            self._feed_line()
        elif char in "Mc":
            self._painted.forget()
            self._leave(-1 if char == "M" else 0)
        elif char == "7":
            self._painted.save(self._row, self._at, self._cells, self._columns)
        elif char == "8":
            self._restore()

    def _feed_line(self) -> None:
        """A line feed: within a line that takes several rows of the terminal to its next row, else to a new line."""
        wide = self._columns
        if wide and self._stand() // wide < (len(self._cells) - 1) // wide:
            self._at = (self._at // wide + 1) * wide
            return
        self._line()
        self._row += bool(self._row)
        self._painted.forget()

    def _sequence(self, given: str, final: str) -> None:
        """A control sequence (ECMA-48, 8.3)."""
        if given[:1] in {"<", "=", ">", "?"}:
            if final in "hl" and not ALTERNATE.isdisjoint(given[1:].split(";")):
                self._painted.forget()
                self._leave(0)
            return
        one, two = [min(int(part), 9999) if part.isdigit() else 0 for part in [*given.split(";")[:2], ""]][:2]
        count = max(1, one)
        if final in "CaDG`":
            self._along(count, final)
        elif final in "Hfrd":
            at = min(max(1, two), self._columns or WIDEST) - 1
            self._place(*((count, self._stand() - self._first()) if final == "d" else (1, 0) if final == "r" else (count, at)))
        elif final in "ABEFe":
            self._up(-count if final in "AF" else count, keep=final in "ABe")
        elif final == "K":
            self._erase(one)
        elif final in "JLMST":
            self._wipe(one, final)
        elif final in "PX@":
            self._shift(count, final)
        elif final in "IZ":
            self._tab(min(count, WIDEST) if final == "I" else -count)
        elif final == "b" and self._last:
            self._write(self._last * min(count, self._columns or WIDEST))
        elif final in "su" and not given:
            self._escape("7" if final == "s" else "8")
        elif final in "hl" and one == 4:
            self._insert = final == "h"

    def _along(self, count: int, final: str) -> None:
        """Move within the row."""
        at, first = self._stand(), self._first()
        there = at + count if final in "Ca" else max(first, at - count) if final == "D" else first + count - 1
        self._at = min(there, self._rightmost())

    def _place(self, row: int, at: int) -> None:
        """Paint elsewhere on the screen; in the same row it is the same line."""
        if row != self._row:
            self._leave(0, at)
            at, self._row = self._at, row
            self._recall()
        self._at = at

    def _restore(self) -> None:
        """Back to the saved place, if it is known what stands there."""
        row, at, cells = self._painted.saved or (self._row, self._at, ())
        if row != self._row:
            self._leave(0)
            self._row = row
            self._recall(cells)
        self._at, self._full = at, bool(self._columns and at and at % self._columns == 0)

    def _recall(self, cells: Sequence[str] = ()) -> None:
        """Take up the row as it stood when the cursor left it and it was given out."""
        self._cells = list(cells) or self._painted.recall(self._row)
        self._told = bool(self._cells)

    def _up(self, by: int, *, keep: bool) -> None:
        """So many rows up or down; within a line that takes several rows it stays in that line."""
        wide = self._columns
        there = self._stand() + by * wide
        if wide and keep and there >= 0 and there // wide <= max(0, len(self._cells) - 1) // wide:
            self._at = there
        else:
            self._leave(by, at=self._at if keep else 0)
            self._recall()

    def _leave(self, rows: int, at: int = 0) -> None:
        """End the line without a line feed, if something is in it. The next one begins in the same column."""
        self._painted.keep(self._row, self._cells, self._columns)
        if self.waits or self._told:
            self._line()
        self._cells, self._clear = [], 0
        self._row = max(1, self._row + rows) if self._row and rows else self._row * bool(rows)
        self._at = at % self._columns if self._columns else min(at, WIDEST - 1)

    def _wipe(self, how: int, final: str) -> None:
        """Erase or move lines of the screen: what this line had is kept, as a line of its own."""
        if final == "J" and how == 0:
            self._erase(0)
            self._painted.forget(below=self._row)
        else:
            self._leave(0, at=self._stand())
            self._painted.forget()

    def _erase(self, how: int) -> None:
        """Erase within the line: from the cursor on, up to it, or all."""
        wide, size = self._columns, len(self._cells)
        if how == 0 and self._full:
            return
        first = self._first()
        start, end = (self._at if how == 0 else first), (min(size, self._at + 1) if how == 1 else min(size, first + wide) if wide else size)
        if start >= end:
            return
        rest = max(start, min(self._clear, end))  # cells before that were erased already
        self._over |= bool("".join(self._cells[rest:end]).strip())
        keep = end if end < size else start if wide else max(start, min(self._at, size))  # up to the cursor, where what is written next would put blanks again
        self._cells[rest:keep] = " " * (keep - rest)
        if end == size:
            del self._cells[keep:]
        self._clear = min(max(self._clear, keep if start <= self._clear else 0), len(self._cells))

    def _shift(self, count: int, final: str) -> None:
        """Take characters out, blank them, or put blanks in, at the cursor."""
        at, count = self._stand(), min(count, self._columns or WIDEST)
        if final == "@":
            self._cells[at:at] = [" "] * count if at < len(self._cells) else []
            return
        gone = self._cells[at : at + count]
        self._over |= bool("".join(gone).strip())
        self._cells[at : at + count] = [" "] * len(gone) if final == "X" else []
        self._clear = self._clear if final == "X" else min(self._clear, at)


def _begins(text: str) -> int:
    """Where the sequence begins that has no end yet, at the end of a text; -1 if there is none."""
    last = text.rfind("\x1b", -STRING)
    before = text.rfind("\x1b", -STRING, last) if last >= 0 else -1  # of a string: its end begins with an escape, too
    places = [before, last] if text.isascii() else sorted({before, last, *(match.start() for match in C1.finditer(text, max(0, len(text) - STRING)))})
    return next((place for place in places if place >= 0 and BEGUN.match(text, place)), -1)
