"""The last words of an answer that has begun: a followed log's line, a watch's event."""

from jitui.policy.streams import Codec
from jitui.protocol import http, status
from jitui.proxy.ends import End
from jitui.proxy.live import Session


def farewell(session: Session, answer: http.ResponseHead | None, end: End, *, clean: bool) -> tuple[bytes, bytes] | None:
    """The bytes for the record and those for the client; None if nothing can be said any more. `clean`: the client's last byte ended a line.

    A followed log ends without the terminator, so that kubectl exits 1; a watch ends whole, so that its event is read.
    """
    if answer is None or answer.length is not None or not end.words:
        return None
    codec = session.stream.codec if session.stream is not None else None
    if codec is Codec.LINES:
        words = (b"" if clean else b"\n") + status.log_line(end.words)
        return words, http.chunk(words)
    if codec is Codec.EVENTS and clean:
        event = status.watch_error(end.words, answer.get(b"content-type"), code=end.code, reason=end.reason)
        return (event, http.chunk(event) + http.LAST_CHUNK) if event else None
    return None
