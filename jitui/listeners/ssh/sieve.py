"""Keeps from a person's terminal those escape sequences that reach beyond its screen: clipboard, links, images, keys that are set.

The screens write none of them but the title, which counts the requests that wait, and a notification of a new one. This is behind them, and knows nothing
of sessions: recorded bytes are emulated in a process of its own and never get here.
"""

import re
from typing import Final

LONGEST: Final = 256  # bytes of a title or notification
BEGIN: Final = re.compile(rb"\x1b[]PX^_]|\xc2[\x90\x98\x9d-\x9f]")  # OSC, DCS, SOS, PM, APC (ECMA-48, 8.3), with ESC, or as one character in UTF-8
END: Final = re.compile(rb"\x07|\x1b\\|\xc2\x9c|\x18|\x1a|\x1b(?=[^\\])", re.DOTALL)  # BEL, ST; CAN, SUB and any other sequence break it off
REPEATED: Final = re.compile(rb"\x1b{2,}")  # is one
ALONE: Final = re.compile(rb"\x1b(?=[\x00-\x17\x19\x1c-\x1f\x7f])")  # terminals heed a control character within a sequence, which goes on behind it
HELD: Final = (b"\x1b", b"\xc2")  # at the end, they may begin or end one
OURS: Final = re.compile(rb"0;(?:\(\d+\) )?jitui|9;jitui: [\x20-\x7e]*")


class Sieve:
    """The output of one process on a terminal."""

    def __init__(self) -> None:
        self._rest = b""  # the beginning of a sequence, or an ESC that may be one
        self._dropping = False  # inside of a string that is too long to be ours

    def feed(self, data: bytes) -> bytes:
        """The part of it, and of what was held, that may pass."""
        data, self._rest = ALONE.sub(b"", REPEATED.sub(b"\x1b", self._rest + data)), b""
        kept: list[bytes] = []
        at = 0
        while at < len(data):
            if self._dropping:
                end = END.search(data, at)
                if end is None:
                    self._rest = _open(data)
                    break
                self._dropping, at = False, end.end() - (end[0] == b"\x1b")
                continue
            begin = BEGIN.search(data, at)
            if begin is None:
                self._rest = _open(data)
                kept.append(data[at : len(data) - len(self._rest)])
                break
            kept.append(data[at : begin.start()])
            end = END.search(data, begin.end())
            if end is None:
                self._dropping = len(data) - begin.start() > LONGEST
                self._rest = _open(data) if self._dropping else data[begin.start() :]
                break
            if begin[0] == b"\x1b]" and end[0] in {b"\x07", b"\x1b\\"} and OURS.fullmatch(data, begin.end(), end.start()):
                kept.append(data[begin.start() : end.end()])
            at = end.end() - (end[0] == b"\x1b")
        return b"".join(kept)


def _open(data: bytes) -> bytes:
    """The last byte, if the next one decides about it."""
    return data[-1:] if data.endswith(HELD) else b""
