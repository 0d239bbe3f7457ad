"""The process that emulates terminals with libghostty-vt. It is run as a script, holds a socket to its parent, and can open nothing else.

Recorded bytes are hostile, and the library is native code: whatever they do to it ends this process, and the parent (`emulator.py`) starts another one.
It never imports jitui.

A request is HEAD (op, terminal, two numbers, length of the body) and the body; the answer is its length (`<I`) and as many bytes: OK and the result, or FAILED
and why. EOF ends the process.
"""

import codecs
import ctypes
import json
import os
import re
import resource
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any, Final

HEAD: Final = struct.Struct("<BIIII")
NEW, FREE, FEED, UNDELIVERED, RESIZE, SOFT_RESET, READ, CURSOR, KEEP, LOAD = range(10)
NEWLINE: Final = 1 << 31  # in the second number: no tty translated the output, a line feed also returns
LOW: Final = 1 << 31  # in the first number: fewer lines are kept above the screen, so that a state takes half
OK, FAILED = b"+", b"-"
INSIDE: Final = b"i"
TOKEN: Final = 32  # bytes
MEMORY: Final = 1 << 30  # bytes of address space
LONGEST_S: Final = 30  # for one request, more than the parent waits: native code that loops ends even if nobody is left to end it
ABOVE: Final = (1000, 200)  # lines kept of those that left the screen at its top, which a resize brings back; with LOW as many as a screen has at most
STRING: Final = 4096  # bytes of a string to the terminal, which shows nothing
UNFINISHED: Final = 64 << 10  # bytes of a sequence without end that a kept terminal holds
MARKS: Final = 8  # characters of one cell beyond its first
INSERT, ORIGIN, SHOWN, NEW_LINE = 4 | 1 << 15, 6, 25, 20 | 1 << 15  # modes; the 15th bit tells ANSI modes from DEC's
CLUSTER, PALETTE, RGB = 1, 2, 3  # contents of a cell, its lowest two bits: several characters; only a background, of the palette or not; else one character
POINT: Final = 0x1FFFFF  # the character, above those
STYLE, WIDE, LINK = 0xFFFF << 26, 42, 1 << 45  # the style; where the two bits of the width are; whether there is a link
DOUBLE, TAIL = 1, 2  # widths: a wide character, its second half
CREATE_RULESET, RESTRICT_SELF, RULESET_VERSION, NO_NEW_PRIVILEGES = 444, 446, 1, 38  # numbers of Linux, the same on each machine
OPENING, SIGNALS, SCOPED = (1 << 13) - 1, 1 << 1, 6  # all uses of files that Landlock knew first; signals to processes outside; its version that knows these
CHANGE: Final = re.compile(b"[^\\0]")
KEY: Final = STYLE | LINK | 3 << WIDE | 3
KNOWN: Final = 10_000  # styles remembered
ATTRIBUTES: Final = ("bold", "faint", "italic", "underline", "blink", "inverse", "invisible", "strikethrough", "overline")  # bits of a look, from the lowest
LOST: Final = 1 << len(ATTRIBUTES)  # the bit of text that was not delivered

Look = tuple[str, str, int]
Run = tuple[str, int, int]


