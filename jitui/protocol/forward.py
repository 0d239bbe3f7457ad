"""Port-forward: SPDY/3.1 with a pair of streams for each forwarded connection, plain or in the messages of a WebSocket.

In the WebSocket tunnel SPDY is a byte stream: a message is any part of it, possibly empty. The gateway forwards one message for each SPDY frame.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from jitui.protocol import channels, spdy, status, websocket
from jitui.protocol.spdy import Kind
from jitui.protocol.spdy_command import of_one_hop, without_headers
from jitui.protocol.speech import ALL, CLUSTER_FRAME, Reading, Said, Unit, Wire, control, mark
from jitui.protocol.websocket import ProtocolError
from jitui.recording.frame import Channel
from jitui.values.said import clean

SUBSTREAMS: Final = 1024  # forwarded connections open at once
TUNNEL_FRAME: Final = 64 << 10  # bytes of one message of a client; kubectl's have at most 33 KiB
NAMES: Final = frozenset({b"streamtype", b"port", b"requestid"})
SHOWN: Final = 0.25  # seconds between the text on an error stream and the GOAWAY: kubectl loses a text that is younger than 50 ms, on a busy machine more


@dataclass(slots=True)
class _Substream:
    """One forwarded connection: its two streams, and which are over."""

    number: int
    port: bytes
    request: bytes
    error: int = 0  # stream ids
    data: int = 0
    errored: bool = False  # the cluster writes no more to the error stream
    sent: bool = False  # the client writes no more to the data stream
    received: bool = False  # nor the cluster
    reset: set[int] = field(default_factory=set)  # streams over for both sides: the other may still have sent something

    @property
    def over(self) -> bool:
        """Whether neither side sends more on it. A pair of which only one stream was opened never ends by itself."""
        paired = self.error and self.data
        return self.errored and self.sent and self.received if paired else bool(self.reset)


class Forward(Reading):
    """Both directions of one port-forward. `ports`: those that its request line names; None: it names none, as kubectl's, and any may be opened."""

    exited: channels.Exit | None = None  # a port-forward has no end of its own

    def __init__(self, *, tunnel: bool, ports: AbstractSet[int] | None = None) -> None:
        self._ports = ports
        self._client, self._cluster = spdy.Decoder(client=True), spdy.Decoder(client=False)
        self._outer = (
            (websocket.Decoder(masked=True, limit=TUNNEL_FRAME), websocket.Decoder(masked=False, limit=CLUSTER_FRAME)) if tunnel else None
        )
        self._streams: dict[int, _Substream] = {}
        self._substreams = 0
        self._newest = 0  # the highest stream id

    @property
    def alive(self) -> bytes:
        return websocket.encode(websocket.PONG, b"") if self._outer else spdy.ping(2)

    def waits(self, *, client: bool) -> bool:
        inner = self._client if client else self._cluster
        return inner.waits or (self._outer is not None and self._outer[0 if client else 1].waits)

    def _read(self, data: bytes, client: bool, most: int) -> list[Unit]:
        inner = self._client if client else self._cluster
        outer = self._outer[0 if client else 1] if self._outer else None
        (outer or inner).add(data)
        units: list[Unit | None] = []
        for _ in range(most):
            if (frame := inner.next_frame()) is not None:
                units.append(self._unit(frame, client=client))
            elif outer is None or (message := outer.next_frame()) is None:
                break
            elif message.opcode == websocket.TEXT:
                raise ProtocolError("a message of the port-forward tunnel is text; SPDY is carried in binary ones")
            elif message.opcode < websocket.CLOSE:
                inner.add(message.payload)
            else:
                units.append(control(message, client=client))
        return [unit for unit in units if unit is not None]

    def _unit(self, frame: spdy.Frame, *, client: bool) -> Unit | None:
        if frame.kind is not Kind.DATA:
            hop = of_one_hop(frame, client=client)
            if hop is not None:
                if hop.closes:
                    return replace(hop, raw=self._wrapped(frame.raw, masked=client))
                return Unit(reply=self._wrapped(hop.reply, masked=not client)) if hop.reply else None
        if frame.kind is Kind.SYN_STREAM:
            return self._open(frame, client=client)
        substream = self._streams.get(frame.stream)
        if substream is None and frame.stream > self._newest:
            raise ProtocolError(f"a frame is on SPDY stream {frame.stream}, which the client has not opened")
        if substream is None or frame.stream in substream.reset:  # the stream has ended for both sides, or one has reset it: the other would ignore the frame
            return self._late(frame, client=client)
        said = self._said(substream, frame, client=client)
        if substream.over:
            self._streams.pop(substream.error, None)
            self._streams.pop(substream.data, None)
        return Unit(self._wrapped(frame.raw, masked=client), said, over=substream.number if substream.over else 0)

    def _late(self, frame: spdy.Frame, *, client: bool) -> Unit | None:
        """Forwards only a SYN_REPLY, as the client's zlib stream needs it; drops any other frame of a stream that is over."""
        if frame.kind is not Kind.SYN_REPLY:
            return None
        without_headers(frame, client=client)
        return Unit(self._wrapped(frame.raw, masked=client), ((0, Channel.MARK, mark("answers", "what is over")),))

    def _said(self, substream: _Substream, frame: spdy.Frame, *, client: bool) -> tuple[Said, ...]:
        """The record of a frame on one of the two streams."""
        kind = "error" if frame.stream == substream.error else "data"
        said: list[Said] = []
        if frame.kind is Kind.DATA:
            if frame.payload:
                said.append((substream.number, self._channel(substream, frame, client=client), frame.payload))
            if frame.fin:
                self._end(substream, frame.stream, client=client)
                said.append((substream.number, Channel.MARK, mark("closes", f"{kind} of the {'client' if client else 'cluster'}")))
        elif frame.kind is Kind.RST_STREAM:
            substream.reset.add(frame.stream)
            self._end(substream, frame.stream, client=True)
            self._end(substream, frame.stream, client=False)
            said.append((substream.number, Channel.MARK, mark("resets", kind, b',"status":%d' % frame.value)))
        else:
            without_headers(frame, client=client)
            said.append((substream.number, Channel.MARK, mark("answers", kind)))
            if frame.fin:
                self._end(substream, frame.stream, client=False)
        return tuple(said) or ((substream.number, Channel.MARK, b"{}"),)

    def _channel(self, substream: _Substream, frame: spdy.Frame, *, client: bool) -> Channel:
        side = "client" if client else "cluster"
        if frame.stream == substream.error:
            if client:
                raise ProtocolError("the client writes to an error stream, which is not its to write")
            if substream.errored:
                raise ProtocolError("the cluster writes to an error stream after it closed it")
            return Channel.FORWARD_ERROR
        if substream.sent if client else substream.received:
            raise ProtocolError(f"the {side} writes to a forwarded connection after it closed it")
        return Channel.FORWARD_IN if client else Channel.FORWARD_OUT

    def _end(self, substream: _Substream, stream: int, *, client: bool) -> None:
        if stream == substream.error:
            substream.errored |= not client
        elif client:
            substream.sent = True
        else:
            substream.received = True

    def _open(self, frame: spdy.Frame, *, client: bool) -> Unit:
        if not client:
            raise ProtocolError("the cluster opened a SPDY stream, which only the client does")
        said = dict(frame.headers)
        kind, port, request = said.get(b"streamtype", b""), said.get(b"port", b""), said.get(b"requestid", b"")
        if kind not in {b"error", b"data"}:
            raise ProtocolError("the client opened a SPDY stream that is neither error nor data of a forwarded connection")
        if said.keys() - NAMES:
            raise ProtocolError("the client opened a SPDY stream with headers other than streamtype, port and requestid")
        if not port.isdigit() or len(port) > 5 or not 0 < int(port) < 1 << 16:
            raise ProtocolError("the client opened a SPDY stream without a port from 1 to 65535")
        if self._ports is not None and int(port) not in self._ports:
            raise ProtocolError(f"the client opened a SPDY stream for port {int(port)}, which its request line does not name; name it there, or none")
        if len(request) > 32 or (not request.isalnum() and request):
            raise ProtocolError("the client gave a forwarded connection an id that is none")
        substream, opens = self._pair(frame.stream, kind, port, request)
        self._streams[frame.stream] = substream
        self._newest = frame.stream
        if kind == b"error":
            substream.error = frame.stream
        else:
            substream.data = frame.stream
        if frame.fin:
            self._end(substream, frame.stream, client=True)
        body = b'{"opens":"%b","port":%d,"request":"%b"}' % (kind, int(port), request)
        return Unit(self._wrapped(frame.raw, masked=True), ((substream.number, Channel.MARK, body),), opens=substream.number if opens else 0)

    def _pair(self, stream: int, kind: bytes, port: bytes, request: bytes) -> tuple[_Substream, bool]:
        """The connection that a stream belongs to, and whether the stream is its first. Clients without request ids open the two streams in a row."""
        for other, substream in self._streams.items():
            if substream.request == request if request else not substream.request and other == stream - 2:
                waits = substream.data == 0 if kind == b"data" else substream.error == 0
                if waits and substream.port == port:
                    return substream, False
                if request:  # the cluster pairs by the id alone
                    raise ProtocolError("the client gave a stream the request id of a forwarded connection that has one of its kind, or another port")
        if len(self._streams) >= 2 * SUBSTREAMS:
            raise ProtocolError(f"more than {SUBSTREAMS} connections are forwarded at once; open another port-forward for more")
        self._substreams += 1
        return _Substream(self._substreams, port, request), True

    def _wrapped(self, raw: bytes, *, masked: bool) -> bytes:
        return websocket.encode(websocket.BINARY, raw, mask=masked) if self._outer and raw else raw

    def deaf(self, data: bytes, most: int = ALL) -> tuple[bytes, bool]:
        if self._outer is None:
            self._client.add(data)
            return b"", any(frame.kind is Kind.GOAWAY for frame in islice(iter(self._client.next_frame, None), most))
        outer = self._outer[0]
        outer.add(data)
        self._client = spdy.Decoder(client=True)  # the payload of its messages is not read any more
        return b"", any(frame.opcode == websocket.CLOSE for frame in islice(iter(outer.next_frame, None), most))

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:  # noqa: ARG002 - kubectl shows the text alone, and no Status
        text = clean(words, status.WORDS_LIMIT).encode()
        substreams = {substream.number: substream for substream in self._streams.values()}
        said: list[Said] = [(number, Channel.GATEWAY, text) for number, substream in substreams.items() if substream.error and not substream.errored]
        wire = b""
        for substream in substreams.values():
            if substream.error and not substream.errored:
                wire += self._wrapped(spdy.data(substream.error, text, fin=True), masked=False)
            if substream.data and not substream.received:
                wire += self._wrapped(spdy.data(substream.data, b"", fin=True), masked=False)
        if not wire:
            return [(0, Channel.GATEWAY, text)], self.goodbye()
        return said, [(0.0, wire), (SHOWN, self._away())]

    def goodbye(self) -> Wire:
        return [(0.0, self._away())]

    def _away(self) -> bytes:
        away = self._wrapped(spdy.goaway(self._newest), masked=False)
        return away + websocket.encode(websocket.CLOSE, websocket.close(1000)) if self._outer else away
