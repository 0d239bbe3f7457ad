"""A speech decodes both directions of one upgraded stream, whichever protocol carries it, into units: each is recorded, then forwarded.

Sans-io. One object reads both directions, because the meaning of a frame depends on earlier frames of the other side.
"""

import json
from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, islice
from typing import Final, Protocol, TypeAlias

from jitui.protocol import channels, status, websocket
from jitui.recording.frame import BYTES, Channel

Said: TypeAlias = tuple[int, Channel, bytes]  # substream, channel, bytes: a frame of the tape. 0 is the stream itself, from 1 on its forwarded connections
Wire: TypeAlias = list[tuple[float, bytes]]  # delay in seconds after the first write, and the bytes to write

CLIENT_FRAME: Final = 8 << 20  # bytes of one WebSocket message of a client: 5 MB have been seen
CLUSTER_FRAME: Final = 1 << 20
ALL: Final = 1 << 62
CHEAP: Final = 16  # frames of a run take as long to read as another one
TOGETHER: Final = 64 << 10  # bytes up to which pieces are joined to one frame: viewers and pages never split a frame


@dataclass(slots=True)  # not frozen, which makes each of them twice as dear
class Unit:
    """One whole frame, or a run of them. A unit with a reply concerns the sender and the gateway alone, unless it closes."""

    raw: bytes | memoryview = field(default=b"", repr=False)  # bytes to forward to the other side once `said` is on record
    said: tuple[Said, ...] = ()  # its record: at least one entry if `raw` is forwarded, all of one substream
    reply: bytes = b""  # bytes for the sender: a pong, a close
    closes: bool = False  # the sender sends nothing more; `raw` is its goodbye
    how: bytes = b""  # more about the close, for its mark: further pairs of JSON, each behind a comma
    opens: int = 0  # the substream that begins with this unit
    over: int = 0  # the substream that ends with this unit
    answers: int = 0  # the SPDY stream that this unit tells the client to use
    ends: int = 0  # the SPDY stream that this unit tells the client to read no more
    tells: bool = False  # with this unit the client has the whole Status of the command


class Speech(Protocol):
    """The codec of one stream. `read` and `deaf` raise ProtocolError for bytes that have no reading, or more than one."""

    @property
    def exited(self) -> channels.Exit | None:
        """How the remote command ended; None until the cluster has told it."""

    @property
    def alive(self) -> bytes:
        """A frame that a client ignores or answers. Writing it keeps a waiting client from timing out, and fails if the client is gone."""

    def read(self, data: bytes, *, client: bool, most: int = ALL) -> list[Unit]:
        """The units of the next `most` whole frames, of CHEAP ones CHEAP times as many. Frames beyond these wait for the next call, which may pass b"".

        After a ProtocolError every further call raises the same.
        """

    def waits(self, *, client: bool) -> bool:
        """Whether bytes of this side were added that are not parsed yet."""

    def reworded(self, unit: Unit, body: bytes, *, alone: bool = False) -> Unit:
        """A unit of a command's output with other bytes in it. `alone`: a further one on its channel, without what else the unit says."""

    def handed(self, unit: Unit) -> None:
        """Call it when the client was sent a unit that answers or ends a stream. A unit that was only read may still be dropped by an end."""

    def deaf(self, data: bytes, most: int = ALL) -> tuple[bytes, bool]:
        """Reads a client's bytes after its stream was ended, as `read` does: the bytes to answer with, and whether the client closed."""

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:
        """The record and the writes that make the client print `words` and fail. `body`: the words as a Status."""

    def goodbye(self) -> Wire:
        """The writes that end the stream for the client after an exit, where the cluster left without a close: late enough for the Status to be read."""


class Reading:
    """The common part of all speeches: once one has raised, it raises the same again."""

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

    def reworded(self, unit: Unit, body: bytes, *, alone: bool = False) -> Unit:
        raise NotImplementedError  # of speeches that carry no command

    def handed(self, unit: Unit) -> None:
        """Does nothing: only SPDY's last words depend on it."""


def mark(key: str, value: str, how: bytes = b"") -> bytes:
    """The body of a MARK frame: canonical JSON of one pair of the gateway's own words, and of `how`."""
    return f'{{"{key}":"{value}"'.encode() + how + b"}"


def joined(said: list[Said]) -> list[Said]:
    """The same record with neighbouring pieces of one byte stream joined, up to TOGETHER bytes: they cost one row and one link.

    An empty piece is never joined: delivery counts such pieces, because they have no bytes to count.
    """
    if len(said) < 2:
        return said
    whole: list[Said] = []
    for (substream, channel, some), run in groupby(said, lambda piece: (piece[0], piece[1], piece[2] != b"")):
        if not some or channel not in BYTES:
            whole += run
            continue
        parts: list[bytes] = []
        size = 0
        for _, _, body in run:
            if parts and size + len(body) > TOGETHER:
                whole.append((substream, channel, b"".join(parts)))
                parts, size = [], 0
            parts.append(body)
            size += len(body)
        whole.append((substream, channel, b"".join(parts)))
    return whole


