"""Recorded is not delivered: which frames of an ended session were handed on, from its closing fact."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jitui.recording.frame import TO_CLIENT, TO_UPSTREAM, Channel, Frame


class Delivery:
    """What of a session's frames was handed on, asked of each in order, from its first.

    `conns` are those of the closing fact that lost something: bytes recorded and handed on, each way. The gateway's own words are not among them:
    they are said at the mute, past what was dropped.
    """

    def __init__(self, conns: Sequence[Mapping[str, Any]]) -> None:
        self._left = {(each["conn"], way): each[f"{way}_handed"] for each in conns for way in ("in", "out")}

    def whole(self, conn: int, channel: Channel, size: int) -> bool:
        """Whether all of the next frame was handed to the socket; `size` is its bytes."""
        key = (conn, "in" if channel in TO_UPSTREAM else "out" if channel in TO_CLIENT else "")
        if channel is Channel.GATEWAY or key not in self._left:
            return True
        self._left[key] -= size
        return bool(self._left[key] >= 0)


def delivered(frames: Iterable[Frame], conns: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Frame, bool]]:
    """Each frame of a session, from its first, and whether all of it was handed to the socket."""
    delivery = Delivery(conns)
    for frame in frames:
        yield frame, delivery.whole(frame.conn, frame.channel, len(frame.body))
