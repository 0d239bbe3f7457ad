"""A recording as it is replayed: frames applied to an emulator, forwards and back. Pure.

Going back starts from the nearest keyframe; keyframes are taken while frames are applied.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from jitui.api.views import ActionView, FrameView, SessionView
from jitui.policy.streams import PRINT
from jitui.recording.cast import resized
from jitui.tui.emulator import Emulator, Kept
from jitui.tui.escapes import Parser
from jitui.tui.figures import age_s, size
from jitui.tui.words import words
from jitui.values import foreign

KEYFRAME: Final = 256 << 10  # bytes of output between two keyframes
KEYFRAMES: Final = 256
SLICE: Final = 8192  # bytes fed before `goto` yields
LARGEST: Final = 64 << 20  # bytes of bodies that a reel holds
HAZARD_MARKS: Final = {"CHANGE": "C", "EXEC": "E", "SECRET": "S", "SPAWN": "C", "ESCAPE": "C"}
HEADS: Final = frozenset({"request", "request-head", "response", "response-head"})
MARK_WORDS: Final = {"E": "exec", "C": "change", "D": "denied", "S": "secret", "R": "resize", "I": "input", "G": "gateway", "X": "end"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the timeline worth going to."""

    at_us: int
    letter: str


class Reel:
    """The frames of one session and the screen they draw."""

    def __init__(self, session: SessionView) -> None:
        self.session = session
        self.frames: list[FrameView] = []
        self.times: list[int] = []  # of each, in microseconds; a clock that went back counts as no time
        self.held = 0
        self.marks: list[Mark] = []
        self.emulator = self._fresh()
        self._index = 0  # frames applied to it
        self._fed = 0  # bytes since the last keyframe
        self._keyframes: list[tuple[int, Kept]] = []

    def _fresh(self) -> Emulator:
        return Emulator(80, 24, newline=not self.session.tty)

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
            self.held += len(body)
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
        data = b""
        if frame.channel in {"stdout", "stderr"}:
            data = frame.body
        elif frame.channel == "resize":
            if found := resized(frame.body):
                self.emulator.resize(*found)
        elif frame.channel != "stdin" and not self._beside(frame.channel):
            data = told(frame.channel, frame.body)
            if data and (self.emulator.cursor or (0, 0))[0]:
                data = b"\r\n" + data
        for start in range(0, len(data), SLICE):
            piece = data[start : start + SLICE]
            self.emulator.feed(piece, delivered=frame.delivered)
            self._fed += len(piece)
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

    def transcript(self) -> list[str]:
        """Everything that was printed, as lines of text without escape sequences."""
        lines = Lines()
        parser = Parser(lines)
        for frame in self.frames:
            if frame.channel in {"stdout", "stderr"}:
                parser.feed(frame.body)
            elif frame.channel not in {"stdin", "resize"} and not self._beside(frame.channel):
                parser.feed((b"\r\n" if lines.lines[-1] else b"") + told(frame.channel, frame.body))
        return lines.lines

    def _beside(self, channel: str) -> bool:
        """Whether the channel tells how a stream was opened, and is not part of its output."""
        return self.session.kind in PRINT and channel in HEADS


class Lines:
    """A sink that keeps text and line feeds and nothing else."""

    MOST: Final = 20_000

    def __init__(self) -> None:
        self.lines: list[str] = [""]

    def printed(self, text: str) -> None:
        if len(self.lines[-1]) < 2000:
            self.lines[-1] += text

    def control(self, char: str) -> None:
        if char == "\n" and len(self.lines) < self.MOST:
            self.lines.append("")
        elif char == "\b":
            self.lines[-1] = self.lines[-1][:-1]
        elif char == "\t":
            self.printed(" ")

    def escape(self, final: str) -> None:
        """Of no use in plain text."""

    def charset(self, slot: str, code: str) -> None:
        """Of no use in plain text."""

    def csi(self, private: str, parameters: list[int], final: str) -> None:
        """Of no use in plain text."""


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


def status_line(body: bytes) -> str:
    """The line that kubectl prints at the end of a stream, from its Status; the gateway's own notes as they are; empty for a success."""
    try:
        found = foreign.read(body)
    except ValueError:
        return body.decode("utf-8", "replace").strip()
    if not isinstance(found, dict) or found.get("status") == "Success":
        return ""
    object_ = found.get("object")  # of a watch's ERROR event
    message = (object_ if isinstance(object_, dict) else found).get("message")
    return f"error: {message}"


def _letter(channel: str, body: bytes) -> str:
    if channel == "stdin":
        return "I" if b"\r" in body or b"\n" in body else ""
    return {"resize": "R", "gateway": "G", "error": "X"}.get(channel, "")
