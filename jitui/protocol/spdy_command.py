"""Exec and attach over SPDY/3.1: one stream each for error, stdin, stdout, stderr and resize.

Control frames are forwarded as they came, each with a mark on record; pings, SETTINGS and WINDOW_UPDATE belong to one hop and are not. A stream that the
request line does not ask for ends the session: the API server counts the streams and takes any type in place of another (cri/streaming/remotecommand).

kubectl opens its streams one by one and reads none before all are answered; without an answer it waits for 30 s, whatever happens to the
connection. So after an end the gateway answers the streams that the cluster did not.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import islice
from typing import Final

from jitui.protocol import channels, spdy, status
from jitui.protocol.spdy import Kind
from jitui.protocol.speech import ALL, CHEAP, TOGETHER, Reading, Said, Unit, Wire, mark
from jitui.protocol.websocket import ProtocolError
from jitui.recording.frame import BYTES, Channel

CHANNELS: Final = {b"error": Channel.ERROR, b"stdin": Channel.STDIN, b"stdout": Channel.STDOUT, b"stderr": Channel.STDERR, b"resize": Channel.RESIZE}
TO_CLUSTER: Final = frozenset({Channel.STDIN, Channel.RESIZE})
SHOWN: Final = frozenset({Channel.STDOUT, Channel.STDERR})
# JSON's blank, said on the error stream before anything else: the Status follows it, and client-go reads through it. A connection that breaks before the Status
# leaves no empty error stream, which kubectl takes for success: it says that the JSON ends too early, and exits 1
UNDECIDED: Final = b" "
READ: Final = 0.25  # seconds between the Status and the GOAWAY: at a GOAWAY spdystream may drop a Status that nobody has read yet, and kubectl then exits 0
OPENED: Final = 1.0  # seconds that a client has to open the rest of its streams after the end


class SpdyCommand(Reading):
    """Both directions of one remote command. `asked`: the streams that its request line asks for."""

    alive = spdy.ping(2)  # the client echoes it

    def __init__(self, asked: AbstractSet[Channel]) -> None:
        self._asked = asked
        self._client, self._cluster = spdy.Decoder(client=True), spdy.Decoder(client=False)
        self._channels: dict[int, Channel] = {}  # by stream id, as the client opened them
        self._shut: set[tuple[int, bool]] = set()  # a stream and whether it is the client that writes no more to it
        self._reset: set[int] = set()  # streams over for both sides: the other may still have sent something
        self._answered: set[int] = set()  # streams that the client was told to use
        self._ended: set[int] = set()  # and those it was told to read no more, or reset
        self._status = b""
        self._ending = b""  # the Status that was said last

    @property
    def exited(self) -> channels.Exit | None:
        return channels.exit_of(self._status) if self._status and channels.is_status(self._status) else None

    def waits(self, *, client: bool) -> bool:
        return (self._client if client else self._cluster).waits

    def _read(self, data: bytes, client: bool, most: int) -> list[Unit]:
        decoder = self._client if client else self._cluster
        decoder.add(data)
        units: list[Unit | None] = []
        plain = self._plain(client=client)
        while most > 0 and decoder.waits:
            if plain and (run := decoder.run(plain, CHEAP * most, TOGETHER)) is not None:
                units.append(Unit(run.raw, ((0, plain[run.number], run.body),)))
                most -= -(-run.frames // CHEAP)
            elif (frame := decoder.next_frame()) is not None:
                units.append(self._unit(frame, client=client))
                most -= 1
                plain = self._plain(client=client)
            else:
                break
        return [unit for unit in units if unit is not None]

    def _plain(self, *, client: bool) -> dict[int, Channel]:
        """The streams whose DATA with bytes and without FIN is nothing but bytes just now."""
        return {
            stream: channel for stream, channel in self._channels.items()
            if channel in BYTES and (channel in TO_CLUSTER) is client and (stream, client) not in self._shut and stream not in self._reset
        }  # fmt: skip

    def _unit(self, frame: spdy.Frame, *, client: bool) -> Unit | None:
        hop = of_one_hop(frame, client=client)
        if hop is not None:
            return hop if hop.reply or hop.closes else None
        if frame.kind is Kind.SYN_STREAM:
            return self._open(frame, client=client)
        channel = self._channel(frame.stream)
        if frame.stream in self._reset and frame.kind is not Kind.SYN_REPLY:  # a SYN_REPLY is forwarded, as the client's zlib stream needs it
            return None
        if frame.kind is Kind.DATA:
            return self._data(frame, channel, client=client)
        if frame.kind is Kind.RST_STREAM:
            self._reset.add(frame.stream)
            if client:
                self._ended.add(frame.stream)
            return self._goes_on(frame, channel, "resets", client=client, how=b',"status":%d' % frame.value)
        without_headers(frame, client=client)
        if frame.fin:
            self._shut.add((frame.stream, False))
        return self._goes_on(frame, channel, "answers", client=client)

    def _open(self, frame: spdy.Frame, *, client: bool) -> Unit:
        if not client:
            raise ProtocolError("the cluster opened a SPDY stream, which only the client does")
        channel = self._named(frame)
        if channel is None:
            raise ProtocolError("the client opened a SPDY stream that is none of error, stdin, stdout, stderr and resize")
        if channel in self._channels.values():
            raise ProtocolError(f"the client opened a second SPDY stream for {channel.label}")
        self._channels[frame.stream] = channel  # so that `last_words` answers this stream, too
        if channel not in self._asked:
            raise ProtocolError(f"the client opened a SPDY stream for {channels.unasked(channel)}")
        if frame.fin:
            self._shut.add((frame.stream, True))
        return Unit(frame.raw, ((0, Channel.MARK, mark("opens", channel.label)),))

    def _named(self, frame: spdy.Frame) -> Channel | None:
        """The channel of a SYN_STREAM, or None if it has any header but `streamtype`: another header would reach the cluster and be on no record."""
        said = dict(frame.headers)
        return CHANNELS.get(said.get(b"streamtype", b"")) if len(said) == 1 else None

    def _data(self, frame: spdy.Frame, channel: Channel, *, client: bool) -> Unit:
        side = "client" if client else "cluster"
        if frame.payload:
            if (channel in TO_CLUSTER) is not client:
                raise ProtocolError(f"the {side} writes to {channel.label}, which is not its to write")
            if (frame.stream, client) in self._shut:
                raise ProtocolError(f"the {side} writes to {channel.label} after it closed it")
        if channel is Channel.ERROR and not client:
            if len(self._status) + len(frame.payload) > channels.STATUS_LIMIT:
                raise ProtocolError(f"the status of the cluster is longer than {channels.STATUS_LIMIT} bytes")
            self._status += frame.payload
        said: list[Said] = [(0, channel, frame.payload)] if frame.payload else []
        tells = channel is Channel.ERROR and channels.completes(self._status, frame.payload)
        if not frame.fin:
            return Unit(frame.raw, tuple(said) or ((0, channel, b""),), tells=tells)
        self._shut.add((frame.stream, client))
        if not client and channel is Channel.ERROR and not self.exited:
            return Unit(frame.raw, tuple(said), closes=True)
        return Unit(frame.raw, (*said, (0, Channel.MARK, mark("closes", channel.label))), ends=0 if client else frame.stream, tells=tells)

    def _goes_on(self, frame: spdy.Frame, channel: Channel, verb: str, *, client: bool, how: bytes = b"") -> Unit:
        """Forwards the end of a stream. kubectl takes the end of the error stream without a Status for success: that counts as a goodbye instead."""
        ends = frame.kind is Kind.RST_STREAM or frame.fin
        if frame.kind is Kind.SYN_REPLY and channel is Channel.ERROR and not ends and frame.stream not in self._ended:
            marks = tuple[Said, ...]((0, Channel.MARK, mark(what, channel.label)) for what in (verb, "blank"))
            return Unit(frame.raw + spdy.data(frame.stream, UNDECIDED), marks, answers=frame.stream)
        lost = ends and channel is Channel.ERROR and not client and not self.exited
        answers = frame.stream if frame.kind is Kind.SYN_REPLY else 0
        said = ((0, Channel.MARK, mark(verb, channel.label, how)),)
        return Unit(frame.raw, said, closes=lost, answers=answers, ends=frame.stream if ends and not client else 0)

    def _channel(self, stream: int) -> Channel:
        channel = self._channels.get(stream)
        if channel is None:
            raise ProtocolError(f"a frame is on SPDY stream {stream}, which the client has not opened")
        return channel

    def handed(self, unit: Unit) -> None:
        if unit.answers:
            self._answered.add(unit.answers)
        if unit.ends:
            self._ended.add(unit.ends)

    def reworded(self, unit: Unit, body: bytes, *, alone: bool = False) -> Unit:
        stream, channel = int.from_bytes(unit.raw[:4], "big"), unit.said[0][1]
        if alone or len(unit.said) == 1:
            return Unit(spdy.data(stream, body), ((0, channel, body),))
        said = ((0, channel, body), *unit.said[1:]) if body else unit.said[1:]
        return replace(unit, raw=spdy.data(stream, body, fin=True), said=said)

    def deaf(self, data: bytes, most: int = ALL) -> tuple[bytes, bool]:
        reply, closed = b"", False
        self._client.add(data)
        for frame in islice(iter(self._client.next_frame, None), most):
            closed |= frame.kind is Kind.GOAWAY
            channel = self._named(frame) if frame.kind is Kind.SYN_STREAM else None
            if channel is None or channel in self._channels.values():
                continue
            self._channels[frame.stream] = channel
            if self._ending:
                reply += self._answer(frame.stream) + self._end_of(frame.stream, channel) + (b"" if self._opening else self._away())
        return reply, closed

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:
        self._ending = body
        wire = b"".join([self._answer(stream) for stream in self._channels if stream not in self._answered])
        said: list[Said] = []
        shown = next((stream for stream, channel in self._channels.items() if channel is Channel.STDOUT and stream not in self._ended), 0)
        if tty and shown:
            note = status.note_line(words)
            said.append((0, Channel.GATEWAY, note))
            wire += spdy.data(shown, note)
        said.append((0, Channel.GATEWAY, body))
        wire += b"".join([self._end_of(stream, channel) for stream, channel in self._channels.items()])
        return said, [(0.0, wire), (OPENED if self._opening else READ, self._away())]

    def goodbye(self) -> Wire:
        return [(0.0, b"".join([self._end_of(stream, channel) for stream, channel in self._channels.items() if channel in SHOWN])), (READ, self._away())]

    @property
    def _opening(self) -> bool:
        """Whether the client has yet to open a stream. At a GOAWAY it would stop reading before it sees the answer to that stream."""
        return not self._asked <= set(self._channels.values())

    def _answer(self, stream: int) -> bytes:
        first = not self._answered
        self._answered.add(stream)
        return spdy.bare_reply(stream, first=first)

    def _end_of(self, stream: int, channel: Channel) -> bytes:
        """The frames that end a stream for the client: the Status on the error stream, an empty DATA with FIN on the others."""
        if stream in self._ended or channel in TO_CLUSTER:
            return b""
        return spdy.data(stream, self._ending if channel is Channel.ERROR else b"", fin=True)

    def _away(self) -> bytes:
        return spdy.goaway(max(self._channels, default=0))


def without_headers(frame: spdy.Frame, *, client: bool) -> None:
    """Raises ProtocolError for a SYN_REPLY with headers: they would reach the client and be on no record."""
    if client:
        raise ProtocolError(f"the client sent a {frame.kind.name}, which only the cluster does")
    if frame.headers:
        raise ProtocolError("the cluster answered a SPDY stream with headers, which remote commands and port-forwards have no use for")


def of_one_hop(frame: spdy.Frame, *, client: bool) -> Unit | None:
    """The unit of a frame that concerns one hop only: a ping is echoed, a GOAWAY is a goodbye, others do nothing. None: it belongs to a stream."""
    if frame.kind is Kind.PING:
        return Unit(reply=spdy.ping(frame.value) if frame.value % 2 == int(client) else b"")
    if frame.kind in {Kind.SETTINGS, Kind.WINDOW_UPDATE}:
        return Unit()
    if frame.kind is Kind.GOAWAY:
        return Unit(frame.raw, closes=True, how=b',"last":%d,"status":%d' % (frame.value, int.from_bytes(frame.raw[-4:], "big")))
    if frame.kind is Kind.HEADERS:
        raise ProtocolError("a SPDY stream was sent further headers, which remote commands and port-forwards have no use for")
    return None
