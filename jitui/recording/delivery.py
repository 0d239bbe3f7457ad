"""Recorded is not delivered: the closing fact of a session tells which of its frames were handed on."""

from collections.abc import Iterable, Iterator, Sequence

from jitui.recording.facts import Undelivered
from jitui.recording.frame import TO_CLIENT, TO_UPSTREAM, Channel, Frame


class Delivery:
    """Tells for each frame of a session, asked in order from the first, whether it was handed on.

    `lost` are the connections of the closing fact that lost bytes. The gateway's own words count as handed on: they are sent at the mute, after the
    bytes that were dropped.
    """

    def __init__(self, lost: Sequence[Undelivered]) -> None:
        self._left = {(each.conn, "in"): each.handed_in for each in lost} | {(each.conn, "out"): each.handed_out for each in lost}

    def whole(self, conn: int, channel: Channel, size: int) -> bool:
        """Whether all of the next frame was handed to the socket; `size` is its bytes."""
        key = (conn, "in" if channel in TO_UPSTREAM else "out" if channel in TO_CLIENT else "")
        if channel is Channel.GATEWAY or key not in self._left:
            return True
        self._left[key] -= size
        return self._left[key] >= 0


def delivered(frames: Iterable[Frame], lost: Sequence[Undelivered]) -> Iterator[tuple[Frame, bool]]:
    """Each frame of a session, from its first, and whether all of it was handed to the socket."""
    delivery = Delivery(lost)
    for frame in frames:
        yield frame, delivery.whole(frame.conn, frame.channel, len(frame.body))
