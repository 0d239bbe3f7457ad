"""A checkpoint: origin, size and root of a log's tree, as the text of a signed note (c2sp.org/tlog-checkpoint)."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jitui.recording.tlog.note import DASH, Note, parse
from jitui.recording.tlog.tree import HASH
from jitui.values.errors import InvalidError

MOST_SIZE: Final = 1 << 62
MARK: Final = "jitui-checkpoint:"
IN_A_LINE: Final = re.compile(re.escape(MARK) + r"([A-Za-z0-9+/=]*)")
NO_CHECKPOINT: Final = "it is no checkpoint: three lines with origin, size and root"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree of one log at one size."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def checkpoint_of(text: str) -> Checkpoint:
    """The checkpoint of a note's text; more lines may follow. Raises InvalidError."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise InvalidError(NO_CHECKPOINT)
    origin, size, told, *_ = lines
    try:
        root = base64.b64decode(told, validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if not (size.isascii() and size.isdecimal() and len(size) < 20 and str(int(size)) == size and int(size) < MOST_SIZE):
        raise InvalidError(f"it is no checkpoint: its size is {size[:40]!r}")
    if len(root) != HASH or base64.b64encode(root).decode() != told:
        raise InvalidError(f"it is no checkpoint: its root is {told[:60]!r}")
    return Checkpoint(origin, int(size), root)


def in_one_line(note: Note) -> str:
    """A signed checkpoint in ASCII without a line end, for collectors of lines."""
    return MARK + base64.b64encode(str(note).encode()).decode()


def notes_in(text: str) -> Iterator[Note]:
    """The signed checkpoints in a text of many, as a witness's file holds them, one behind the other; or in the lines of a collector, whatever else stands
    in these. Raises InvalidError.
    """
    if MARK in text:
        for found in IN_A_LINE.finditer(text):
            yield _note(_unpacked(found[1]).split("\n")[:-1])
        return
    lines: list[str] = []
    for line in text.splitlines():
        if lines and lines[-1].startswith(DASH) and not line.startswith(DASH):
            yield _note(lines)
            lines = []
        if line or lines:
            lines.append(line)
    if lines:
        yield _note(lines)


def _unpacked(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        raise InvalidError(f"{MARK}{text[:40]!r} is no checkpoint in one line") from None


def _note(lines: list[str]) -> Note:
    note = parse("\n".join(lines) + "\n")
    checkpoint_of(note.text)
    return note
