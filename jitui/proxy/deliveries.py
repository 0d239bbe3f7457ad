"""Delivery accounting of a session: for each connection the bytes on record, and the bytes of them that were handed to a socket."""

from typing import Final

from jitui.recording.facts import Undelivered
from jitui.recording.frame import TO_CLIENT, TO_UPSTREAM, Channel

GATEWAY: Final = Channel.GATEWAY  # its words pass what a mute drops, so they are no measure of what was delivered


class Flow:
    """Counts the bytes of one open connection, each way."""

    __slots__ = ("handed_in", "handed_out", "recorded_in", "recorded_out")

    def __init__(self) -> None:
        self.recorded_in = self.handed_in = self.recorded_out = self.handed_out = 0

    @property
    def whole(self) -> bool:
        """Whether all that is on record was handed on."""
        return self.recorded_in == self.handed_in and self.recorded_out == self.handed_out


class Deliveries:
    """The connections of one session, numbered from 0. One that handed on all it recorded is forgotten when it closes."""

    __slots__ = ("flows", "handed_in", "handed_out", "next", "unfinished")

    def __init__(self) -> None:
        self.flows: dict[int, Flow] = {}  # of connections that are open, or lost something
        self.next = 0  # the number of the next connection
        self.unfinished = 0  # connections that closed by themselves and lost something
        self.handed_in = self.handed_out = 0  # bytes of all connections, towards the cluster and towards the client

    def open(self, flow: Flow | None = None) -> int:
        """Give a new connection its number. `flow`: counts from 0 again for it; it counted for one that was forgotten."""
        conn = self.next
        self.next = conn + 1
        if flow is None:
            flow = Flow()
        else:
            flow.recorded_in = flow.handed_in = flow.recorded_out = flow.handed_out = 0
        self.flows[conn] = flow
        return conn

    def open_flow(self, conn: int) -> None:
        """A forwarded connection begins within a stream, with a number of its own."""
        self.next = max(self.next, conn + 1)
        self.flows[conn] = Flow()

    def close_flow(self, conn: int) -> None:
        """A forwarded connection is over by itself."""
        flow = self.flows.get(conn)
        if flow is not None and flow.whole:
            del self.flows[conn]

    def close(self, conn: int) -> None:
        """A connection is over by itself."""
        flow = self.flows.get(conn)
        if flow is not None:
            if flow.recorded_in == flow.handed_in and flow.recorded_out == flow.handed_out:  # it is whole
                del self.flows[conn]
            else:
                self.unfinished += 1

    def handed(self, conn: int, channel: Channel, size: int) -> None:
        """So many recorded bytes were handed to the socket."""
        flow = self.flows.get(conn)
        if channel in TO_UPSTREAM:
            self.handed_in += size
            if flow is not None:
                flow.handed_in += size
        elif channel in TO_CLIENT:
            self.handed_out += size
            if flow is not None and channel is not GATEWAY:
                flow.handed_out += size

    def undelivered(self) -> list[Undelivered]:
        """The connections that lost bytes, in the order of their numbers."""
        return [Undelivered(conn, flow.recorded_in, flow.handed_in, flow.recorded_out, flow.handed_out)
                for conn, flow in sorted(self.flows.items()) if not flow.whole]
