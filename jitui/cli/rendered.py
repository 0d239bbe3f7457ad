"""A recording as plain text. Pure: frames in, lines out, no control character left in them."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from jitui.api.views import FrameView, SessionView
from jitui.policy.streams import PRINT
from jitui.tui.emulator import HIGHEST, WIDEST, Emulator
from jitui.tui.reel import HEADS, Reel, status_line
from jitui.values.said import clean

ROWS: Final = 100  # lines that are put on the emulator at once
PIECE: Final = (HIGHEST - ROWS - 1) * WIDEST // 2  # characters; a wide one takes two cells
LONG: Final = 2000
SILENT: Final = frozenset({"stdin", "resize", "mark", "error"})  # channels that no terminal showed


def text_of(view: SessionView, frames: Sequence[FrameView]) -> list[str]:
    """The lines that the terminal showed at the end; of a session without a terminal all its output. No control character is left in them."""
    reel = Reel(view)
    reel.add(frames)
    if view.tty:
        for _ in reel.goto(len(reel.frames)):
            pass
        lines = reel.emulator.text()
    else:
        lines = []
        for channel, body in said_by(frames):
            if view.kind in PRINT and channel in HEADS:
                continue
            if channel in {"stdout", "stderr"}:
                lines += printed(body.decode("utf-8", "replace"))
            else:
                lines += (status_line(body) if channel == "gateway" else body.decode("utf-8", "replace")).splitlines()
    while lines and not lines[-1]:
        lines.pop()
    return [clean(line, LONG) for line in lines]


def said_by(frames: Sequence[FrameView]) -> Iterator[tuple[str, bytes]]:
    """Output and the gateway's words, in order; frames of one channel without another between are one piece."""
    wanted = (frame for frame in frames if frame.channel not in SILENT)
    for channel, run in groupby(wanted, key=lambda frame: frame.channel):
        yield channel, b"".join(frame.body for frame in run)


def printed(text: str) -> list[str]:
    """Lines of output as a very wide terminal shows them: colours gone, carriage returns done."""
    lines: list[str] = []
    rows = text.removesuffix("\n").split("\n")
    for start in range(0, len(rows), ROWS):
        for piece in pieces("\n".join(rows[start : start + ROWS])):
            emulator = Emulator(WIDEST, HIGHEST, newline=True)
            emulator.feed(piece.encode())
            at = emulator.cursor or (0, HIGHEST - 1)
            lines += emulator.text()[: at[1] + 1]
    return lines


def pieces(text: str) -> Iterator[str]:
    """The text in pieces that fit the emulator however they wrap."""
    yield from (text[at : at + PIECE] for at in range(0, max(len(text), 1), PIECE))
