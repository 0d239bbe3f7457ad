"""Blocks of the index: text in pieces of about 64 KiB, compressed, each with the moments of its lines.

A block is a derived thing in a file that may be broken: what is read is bounded and checked, and raises ValueError if it is none.
"""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

import zstandard

FULL: Final = 64 << 10  # characters of a block
LARGEST: Final = 4 << 20  # bytes that a stored one opens to
LINES: Final = 1 << 20  # moments of one block


class Source(IntEnum):
    """Where a text stood."""

    ARGV = 0  # the words of an action: verb, object, command
    STDIN = 1  # typed, as lines
    STDOUT = 2  # printed, as lines; the gateway's words, too
    BODY = 3  # bodies of requests and answers, and forwarded bytes

    @property
    def label(self) -> str:
        return self.name.lower()


class Moment(NamedTuple):
    """Where a line stood on record."""

    conn: int
    seq: int  # of the frame that ended it; of an action its id
    at_us: int  # UTC


@dataclass(slots=True)
class Block:
    """One that is filled, or was read."""

    source: Source
    text: list[str] = field(default_factory=list)
    size: int = 0
    starts: "array[int]" = field(default_factory=lambda: array("Q"))  # of each moment: the place of its first character
    moments: list[Moment] = field(default_factory=list)

    def add(self, text: str, moment: Moment) -> None:
        if not self.moments or self.moments[-1] != moment:
            self.starts.append(self.size)
            self.moments.append(moment)
        self.text.append(text)
        self.size += len(text)

    @property
    def whole(self) -> str:
        return "".join(self.text)

    def packed(self) -> tuple[bytes, bytes]:
        """Its text and its moments, as they are stored."""
        moments = array("Q", [number for moment in self.moments for number in moment])
        pack = zstandard.ZstdCompressor(level=3).compress
        return pack(self.whole.encode("utf-8", "replace")), pack(_little(self.starts) + _little(moments))


class Opened:
    """A stored block. Raises ValueError if it is none."""

    def __init__(self, text: bytes, lines: bytes) -> None:
        self.text = _unpacked(text).decode("utf-8", "replace")
        raw = _unpacked(lines)
        count, rest = divmod(len(raw), 32)
        if rest or not 0 < count <= LINES:
            raise ValueError("a block of the index has no moments")
        self._starts, self._moments = _numbers(raw[: count * 8]), _numbers(raw[count * 8 :])
        if self._starts[0] or any(number >> 62 for number in self._moments):
            raise ValueError("a block of the index has moments that are none")

    def find(self, text: str) -> Iterator[tuple[Moment, str, int]]:
        """The newest first: each line that has this text, in lower or upper case, once: its moment, the line, the place of the text in it."""
        folded, wanted = self.text.lower(), text.lower()
        whole = self.text if len(folded) == len(self.text) else folded  # a few characters get longer
        end = len(folded)
        while (at := folded.rfind(wanted, 0, end)) >= 0:
            first = folded.rfind("\n", 0, at) + 1
            last = folded.find("\n", at)
            yield self._moment(at), whole[first : last if last >= 0 else len(whole)], at - first
            end = max(0, first - 1)
            if not first:
                return

    def _moment(self, at: int) -> Moment:
        place = max(0, bisect_right(self._starts, at) - 1) * 3
        return Moment(*self._moments[place : place + 3])


def _little(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers = array("Q", numbers)
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(raw: bytes) -> "array[int]":
    numbers = array("Q", raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _unpacked(stored: object) -> bytes:
    if not isinstance(stored, bytes):
        raise ValueError("a block of the index is no bytes")  # noqa: TRY004 - as every other row that was tampered with
    try:
        size = zstandard.frame_content_size(stored)
        if not 0 <= size <= LARGEST:
            raise ValueError("a block of the index claims to be larger than any is")
        return zstandard.ZstdDecompressor().decompress(stored, max_output_size=size)
    except zstandard.ZstdError as error:
        raise ValueError(f"a block of the index can't be unpacked: {error}") from error
