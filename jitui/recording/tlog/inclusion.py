"""The proof that a leaf is in a log, with the checkpoint that it leads to, as one text (c2sp.org/tlog-proof)."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jitui.recording.tlog.checkpoint import checkpoint_of
from jitui.recording.tlog.note import Note, parse
from jitui.recording.tlog.tree import HASH, leaf_hash, root_of
from jitui.values.errors import InvalidError

FIRST: Final = "c2sp.org/tlog-proof@v1"
MOST_HASHES: Final = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """A leaf's number and audit path; `extra` is the leaf itself, which the path proves."""

    index: int
    path: Sequence[bytes]
    checkpoint: Note
    extra: bytes = b""

    def __str__(self) -> str:
        extra = [f"extra {_text(self.extra)}"] if self.extra else []
        return "\n".join([FIRST, *extra, f"index {self.index}", *map(_text, self.path), "", str(self.checkpoint)])

    def leads_to_root(self) -> bool:
        """Whether the leaf in `extra` is in the tree of the checkpoint; whose signature is another question."""
        told = checkpoint_of(self.checkpoint.text)
        try:
            return root_of(told.size, self.index, leaf_hash(self.extra), self.path) == told.root
        except ValueError:
            return False


def proof_of(text: str) -> Proof:
    """The proof of a text. Raises InvalidError."""
    head, empty, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    extra = b""
    if first != FIRST or not empty:
        raise InvalidError(f"it is no proof: it does not begin with {FIRST}")
    if lines and lines[0].startswith("extra "):
        extra = _bytes(lines.pop(0).removeprefix("extra "))
    index = lines.pop(0) if lines else ""
    number = index.removeprefix("index ")
    if not (index.startswith("index ") and number.isascii() and number.isdecimal() and len(number) < 20 and str(int(number)) == number):
        raise InvalidError(f"it is no proof: {index[:60]!r} is not the number of a leaf")
    path = [_bytes(line) for line in lines]
    if len(path) > MOST_HASHES or any(len(each) != HASH for each in path):
        raise InvalidError("it is no proof: what stands behind the number of its leaf are no hashes")
    found = parse(note)
    checkpoint_of(found.text)
    return Proof(int(number), path, found, extra)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found or _text(found) != text:
        raise InvalidError(f"it is no proof: {text[:60]!r} is no base64")
    return found
