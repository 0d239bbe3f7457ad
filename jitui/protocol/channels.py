"""The channels of exec and attach over WebSocket: v4.channel.k8s.io and v5.channel.k8s.io.

The first byte of a binary message is the channel, the rest its bytes. v5 adds a signal to close one: 255 and the channel
(kubernetes: apimachinery/pkg/util/remotecommand/constants.go; KEP-4006). Messages that the API server silently ignores are refused here: bytes
without a meaning for one side may have one for the other, and can't be recorded truthfully.
"""

from collections.abc import Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from jitui.protocol.websocket import BINARY, CLOSE, CONTINUATION, Frame, ProtocolError
from jitui.recording.frame import Channel
from jitui.values import foreign
from jitui.values.errors import RefusedError

Version = Literal["v4", "v5"]

V5: Final = b"v5.channel.k8s.io"
V4: Final = b"v4.channel.k8s.io"
TUNNEL: Final = b"SPDY/3.1+portforward.k8s.io"  # port-forward: SPDY carried in WebSocket messages
VERSIONS: Final[dict[bytes, Version]] = {V5: "v5", V4: "v4"}

CLOSE_SIGNAL: Final = 255
STATUS_LIMIT: Final = 64 << 10  # bytes of the Status on the error channel
FROM_CLIENT: Final = {0: Channel.STDIN, 4: Channel.RESIZE}
FROM_CLUSTER: Final = {1: Channel.STDOUT, 2: Channel.STDERR, 3: Channel.ERROR}
ASKED_BY: Final[Mapping[Channel, str]] = {  # the query parameter that asks for each stream; every command has the error stream
    Channel.STDIN: "stdin=true", Channel.STDOUT: "stdout=true", Channel.STDERR: "stderr=true and no tty=true", Channel.RESIZE: "tty=true",
}  # fmt: skip
EVERY: Final = frozenset({Channel.ERROR, *ASKED_BY})


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of a remote command."""

    channel: Channel
    body: bytes  # without the channel byte; may be empty: the API server begins a stream with an empty message
    closes: Channel | None = None  # v5: the channel that ends with this message; body is empty then


class Reader:
    """Reads the data frames of one direction as pieces. Control frames and empty messages give None.

    `status` collects the bytes of the error channel, at most STATUS_LIMIT. A client's text message counts like a binary one: the API server reads its
    bytes, and Python clients send str that way. An empty message has no channel and is dropped. Raises ProtocolError for a fragmented message (the API
    server would take the second fragment for a new message), for a text message of the cluster, for a channel that this side does not write to, and for
    a client's channel that is not among `asked`, the streams of its request line.
    """

    __slots__ = ("_asked", "_channels", "_client", "_status", "_stdin_closed", "_version")

    def __init__(self, *, version: Version, client: bool, asked: AbstractSet[Channel] = EVERY) -> None:
        self._version, self._client, self._asked = version, client, asked
        self._channels = FROM_CLIENT if client else FROM_CLUSTER
        self._stdin_closed = False
        self._status = b""

    @property
    def status(self) -> bytes:
        """The bytes of the error channel so far: for `exit_of`."""
        return self._status

    def read(self, frame: Frame) -> Piece | None:
        if frame.opcode >= CLOSE:
            return None
        side = "client" if self._client else "cluster"
        if frame.opcode == CONTINUATION or not frame.fin:
            raise ProtocolError(f"a message of the {side} is fragmented; the API server does not put fragments together")
        if frame.opcode != BINARY and not self._client:
            raise ProtocolError("a message of the cluster is text; the channels of v4 and v5 are binary")
        if not frame.payload:
            return None
        number = frame.payload[0]
        channel = self._channels.get(number)
        if channel is None:
            if number == CLOSE_SIGNAL and self._client:
                return self._close_signal(frame.payload)
            raise ProtocolError(f"a message of the {side} is on channel {number}, which it does not write to")
        if self._client:
            self._must_be_asked(channel)
        body = frame.payload[1:]
        if channel is Channel.STDIN and self._stdin_closed and body:
            raise ProtocolError("the client writes to stdin after it closed it")
        if channel is Channel.ERROR:
            if len(self._status) + len(body) > STATUS_LIMIT:
                raise ProtocolError(f"the status of the cluster is longer than {STATUS_LIMIT} bytes")
            self._status += body
        return Piece(channel, body)

    def _close_signal(self, payload: bytes) -> Piece:
        if self._version != "v5":
            raise ProtocolError("a message of the client closes a channel, which v4 can't")
        if payload != b"\xff\x00":
            raise ProtocolError("a message of the client closes something other than stdin")
        self._must_be_asked(Channel.STDIN)
        self._stdin_closed = True
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


def size_of(body: bytes) -> tuple[int, int] | None:
    """Columns and rows of a resize message (`{"Width":132,"Height":40}`); None if it is not one or not of a terminal."""
    try:
        said = foreign.read(body)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    width, height = said.get("Width"), said.get("Height")
    if type(width) is not int or type(height) is not int or not (0 < width < 1 << 16 and 0 < height < 1 << 16):
        return None
    return width, height


def offers(lines: Sequence[bytes]) -> list[bytes]:
    """The members of Sec-WebSocket-Protocol (or X-Stream-Protocol-Version) lines, in order, case kept."""
    return [member.strip(b" \t") for line in lines for member in line.split(b",") if member.strip(b" \t")]


def carried(offered: Sequence[bytes]) -> tuple[bytes, ...]:
    """The subprotocols that can be spoken with a client, of the values of its Sec-WebSocket-Protocol lines, in its order. Raises RefusedError."""
    names = offers(offered)
    if known := tuple(dict.fromkeys(name for name in names if name in VERSIONS)):
        return known
    if any(b"base64.channel.k8s.io" in name for name in names):
        raise RefusedError("base64 channels are not carried here; offer v5.channel.k8s.io or v4.channel.k8s.io")
    if TUNNEL in names:
        raise RefusedError("the port-forward tunnel is not a protocol of exec and attach; offer v5.channel.k8s.io or v4.channel.k8s.io")
    if not names or b"channel.k8s.io" in names:
        raise RefusedError("the remote command protocol before v4 has no exit status, so it is not carried here; offer v5.channel.k8s.io or v4.channel.k8s.io")
    raise RefusedError("none of the subprotocols offered is known here; offer v5.channel.k8s.io or v4.channel.k8s.io")
