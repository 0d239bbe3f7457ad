"""The channels of exec, attach and port-forward over WebSocket.

The first byte of a message is its channel, the rest its bytes; with base64 the channel is a digit, and its bytes are in base64
(kubernetes: apimachinery/pkg/util/httpstream/wsstream/conn.go). Before v4 the error channel has a text, and only if the command failed; from v4 on it has
a Status. v5 adds a signal to close a channel: 255 and the channel (apimachinery/pkg/util/remotecommand/constants.go; KEP-4006). Messages that the API
server silently ignores are refused here: bytes without a meaning for one side may have one for the other, and can't be recorded truthfully.
"""

import binascii
from collections.abc import Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from jitui.policy.streams import listed
from jitui.protocol import websocket
from jitui.protocol.websocket import BINARY, CLOSE, CONTINUATION, TEXT, Frame, ProtocolError
from jitui.recording.frame import BYTES, Channel
from jitui.values import foreign
from jitui.values.errors import RefusedError
from jitui.values.said import clean

Version = Literal["v1", "v4", "v5"]


def from_base64(text: bytes, side: str) -> bytes:
    """The bytes of a message, as Go's decoder reads them: line breaks are skipped, nothing else. Raises ProtocolError."""
    text = text.translate(None, b"\r\n")
    try:
        if len(text) % 4 == 0:
            return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        pass
    raise ProtocolError(f"a message of {side} is not base64")


