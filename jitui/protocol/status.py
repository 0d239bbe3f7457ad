"""The gateway's own messages, in the forms that make clients print them.

A message may quote text of another party, and all of them end on a terminal: each passes `clean` here, and is one line.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from jitui.protocol import websocket
from jitui.recording.frame import Channel
from jitui.values import foreign
from jitui.values.errors import JituiError
from jitui.values.said import clean

MARK: Final = "[jitui] "
WORDS_LIMIT: Final = 1000  # characters of a line of words
MESSAGE_LIMIT: Final = 4000  # characters of a Status's message
TOLD_LIMIT: Final = 300  # characters of another party's words in a sentence
WARNING_LIMIT: Final = 256  # characters; the API server cuts at the same (apiserver/pkg/endpoints/filters/warning.go)


def status(code: int, reason: str, message: str, **details: Any) -> bytes:
    """A Status of failure as JSON (kubernetes: apimachinery/pkg/apis/meta/v1/types.go). kubectl: `Error from server (<reason>): <message>`."""
    return json.dumps(_status(code, reason, message, details), separators=(",", ":")).encode()


def as_served(code: int, reason: str, message: str) -> bytes:
    """A Status as an API server itself writes it, byte for byte: of what is answered in its place."""
    said = _status(code, reason, message, {})
    del said["code"]
    return json.dumps(said | {"details": {}, "code": code}, separators=(",", ":")).encode() + b"\n"


def of(error: JituiError) -> bytes:
    """An error as a Status."""
    return status(error.code, error.reason, f"jitui: {error}")


def _status(code: int, reason: str, message: str, details: dict[str, Any]) -> dict[str, Any]:
    text = clean(message, MESSAGE_LIMIT)
    said: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": text, "reason": reason}
    if details:
        said["details"] = details
    return said | {"code": code}


def told(body: bytes) -> str:
    """The message of another party's Status, to stand behind a sentence: `: pods "web" not found`. Empty if the body is none."""
    try:
        return f": {clean(str(foreign.read(body)['message']), WORDS_LIMIT)}"[:TOLD_LIMIT]
    except (ValueError, KeyError, TypeError):
        return ""


def words(message: str) -> str:
    """A message as one printable line with the gateway's name: `[jitui] access window ended at ...`."""
    return MARK + clean(message.removeprefix("jitui: "), WORDS_LIMIT)


def note_line(message: str) -> bytes:
    """The words for the middle of a terminal's output: on a line of their own, wherever the cursor stands."""
    return b"\r\n" + words(message).encode() + b"\r\n"


def log_line(message: str) -> bytes:
    """The words for the end of a followed log. Send them only behind a newline, then cut the connection, so that kubectl exits 1."""
    return words(message).encode() + b"\n"


def exec_last_words(*, tty: bool, note: str, status: bytes, message: Callable[[int, bytes], bytes]) -> list[tuple[Channel, bytes, bytes]]:
    """The frames that end exec, attach and cp so that kubectl prints the Status's message and exits 1: note, Status, close 1000, in this order.

    `message` makes one for a channel, as the client understands it. Each entry has the channel it is shown on, its bytes, and its frame for the client.
    The close is on GATEWAY and has no bytes. An empty note is left out. All of them are recorded as the gateway's own.
    """
    parts: list[tuple[Channel, bytes, bytes]] = []
    if note:
        shown = Channel.STDOUT if tty else Channel.STDERR
        parts.append((shown, note_line(note), message(shown, note_line(note))))
    parts.append((Channel.ERROR, status, message(Channel.ERROR, status)))
    parts.append((Channel.GATEWAY, b"", websocket.encode(websocket.CLOSE, websocket.close(1000))))
    return parts


def watch_error(message: str, content_type: bytes = b"application/json", *, code: int = 403, reason: str = "Forbidden") -> bytes | None:
    """The ERROR event that ends a watch, as one line of JSON. None for a watch that is not JSON (protobuf, cbor): it ends without words.

    Its code is 403, because informers list again at once after a 410.
    """
    kind = content_type.partition(b";")[0].strip().lower()
    if kind != b"application/json":
        return None
    return error_event(status(code, reason, message))


def error_event(body: bytes) -> bytes:
    """The event of a watch that carries this Status, as one line of JSON."""
    return b'{"type":"ERROR","object":%b}\n' % body


def warning(text: str) -> bytes:
    """The value of a Warning header that kubectl prints as `Warning: ...`: code 299, quoted (RFC 7234, section 5.5), ASCII, one line."""
    line = clean(text, WARNING_LIMIT - 2).replace("\u2026", "...").encode("ascii", "replace").decode()
    return b'299 jitui "' + line.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
