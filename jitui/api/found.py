"""Views out of the index, which is derived from the record: where a text stands, and keyframes of terminals. Written as those in `views`."""

from base64 import b64decode, b64encode

from jitui.policy.streams import PROBE
from jitui.recording.keyframe import Keyframe
from jitui.values.declared import dataclass
from jitui.values.said import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class HitView:
    """One line that has the text."""

    at: str
    session: str  # empty: of a denial
    started: str  # of the session
    conn: int
    seq: int  # of the frame that ended the line; of the words of an action its id
    where: str  # argv stdin stdout body
    identity: str
    connection: str
    grant: str
    kind: str  # of the session
    target: Said
    line: Said  # masked; of a long one what stands around the text
    place: int  # of the text in it

    @property
    def by(self) -> str:
        """The agent; in a session in which the gateway itself looked into a container of the agent's window, the gateway."""
        return "gateway" if self.kind == PROBE else self.identity


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundView:
    """The newest hits first."""

    hits: tuple[HitView, ...]
    notes: tuple[str, ...] = ()  # of things that are left out, or that the index does not hold yet


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeView:
    """The state of a recorded terminal behind the frame `seq`."""

    seq: int = -1  # -1: there is none
    at_us: int = 0
    columns: int = 0
    lines: int = 0
    newline: bool = False
    clean: bool = False  # nothing before it was masked
    tail_b64: str = ""
    state_b64: str = ""

    @classmethod
    def of(cls, keyframe: Keyframe | None) -> "KeyframeView":
        if keyframe is None:
            return cls()
        return cls(seq=keyframe.seq, at_us=keyframe.at_us, columns=keyframe.columns, lines=keyframe.lines, newline=keyframe.newline, clean=keyframe.clean,
                   tail_b64=b64encode(keyframe.tail).decode(), state_b64=b64encode(keyframe.state).decode())

    def keyframe(self) -> Keyframe | None:
        """None if there is none. Raises ValueError if it is damaged."""
        if self.seq < 0:
            return None
        return Keyframe(self.seq, self.at_us, self.columns, self.lines, self.newline, self.clean, b64decode(self.tail_b64), b64decode(self.state_b64))
