"""Terminal output cut into text, controls and sequences (ECMA-48; the state machine of a VT500, reduced to what a screen needs).

Strings to the terminal itself (DCS, OSC, SOS, PM, APC) are swallowed whole, whatever is in them. Memory is bounded: a sequence keeps at most
16 parameters of at most 9999, a string keeps nothing.
"""

import re
from codecs import getincrementaldecoder
from typing import Final, Protocol

PARAMETERS: Final = 16
LARGEST: Final = 9999
TEXT: Final = re.compile("[^\x00-\x1f\x7f-\x9f]+")
STRING_END: Final = re.compile("[\x07\x18\x1a\x1b\x9c]")
GROUND, ESCAPE, CSI, STRING, CHARSET, SKIP = range(6)
INTRODUCERS: Final = {"[": CSI, "P": STRING, "]": STRING, "X": STRING, "^": STRING, "_": STRING, "#": SKIP, "%": SKIP, "*": SKIP, "+": SKIP, "-": SKIP,
                      ".": SKIP, "/": SKIP, " ": SKIP, "(": CHARSET, ")": CHARSET}  # fmt: skip
C1: Final = {"\x9b": "[", "\x90": "P", "\x9d": "]", "\x98": "X", "\x9e": "^", "\x9f": "_", "\x84": "D", "\x85": "E", "\x88": "H", "\x8d": "M"}


class Sink(Protocol):
    """Receives the text, controls and sequences that a parser finds."""

    def printed(self, text: str) -> None: ...
    def control(self, char: str) -> None: ...
    def escape(self, final: str) -> None: ...
    def charset(self, slot: str, code: str) -> None: ...
    def csi(self, private: str, parameters: list[int], final: str) -> None: ...


class Parser:
    """Feed it bytes of any size; it never raises and never looks back further than its state."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._state = GROUND
        self._parameters: list[int] = [0]
        self._private = ""
        self._strange = False  # intermediates, or sub-parameters in other sequences than SGR: known to be of no use here
        self._slot = ""

    def feed(self, data: bytes) -> None:
        text = self._decoder.decode(data)
        at, end = 0, len(text)
        while at < end:
            if self._state == GROUND and (found := TEXT.match(text, at)):
                self._sink.printed(found.group())
                at = found.end()
            elif self._state == STRING:
                stop = STRING_END.search(text, at)
                if stop is None:
                    return
                at = stop.end()
                self._state = ESCAPE if stop.group() == "\x1b" else GROUND
            else:
                self._step(text[at])
                at += 1

    def _step(self, char: str) -> None:
        if char in "\x18\x1a":  # CAN, SUB: the sequence is off
            self._state = GROUND
        elif char == "\x1b":
            self._state = ESCAPE
        elif char < " ":
            self._sink.control(char)  # also in the middle of a sequence, as terminals do
        elif "\x80" <= char <= "\x9f":
            self._state = GROUND
            if char in C1:
                self._introduce(C1[char])
        elif char == "\x7f":
            pass
        elif self._state == ESCAPE:
            self._introduce(char)
        elif self._state == CSI:
            self._csi(char)
        elif self._state == CHARSET:
            self._state = GROUND
            self._sink.charset(self._slot, char)
        elif self._state == SKIP:
            self._state = GROUND
        else:
            self._sink.printed(char)

    def _introduce(self, char: str) -> None:
        self._state = INTRODUCERS.get(char, GROUND)
        if self._state == CSI:
            self._parameters, self._private, self._strange = [0], "", False
        elif self._state == CHARSET:
            self._slot = char
        elif self._state == GROUND:
            self._sink.escape(char)

    def _csi(self, char: str) -> None:
        if char.isascii() and char.isdigit():
            self._parameters[-1] = min(LARGEST, self._parameters[-1] * 10 + int(char))
        elif char in ";:":
            if len(self._parameters) < PARAMETERS:
                self._parameters.append(0)
            else:
                self._parameters[-1] = 0
        elif char in "<=>?":
            self._private = char
        elif " " <= char <= "/":
            self._strange = True
        elif "@" <= char <= "~":
            self._state = GROUND
            if not self._strange:
                self._sink.csi(self._private, self._parameters, char)
        else:
            self._state = GROUND