def control(frame: websocket.Frame, *, client: bool) -> Unit | None:
    """The unit of a control frame: a ping is answered on its hop, a pong does nothing, a close is a goodbye whose reason is recorded, not forwarded.

    A frame towards the cluster is masked (RFC 6455, section 5.1).
    """
    if frame.opcode == websocket.PING:
        return Unit(reply=websocket.encode(websocket.PONG, frame.payload, mask=not client))
    if frame.opcode == websocket.CLOSE:
        code, reason = frame.payload[:2], frame.payload[2:].decode()  # UTF-8, as the decoder checked
        how = b',"code":%d' % int.from_bytes(code, "big") if code else b""
        if reason:
            how += b',"reason":%b' % json.dumps(reason).encode()  # in ASCII, all else escaped
        bare = websocket.encode(websocket.CLOSE, code, mask=client)
        return Unit(bare, reply=websocket.encode(websocket.CLOSE, code, mask=not client), closes=True, how=how)
    return None


class WebSocketReading(Reading):
    """The common part of speeches over WebSocket. One without another sign of its end has come to it once the cluster says goodbye."""

    alive = websocket.encode(websocket.PONG, b"")

    def __init__(self, limit: int = CLUSTER_FRAME) -> None:
        """`limit`: bytes of one message of the cluster."""
        self._client = websocket.Decoder(masked=True, limit=CLIENT_FRAME)
        self._cluster = websocket.Decoder(masked=False, limit=limit)
        self._over = False  # the cluster said goodbye

    @property
    def exited(self) -> channels.Exit | None:
        return channels.Exit(ok=True, code=None, message="") if self._over else None

    def waits(self, *, client: bool) -> bool:
        return (self._client if client else self._cluster).waits

    def _read(self, data: bytes, client: bool, most: int) -> list[Unit]:
        decoder = self._client if client else self._cluster
        decoder.add(data)
        units: list[Unit | None] = []
        while most > 0 and decoder.waits:
            channels = self._plain(client=client)
            if channels and (run := decoder.run(channels, CHEAP * most, TOGETHER)) is not None:
                units.append(Unit(run.raw, ((0, channels[run.number], run.body),)))
                most -= -(-run.frames // CHEAP)
            elif (frame := decoder.next_frame()) is not None:
                units.append(self._unit(frame, client=client))
                most -= 1
            else:
                break
        return [unit for unit in units if unit is not None]

    def _plain(self, *, client: bool) -> Mapping[int, Channel]:  # noqa: ARG002 - of a speech that has such channels
        """The channels whose messages are nothing but bytes just now; empty messages apart."""
        return {}

    def _unit(self, frame: websocket.Frame, *, client: bool) -> Unit | None:
        if frame.opcode < websocket.CLOSE:
            return self._data(frame, client=client)
        self._over |= frame.opcode == websocket.CLOSE and not client
        return control(frame, client=client)

    def _data(self, frame: websocket.Frame, *, client: bool) -> Unit | None:
        """The unit of a frame that is no control frame; None for one that says nothing."""
        raise NotImplementedError

    def deaf(self, data: bytes, most: int = ALL) -> tuple[bytes, bool]:
        self._client.add(data)
        return b"", any(frame.opcode == websocket.CLOSE for frame in islice(iter(self._client.next_frame, None), most))

    def goodbye(self) -> Wire:
        return [(0.0, websocket.encode(websocket.CLOSE, websocket.close(1000)))]


class WebSocketCommand(WebSocketReading):
    """Exec and attach over WebSocket, in any dialect of channels.COMMANDS. `asked`: the streams of the request line."""

    def __init__(self, dialect: channels.Dialect, asked: AbstractSet[Channel]) -> None:
        super().__init__()
        self._dialect = dialect
        self._of_client, self._of_cluster = channels.Reader(dialect, client=True, asked=asked), channels.Reader(dialect, client=False)

    @property
    def exited(self) -> channels.Exit | None:
        said = self._of_cluster.status
        if self._dialect.version == "v1":  # the goodbye of the cluster is the sign, a text before it a failure
            return channels.Exit(ok=not said, code=None if said else 0, message=said.decode("utf-8", "replace")) if self._over else None
        return channels.exit_of(said) if said and channels.is_status(said) else None

    def _data(self, frame: websocket.Frame, *, client: bool) -> Unit | None:
        reader = self._of_client if client else self._of_cluster
        piece = reader.read(frame)
        if piece is None:
            return None
        if piece.closes is not None:
            return Unit(frame.raw, ((0, Channel.MARK, mark("closes", piece.closes.label)),))
        tells = piece.channel is Channel.ERROR and channels.completes(reader.status, piece.body)
        return Unit(frame.raw, ((0, piece.channel, piece.body),), tells=tells)

    def _plain(self, *, client: bool) -> Mapping[int, Channel]:
        return (self._of_client if client else self._of_cluster).plain

    def reworded(self, unit: Unit, body: bytes, *, alone: bool = False) -> Unit:  # noqa: ARG002 - a message says nothing else
        channel = unit.said[0][1]
        return Unit(self._dialect.message(int(channel), body), ((0, channel, body),))

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:
        said, wire = _last_words(words, status.words(words).encode() if self._dialect.version == "v1" else body, tty, self._dialect)
        return list(said), [(0.0, wire)]


@lru_cache(maxsize=64)
def _last_words(words: str, body: bytes, tty: bool, dialect: channels.Dialect) -> tuple[tuple[Said, ...], bytes]:
    """The last words, cached for all streams that end together."""
    parts = status.exec_last_words(tty=tty, note=words if tty else "", status=body, message=dialect.message)
    return tuple((0, Channel.GATEWAY, payload) for _, payload, _ in parts if payload), b"".join(raw for _, _, raw in parts)
