"""What the two ends of an upgraded stream say to each other, whichever protocol carries it, as units: each is put on record, then passed on.

Sans-io. A speech hears both directions of one stream, because what a frame means depends on what the other side said before.
"""

import json
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, islice
from typing import Final, Protocol, TypeAlias

from jitui.protocol import channels, status, websocket
from jitui.recording.frame import BYTES, Channel

Said: TypeAlias = tuple[int, Channel, bytes]  # lane, channel, bytes: a frame of the tape. Lane 0 is the stream itself, from 1 on its forwarded connections
Wire: TypeAlias = list[tuple[float, bytes]]  # seconds after the first of them, and what is written then

CLIENT_FRAME: Final = 8 << 20  # bytes of one WebSocket message of a client: 5 MB have been seen
CLUSTER_FRAME: Final = 1 << 20
ALL: Final = 1 << 62
TOGETHER: Final = 64 << 10  # bytes of pieces that are joined: a viewer, and a page of them, take frames whole


@dataclass(frozen=True, slots=True)
class Unit:
    """One frame, whole. What has a reply is between the sender and the gateway alone, unless it closes."""

    raw: bytes = field(default=b"", repr=False)  # what goes on to the other side, once `said` is on record
    said: tuple[Said, ...] = ()  # of what goes on there is at least one, and all are of one lane
    reply: bytes = b""  # what the sender is answered: a pong, a close
    closes: bool = False  # who sent it has nothing more to say; `raw` is its goodbye
    how: bytes = b""  # what else its mark says of that: further pairs of JSON, each behind a comma
    opens: int = 0  # the lane that begins with it
    over: int = 0  # the lane that ends with it
    answers: int = 0  # the SPDY stream that it tells the client to use
    ends: int = 0  # the one that it tells the client to read no more
    tells: bool = False  # with it the client has a whole Status of the command


class Speech(Protocol):
    """One stream's protocol. `read` and `deaf` raise ProtocolError for what can't be read in exactly one way."""

    @property
    def exited(self) -> channels.Exit | None:
        """How the remote command ended, once the cluster has said so."""

    @property
    def alive(self) -> bytes:
        """What tells a client that can't get its pings through that somebody is there, and by being written whether the client is."""

    def read(self, data: bytes, *, client: bool, most: int = ALL) -> list[Unit]:
        """The units that are whole now, in the next `most` frames; the rest waits for another read, which may be one of nothing.

        What can't be read once is the same error from then on.
        """

    def waits(self, *, client: bool) -> bool:
        """There is more from this side than was looked at."""

    def handed(self, unit: Unit) -> None:
        """The client was handed a unit that answers or ends a stream: what is only read may be dropped by an end."""

    def deaf(self, data: bytes, most: int = ALL) -> tuple[bytes, bool]:
        """What a client says after its stream was ended, read as above: the answers it still needs, and whether it closed."""

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:
        """What goes on record, and to the client, so that it prints the words and fails. `body` is them as a Status."""

    def goodbye(self) -> Wire:
        """Ends the stream for the client after an exit, where the cluster left without a word: not before the Status just before it is read."""


class Reading:
    """The part that all speeches have: an error is for good."""

    _failed: websocket.ProtocolError | None = None

    def read(self, data: bytes, *, client: bool, most: int = ALL) -> list[Unit]:
        if self._failed is not None:
            raise self._failed
        try:
            return self._read(data, client, most)
        except websocket.ProtocolError as error:
            self._failed = error
            raise

    def _read(self, data: bytes, client: bool, most: int) -> list[Unit]:
        raise NotImplementedError

    def handed(self, unit: Unit) -> None:
        """Of interest where words depend on it."""


def mark(key: str, value: str, how: bytes = b"") -> bytes:
    """The body of a frame that notes something beside the bytes: canonical JSON, of our own words and of `how`."""
    return f'{{"{key}":"{value}"'.encode() + how + b"}"


