"""A watch or a log over WebSocket: messages of the cluster, and none of the client.

Sources: apiserver pkg/endpoints/handlers/watch.go (an event is a message: text if it is JSON, else binary, whatever subprotocol was taken), apimachinery
pkg/util/httpstream/wsstream/stream.go (a log begins with an empty message; base64.binary.k8s.io has base64 in text messages, the others have bytes).
"""

from typing import Final

from jitui.protocol import channels, status, websocket
from jitui.protocol.speech import CLUSTER_FRAME, Said, Unit, WebSocketReading, Wire
from jitui.protocol.websocket import ProtocolError
from jitui.recording.frame import Channel

EVENT_FRAME: Final = 8 << 20  # bytes of one event
BINARY: Final = b"binary.k8s.io"
BASE64: Final = b"base64.binary.k8s.io"
OF_LOGS: Final = (BINARY, BASE64)


class OneWay(WebSocketReading):
    """The messages of a watch or of a log. The API server ignores what a client says to it, so that goes nowhere."""

    def __init__(self, channel: Channel, *, limit: int = CLUSTER_FRAME, base64: bool = False) -> None:
        super().__init__(limit)
        self._channel, self._base64 = channel, base64

    def _data(self, frame: websocket.Frame, *, client: bool) -> Unit | None:
        return None if client else Unit(frame.raw, ((0, self._channel, self._body(frame)),))

    def _body(self, frame: websocket.Frame) -> bytes:
        """The bytes of one message."""
        if frame.opcode == websocket.CONTINUATION or not frame.fin:
            raise ProtocolError("a message of the cluster is fragmented, which the API server does to none")
        return channels.from_base64(frame.payload, "the cluster") if self._base64 else frame.payload

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:  # noqa: ARG002 - nothing here has a terminal
        said = self._words(words, body)
        away = websocket.encode(websocket.CLOSE, websocket.close(1000, status.words(words)))
        return [(0, Channel.GATEWAY, said or status.words(words).encode())], [(0.0, (self._message(said) if said else b"") + away)]

    def _words(self, words: str, body: bytes) -> bytes:
        raise NotImplementedError

    def _message(self, said: bytes) -> bytes:
        raise NotImplementedError


class Log(OneWay):
    """The output of a container, in pieces of any size. Its last words are one more line."""

    def __init__(self, *, base64: bool) -> None:
        super().__init__(Channel.STDOUT, base64=base64)
        self._clean = True  # the last byte ended a line

    def _body(self, frame: websocket.Frame) -> bytes:
        body = super()._body(frame)
        if body:
            self._clean = body.endswith(b"\n")
        return body

    def _words(self, words: str, body: bytes) -> bytes:  # noqa: ARG002 - a Status is no line of a log
        return (b"" if self._clean else b"\n") + status.log_line(words)

    def _message(self, said: bytes) -> bytes:
        if self._base64:
            return websocket.encode(websocket.TEXT, channels.to_base64(said))
        return websocket.encode(websocket.BINARY, said)


class Watch(OneWay):
    """Events, one message each. The last words are one of type ERROR; a watch that is not JSON has only the reason of its close."""

    def __init__(self, *, json: bool) -> None:
        """`json`: whether the client asks for JSON before anything else; the first event tells."""
        super().__init__(Channel.RESPONSE_BODY, limit=EVENT_FRAME)
        self._json = json

    def _body(self, frame: websocket.Frame) -> bytes:
        self._json = frame.opcode == websocket.TEXT
        return super()._body(frame)

    def _words(self, words: str, body: bytes) -> bytes:  # noqa: ARG002 - the Status has them
        return status.error_event(body) if self._json else b""

    def _message(self, said: bytes) -> bytes:
        return websocket.encode(websocket.TEXT, said)
