"""A recording as asciicast v3, for any asciinema player (docs.asciinema.org/manual/asciicast/v3).

One header line, then `[seconds since the event before, code, data]`: o output, i input, r resize, m marker, x exit status.
All text of other parties is inside JSON strings, ASCII only.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from jitui.recording.frame import Channel, Frame
from jitui.values import foreign

DOCUMENT: Final = re.compile(r"[ \t\r\n]*\{")  # white space of JSON, and the beginning of an object
DEFAULT_SIZE = (80, 24)  # columns, rows: for a client that sent no size


def cast(
    frames: Iterable[Frame], *, started_us: int, title: str = "", command: str = "", tty: bool = True, keys: bool = False, marks: bool = True,
) -> Iterator[str]:  # fmt: skip
    """Lines of an asciicast v3 file, each with its newline.

    `started_us`: UTC, of the session. Without a `tty` a bare line feed becomes CR LF, as a terminal's driver would have made it.
    `keys`: also what was typed, which may hold secrets. `marks`: the gateway's words as markers.
    """
    waiting = iter(frames)
    size, before = _first_size(waiting)
    header: dict[str, Any] = {"version": 3, "term": {"cols": size[0], "rows": size[1]}, "timestamp": started_us // 1_000_000}
    if command:
        header["command"] = command
    if title:
        header["title"] = title
    yield _line(header)
    writer = _Writer(tty=tty, keys=keys, marks=marks)
    last = 0.0
    for frame in chain(before, waiting):
        for code, data in writer.events(frame):
            at = max(round(frame.at_us / 1_000_000, 6), last)
            yield _line([round(at - last, 6), code, data])
            last = at


def _first_size(frames: Iterator[Frame]) -> tuple[tuple[int, int], list[Frame]]:
    """The size of the terminal before its first output, and the frames that were read to find it."""
    seen: list[Frame] = []
    for frame in frames:
        seen.append(frame)
        if frame.channel is Channel.RESIZE and (size := resized(frame.body)):
            return size, seen
        if frame.channel in {Channel.STDOUT, Channel.STDERR}:
            break
    return DEFAULT_SIZE, seen


class _Writer:
    """Writes events. It keeps the first bytes of a UTF-8 character that is split over frames, for each channel."""

    def __init__(self, *, tty: bool, keys: bool, marks: bool) -> None:
        self._tty, self._keys, self._marks = tty, keys, marks
        make = codecs.getincrementaldecoder("utf-8")
        self._decoders = {channel: make("replace") for channel in (Channel.STDIN, Channel.STDOUT, Channel.STDERR)}
        self._after_cr = False

    def events(self, frame: Frame) -> Iterator[tuple[str, str]]:
        channel = frame.channel
        if channel in {Channel.STDOUT, Channel.STDERR}:
            if text := self._shown(self._decoders[channel].decode(frame.body)):
                yield "o", text
        elif channel is Channel.STDIN and self._keys:
            if text := self._decoders[channel].decode(frame.body):
                yield "i", text
        elif channel is Channel.RESIZE:
            if size := resized(frame.body):
                yield "r", f"{size[0]}x{size[1]}"
        elif channel is Channel.GATEWAY and self._marks:
            yield "m", frame.body.decode("utf-8", "replace").strip()
        elif channel is Channel.ERROR and frame.body:  # its first message may be empty
            yield "x", str(exit_status(frame.body))

    def _shown(self, text: str) -> str:
        if self._tty or not text:
            return text
        whole = text.replace("\r\n", "\n").replace("\n", "\r\n")
        if self._after_cr and text.startswith("\n"):
            whole = whole.removeprefix("\r")
        self._after_cr = text.endswith("\r")
        return whole


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


def resized(body: bytes) -> tuple[int, int] | None:
    """Columns and rows of a resize message, `{"Width": 80, "Height": 24}`; None for any other body, and for a size that is none of a terminal.

    Read as Go reads it into two fields of uint16 (k8s.io/client-go/tools/remotecommand/resize.go, encoding/json): keys in letters of either case, of which
    the last counts, and others beside them; null leaves a field as it is. Of several documents in one message the last one counts.
    """
    size = None
    for pairs in _documents(body):
        sides = {"width": 0, "height": 0}
        for key, value in pairs:
            side = key.lower() if key.isascii() else ""
            if side in sides and value is not None:
                if type(value) is not int or not 0 <= value < 1 << 16:
                    return size  # Go's decoder stops there, and the terminal keeps its size
                sides[side] = value
        size = sides["width"], sides["height"]
    return size if size and all(size) else None


def _documents(body: bytes) -> Iterator[list[tuple[str, Any]]]:
    """The objects that a message holds one behind the other, up to the first that can't be read, as pairs of key and value."""
    decoder = json.JSONDecoder(object_pairs_hook=list, parse_constant=int)  # NaN and its like are no JSON, and no int
    text, at = body.decode("utf-8", "replace"), 0
    while (found := DOCUMENT.match(text, at)) is not None:
        try:
            pairs, at = decoder.raw_decode(text, found.end() - 1)
        except (ValueError, RecursionError):
            return
        yield pairs


def exit_status(body: bytes) -> int:
    """The exit code in the Status that ends a remote command: 0 for success, 1 if it names none (k8s.io/apimachinery/pkg/apis/meta/v1)."""
    try:
        status = foreign.read(body)
        if status.get("status") == "Success":
            return 0
        causes = (status.get("details") or {}).get("causes") or []
        return next((int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"), 1)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return 1


def _line(value: Any) -> str:
    return json.dumps(value, separators=(", ", ": "), ensure_ascii=True) + "\n"
