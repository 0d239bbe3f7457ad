"""Recorded is not delivered: which frames of an ended session were handed on, from its closing fact (design, promise 5)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jitui.tape.frame import TO_CLIENT, TO_UPSTREAM, Channel, Frame


def delivered(frames: Iterable[Frame], conns: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Frame, bool]]:
    """Each frame of a session, from its first, and whether all of it was handed to the socket.

    `conns` are those of the closing fact that lost something: bytes recorded and handed on, each way. The gateway's own words are not among them:
    they are said at the mute, past what was dropped.
    """
    left = {(each["conn"], way): each[f"{way}_handed"] for each in conns for way in ("in", "out")}
    for frame in frames:
        if frame.channel is Channel.GATEWAY:
            yield frame, True
            continue
        way = "in" if frame.channel in TO_UPSTREAM else "out" if frame.channel in TO_CLIENT else ""
        key = (frame.conn, way)
        if key not in left:
            yield frame, True
            continue
        left[key] -= len(frame.body)
        yield frame, left[key] >= 0
