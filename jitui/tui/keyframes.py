"""Keyframes of the index: made from frames as Replay draws them, and taken up again by an emulator."""

from typing import Final

from jitui.recording.frame import Channel
from jitui.recording.keyframe import LARGEST, Keyframe, opened
from jitui.recording.masking.session import Shown
from jitui.tui.emulator import Emulator, Kept
from jitui.tui.reel import draw

EVERY: Final = 64 << 10  # bytes of output between two keyframes
FRAMES: Final = 1000  # or so many frames
APART_US: Final = 10_000_000  # or so long, if there was
SOME: Final = 4 << 10  # so much output meanwhile: less is drawn at once


class Keyframes:
    """Of one session: feed it every frame from the beginning on, or from a keyframe on."""

    def __init__(self, kind: str, *, tty: bool, start: Keyframe | None = None) -> None:
        """`kind`: of the session."""
        self._kind, self._newline = kind, not tty
        self._emulator = Emulator.of(kept_of(start), low=True) if start else Emulator(80, 24, newline=self._newline, low=True)
        self._clean = start.clean if start else True
        self._seq, self._at_us = (start.seq, start.at_us) if start else (-1, 0)
        self._size = self._frames = 0  # since the last one
        self._off = False  # from here on there are none

    def feed(self, shown: Shown) -> Keyframe | None:
        """The keyframe behind this frame, if one is due. What the client did not get is drawn otherwise, and what can't be drawn is not in a state."""
        frame = shown.frame
        if self._off or frame.seq <= self._seq:
            return None
        if not shown.delivered:
            self._off = True
            return None
        self._clean &= not shown.spans
        for fed in draw(self._emulator, self._kind, frame.channel.label, frame.body, piece=EVERY):
            self._size += fed
        self._frames += 1
        due = self._size >= EVERY or self._frames >= FRAMES or (frame.at_us - self._at_us >= APART_US and self._size >= SOME)
        return self._made(frame.seq, max(frame.at_us, self._at_us)) if due and frame.channel is not Channel.MARK else None

    def _made(self, seq: int, at_us: int) -> Keyframe | None:
        kept = self._emulator.keyframe()
        self._off = bool(self._emulator.lost)
        if kept is None or self._off or len(kept.snapshot) > LARGEST:
            return None
        self._size = self._frames = 0
        self._seq, self._at_us = seq, at_us
        emulator = self._emulator
        return Keyframe(seq, at_us, emulator.columns, emulator.lines, self._newline, self._clean, kept.tail, kept.snapshot)


def kept_of(keyframe: Keyframe) -> Kept:
    """Where an emulator goes on from. Raises ValueError for a state that is none."""
    opened(keyframe.state)
    return Kept(keyframe.columns, keyframe.lines, keyframe.newline, keyframe.state, tail=keyframe.tail)
