"""Whether the end of a command's input would have a shell execute something that its client had not finished."""

import re
from collections.abc import Sequence
from typing import Final

from jitui.protocol.speech import Said, mark
from jitui.recording.frame import Channel

LINE: Final = 4096  # bytes of one line that are looked at
AWAITED: Final = 16  # here-documents that are awaited together
ENDS: Final = (mark("closes", Channel.STDIN.label)[:-1], mark("resets", Channel.STDIN.label)[:-1])  # so a mark begins at which the input ends
# a here-document and the word that its last line has; `<<<` is none
HERE: Final = re.compile(rb"""(?<!<)<<(?!<)(-?)[ \t]*((?:'[^']*'|"[^"]*"|\\.|[^\s'"\\;&|<>()])+)""")
QUOTING: Final = re.compile(rb"""\\(.)|['"]""")


class Typed:
    """The last line of a command's input, and the here-documents in it that have not ended.

    At the end of its input a shell executes a line without a newline, a line that was to go on behind a backslash, and a command whose here-document is not
    complete. An open quote, or an `if` without its `fi`, is an error to it. Programs that act on the end of their input in any case are not told from others.
    """

    __slots__ = ("_awaited", "_goes_on", "_last", "_over")

    def __init__(self) -> None:
        self._last = b""  # a line whose newline has not come
        self._goes_on = False  # the one before it ends in a backslash
        self._awaited: list[tuple[bool, bytes]] = []  # of each here-document whether tabs before its last line are left out, and that line
        self._over = False  # the client has ended the input

    def see(self, said: Sequence[Said]) -> None:
        """Read on in the input; call it with all that is about to go to the cluster."""
        for _, channel, body in said:
            if channel is Channel.STDIN and body:
                self._read(self._last + body)
            elif channel is Channel.MARK and body.startswith(ENDS):
                self._over = True

    @property
    def unfinished(self) -> bool:
        return not self._over and bool(self._awaited or self._last or self._goes_on)

    def _read(self, data: bytes) -> None:
        """`data`: from the beginning of a line on."""
        if self._awaited or b"<<" in data:
            for line in data.split(b"\n")[:-1]:
                self._whole(line)
        if (at := data.rfind(b"\n")) >= 0:
            self._goes_on = data[max(0, at - 1) : at] == b"\\"
        self._last = data[at + 1 :][-LINE:]

    def _whole(self, line: bytes) -> None:
        if self._awaited:
            tabs, word = self._awaited[0]
            if (line.lstrip(b"\t") if tabs else line) == word:
                del self._awaited[0]
            return
        for found in HERE.finditer(line[:LINE]):
            counts = line.rfind(b"((", 0, found.start()) > line.rfind(b"))", 0, found.start())  # `<<` shifts a number there
            if not counts and len(self._awaited) < AWAITED:
                self._awaited.append((found[1] != b"", QUOTING.sub(rb"\1", found[2])))