def joined(said: list[Said]) -> list[Said]:
    """The same, with what follows each other in one stream of bytes as one piece, as far as it goes TOGETHER: a row and a link for all of it.

    What is empty stays by itself: such pieces are counted, as they have no bytes that could be.
    """
    if len(said) < 2:
        return said
    whole: list[Said] = []
    for (lane, channel, some), run in groupby(said, lambda piece: (piece[0], piece[1], piece[2] != b"")):
        if not some or channel not in BYTES:
            whole += run
            continue
        parts: list[bytes] = []
        size = 0
        for _, _, body in run:
            if parts and size + len(body) > TOGETHER:
                whole.append((lane, channel, b"".join(parts)))
                parts, size = [], 0
            parts.append(body)
            size += len(body)
        whole.append((lane, channel, b"".join(parts)))
    return whole


class WebSocketCommand(Reading):
    """Exec and attach over WebSocket: v4.channel.k8s.io and v5.channel.k8s.io. `asked`: the streams of the request line."""

    alive = websocket.encode(websocket.PONG, b"")

    def __init__(self, version: channels.Version, asked: AbstractSet[Channel]) -> None:
        self._client = websocket.Decoder(masked=True, limit=CLIENT_FRAME), channels.Reader(version=version, client=True, asked=asked)
        self._cluster = websocket.Decoder(masked=False, limit=CLUSTER_FRAME), channels.Reader(version=version, client=False)

    @property
    def exited(self) -> channels.Exit | None:
        said = self._cluster[1].status
        return channels.exit_of(said) if said and channels.is_status(said) else None

    def waits(self, *, client: bool) -> bool:
        return (self._client if client else self._cluster)[0].waits

    def _read(self, data: bytes, client: bool, most: int) -> list[Unit]:
        decoder, reader = self._client if client else self._cluster
        units: list[Unit] = []
        decoder.add(data)
        for frame in islice(iter(decoder.next_frame, None), most):
            if frame.opcode >= websocket.CLOSE:
                unit = control(frame, client=client)
                if unit is not None:
                    units.append(unit)
                continue
            piece = reader.read(frame)
            if piece is None:
                continue
            if piece.closes is not None:
                units.append(Unit(frame.raw, ((0, Channel.MARK, mark("closes", piece.closes.label)),)))
            else:
                tells = piece.channel is Channel.ERROR and channels.completes(reader.status, piece.body)
                units.append(Unit(frame.raw, ((0, piece.channel, piece.body),), tells=tells))
        return units

    def deaf(self, data: bytes, most: int = ALL) -> tuple[bytes, bool]:
        decoder, _ = self._client
        decoder.add(data)
        return b"", any(frame.opcode == websocket.CLOSE for frame in islice(iter(decoder.next_frame, None), most))

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:
        said, wire = _last_words(words, body, tty)
        return list(said), [(0.0, wire)]

    def goodbye(self) -> Wire:
        return [(0.0, websocket.encode(websocket.CLOSE, websocket.close(1000)))]


@lru_cache(maxsize=64)
def _last_words(words: str, body: bytes, tty: bool) -> tuple[tuple[Said, ...], bytes]:
    """Made once for all streams that end together."""
    parts = status.exec_last_words(tty=tty, note=words if tty else "", status=body)
    return tuple((0, Channel.GATEWAY, payload) for _, payload, _ in parts if payload), b"".join(raw for _, _, raw in parts)


def control(frame: websocket.Frame, *, client: bool) -> Unit | None:
    """A control frame: pings are answered on their hop, pongs are nothing, a close is a goodbye, whose reason is noted and goes no further.

    Towards the cluster it is masked.
    """
    if frame.opcode == websocket.PING:
        return Unit(reply=websocket.encode(websocket.PONG, frame.payload, mask=not client))
    if frame.opcode == websocket.CLOSE:
        code, reason = frame.payload[:2], frame.payload[2:].decode()  # which the decoder checked
        how = b',"code":%d' % int.from_bytes(code, "big") if code else b""
        if reason:
            how += b',"reason":%b' % json.dumps(reason).encode()  # in ASCII, all else escaped
        bare = websocket.encode(websocket.CLOSE, code, mask=client)
        return Unit(bare, reply=websocket.encode(websocket.CLOSE, code, mask=not client), closes=True, how=how)
    return None
