"""The channels of exec and attach, and what an exit is."""

import json
import random

import pytest
from hypothesis import given, strategies as st

from jitui.protocol import channels, websocket
from jitui.protocol.channels import Dialect, Exit, Piece, Reader, Version
from jitui.protocol.websocket import BINARY, CONTINUATION, TEXT, Frame, ProtocolError
from jitui.recording.frame import Channel
from jitui.values.errors import RefusedError

VERSIONS: list[Version] = ["v4", "v5"]


def message(payload: bytes, opcode: int = BINARY, *, fin: bool = True) -> Frame:
    return Frame(opcode, fin, payload, websocket.encode(opcode, payload, fin=fin))


@pytest.mark.parametrize("version", VERSIONS)
@given(body=st.binary(max_size=50))
def test_each_side_writes_its_channels(version: Version, body: bytes) -> None:
    """stdin and resize from the client, stdout, stderr and error from the cluster; an empty body is a message too."""
    for client, known in ((True, {0: Channel.STDIN, 4: Channel.RESIZE}), (False, {1: Channel.STDOUT, 2: Channel.STDERR, 3: Channel.ERROR})):
        reader = Reader(Dialect(version), client=client)
        for number, channel in known.items():
            assert reader.read(message(bytes([number]) + body)) == Piece(channel, body)


def test_the_first_message_of_the_cluster_is_empty() -> None:
    """`82 01 01`: channel 1, nothing in it (docs/cluster-behaviour.md, 3)."""
    (frame,) = websocket.Decoder(masked=False).feed(b"\x82\x01\x01")
    assert Reader(Dialect("v5"), client=False).read(frame) == Piece(Channel.STDOUT, b"")


@pytest.mark.parametrize("client", [True, False])
def test_control_frames_are_no_pieces(client: bool) -> None:
    """They are hop by hop."""
    reader = Reader(Dialect("v5"), client=client)
    assert [reader.read(message(b"", opcode)) for opcode in (websocket.PING, websocket.PONG, websocket.CLOSE)] == [None, None, None]


def test_a_client_closes_stdin() -> None:
    """v5: `FF 00`, once or more; what it writes to stdin afterwards can't be meant."""
    reader = Reader(Dialect("v5"), client=True)
    assert reader.read(message(b"\xff\x00")) == Piece(Channel.STDIN, b"", Channel.STDIN)
    assert reader.read(message(b"\x04{}")) == Piece(Channel.RESIZE, b"{}")
    with pytest.raises(ProtocolError, match="after it closed it"):
        reader.read(message(b"\x00x"))


@pytest.mark.parametrize(("version", "client", "frame", "says"), [
    ("v5", True, message(b"\xff\x01"), "other than stdin"),
    ("v5", True, message(b"\xff"), "other than stdin"),
    ("v5", True, message(b"\xff\x00\x00"), "other than stdin"),
    ("v4", True, message(b"\xff\x00"), "v4 can't"),
    ("v5", False, message(b"\xff\x01"), "channel 255"),
    ("v5", True, message(b"\x09x"), "channel 9"),
    ("v5", True, message(b"\x01x"), "channel 1"),
    ("v5", True, message(b"\x03x"), "channel 3"),
    ("v5", False, message(b"\x00x"), "channel 0"),
    ("v4", False, message(b"\x04x"), "channel 4"),
    ("v5", True, message(b"0aGk=", TEXT), "channel 48"),
    ("v4", False, message(b"1", TEXT), "text"),
    ("v5", True, message(b"\x00x", fin=False), "fragmented"),
    ("v5", True, message(b"x", CONTINUATION), "fragmented"),
    ("v4", False, message(b"\x01x", fin=False), "fragmented"),
])  # fmt: skip
def test_what_can_not_be_recorded_is_an_error(version: Version, client: bool, frame: Frame, says: str) -> None:
    """Also what the API server silently ignores: it could mean something to another reader."""
    with pytest.raises(ProtocolError, match=says):
        Reader(Dialect(version), client=client).read(frame)


def test_an_empty_message_is_nothing() -> None:
    """It has no channel; the API server ignores it, and it does not go there."""
    assert Reader(Dialect("v5"), client=True).read(message(b"")) is None


def test_text_of_a_client_is_read_as_the_api_server_reads_it() -> None:
    """Python clients send a str as a text message; its first byte is the channel all the same."""
    piece = Reader(Dialect("v4"), client=True).read(message("\0ü\n".encode(), TEXT))
    assert piece is not None
    assert (piece.channel, piece.body) == (Channel.STDIN, "ü\n".encode())


def test_any_payload_is_a_piece_or_an_error() -> None:
    """Nothing else comes out, and a piece holds exactly the bytes behind the channel."""
    rng = random.Random(40)
    pieces = 0
    for _ in range(10_000):
        payload = bytes([rng.choice([0, 1, 2, 3, 4, 5, 255])]) + rng.randbytes(rng.randrange(3)) if rng.randrange(20) else b""
        try:
            piece = Reader(Dialect(rng.choice(VERSIONS)), client=rng.random() < 0.5).read(message(payload, rng.choice([TEXT, BINARY, BINARY, BINARY])))
        except ProtocolError:
            continue
        if piece is None:
            assert not payload
            continue
        assert payload == (b"\xff\x00" if piece.closes is not None else bytes([piece.channel]) + piece.body)
        pieces += 1
    assert pieces > 1000


