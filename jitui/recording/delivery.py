"""Recorded is not delivered: the closing fact of a session tells which of its frames were handed on."""

from collections.abc import Sequence

from jitui.recording.facts import Undelivered
from jitui.recording.frame import TO_CLIENT, TO_UPSTREAM, Channel

Way = tuple[int, str]  # a connection, and "in" (towards the cluster) or "out"


class Delivery:
    """Tells which frames of a session were handed to a socket whole. Fed with each frame in order, from the first; asked of any that it was fed.

    `lost` are the connections of the closing fact that lost bytes. The gateway's own words count as handed on: they are sent at the mute, after the
    bytes that were dropped.
    """

    def __init__(self, lost: Sequence[Undelivered]) -> None:
        self._left: dict[Way, int] = {(each.conn, "in"): each.handed_in for each in lost} | {(each.conn, "out"): each.handed_out for each in lost}
        self._lost: dict[Way, int] = {}  # seq of the first frame that was not handed on whole: none behind it was

    def feed(self, seq: int, conn: int, channel: Channel, size: int) -> None:
        """The next frame; `size` is the bytes of its body."""
        way = _way(conn, channel)
        if way in self._left:
            self._left[way] -= size
            if self._left[way] < 0:
                self._lost.setdefault(way, seq)

    def whole(self, seq: int, conn: int, channel: Channel) -> bool:
        """Whether all of a frame that was fed was handed to the socket."""
        lost = self._lost.get(_way(conn, channel))
        return lost is None or seq < lost


def _way(conn: int, channel: Channel) -> Way:
    if channel is Channel.GATEWAY:
        return conn, ""
    return conn, "in" if channel in TO_UPSTREAM else "out" if channel in TO_CLIENT else ""
