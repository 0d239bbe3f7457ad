"""Watches and logs over WebSocket as units: messages of a real API server, what a client says to it, and how each ends for the client."""

import json

import pytest
from hypothesis import given, strategies as st

from jitui.protocol import status, websocket
from jitui.protocol.channels import Exit
from jitui.protocol.oneway import EVENT_FRAME, Log, OneWay, Watch
from jitui.protocol.websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, encode
from jitui.recording.frame import Channel
from tests.protocol.talk import CLIENT, CLUSTER, messages, play, refused

BODY = status.status(403, "Forbidden", "jitui: it is over")
POINTS = st.lists(st.integers(0, 5000), max_size=8)
EVENT = b'{"type":"ADDED","object":{"kind":"Pod"}}\n'
PROTO = b"\n\x05ADDED\x12\xe9\x18\n\xe6\x18k8s\x00"
# kube-apiserver 1.34, `pods/chatty/log?tailLines=2`, behind the 101: binary.k8s.io, and base64.binary.k8s.io
LOG = b"\x82\x00\x82\x16line 10117\nline 10118\n\x88\x02\x03\xe8"
LOG64 = b"\x81\x00\x81 bGluZSAxMDExNwpsaW5lIDEwMTE4Cg==\x88\x02\x03\xe8"


@given(POINTS)
@pytest.mark.parametrize(("base64", "wire"), [(False, LOG), (True, LOG64)])
def test_a_log_is_its_bytes(base64: bool, wire: bytes, points: list[int]) -> None:
    """They go on as they came, and are recorded as they are; the goodbye of the cluster is the end."""
    speech = Log(base64=base64)
    heard = play(speech, [(CLUSTER, wire)], points)
    assert heard.said == {(0, Channel.STDOUT): b"line 10117\nline 10118\n"}
    assert (heard.raw[CLUSTER] + heard.goodbyes[0].raw[:1], speech.exited) == (wire[:-4] + b"\x88", Exit(ok=True, code=None, message=""))


@given(POINTS)
@pytest.mark.parametrize(("opcode", "event"), [(TEXT, EVENT), (BINARY, PROTO)])
def test_a_watch_is_its_events(opcode: int, event: bytes, points: list[int]) -> None:
    """Each is a message, and one frame of the record."""
    speech = Watch(json=True)
    heard = play(speech, [(CLUSTER, encode(opcode, event) * 2)], points)
    assert heard.said == {(0, Channel.RESPONSE_BODY): event * 2}
    assert heard.raw[CLUSTER] == encode(opcode, event) * 2
    assert speech.exited is None
    assert [unit.said for unit in speech.read(encode(opcode, event) * 2, client=CLUSTER)] == [((0, Channel.RESPONSE_BODY, event),)] * 2


def test_a_large_event_is_whole() -> None:
    """An object may have 1.5 MB in etcd; what is larger than any is refused with both numbers."""
    event = b"x" * (3 << 20)
    (unit,) = Watch(json=True).read(encode(TEXT, event), client=CLUSTER)
    assert unit.said == ((0, Channel.RESPONSE_BODY, event),)
    assert str(EVENT_FRAME) in refused(Watch(json=True), encode(TEXT, b"x" * (EVENT_FRAME + 1)), client=CLUSTER)


@pytest.mark.parametrize("speech", [Watch(json=True), Log(base64=True)])
def test_what_a_client_says_goes_nowhere(speech: OneWay) -> None:
    """The API server reads it and forgets it; a ping is answered, a close is its goodbye."""
    heard = play(speech, [(CLIENT, encode(BINARY, b"\0rm -rf /", mask=True) + encode(TEXT, b"x" * 70_000, mask=True) + encode(PING, b"p", mask=True)
                           + encode(CLOSE, websocket.close(1000), mask=True))])  # fmt: skip
    assert (heard.raw[CLIENT], heard.said) == (b"", {})
    assert [frame.payload for frame in messages(heard.replies[CLIENT])] == [b"p", websocket.close(1000)]
    assert (len(heard.goodbyes), speech.exited) == (1, None)


@pytest.mark.parametrize("data", [encode(TEXT, b"a", fin=False), encode(TEXT, b"a", fin=False) + encode(CONTINUATION, b"b")])
def test_a_fragment_is_refused(data: bytes) -> None:
    """No API server sends one; words could not be said in the middle of a message."""
    assert "fragmented" in refused(Watch(json=True), data, client=CLUSTER)
    assert "is not base64" in refused(Log(base64=True), encode(TEXT, b"bGl?"), client=CLUSTER)


@pytest.mark.parametrize(("asked", "came", "event"), [
    (True, b"", True), (False, b"", False), (False, encode(TEXT, EVENT), True), (True, encode(BINARY, PROTO), False),
])  # fmt: skip
def test_the_last_words_of_a_watch(asked: bool, came: bytes, event: bool) -> None:
    """An event of type ERROR with the Status, then close 1000 with the words as its reason; of a watch that is not JSON the reason alone."""
    speech = Watch(json=asked)
    speech.read(came, client=CLUSTER)
    said, ((_, wire),) = speech.last_words("it is over", BODY, tty=False)
    *events, close = messages(wire)
    assert [(frame.opcode, json.loads(frame.payload)) for frame in events] == [(TEXT, {"type": "ERROR", "object": json.loads(BODY)})] * event
    assert (close.opcode, close.payload) == (CLOSE, websocket.close(1000, "[jitui] it is over"))
    assert said == [(0, Channel.GATEWAY, events[0].payload if event else b"[jitui] it is over")]


@pytest.mark.parametrize(("base64", "came", "line"), [
    (False, b"", b"[jitui] it is over\n"), (False, encode(BINARY, b"half a "), b"\n[jitui] it is over\n"),
    (True, encode(TEXT, b"YQo="), b"W2ppdHVpXSBpdCBpcyBvdmVyCg=="),
])  # fmt: skip
def test_the_last_words_of_a_log(base64: bool, came: bytes, line: bytes) -> None:
    """One more line, in the form that the client reads; then close 1000."""
    speech = Log(base64=base64)
    speech.read(came, client=CLUSTER)
    _, ((_, wire),) = speech.last_words("it is over", BODY, tty=False)
    assert [(frame.opcode, frame.payload) for frame in messages(wire)] == [
        (TEXT if base64 else BINARY, line), (CLOSE, websocket.close(1000, "[jitui] it is over"))]  # fmt: skip
