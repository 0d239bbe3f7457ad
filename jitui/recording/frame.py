"""The frame, the unit of the record: bytes pass the gateway only as frames that are on record."""

from enum import IntEnum
from typing import Final, NamedTuple


class Channel(IntEnum):
    """The kind of a frame's bytes. 0 to 4 are the numbers of the Kubernetes remote command protocol."""

    STDIN = 0
    STDOUT = 1  # also the body of a log
    STDERR = 2
    ERROR = 3  # the Status that ends a remote command
    RESIZE = 4
    REQUEST = 16  # method, target and headers, without credentials
    REQUEST_BODY = 17
    RESPONSE = 18  # status line and headers
    RESPONSE_BODY = 19
    GATEWAY = 32  # the gateway's own words to the client
    MARK = 33  # the gateway's notes beside the bytes (half close, drained, dropped), as canonical JSON
    DRAINED = 34  # bytes that the cluster still says to a muted command: they go to nobody
    FORWARD_IN = 48  # port-forward: client to pod
    FORWARD_OUT = 49  # port-forward: pod to client
    FORWARD_ERROR = 50  # port-forward: text of the error stream

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


LARGEST: Final = 16 << 20  # bytes of a body at most; the recorders cut far smaller pieces
COST: Final = 128  # bytes of a frame beside its body, in memory and on disk

TO_UPSTREAM: Final = frozenset({Channel.STDIN, Channel.RESIZE, Channel.REQUEST, Channel.REQUEST_BODY, Channel.FORWARD_IN})
TO_CLIENT: Final = frozenset({Channel.STDOUT, Channel.STDERR, Channel.ERROR, Channel.RESPONSE, Channel.RESPONSE_BODY, Channel.GATEWAY,
                              Channel.FORWARD_OUT, Channel.FORWARD_ERROR})
BYTES: Final = frozenset({Channel.STDIN, Channel.STDOUT, Channel.STDERR, Channel.FORWARD_IN, Channel.FORWARD_OUT})  # byte streams, without frame borders

NAMES: Final = {channel.label: frozenset({channel}) for channel in Channel} | {
    # the channel of the whole message, then those of its parts
    "request": frozenset({Channel.REQUEST, Channel.REQUEST_BODY}),
    "request-head": frozenset({Channel.REQUEST}),
    "response": frozenset({Channel.RESPONSE, Channel.RESPONSE_BODY}),
    "response-head": frozenset({Channel.RESPONSE}),
}


class Frame(NamedTuple):
    """A tuple, as it is made three times a request."""

    session: int
    seq: int  # within the session, from 0, without gaps
    at_us: int  # since the session's start, on the boot clock
    conn: int  # exchange or forwarded connection within the session, from 0
    channel: Channel
    body: bytes
