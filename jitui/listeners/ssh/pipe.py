"""The client's end of a stream: to the proxy a transport that carries an answer to an upgrade and then WebSocket frames, to the client an SSH channel.

A transport in memory: whatever is written is decoded here, and goes on as the channel's data, its standard error, or its exit status. The channel gets no
more than its client has room for, and the socket one write at most that it can't take whole; what waits here stays in a freeze, and is taken back at the mute.
"""

import asyncio
from collections import deque
from typing import Any, Final, Protocol

from asyncssh import EXTENDED_DATA_STDERR

from jitui.protocol import channels, http, websocket
from jitui.proxy.outlet import Outlet
from jitui.recording.frame import Channel
from jitui.values.said import clean

LARGEST: Final = 32 << 10  # bytes of one message to the cluster, as kubectl's
OWN: Final = 255  # the exit status of the gateway's own ends, as of ssh's own
CLOSE: Final = 255  # the channel of v5 that closes another (KEP-4006)
WORDS: Final = 1000  # characters
KINDS: Final[dict[int, int | None]] = {Channel.STDOUT: None, Channel.STDERR: EXTENDED_DATA_STDERR}
DIALECT: Final = channels.COMMANDS[channels.V5]


class Writable(Protocol):
    """The SSH channel."""

    @property
    def room(self) -> int:
        """Bytes that the client takes now; the channel would keep the rest, and send it whatever happened in between."""
    def write(self, data: bytes, datatype: int | None = None) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def exit(self, status: int) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...


class Line(Protocol):
    """The connection that the channel is on."""

    @property
    def written(self) -> int:
        """Bytes handed to its socket, as they are on the wire."""

    @property
    def blocked(self) -> bool:
        """Whether its socket takes nothing now."""

    @property
    def unread(self) -> int:
        """Bytes handed to the socket that were not sent."""

    def cut(self) -> None:
        """Close it at once; what was not sent is dropped."""


