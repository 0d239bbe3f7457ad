"""A recording as it is replayed: frames applied to an emulator, forwards and back. Pure.

Going back starts from the nearest keyframe; keyframes are taken while frames are applied.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from jitui.api.views import ActionView, FrameView, SessionView
from jitui.policy.streams import PRINT
from jitui.recording.cast import resized, status_line
from jitui.tui.emulator import Emulator, Kept
from jitui.tui.figures import age_s, size
from jitui.tui.rendered import HEADS
from jitui.tui.words import words

KEYFRAME: Final = 256 << 10  # bytes of output between two keyframes
KEYFRAMES: Final = 256
SLICE: Final = 8192  # bytes fed before `goto` yields
LARGEST: Final = 256 << 20  # bytes that a reel holds
FRAME: Final = 300  # of them for a frame, beside its body
HAZARD_MARKS: Final = {"CHANGE": "C", "EXEC": "E", "SECRET": "S", "SPAWN": "C", "ESCAPE": "C"}
MARK_WORDS: Final = {"E": "exec", "C": "change", "D": "denied", "S": "secret", "R": "resize", "I": "input", "G": "gateway", "X": "end"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the timeline worth going to."""

    at_us: int
    letter: str


class Reel:
    """The frames of one session and the screen they draw."""

    def __init__(self, session: SessionView, kept: Kept | None = None) -> None:
        """`kept`: the screen before the first frame; without it, an empty one."""
        self.session, self._first = session, kept
        self.frames: list[FrameView] = []
        self.times: list[int] = []  # of each, in microseconds; a clock that went back counts as no time
        self.held = 0
        self.size = (80, 24)  # columns and lines of the terminal behind the newest frame
        self.marks: list[Mark] = []
        self.emulator = self._fresh()
        self._index = 0  # frames applied to it
        self._fed = 0  # bytes since the last keyframe
        self._keyframes: list[tuple[int, Kept]] = []

    def _fresh(self) -> Emulator:
        return Emulator.of(self._first) if self._first is not None else Emulator(80, 24, newline=not self.session.tty)

    @property
    def full(self) -> bool:
        return self.held >= LARGEST

    def add(self, frames: Sequence[FrameView]) -> None:
        """Take a page of frames, in order of seq."""
        for frame in frames:
            body = frame.body
            at_us = max(frame.at_us, self.times[-1] if self.times else 0)
            self.frames.append(frame)
            self.times.append(at_us)
            self.held += len(body) + FRAME
            if frame.channel == "resize":
                self.size = resized(body) or self.size
            if letter := _letter(frame.channel, body):
                self.marks.append(Mark(at_us, letter))

    def mark(self, actions: Sequence[ActionView]) -> None:
        """Mark the actions of this session, and the denials meanwhile."""
        for action in actions:
            denied = action.verdict == "denied" and self.session.started <= action.at and (action.at <= self.session.ended or not self.session.ended)
            if action.session == self.session.id or (denied and not action.session):
                letter = "D" if action.verdict == "denied" else HAZARD_MARKS.get(action.hazard, "")
                if letter:
                    self.marks.append(Mark(max(0, round(age_s(self.session.started, action.at) * 1e6)), letter))
        self.marks.sort(key=lambda mark: mark.at_us)

    def goto(self, index: int) -> Iterator[float]:
        """Apply frames until `index` are; yields the share done, so that the caller can stop or breathe. `emulator` is right when it ends."""
        if index < self._index:
            at = bisect_right([key for key, _ in self._keyframes], index) - 1
            self._index, self.emulator = (self._keyframes[at][0], Emulator.of(self._keyframes[at][1])) if at >= 0 else (0, self._fresh())
            self._fed = 0
        first = self._index
        while self._index < index:
            for _ in self._apply(self.frames[self._index]):
                yield (self._index - first) / max(1, index - first)
            self._index += 1
            if self._fed >= KEYFRAME:
                self._keep()

    def _keep(self) -> None:
        self._fed = 0
        if len(self._keyframes) < KEYFRAMES and (not self._keyframes or self._keyframes[-1][0] < self._index):
            self._keyframes.append((self._index, self.emulator.keep()))

    def _apply(self, frame: FrameView) -> Iterator[None]:
        for fed in draw(self.emulator, self.session.kind, frame.channel, frame.body, delivered=frame.delivered):
            self._fed += fed
            yield

    def typed(self, index: int) -> tuple[str, bool]:
        """The line typed so far, or the last one that was sent, and whether all of it arrived."""
        line: list[str] = []
        delivered = True
        for frame in reversed(self.frames[max(0, index - 400) : index]):
            if frame.channel != "stdin":
                continue
            piece = frame.body.decode("utf-8", "replace")
            end = len(piece) if line else len(piece.rstrip("\r\n"))
            begins = max(piece.rfind("\r", 0, end), piece.rfind("\n", 0, end)) + 1
            if piece[begins:]:
                line.append(piece[begins:])
                delivered = delivered and frame.delivered
            if begins:
                break
        return words("".join(reversed(line)).replace("\r", "⏎").replace("\n", "⏎").replace("\x7f", "⌫")), delivered


def draw(emulator: Emulator, kind: str, channel: str, body: bytes, *, delivered: bool = True, piece: int = SLICE) -> Iterator[int]:
    """A frame of a session of this kind, drawn; yields the number of bytes that were fed, in pieces of so many at most."""
    data = b""
    if channel in {"stdout", "stderr"}:
        data = body
    elif channel == "resize":
        if found := resized(body):
            emulator.resize(*found)
    elif channel != "stdin" and not (kind in PRINT and channel in HEADS):  # heads tell how a stream was opened, and are not part of its output
        data = told(channel, body)
        if data and (emulator.cursor or (0, 0))[0]:
            data = b"\r\n" + data
    for start in range(0, len(data), piece):
        fed = data[start : start + piece]
        emulator.feed(fed, delivered=delivered)
        yield len(fed)


def told(channel: str, body: bytes) -> bytes:
    """A frame that is not terminal output, as one line of it: heads by their first line, bodies by their size, a Status as kubectl prints it."""
    if channel in {"error", "gateway"}:
        said = status_line(body)
        return (words(said, 300) + "\r\n").encode() if said else b""
    first = words(body[:400].split(b"\r\n")[0].decode("utf-8", "replace"), 150)
    shown = {
        "request": f"> {first}", "request-head": f"> {first}", "response": f"< {first}", "response-head": f"< {first}",
    }.get(channel)  # fmt: skip
    if channel == "mark":
        return b""
    return ((shown or f"[{words(channel, 20)}] {size(len(body))}") + "\r\n").encode()


def _letter(channel: str, body: bytes) -> str:
    if channel == "stdin":
        return "I" if b"\r" in body or b"\n" in body else ""
    return {"resize": "R", "gateway": "G", "error": "X"}.get(channel, "")
