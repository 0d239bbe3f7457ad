"""The gateway's own words, in the forms that clients print."""

import json
import re

import pytest
from hypothesis import given, strategies as st

from jitui.protocol import channels, status, websocket
from jitui.recording.frame import Channel

BODY = status.status(403, "Forbidden", "jitui: access window ended at 12:00:00Z (grant g-123)")


def test_a_status_is_what_kubectl_reads() -> None:
    """kind, apiVersion and code are needed for `Error from server (Forbidden): ...` (docs/protocol.md, 3.7)."""
    assert json.loads(BODY) == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": "jitui: access window ended at 12:00:00Z (grant g-123)",
    }  # fmt: skip
    assert json.loads(status.status(403, "Forbidden", "x", kind="pods", name="web"))["details"] == {"kind": "pods", "name": "web"}


@pytest.mark.parametrize("tty", [True, False])
def test_exec_ends_with_note_status_and_close(tty: bool) -> None:
    """The order that makes kubectl print both and exit 1 (docs/protocol.md, 2.3): the note on stdout with a tty, else on stderr."""
    words = status.exec_last_words(tty=tty, note="jitui: access window ended", status=BODY, message=channels.Dialect("v5").message)
    shown = Channel.STDOUT if tty else Channel.STDERR
    note = b"\r\n[jitui] access window ended\r\n"
    assert [(channel, payload) for channel, payload, _ in words] == [(shown, note), (Channel.ERROR, BODY), (Channel.GATEWAY, b"")]
    frames = websocket.Decoder(masked=False).feed(b"".join(raw for _, _, raw in words))
    reader = channels.Reader(channels.Dialect("v5"), client=False)
    pieces = [piece for piece in map(reader.read, frames) if piece is not None]
    assert [(piece.channel, piece.body) for piece in pieces] == [(channel, payload) for channel, payload, _ in words[:2]]
    assert (frames[-1].opcode, frames[-1].payload) == (websocket.CLOSE, b"\x03\xe8")
    assert channels.exit_of(reader.status) == channels.Exit(ok=False, code=None, message="jitui: access window ended at 12:00:00Z (grant g-123)")


def test_exec_ends_without_a_note() -> None:
    """For cp and pipes, where a note would stand in the data: Status and close alone."""
    words = status.exec_last_words(tty=False, note="", status=BODY, message=channels.Dialect("v5").message)
    assert [channel for channel, _, _ in words] == [Channel.ERROR, Channel.GATEWAY]


def test_a_watch_ends_with_an_error_event() -> None:
    """One line of JSON with a Status of 403; at 410 informers would list again at once."""
    for kind in (b"application/json", b"Application/JSON; charset=utf-8", b"application/json;stream=watch"):
        line = status.watch_error("window ended", kind)
        assert line is not None
        assert line.endswith(b"}\n")
        event = json.loads(line)
        assert (event["type"], event["object"]["kind"], event["object"]["code"], event["object"]["message"]) == ("ERROR", "Status", 403, "window ended")


@pytest.mark.parametrize("kind", [b"application/vnd.kubernetes.protobuf;stream=watch", b"application/cbor-seq", b"application/json-seq", b""])
def test_other_watches_end_without_words(kind: bytes) -> None:
    """Half an event of the wrong kind would be read as broken data."""
    assert status.watch_error("window ended", kind) is None


def test_a_log_ends_with_a_line() -> None:
    """Of its own, and marked as the gateway's."""
    assert status.log_line("jitui: access window ended") == b"[jitui] access window ended\n"


@given(st.text(max_size=300))
def test_a_warning_is_one_quoted_ascii_line(text: str) -> None:
    """`299 jitui "..."` with quotes and backslashes escaped: kubectl prints nothing else (docs/protocol.md, 3.7)."""
    value = status.warning(text)
    match = re.fullmatch(rb'299 jitui "((?:[ !#-\[\]-~]|\\["\\])*)"', value)
    assert match is not None
    assert len(re.sub(rb"\\(.)", rb"\1", match[1])) <= status.WARNING_LIMIT


def test_a_warning_keeps_its_words() -> None:
    assert status.warning('window "g-1" ends in 90s \\o/') == b'299 jitui "window \\"g-1\\" ends in 90s \\\\o/"'


def test_a_long_warning_says_that_it_goes_on() -> None:
    """Three dots: the ellipsis is no ASCII."""
    value = status.warning("word " * 200)
    assert value.endswith(b'..."')
    assert b"?" not in value


@given(st.text(max_size=100))
def test_no_words_carry_control_characters(text: str) -> None:
    """Text of another party reaches the client's terminal on one line, without escapes."""
    line = status.note_line(text)
    assert line.startswith(b"\r\n[jitui] ")
    assert re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line.decode()[2:-2]) is None
    said = json.loads(status.status(400, "BadRequest", text))["message"]
    assert re.search(r"[\x00-\x1f\x7f-\x9f]", said) is None


def test_a_good_end() -> None:
    """The Status is the runtime's own."""
    assert channels.exit_of(b'{"metadata":{},"status":"Success"}').ok


def test_what_is_answered_in_the_api_servers_place() -> None:
    """Its own bytes, with empty details and a newline."""
    assert status.as_served(404, "NotFound", "gone") == (
        b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"gone","reason":"NotFound","details":{},"code":404}\n')


def test_the_words_of_another_party() -> None:
    """Bounded, one line, and nothing of a body that is no Status."""
    assert status.told(b'{"message":"pods \\"web\\" not found"}') == ': pods "web" not found'
    assert len(status.told(b'{"message":"' + b"x" * 5000 + b'"}')) == 300
    assert "\n" not in status.told(b'{"message":"a\\nb"}')
    assert [status.told(body) for body in (b"", b"[]", b"{}", b"\xff")] == [""] * 4