class Pipe(asyncio.Transport):
    """One stream. Sizes and positions count the bytes that the proxy writes, whose frames are a little larger than what is in them."""

    def __init__(self, channel: Writable, line: Line, *, tty: bool) -> None:
        super().__init__()
        self._channel, self._line, self._tty = channel, line, tty
        self.outlet = ChannelOutlet(self)
        self.stdin = True  # the request asked for it
        self._protocol: asyncio.Protocol | None = None
        self._answer = http.ResponseParser()
        self._answer.expect(b"GET")
        self._head: http.ResponseHead | None = None
        self._body = b""
        self._decoder = websocket.Decoder(masked=False)
        self._status = b""
        self._due: deque[tuple[int, int | None, bytes]] = deque()  # position of its end, kind, and bytes for the channel
        self._position = self._read = self._passed = 0  # of all that was written, of what is decoded, and of what the channel has taken
        self._sent: deque[tuple[int, int]] = deque()  # positions on the wire, and here
        self._taken = 0  # position up to which all was sent
        self._exit: int | None = None  # the status to say once all is passed
        self._said = self._closing = self._gone = self._blocked = False
        self._early: list[bytes] = []  # came before the stream stands
        self._size = b""  # the newest of the terminal, while nothing is read: new ones are not held back by the channel's window
        self._reading = False

    # -- from the proxy ----------------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or self._exit is not None:
            return
        data = bytes(data)
        self._position += len(data)
        if self._answer.switched:
            self._frames(data)
        else:
            self._events(self._answer.feed(data))
            behind = self._answer.rest()
            self._read = self._position - len(behind)
            self._frames(behind)
        self.pump()

    def _events(self, events: list[http.Event]) -> None:
        """Of the cluster's answer, or of the gateway's in its place: a 101, or the words of a refusal."""
        for event in events:
            if isinstance(event, http.ResponseHead):
                self._head = event
            elif isinstance(event, http.Body):
                self._body += event.data
            elif isinstance(event, http.End) and self._head is not None and self._head.status != 101:
                self._ends(channels.exit_of(self._body).message if channels.is_status(self._body) else f"an answer {self._head.status}")

    def _frames(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            self._read += len(frame.raw)
            if frame.opcode == websocket.CLOSE:
                self._over()
                return
            message = DIALECT.read(frame, client=False)
            if message is None:
                continue
            number, body = message
            if number == Channel.ERROR:
                self._status += body
            elif body and number in KINDS:
                for at in range(0, len(body), LARGEST):
                    piece = body[at : at + LARGEST]
                    self._due.append((self._read - len(body) + at + len(piece), KINDS[number], piece))

    def _over(self) -> None:
        """The stream said goodbye; behind a Status."""
        exited = channels.exit_of(self._status)
        if exited.ok or exited.code is not None:
            self._exit = exited.code or 0
        else:
            self._ends(exited.message)

    def _ends(self, message: str) -> None:
        self.tell(message if message.startswith("jitui: ") else f"jitui: the cluster says: {message}")

    def tell(self, words: str) -> None:
        """Ends it with one line on standard error."""
        if self._exit is None and not self._closing:
            line = clean(words if words.startswith("jitui: ") else f"jitui: {words}", WORDS).encode() + (b"\r\n" if self._tty else b"\n")
            self._due.append((self._read, EXTENDED_DATA_STDERR, line))
            self._exit = OWN
            self.pump()

    # -- to the client -----------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Pass on as much as the channel and its connection take."""
        if self._gone:
            return
        if self._channel.is_closing() and not self._said:
            self.lost()
            return
        while self._due and not self._stuck:
            position, kind, body = self._due.popleft()
            rest = body[self._channel.room :]
            if rest:
                self._due.appendleft((position, kind, rest))
            self._passed = position - len(rest)
            self._channel.write(body[: len(body) - len(rest)], kind)
            self._mark()
        stuck = bool(self._due) or self._line.blocked
        if not stuck:
            self._passed = self._position
            self._mark()
            if self._exit is not None and not self._said:
                self._said = True
                self._channel.exit(self._exit)
        if stuck is not self._blocked and self._protocol is not None:
            self._blocked = stuck
            (self._protocol.pause_writing if stuck else self._protocol.resume_writing)()

    @property
    def _stuck(self) -> bool:
        outlet = self.outlet
        waits = self._channel.room <= 0 or self._line.blocked or outlet.frozen
        return waits or (outlet.gate is not None and not outlet.gate())  # it had to wait: its window may be over by now

    def _mark(self) -> None:
        """All that was passed is on the wire by now, or in the socket."""
        if not self._sent or self._sent[-1][1] != self._passed:
            self._sent.append((self._line.written, self._passed))

    def get_write_buffer_size(self) -> int:
        """Bytes written that the client can't have read."""
        sent = self._line.written - self._line.unread
        while self._sent and self._sent[0][0] <= sent:
            self._taken = self._sent.popleft()[1]
        return self._position - self._taken

    def take_back(self) -> int:
        """The mute: what waits here goes nowhere; how many bytes were written for it."""
        lost, self._position = self._position - self._passed, self._passed
        self._read = self._position
        self._due.clear()
        self.pump()
        return lost

    # -- from the client ---------------------------------------------------------------------------------------------------

    def came(self, data: bytes) -> None:
        """Standard input."""
        view = memoryview(data)
        self._feed(b"".join(_message(Channel.STDIN, bytes(view[at : at + LARGEST])) for at in range(0, len(data), LARGEST)))

    def closed_stdin(self) -> None:
        if self.stdin:
            self._feed(_message(CLOSE, bytes((Channel.STDIN,))))

    def resized(self, width: int, height: int) -> None:
        self._size = _message(Channel.RESIZE, b'{"Width":%d,"Height":%d}' % (width, height))
        if self._protocol is not None and self._reading:
            self._sized()

    def _sized(self) -> None:
        size, self._size = self._size, b""
        if size and self._protocol is not None:
            self._protocol.data_received(size)

    def lost(self) -> None:
        """The channel is closed, or its connection is."""
        if not self._gone:
            self._gone = self._closing = True
            if self._protocol is not None:
                self._protocol.connection_lost(None)

    def _feed(self, frames: bytes) -> None:
        if self._protocol is not None and self._reading:
            self._protocol.data_received(frames)
        else:
            self._early.append(frames)
            self._channel.pause_reading()

    # -- the rest of a transport -------------------------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol
        self.pump()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 - of a socket, which this has not
        return default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered in any case."""

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False
        self._channel.pause_reading()

    def resume_reading(self) -> None:
        """The early bytes go first; they may pause the reading again."""
        self._reading = True
        self._sized()
        while self._early and self._reading and self._protocol is not None:
            self._protocol.data_received(self._early.pop(0))
        if self._reading:
            self._channel.resume_reading()

    def close(self) -> None:
        """Behind all that was written; without a Status it ends as if it was cut."""
        if self._closing:
            return
        if self._exit is None:
            self.abort()
            return
        self._closing = True

    def abort(self) -> None:
        """At once. A client that does not even take what its socket was handed loses its connection with it."""
        if self._gone:
            return
        if self.get_write_buffer_size() and self._line.blocked:
            self._line.cut()
        self._closing = self._gone = True
        self._channel.abort()
        if self._protocol is not None:
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)


class ChannelOutlet(Outlet):
    """The writing end of a pipe, which takes back what the channel has not taken."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(pipe)
        self._pipe = pipe

    def freeze(self, on: bool) -> None:
        super().freeze(on)
        self._pipe.pump()

    def take_back(self) -> int:
        return self._pipe.take_back()


def _message(channel: int, body: bytes) -> bytes:
    return websocket.encode(websocket.BINARY, bytes((channel,)) + body, mask=True)
