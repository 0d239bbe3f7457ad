"""Exec and attach over SPDY/3.1: one stream each for error, stdin, stdout, stderr and resize (protocol facts, 2.2 and 2.4).

Control frames go on as they came, each with a mark on record. Pings, SETTINGS and WINDOW_UPDATE belong to one hop and do not.
"""

from typing import Final

from jitui.tape.frame import Channel
from jitui.wire import channels, spdy, status
from jitui.wire.spdy import Kind
from jitui.wire.speech import Said, Unit, Wire, mark
from jitui.wire.websocket import ProtocolError

CHANNELS: Final = {b"error": Channel.ERROR, b"stdin": Channel.STDIN, b"stdout": Channel.STDOUT, b"stderr": Channel.STDERR, b"resize": Channel.RESIZE}
TO_CLUSTER: Final = frozenset({Channel.STDIN, Channel.RESIZE})


class SpdyCommand:
    """Both directions of one remote command."""

    alive = b""

    def __init__(self) -> None:
        self._client, self._cluster = spdy.Decoder(client=True), spdy.Decoder(client=False)
        self._channels: dict[int, Channel] = {}  # by stream id, as the client opened them
        self._shut: set[tuple[int, bool]] = set()  # a stream and whether it is the client that writes no more to it
        self._status = b""

    @property
    def exited(self) -> channels.Exit | None:
        return channels.exit_of(self._status) if self._status and channels.is_status(self._status) else None

    def read(self, data: bytes, *, client: bool) -> list[Unit]:
        frames = (self._client if client else self._cluster).feed(data)
        return [unit for frame in frames if (unit := self._unit(frame, client=client)) is not None]

    def _unit(self, frame: spdy.Frame, *, client: bool) -> Unit | None:
        if frame.kind is Kind.DATA:
            return self._data(frame, client=client)
        hop = of_one_hop(frame, client=client)
        if hop is not None:
            return hop if hop.reply or hop.closes else None
        if frame.kind is Kind.SYN_STREAM:
            return self._open(frame, client=client)
        channel = self._channel(frame.stream)
        if frame.kind is Kind.RST_STREAM:
            self._shut |= {(frame.stream, True), (frame.stream, False)}
            return self._goes_on(frame, channel, "resets", client=client)
        if client:
            raise ProtocolError(f"the client sent a {frame.kind.name}, which only the cluster does")
        if frame.fin:
            self._shut.add((frame.stream, False))
        return self._goes_on(frame, channel, "answers", client=client)

    def _open(self, frame: spdy.Frame, *, client: bool) -> Unit:
        if not client:
            raise ProtocolError("the cluster opened a SPDY stream, which only the client does")
        channel = CHANNELS.get(dict(frame.headers).get(b"streamtype", b"").lower())
        if channel is None:
            raise ProtocolError("the client opened a SPDY stream that is none of error, stdin, stdout, stderr and resize")
        if channel in self._channels.values():
            raise ProtocolError(f"the client opened a second SPDY stream for {channel.label}")
        self._channels[frame.stream] = channel
        if frame.fin:
            self._shut.add((frame.stream, True))
        return Unit(frame.raw, ((0, Channel.MARK, mark("opens", channel.label)),))

    def _data(self, frame: spdy.Frame, *, client: bool) -> Unit:
        channel, side = self._channel(frame.stream), "client" if client else "cluster"
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
        if not frame.fin:
            return Unit(frame.raw, tuple(said) or ((0, channel, b""),))
        self._shut.add((frame.stream, client))
        if not client and channel is Channel.ERROR and not self.exited:
            return Unit(frame.raw, tuple(said), closes=True)
        return Unit(frame.raw, (*said, (0, Channel.MARK, mark("closes", channel.label))))

    def _goes_on(self, frame: spdy.Frame, channel: Channel, verb: str, *, client: bool) -> Unit:
        """For kubectl the end of the error stream without a Status is success: so that is a goodbye, and never passed on as such (protocol facts, 0.1)."""
        lost = frame.kind is Kind.RST_STREAM and channel is Channel.ERROR and not client and not self.exited
        return Unit(frame.raw, ((0, Channel.MARK, mark(verb, channel.label)),), closes=lost)

    def _channel(self, stream: int) -> Channel:
        channel = self._channels.get(stream)
        if channel is None:
            raise ProtocolError(f"a frame is on SPDY stream {stream}, which the client has not opened")
        return channel

    def deaf(self, data: bytes) -> tuple[bytes, bool]:
        return b"", any(frame.kind is Kind.GOAWAY for frame in self._client.feed(data))

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:
        by_channel = {channel: stream for stream, channel in self._channels.items() if (stream, False) not in self._shut}
        said: list[Said] = []
        wire = b""
        shown = by_channel.get(Channel.STDOUT)
        if tty and shown is not None:
            note = status.note_line(words)
            said.append((0, Channel.GATEWAY, note))
            wire += spdy.data(shown, note)
        said.append((0, Channel.GATEWAY, body))
        if Channel.ERROR in by_channel:
            wire += spdy.data(by_channel[Channel.ERROR], body, fin=True)
        return said, [(0.0, wire + self.goodbye())]

    def goodbye(self) -> bytes:
        ends = [spdy.data(stream, b"", fin=True) for stream, channel in self._channels.items()
                if channel in {Channel.STDOUT, Channel.STDERR} and (stream, False) not in self._shut]  # fmt: skip
        return b"".join(ends) + spdy.goaway(max(self._channels, default=0))


def of_one_hop(frame: spdy.Frame, *, client: bool) -> Unit | None:
    """What stays between a side and the gateway: a ping of its own is echoed; the rest is nothing, but for the goodbye. None: it is of a stream."""
    if frame.kind is Kind.PING:
        return Unit(reply=spdy.ping(frame.value) if frame.value % 2 == int(client) else b"")
    if frame.kind in {Kind.SETTINGS, Kind.WINDOW_UPDATE}:
        return Unit()
    if frame.kind is Kind.GOAWAY:
        return Unit(frame.raw, closes=True)
    if frame.kind is Kind.HEADERS:
        raise ProtocolError("a SPDY stream was sent further headers, which remote commands and port-forwards have no use for")
    return None
