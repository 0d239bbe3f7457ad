"""Port-forward over WebSocket channels: for each port of the request line one of data and one of errors, numbered in its order.

Each begins with a message of the cluster that names the port, two bytes, the lower one first. A channel has no end of its own; the cluster says goodbye
once all connections are over (kubernetes: kubelet/pkg/cri/streaming/portforward/websocket.go).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jitui.protocol import channels, status, websocket
from jitui.protocol.speech import Said, Unit, WebSocketReading, Wire, mark
from jitui.protocol.websocket import ProtocolError
from jitui.recording.frame import Channel
from jitui.values.errors import InvalidError
from jitui.values.said import clean

MOST: Final = 128  # ports of one request: the number of a channel is one byte
MOST_BASE64: Final = 40  # with base64: from the 41st on it would be no character of ASCII


@dataclass(slots=True)
class _Pair:
    """One forwarded connection."""

    number: int  # of its substream, from 1 on
    port: int
    opened: bool = False  # its beginning is in the record

    def first(self, stream: int) -> bytes:
        """The mark of its beginning."""
        return b'{"opens":"%b","port":%d,"request":""}' % (_name(stream), self.port)


class ForwardChannels(WebSocketReading):
    """Both directions of one port-forward."""

    def __init__(self, dialect: channels.Dialect, ports: Sequence[int]) -> None:
        """Raises InvalidError for more ports than there are channels for."""
        most = MOST_BASE64 if dialect.base64 else MOST
        if len(ports) > most:
            raise InvalidError(f"{len(ports)} ports are named, and the channels of this protocol are enough for {most}; open another port-forward for more")
        super().__init__()
        self._dialect = dialect
        self._pairs = [_Pair(number, port) for number, port in enumerate(ports, 1)]
        self._named: set[int] = set()  # channels whose port the cluster has told
        self._told: set[int] = set()  # and those of which the client heard that

    def _data(self, frame: websocket.Frame, *, client: bool) -> Unit | None:
        message = self._dialect.read(frame, client=client)
        if message is None:
            return None
        stream, body = message
        if stream >= 2 * len(self._pairs) or (client and stream % 2):
            raise ProtocolError(f"a message of the {'client' if client else 'cluster'} is on channel {stream}, which it does not write to")
        pair = self._pairs[stream // 2]
        said: list[Said] = []
        opens, answers = 0, 0
        if not pair.opened:
            pair.opened, opens = True, pair.number
            said.append((pair.number, Channel.MARK, pair.first(stream)))
        if client:
            said.append((pair.number, Channel.FORWARD_IN, body))
        elif stream in self._named:
            said.append((pair.number, Channel.FORWARD_ERROR if stream % 2 else Channel.FORWARD_OUT, body))
        else:
            if body != pair.port.to_bytes(2, "little"):
                raise ProtocolError(f"channel {stream} of the cluster does not begin with port {pair.port}, which the request line names for it")
            self._named.add(stream)
            said.append((pair.number, Channel.MARK, mark("answers", _name(stream).decode())))
            answers = stream + 1
        return Unit(frame.raw, tuple(said), opens=opens, answers=answers)

    def handed(self, unit: Unit) -> None:
        if unit.answers:
            self._told.add(unit.answers - 1)

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:  # noqa: ARG002 - an error channel has a text, and no Status
        text = clean(words, status.WORDS_LIMIT).encode()
        wire = b""
        for at, pair in enumerate(self._pairs):
            for stream in (2 * at, 2 * at + 1):
                if stream not in self._told:  # else the client takes the text for the port
                    wire += self._dialect.message(stream, pair.port.to_bytes(2, "little"))
            wire += self._dialect.message(2 * at + 1, text)
        said: list[Said] = [(pair.number if pair.opened else 0, Channel.GATEWAY, text) for pair in self._pairs]
        return said or [(0, Channel.GATEWAY, text)], [(0.0, wire + websocket.encode(websocket.CLOSE, websocket.close(1000, status.words(words))))]


def _name(stream: int) -> bytes:
    return b"error" if stream % 2 else b"data"