def test_a_status_in_pieces() -> None:
    """The error channel is read to its end (docs/protocol.md, 1.3)."""
    reader = Reader(Dialect("v4"), client=False)
    text = json.dumps({"status": "Success", "metadata": {}}).encode()
    for at in range(0, len(text), 5):
        reader.read(message(b"\x03" + text[at : at + 5]))
    assert channels.exit_of(reader.status) == Exit(ok=True, code=0, message="")


def test_a_status_is_bounded() -> None:
    """64 KiB of it are kept; more is an error."""
    reader = Reader(Dialect("v5"), client=False)
    reader.read(message(b"\x03" + b"x" * channels.STATUS_LIMIT))
    with pytest.raises(ProtocolError, match="65536"):
        reader.read(message(b"\x03x"))
    assert len(reader.status) == channels.STATUS_LIMIT


def failure(code: object) -> bytes:
    causes = [{"reason": "Other", "message": "9"}, {"reason": "ExitCode", "message": code}]
    return json.dumps({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": "it ended", "details": {"causes": causes}}).encode()


@pytest.mark.parametrize(("status", "exit_"), [
    (b'{"metadata":{},"status":"Success"}', Exit(ok=True, code=0, message="")),
    (failure("137"), Exit(ok=False, code=137, message="it ended")),
    (failure("256"), Exit(ok=False, code=None, message="it ended")),
    (failure("-1"), Exit(ok=False, code=None, message="it ended")),
    (failure(137), Exit(ok=False, code=None, message="it ended")),
    (b'{"status":"Failure","reason":"NonZeroExitCode","details":[]}', Exit(ok=False, code=None, message="")),
    (b'{"status":"Failure","reason":"InternalError","message":"no such container","code":500}', Exit(ok=False, code=None, message="no such container")),
    (b'{"status":"Failure"}', Exit(ok=False, code=None, message="the stream failed without saying why")),
    (b"[]", Exit(ok=False, code=None, message="the stream ended without a readable status")),
    (b"", Exit(ok=False, code=None, message="the stream ended without a readable status")),
    (b'{"status":"Succ', Exit(ok=False, code=None, message="the stream ended without a readable status")),
    (b"[" * 60_000, Exit(ok=False, code=None, message="the stream ended without a readable status")),
    (b"\xff\xfe", Exit(ok=False, code=None, message="the stream ended without a readable status")),
])  # fmt: skip
def test_how_a_command_ended(status: bytes, exit_: Exit) -> None:
    """Only `Success` is one; a code is 0 to 255 in the cause ExitCode, as kubectl reads it."""
    assert channels.exit_of(status) == exit_


KEYS = st.sampled_from(["status", "reason", "message", "details", "causes"])
ANY = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


@given(st.binary(max_size=60) | ANY.map(lambda value: json.dumps(value).encode()))
def test_any_status_gives_an_exit(status: bytes) -> None:
    """Never an exception, and no garbage is a success."""
    assert not channels.exit_of(status).ok


@pytest.mark.parametrize(("offered", "carried"), [
    ([b"v5.channel.k8s.io"], (channels.V5,)),
    ([b"v4.channel.k8s.io, v5.channel.k8s.io"], (channels.V4, channels.V5)),
    ([b"v5.channel.k8s.io", b"v4.channel.k8s.io,v5.channel.k8s.io"], (channels.V5, channels.V4)),
    ([b"channel.k8s.io", b"v4.base64.channel.k8s.io,v3.channel.k8s.io"], (b"channel.k8s.io", channels.V4_BASE64)),
    ([], ()),
    ([b" ,"], ()),
])  # fmt: skip
def test_what_is_carried_of_what_is_offered(offered: list[bytes], carried: tuple[bytes, ...]) -> None:
    """Each once, in the client's order, on however many lines; none of none, which the API server takes for a protocol without a name."""
    assert channels.carried(offered, channels.COMMANDS) == carried


@pytest.mark.parametrize(("offered", "says"), [
    ([b"v3.channel.k8s.io"], "v3.channel.k8s.io is not"), ([channels.TUNNEL], "portforward"), ([b"V5.CHANNEL.K8S.IO", b"x"], "none of"),
])  # fmt: skip
def test_what_is_not_carried_is_refused(offered: list[bytes], says: str) -> None:
    """With what to offer instead."""
    with pytest.raises(RefusedError, match=says) as caught:
        channels.carried(offered, channels.COMMANDS)
    assert "offer v5.channel.k8s.io, v4.channel.k8s.io, v4.base64.channel.k8s.io, channel.k8s.io or base64.channel.k8s.io" in str(caught.value)


@pytest.mark.parametrize(("said", "last", "whole"), [
    (b'{"status":"Success"}', b'{"status":"Success"}', True),
    (b'{"status":"Success"}\n', b"}\n", True),
    (b'{"status":"Succ', b'{"status":"Succ', False),
    (b'{"status":"Success"}', b"", False),  # was whole before
    (b'{"a":{}}', b"}", False),
    (b"", b"", False),
])  # fmt: skip
def test_a_status_is_whole_with_its_last_piece(said: bytes, last: bytes, whole: bool) -> None:
    """With that one, not with those before it or behind it."""
    assert channels.completes(said, last) is whole