def to_base64(body: bytes) -> bytes:
    return binascii.b2a_base64(body, newline=False)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the messages of a remote command, or of a port-forward, carry their channels."""

    version: Version
    base64: bool = False

    def read(self, frame: Frame, *, client: bool) -> tuple[int, bytes] | None:
        """The channel of a data frame and its bytes; None for a control frame, and for an empty message, which has no channel and is dropped.

        A client's text message counts like a binary one: the API server reads its bytes, and Python clients send str that way. Raises ProtocolError
        for a fragmented message (the API server would take the second fragment for a new message), and for one of the cluster in the other form.
        """
        if frame.opcode >= CLOSE:
            return None
        side = "client" if client else "cluster"
        if frame.opcode == CONTINUATION or not frame.fin:
            raise ProtocolError(f"a message of the {side} is fragmented; the API server does not put fragments together")
        if not client and frame.opcode != (TEXT if self.base64 else BINARY):
            is_form, form = ("binary", "text") if self.base64 else ("text", "binary")
            raise ProtocolError(f"a message of the cluster is {is_form}; the channels of this protocol are {form}")
        if not frame.payload:
            return None
        number, body = frame.payload[0], frame.payload[1:]
        if not self.base64:
            return number, body
        return (number - ord("0")) % 256, from_base64(body, f"the {side}")

    def message(self, number: int, body: bytes) -> bytes:
        """A message to the client."""
        if self.base64:
            return websocket.encode(TEXT, bytes((ord("0") + number,)) + to_base64(body))
        return websocket.encode(BINARY, bytes((number,)) + body)


V5: Final[bytes] = b"v5.channel.k8s.io"
V4: Final = b"v4.channel.k8s.io"
V4_BASE64: Final = b"v4.base64.channel.k8s.io"
TUNNEL: Final = b"SPDY/3.1+portforward.k8s.io"  # port-forward: SPDY carried in WebSocket messages
COMMANDS: Final[Mapping[bytes, Dialect]] = {  # the subprotocols of exec and attach; the nameless one is of a client that offers none
    V5: Dialect("v5"), V4: Dialect("v4"), V4_BASE64: Dialect("v4", base64=True),
    b"channel.k8s.io": Dialect("v1"), b"base64.channel.k8s.io": Dialect("v1", base64=True), b"": Dialect("v1"),
}  # fmt: skip
FORWARDS: Final[Mapping[bytes, Dialect]] = {V4: Dialect("v4"), V4_BASE64: Dialect("v4", base64=True), b"": Dialect("v4")}  # of port-forward, beside TUNNEL
OVER_SPDY: Final = frozenset({V5, V4})

CLOSE_SIGNAL: Final = 255
STATUS_LIMIT: Final = 64 << 10  # bytes of the Status on the error channel
FROM_CLIENT: Final = {0: Channel.STDIN, 4: Channel.RESIZE}
FROM_CLUSTER: Final = {1: Channel.STDOUT, 2: Channel.STDERR, 3: Channel.ERROR}
ASKED_BY: Final[Mapping[Channel, str]] = {  # the query parameter that asks for each stream; every command has the error stream
    Channel.STDIN: "stdin=true", Channel.STDOUT: "stdout=true", Channel.STDERR: "stderr=true and no tty=true", Channel.RESIZE: "tty=true",
}  # fmt: skip
EVERY: Final = frozenset({Channel.ERROR, *ASKED_BY})


@dataclass(slots=True)  # not frozen, which makes each of them twice as dear
class Piece:
    """One message of a remote command."""

    channel: Channel
    body: bytes  # without the channel byte; may be empty: the API server begins a stream with an empty message
    closes: Channel | None = None  # v5: the channel that ends with this message; body is empty then


class Reader:
    """Reads the data frames of one direction as pieces. Control frames and empty messages give None.

    `status` collects the bytes of the error channel, at most STATUS_LIMIT. Raises ProtocolError as `Dialect.read` does, for a channel that this side does
    not write to, and for a client's channel that is not among `asked`, the streams of its request line.
    """

    __slots__ = ("_asked", "_channels", "_client", "_dialect", "_status", "_stdin_closed", "plain")

    def __init__(self, dialect: Dialect, *, client: bool, asked: AbstractSet[Channel] = EVERY) -> None:
        self._dialect, self._client, self._asked = dialect, client, asked
        self._channels = FROM_CLIENT if client else FROM_CLUSTER
        self._stdin_closed = False
        self._status = b""
        self.plain: Mapping[int, Channel] = {}  # channels of which a message is nothing but bytes, whatever came before it
        if not dialect.base64:
            self.plain = {number: channel for number, channel in self._channels.items() if channel in BYTES and (channel in asked or not client)}

    @property
    def status(self) -> bytes:
        """The bytes of the error channel so far: for `exit_of`."""
        return self._status

    def read(self, frame: Frame) -> Piece | None:
        message = self._dialect.read(frame, client=self._client)
        if message is None:
            return None
        number, body = message
        channel = self._channels.get(number)
        if channel is None:
            if number == CLOSE_SIGNAL and self._client and not self._dialect.base64:
                return self._close_signal(frame.payload)
            raise ProtocolError(f"a message of the {'client' if self._client else 'cluster'} is on channel {number}, which it does not write to")
        if self._client:
            self._must_be_asked(channel)
        if channel is Channel.STDIN and self._stdin_closed and body:
            raise ProtocolError("the client writes to stdin after it closed it")
        if channel is Channel.ERROR:
            if len(self._status) + len(body) > STATUS_LIMIT:
                raise ProtocolError(f"the status of the cluster is longer than {STATUS_LIMIT} bytes")
            self._status += body
        return Piece(channel, body)

    def _close_signal(self, payload: bytes) -> Piece:
        if self._dialect.version != "v5":
            raise ProtocolError(f"a message of the client closes a channel, which {self._dialect.version} can't")
        if payload != b"\xff\x00":
            raise ProtocolError("a message of the client closes something other than stdin")
        self._must_be_asked(Channel.STDIN)
        self._stdin_closed = True
        self.plain = {}
        return Piece(Channel.STDIN, b"", Channel.STDIN)

    def _must_be_asked(self, channel: Channel) -> None:
        if channel not in self._asked:
            raise ProtocolError(f"the client writes to {unasked(channel)}")


def unasked(channel: Channel) -> str:
    """The sentence for a stream that the request line does not ask for: the rules judged a command without it."""
    return f"{channel.label}, which its request line does not ask for; that takes {ASKED_BY.get(channel, 'another request')}"


class Exit(NamedTuple):
    """How a remote command ended."""

    ok: bool
    code: int | None  # exit code of the process; None: it was not started, or not to its end
    message: str  # the message of the cluster's Status: not `clean` yet


def exit_of(status: bytes) -> Exit:
    """How the command ended, from all bytes of the error channel (kubernetes: client-go/tools/remotecommand/v4.go). Never raises."""
    try:
        said = foreign.read(status)
    except ValueError:
        return Exit(ok=False, code=None, message="the stream ended without a readable status")
    if not isinstance(said, dict):
        return Exit(ok=False, code=None, message="the stream ended without a readable status")
    message = said.get("message")
    text = message if isinstance(message, str) else ""
    if said.get("status") == "Success":
        return Exit(ok=True, code=0, message=text)
    if said.get("reason") == "NonZeroExitCode":
        return Exit(ok=False, code=_exit_code(said.get("details")), message=text)
    return Exit(ok=False, code=None, message=text or "the stream failed without saying why")


def is_status(said: bytes) -> bool:
    """Whether these bytes are a whole Status. One that was cut off does not tell how the command ended."""
    try:
        whole = foreign.read(said)
    except ValueError:
        return False
    return isinstance(whole, dict) and isinstance(whole.get("status"), str)


def completes(said: bytes, last: bytes) -> bool:
    """Whether `last`, the newest piece, makes `said` a whole Status."""
    return last.rstrip().endswith(b"}") and is_status(said)


def _exit_code(details: object) -> int | None:
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes if isinstance(causes, list) else []:
        if isinstance(cause, dict) and cause.get("reason") == "ExitCode":
            code = cause.get("message")
            if isinstance(code, str) and code.isascii() and code.isdecimal() and len(code) <= 3 and int(code) <= 255:
                return int(code)
    return None


def offers(lines: Sequence[bytes]) -> list[bytes]:
    """The members of Sec-WebSocket-Protocol (or X-Stream-Protocol-Version) lines, in order, case kept."""
    return [member.strip(b" \t") for line in lines for member in line.split(b",") if member.strip(b" \t")]


def carried(offered: Sequence[bytes], known: Mapping[bytes, object]) -> tuple[bytes, ...]:
    """The subprotocols of `known` that a client offers in its Sec-WebSocket-Protocol lines, in its order; of a client that offers none, none.

    Raises RefusedError if it offers others alone.
    """
    names = offers(offered)
    found = tuple(dict.fromkeys(name for name in names if name in known))
    if names and not found:
        others = f"{clean(names[0].decode('latin-1'), 60)} is not a protocol" if len(names) == 1 else "none of the protocols offered is one"
        raise RefusedError(f"{others} of this request; offer {listed([name.decode() for name in known if name], 'or')}")
    return found
