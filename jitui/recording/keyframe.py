"""A keyframe of a recorded terminal: its state behind one frame, from which a replay goes on.

It comes out of a derived file that anybody may have written: bounded here, and opened only in the process that emulates terminals (docs/terminal.md).
"""

from dataclasses import dataclass, field
from typing import Final

LARGEST: Final = 1 << 20  # bytes of a state as it is stored
OPENED: Final = 16 << 20  # bytes that it opens to: 500x200 cells and a thousand lines above them take less
SIDES: Final = (500, 200)  # columns and lines of the largest terminal
TAIL: Final = 8  # bytes of a sequence that has begun


@dataclass(frozen=True, slots=True)
class Keyframe:
    """The state behind the frame `seq`."""

    seq: int
    at_us: int  # of that frame, since the session's start
    columns: int
    lines: int
    newline: bool  # a line feed also returns
    clean: bool  # nothing before it was masked: it is the same with and without secrets
    tail: bytes
    state: bytes = field(repr=False)  # a snapshot of the emulator, as `compressed` gives it

    def __post_init__(self) -> None:
        """Raises ValueError if it is none."""
        sides = all(type(side) is int and 1 <= side <= most for side, most in zip((self.columns, self.lines), SIDES, strict=True))
        if not sides or len(self.tail) > TAIL or len(self.state) > LARGEST or self.seq < 0 or self.at_us < 0:
            raise ValueError("a keyframe is none: its numbers are out of all range")


def compressed(snapshot: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 - commands that know keyframes by name alone do without

    return zstandard.ZstdCompressor(level=3).compress(snapshot)


def opened(state: bytes) -> bytes:
    """Raises ValueError if it opens to more than any terminal has, or is damaged."""
    import zstandard  # noqa: PLC0415 - as above

    try:
        size = zstandard.frame_content_size(state)
        if not 0 < size <= OPENED:
            raise ValueError("the state of a terminal claims to be larger than any is")
        return zstandard.ZstdDecompressor().decompress(state, max_output_size=size)
    except zstandard.ZstdError as error:
        raise ValueError(f"the state of a terminal can't be opened: {error}") from error
