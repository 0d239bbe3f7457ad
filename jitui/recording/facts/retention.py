"""Facts about tapes that are kept, or go: whole tapes are retired, and what proves the rest of the record stays in these facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, NamedTuple

from jitui.recording.facts.fact import Kind
from jitui.recording.facts.payload import Codec, Payload


class Gone(NamedTuple):
    """The frames of one session on a tape that was retired: from the seq `first` up to, and without, `frames`."""

    session: int
    first: int
    frames: int  # of the session up to the end of that tape
    head: bytes  # the link of the last of them
    bytes_in: int  # of the session up to there, as `frames`; -1: nothing that is left tells
    bytes_out: int

    @classmethod
    def read(cls, each: Sequence[Any]) -> "Gone":
        """Raises TypeError, ValueError."""
        session, first, frames, head, bytes_in, bytes_out = each
        if any(type(value) is not int for value in (session, first, frames, bytes_in, bytes_out)):
            raise TypeError
        return cls(session, first, frames, bytes.fromhex(head), bytes_in, bytes_out)

    def json(self) -> list[int | str]:
        return [self.session, self.first, self.frames, self.head.hex(), self.bytes_in, self.bytes_out]


GONE: Final = Codec(lambda value: tuple(Gone.read(each) for each in value), lambda gone: [each.json() for each in gone])


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeRetired(Payload):
    """A tape is removed once this is on record. Subject: the file's name. A tape with very many sessions has several of these, in one commit."""

    KIND: ClassVar = Kind.TAPE_RETIRED
    why: str  # in words: by age, by size, or for want of room
    frames: int  # on the tape
    bytes: int  # of the file
    opened_us: int  # UTC, when it was put to use
    until_us: int  # UTC: nothing on it was newer
    sessions: Annotated[tuple[Gone, ...], GONE]
    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TapesHeld(Payload):
    """The tapes of a window, g-N, stay whatever their age, until they are let go."""

    KIND: ClassVar = Kind.TAPES_HELD
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TapesReleased(Payload):
    """The tapes of a window, g-N, are held no more."""

    KIND: ClassVar = Kind.TAPES_RELEASED
    reason: str