class Screen:
    """One terminal of the library, and what it takes to read it whole."""

    def __init__(self, library: "Library", columns: int, lines: int, *, newline: bool, low: bool = False, terminal: Any = None) -> None:
        self._of, self._ffi, self._lib = library, library.ffi, library.lib
        self._terminal = self._ffi.new("GhosttyTerminal*")
        if terminal is None:
            library.check(self._lib.ghostty_terminal_new(self._ffi.NULL, self._terminal, columns, lines), "new")
        else:
            self._terminal[0] = terminal
        self._columns, self._lines = columns, lines
        self._lost = False  # the mark of what was not delivered is on
        self._state = self._ffi.new("GhosttyRenderState*")  # holds the lines that did not change since it was read, therefore each terminal has its own
        library.check(self._lib.ghostty_render_state_new(self._ffi.NULL, self._state), "state")
        for option, kind, value in (
            ("SCROLLBACK_MAX_LINES", "size_t*", ABOVE[low]), ("KITTY_IMAGE_STORAGE_LIMIT", "uint64_t*", 0), ("CONTINUATION_MAX_BYTES", "size_t*", UNFINISHED),
            ("APC_MAX_BYTES", "size_t*", STRING), ("APC_MAX_BYTES_KITTY", "size_t*", STRING), ("CLIPBOARD_WRITE_MAX_BYTES", "size_t*", STRING),
        ):  # fmt: skip
            self._set(option, self._ffi.new(kind, value))
        if newline:
            self._mode(NEW_LINE, on=True, kept=True)

    def free(self) -> None:
        self._lib.ghostty_render_state_free(self._state[0])
        self._lib.ghostty_terminal_free(self._terminal[0])

    def feed(self, data: bytes) -> bytes:
        """INSIDE if all of it belongs to a sequence that began before and has not ended; else nothing."""
        at = self._finish(data, 0)
        if at is None:
            return INSIDE
        if self._lost:
            self._write(b"\x1b]8;;\x1b\\")
            self._lost = False
        self._write(data[at:] if at else data)
        return b""

    def feed_undelivered(self, data: bytes) -> bytes:
        """Each cell gets a link that no program can know: the mark. Any sequence may take it off, therefore it is put on after each. Gives what `feed` does."""
        start = at = self._finish(data, 0)
        while at is not None and at < len(data):
            self._write(self._of.mark)
            self._lost = True
            end = data.find(b"\x1b", at) + 1 or len(data)
            self._write(data[at:end])
            at = self._finish(data, end)
        return INSIDE if start is None else b""

    def _finish(self, data: bytes, at: int) -> int | None:
        """Feed what ends the sequence that has begun; gives where it ends, or None if it has not ended."""
        consumed = self._ffi.new("size_t*")
        answer = self._lib.ghostty_terminal_vt_write_until_ground(self._terminal[0], self._ffi.from_buffer(data) + at, len(data) - at, consumed)
        return None if answer == self._lib.GHOSTTY_NO_VALUE else at + int(consumed[0])

    def _write(self, data: bytes) -> None:
        self._lib.ghostty_terminal_vt_write(self._terminal[0], data, len(data))

    def resize(self, columns: int, lines: int) -> None:
        """Lines below the cursor go first, as in xterm; the library would move those above it out of the screen."""
        x, y = self._number("CURSOR_X"), self._number("CURSOR_Y")
        cut = min(self._lines - lines, self._lines - 1 - y)
        if cut > 0 and self._finish(b"", 0) is not None and not self._number("CURSOR_PENDING_WRAP", "bool"):  # not in the middle of a sequence
            origin = self._is(ORIGIN)
            self._mode(ORIGIN, on=False)
            self._write(b"\x1b[%d;1H\x1b[J\x1b[%d;%dH" % (self._lines - cut + 1, y + 1, x + 1))
            self._mode(ORIGIN, on=origin)
        self._of.check(self._lib.ghostty_terminal_resize(self._terminal[0], columns, lines, 8, 16), "resize")
        self._columns, self._lines = columns, lines

    def soft_reset(self) -> None:
        """DECSTR, which the library does not know: modes, margins, colours and character sets as at the start; text and cursor stay."""
        x, y = self._number("CURSOR_X"), self._number("CURSOR_Y")
        for mode, on in ((ORIGIN, False), (INSERT, False), (SHOWN, True)):
            self._mode(mode, on=on)
        self._write(b"\x1b[r\x1b[m\x1b(B\x1b)B\x0f\x1b[%d;%dH" % (y + 1, x + 1))

    def keep(self) -> bytes:
        """The whole state, as `loaded` takes it."""
        out, size = self._ffi.new("uint8_t**"), self._ffi.new("size_t*")
        self._of.check(self._lib.ghostty_snapshot_encode_alloc(self._terminal[0], self._ffi.NULL, out, size), "keep")
        try:
            return bytes([self._lost]) + bytes(self._ffi.buffer(out[0], size[0]))
        finally:
            self._lib.ghostty_free(self._ffi.NULL, out[0], size[0])

    @classmethod
    def loaded(cls, library: "Library", kept: bytes, *, newline: bool, low: bool = False) -> "Screen":
        ffi, lib = library.ffi, library.lib
        decoder, terminal = ffi.new("GhosttySnapshotDecoder*"), ffi.new("GhosttyTerminal*")
        body = ffi.from_buffer(kept)
        library.check(lib.ghostty_snapshot_decoder_new_buf(ffi.NULL, decoder, body + 1, len(kept) - 1), "load")
        try:
            option = lib.GHOSTTY_SNAPSHOT_DECODER_OPT_MAX_CONTINUATION_BYTES
            library.check(lib.ghostty_snapshot_decoder_set(decoder[0], option, ffi.new("size_t*", UNFINISHED)), "load")
            library.check(lib.ghostty_snapshot_decoder_decode(decoder[0], terminal), "load")
        finally:
            lib.ghostty_snapshot_decoder_free(decoder[0])
        screen = cls(library, 0, 0, newline=newline, low=low, terminal=terminal[0])
        screen._columns, screen._lines, screen._lost = screen._number("COLS"), screen._number("ROWS"), bool(kept[0])
        return screen

    def read(self) -> bytes:
        """The screen as JSON: cursor (column, line, whether it is shown), looks, and lines as runs [text, width, index of its look].

        Width 0: each character of the text is a cell. 1 and 2: all of the text is one cell, or a wide one.
        """
        looks: dict[Look, int] = {}
        lines = [self._line(row, y, looks) for y, row in enumerate(self._rows())]
        found = {"cursor": self._cursor(), "looks": list(looks), "lines": lines}
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    def cursor(self) -> bytes:
        """Column, line, whether it is shown, as JSON."""
        return json.dumps(self._cursor()).encode()

    def _cursor(self) -> tuple[int, int, int]:
        return self._number("CURSOR_X"), self._number("CURSOR_Y"), self._number("CURSOR_VISIBLE", "bool")

    def _rows(self) -> Iterator[bytes]:
        ffi, lib, of = self._ffi, self._lib, self._of
        of.check(lib.ghostty_render_state_update(self._state[0], self._terminal[0]), "read")
        of.check(lib.ghostty_render_state_get(self._state[0], lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, of.rows), "read")
        raw = ffi.new("GhosttyCellsView*")
        while lib.ghostty_render_state_row_iterator_next(of.rows[0]):
            of.check(lib.ghostty_render_state_row_get(of.rows[0], lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, raw), "read")
            of.check(lib.ghostty_render_state_row_get(of.rows[0], lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS, of.cells), "read")
            row = bytes(ffi.buffer(raw.ptr, raw.len * 8)).rstrip(b"\0")
            yield row + bytes(-len(row) % 8)

    def _line(self, row: bytes, y: int, looks: dict[Look, int]) -> list[Run]:
        """Cells of one style as one run. The bits of all cells are looked at as those of one large number: a loop over cells takes ten times as long."""
        size, whole = len(row), int.from_bytes(row, "little")
        text = (whole >> 2 & self._mask(POINT, size)).to_bytes(size, "little").decode("utf-32-le", "replace")[::2].replace("\0", " ")
        keys = whole & self._mask(KEY, size)
        changes = (keys ^ keys >> 64).to_bytes(size, "little")  # not zero where the next cell is of another key
        runs: list[Run] = []
        styles: dict[int, int] = {}
        at = 0
        for end in [*dict.fromkeys(change.start() // 8 + 1 for change in CHANGE.finditer(changes)), size // 8]:
            if end == at:
                continue
            key = int.from_bytes(row[at * 8 : at * 8 + 8], "little") & KEY
            kind, wide = key & 3, key >> WIDE & 3
            if kind >= PALETTE:  # of such a cell the character's bits are its background
                for x in range(at, end):
                    cell = int.from_bytes(row[x * 8 : x * 8 + 8], "little")
                    runs.append((" ", 0, looks.setdefault(self._look(cell, x, y), len(looks))))
            elif wide != TAIL:
                if key not in styles:
                    styles[key] = looks.setdefault(self._look(key, at, y), len(looks))
                if kind == CLUSTER or wide == DOUBLE:
                    wider = range(self._columns - 1 if wide == DOUBLE else 0)  # columns in which there is room for two halves
                    runs += [(self._cluster(x) if kind == CLUSTER else text[x], 1 + (x in wider), styles[key]) for x in range(at, end)]
                else:
                    runs.append((text[at:end], 0, styles[key]))
            at = end
        return runs

    def _mask(self, bits: int, size: int) -> int:
        """These bits of every cell."""
        if (bits, size) not in self._of.masks:
            self._of.masks[bits, size] = int.from_bytes(bits.to_bytes(8, "little") * (size // 8), "little")
        return self._of.masks[bits, size]

    def _cluster(self, x: int) -> str:
        ffi, lib, of = self._ffi, self._lib, self._of
        size = ffi.new("uint32_t*")
        lib.ghostty_render_state_row_cells_select(of.cells[0], x)
        of.check(lib.ghostty_render_state_row_cells_get(of.cells[0], lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_LEN, size), "read")
        points = ffi.new("uint32_t[]", max(1, size[0]))
        of.check(lib.ghostty_render_state_row_cells_get(of.cells[0], lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_BUF, points), "read")
        return "".join(map(chr, points[0 : min(size[0], 1 + MARKS)]))

    def _look(self, cell: int, x: int, y: int) -> Look:
        """Foreground, background, bits. A colour is empty (the default), a number of the palette, or #rrggbb."""
        lib, of, style = self._lib, self._of, self._of.style
        kind, value = cell & 3, cell >> 2
        bits = LOST if cell & LINK and self._is_lost(x, y) else 0
        if not cell & STYLE and kind < PALETTE:
            return "", "", bits
        lib.ghostty_render_state_row_cells_select(of.cells[0], x)
        of.check(lib.ghostty_render_state_row_cells_get(of.cells[0], lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE, style), "read")
        raw = bytes(self._of.style_bytes)
        if raw not in self._of.known:
            if len(self._of.known) > KNOWN:
                self._of.known.clear()
            attributes = sum(bool(getattr(style, name)) << bit for bit, name in enumerate(ATTRIBUTES))
            self._of.known[raw] = _colour(style.fg_color), _colour(style.bg_color), attributes
        fore, back, attributes = self._of.known[raw]
        if kind == PALETTE:
            back = str(value & 255)
        elif kind == RGB:
            back = f"#{value & 255:02x}{value >> 8 & 255:02x}{value >> 16 & 255:02x}"
        return fore, back, bits | attributes

    def _is_lost(self, x: int, y: int) -> bool:
        """Whether the link of a cell is the mark."""
        ffi, lib, of = self._ffi, self._lib, self._of
        point, ref = ffi.new("GhosttyPointS*"), ffi.new("GhosttyGridRef*")
        point.tag, point.value.x, point.value.y, ref.size = lib.GHOSTTY_POINT_TAG_ACTIVE, x, y, ffi.sizeof("GhosttyGridRef")
        of.check(of.grid_ref(self._terminal[0], point[0], ref), "read")
        out, size = ffi.new("uint8_t[]", len(of.mark)), ffi.new("size_t*")
        return lib.ghostty_grid_ref_hyperlink_uri(ref, out, len(of.mark), size) == 0 and bytes(ffi.buffer(out, size[0])) == of.token

    def _number(self, name: str, kind: str = "uint16_t") -> int:
        out = self._ffi.new(f"{kind}*")
        self._of.check(self._lib.ghostty_terminal_get(self._terminal[0], getattr(self._lib, f"GHOSTTY_TERMINAL_DATA_{name}"), out), name)
        return int(out[0])

    def _is(self, mode: int) -> bool:
        found = self._ffi.new("GhosttyTerminalModeConfig*", {"mode": mode})
        self._of.check(self._lib.ghostty_terminal_get(self._terminal[0], self._lib.GHOSTTY_TERMINAL_DATA_MODE, found), "mode")
        return bool(found.value)

    def _mode(self, mode: int, *, on: bool, kept: bool = False) -> None:
        """`kept`: a reset does not change it."""
        for option in ("MODE_DEFAULT", "MODE") if kept else ("MODE",):
            self._set(option, self._ffi.new("GhosttyTerminalModeConfig*", {"mode": mode, "value": on}))

    def _set(self, option: str, value: Any) -> None:
        self._of.check(self._lib.ghostty_terminal_set(self._terminal[0], getattr(self._lib, f"GHOSTTY_TERMINAL_OPT_{option}"), value), option)


def _colour(colour: Any) -> str:
    if colour.tag == 1:
        return str(colour.value.palette)
    rgb = colour.value.rgb
    return f"#{rgb.r:02x}{rgb.g:02x}{rgb.b:02x}" if colour.tag else ""


class Library:
    """libghostty-vt, and what all terminals share for being read."""

    def __init__(self, token: bytes) -> None:
        """`token`: the address of the link that marks what was not delivered."""
        from pyghostty._ffi import check, ffi, lib, union_fn  # noqa: PLC0415 - not before the search path is the parent's

        self.ffi, self.lib, self.check = ffi, lib, check
        self.token, self.mark = token, b"\x1b]8;;%s\x1b\\" % token
        self.rows, self.cells = ffi.new("GhosttyRenderStateRowIterator*"), ffi.new("GhosttyRenderStateRowCells*")
        check(lib.ghostty_render_state_row_iterator_new(ffi.NULL, self.rows), "rows")
        check(lib.ghostty_render_state_row_cells_new(ffi.NULL, self.cells), "cells")
        self.style = ffi.new("GhosttyStyle*")
        self.style.size = ffi.sizeof("GhosttyStyle")
        self.style_bytes = ffi.buffer(self.style)
        self.known: dict[bytes, Look] = {}  # by style
        self.masks: dict[tuple[int, int], int] = {}  # by bits and length of a line
        self.grid_ref = union_fn("ghostty_terminal_grid_ref", "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyGridRef*)")
        self._check_bits()

    def _check_bits(self) -> None:
        """The library's own accessor must find in a cell what the masks of this file do."""
        cell = 0x1F600 << 2 | 0x1234 << 26 | 1 << WIDE | LINK | CLUSTER
        for name, expected in (("CODEPOINT", 0x1F600), ("STYLE_ID", 0x1234), ("WIDE", DOUBLE), ("HAS_HYPERLINK", 1), ("CONTENT_TAG", CLUSTER)):
            out = self.ffi.new("uint32_t*")
            self.check(self.lib.ghostty_cell_get(cell, getattr(self.lib, f"GHOSTTY_CELL_DATA_{name}"), out), name)
            if out[0] != expected:
                raise RuntimeError(f"this libghostty-vt keeps {name} elsewhere in a cell; install the version that constraints.txt names")


class Core:
    """Does what the parent asks, one thing after the other."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._screens: dict[int, Screen] = {}

    def answer(self, op: int, ident: int, one: int, two: int, body: bytes) -> bytes:
        """`one` and `two`: columns and lines; for NEW and LOAD their highest bits are LOW and NEWLINE."""
        newline, low = bool(two & NEWLINE), bool(one & LOW)
        if op == NEW:
            self._put(ident, Screen(self._library, one & ~LOW, two & ~NEWLINE, newline=newline, low=low))
            return b""
        if op == LOAD:
            self._put(ident, Screen.loaded(self._library, body, newline=newline, low=low))
            return b""
        if op == FREE:
            self._put(ident, None)
            return b""
        screen = self._screens[ident]
        if op == FEED:
            return screen.feed(body)
        if op == UNDELIVERED:
            return screen.feed_undelivered(body)
        if op == RESIZE:
            screen.resize(one, two)
        elif op == SOFT_RESET:
            screen.soft_reset()
        return {READ: screen.read, CURSOR: screen.cursor, KEEP: screen.keep}[op]() if op in {READ, CURSOR, KEEP} else b""

    def _put(self, ident: int, screen: Screen | None) -> None:
        if old := self._screens.pop(ident, None):
            old.free()
        if screen is not None:
            self._screens[ident] = screen


def serve(channel: socket.socket, core: Core) -> None:
    """Until EOF. SIGALRM ends the process over a request that takes too long, whatever its parent does with that signal."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    with channel.makefile("rb", buffering=1 << 18) as asked:
        while len(head := asked.read(HEAD.size)) == HEAD.size:
            op, ident, one, two, size = HEAD.unpack(head)
            body = asked.read(size)
            signal.alarm(LONGEST_S)
            try:
                said = OK + core.answer(op, ident, one, two, body)
            except Exception as problem:  # noqa: BLE001 - the parent hears of it, whatever it is
                said = FAILED + f"{type(problem).__name__}: {problem}".encode("utf-8", "replace")[:200]
            signal.alarm(0)
            channel.sendall(struct.pack("<I", len(said)) + said)


def confine() -> None:
    """From here on the process can open no file and no socket, start no other one, and take no more than so much memory."""
    shut_in()
    none = (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE)
    for limit, most in (*((limit, 0) for limit in none), (resource.RLIMIT_AS, MEMORY)):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (most, most) if hard == resource.RLIM_INFINITY or most <= hard else (hard, hard))


def shut_in() -> int:
    """Shuts off other processes by Landlock (Linux, userspace-api/landlock.rst): they can't be traced or written to, nor get a signal. Its version, or 0."""
    library = ctypes.CDLL(None)
    version = int(library.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), RULESET_VERSION)) if sys.platform == "linux" else 0
    rules = struct.pack("=QQQ", OPENING, 0, SIGNALS)[: 24 if version >= SCOPED else 8]
    if version > 0 and (held := library.syscall(CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)) >= 0:
        library.prctl(NO_NEW_PRIVILEGES, *map(ctypes.c_ulong, (1, 0, 0, 0)))
        library.syscall(RESTRICT_SELF, held, 0)
        os.close(held)
    return max(0, version)


def main() -> None:
    """Arguments: the parent's search path for modules, as JSON. Standard input is the socket, whose first bytes are the token."""
    sys.path[:] = json.loads(sys.argv[1])
    codecs.lookup("utf-32-le")  # loads the codec, while files can be opened
    channel = socket.socket(fileno=0)
    core = Core(Library(channel.recv(TOKEN)))
    confine()
    channel.sendall(OK)
    serve(channel, core)


if __name__ == "__main__":
    main()
