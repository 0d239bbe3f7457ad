"""WebSocket frames: any split gives the same frames with their very bytes; what RFC 6455 does not allow is one error."""

import random
import time

import pytest
from hypothesis import given, settings, strategies as st
from websockets import frames as theirs
from websockets.exceptions import WebSocketException
from websockets.streams import StreamReader
from websockets.utils import accept_key

from jitui.protocol import websocket
from jitui.protocol.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Decoder, Frame, FrameTooLongError, ProtocolError
from jitui.values.errors import JituiError
from tests.protocol.pieces import at_random, bytewise, cut, run

DATA = st.tuples(st.sampled_from([TEXT, BINARY]), st.binary(max_size=300))
CONTROL = st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125))


def read_by_websockets(data: bytes, *, masked: bool, limit: int = 1 << 20) -> list[tuple[int, bool, bytes]]:
    """A second opinion: the frames as the websockets library reads them. Raises its exceptions."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    out = []
    while True:
        parsing = theirs.Frame.parse(reader.read_exact, mask=masked, max_size=limit)
        try:
            next(parsing)
        except StopIteration as done:
            frame = done.value
            out.append((int(frame.opcode), frame.fin, bytes(frame.data)))
        except EOFError:
            return out


@settings(max_examples=300)
@given(st.lists(st.one_of(DATA, CONTROL), max_size=6), st.booleans(), st.lists(st.integers(0, 3000), max_size=8))
def test_frames_in_any_pieces(messages: list[tuple[int, bytes]], masked: bool, points: list[int]) -> None:
    """Whole, byte by byte or cut anywhere: the same frames; their raw bytes, put together, are the stream. websockets reads the same."""
    data = b"".join(websocket.encode(opcode, payload, mask=masked) for opcode, payload in messages)
    for pieces in ([data], bytewise(data), cut(data, points)):
        decoder = Decoder(masked=masked)
        frames, error = run(decoder.feed, pieces)
        assert error is None
        assert [(frame.opcode, frame.fin, frame.payload) for frame in frames] == [(opcode, True, payload) for opcode, payload in messages]
        assert b"".join(frame.raw for frame in frames) == data
        assert decoder.holding == 0
    assert read_by_websockets(data, masked=masked) == [(opcode, True, payload) for opcode, payload in messages]


@given(st.sampled_from([TEXT, BINARY, PING]), st.binary(max_size=125), st.booleans())
def test_what_websockets_writes_is_read(opcode: int, payload: bytes, masked: bool) -> None:
    """And its own serialisation of an unmasked frame is ours, byte for byte."""
    raw = theirs.Frame(theirs.Opcode(opcode), payload).serialize(mask=masked)
    assert Decoder(masked=masked).feed(raw) == [Frame(opcode, fin=True, payload=payload, raw=raw)]
    assert websocket.encode(opcode, payload) == theirs.Frame(theirs.Opcode(opcode), payload).serialize(mask=False)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000])
@pytest.mark.parametrize("masked", [True, False])
def test_lengths_at_their_edges(size: int, masked: bool) -> None:
    """7, 16 and 64 bits, each in as few bytes as it needs."""
    payload = random.Random(size).randbytes(size)
    raw = websocket.encode(BINARY, payload, mask=masked)
    assert len(raw) == size + (2 if size < 126 else 4 if size < 65536 else 10) + (4 if masked else 0)
    frames, _ = run(Decoder(masked=masked).feed, at_random(raw, random.Random(1)))
    assert frames == [Frame(BINARY, fin=True, payload=payload, raw=raw)]
    assert read_by_websockets(raw, masked=masked) == [(BINARY, True, payload)]


def test_fragments_with_a_ping_between() -> None:
    """A control frame may stand between the fragments of a message (RFC 6455, 5.4)."""
    sent = [(TEXT, False, b"a"), (PING, True, b"p"), (CONTINUATION, False, b""), (CONTINUATION, True, b"c"), (BINARY, True, b"d")]
    data = b"".join(websocket.encode(opcode, payload, fin=fin) for opcode, fin, payload in sent)
    frames, error = run(Decoder(masked=False).feed, bytewise(data))
    assert error is None
    assert [(frame.opcode, frame.fin, frame.payload) for frame in frames] == sent


FAULTS: list[tuple[str, bool, bytes, str]] = [
    ("RSV1, as deflate would set it", False, b"\xc2\x01\x01", "reserved bit"),
    ("RSV2", False, b"\xa2\x01\x01", "reserved bit"),
    ("RSV3", False, b"\x92\x01\x01", "reserved bit"),
    ("opcode 3", False, b"\x83\x01\x01", "opcode 3"),
    ("opcode 11", False, b"\x8b\x00", "opcode 11"),
    ("client, not masked", True, b"\x82\x01\x01", "client is not masked"),
    ("cluster, masked", False, b"\x82\x81\x00\x00\x00\x00\x01", "cluster is masked"),
    ("ping in fragments", False, b"\x09\x00", "control frame is fragmented"),
    ("long ping", False, b"\x89\x7e\x00\x7e" + b"x" * 126, "longer than 125"),
    ("16 bits for 125", False, b"\x82\x7e\x00\x7d" + b"x" * 125, "more bytes than it needs"),
    ("64 bits for 65535", False, b"\x82\x7f" + (65535).to_bytes(8, "big"), "more bytes than it needs"),
    ("64 bits, the first set", False, b"\x82\x7f" + (1 << 63).to_bytes(8, "big"), "9223372036854775808"),
    ("too long", False, b"\x82\x7f" + ((1 << 20) + 1).to_bytes(8, "big"), "1048577 bytes was announced, at most 1048576"),
    ("continued out of nothing", False, b"\x80\x01x", "did not begin"),
    ("begun within another", False, b"\x02\x01x\x82\x01y", "begins within another"),
    ("close of one byte", False, b"\x88\x01\x03", "no valid code"),
    ("close 1005", False, b"\x88\x02\x03\xed", "no valid code"),
    ("close 999", False, b"\x88\x02\x03\xe7", "no valid code"),
    ("close 2000", False, b"\x88\x02\x07\xd0", "no valid code"),
    ("close 5000", False, b"\x88\x02\x13\x88", "no valid code"),
    ("close in Latin-1", False, b"\x88\x03\x03\xe8\xe4", "not UTF-8"),
    ("HTTP", True, b"GET / HTTP/1.1\r\n\r\n", "reserved bit"),
]


@pytest.mark.parametrize(("masked", "data", "says"), [pytest.param(masked, data, says, id=name) for name, masked, data, says in FAULTS])
def test_what_is_not_allowed_is_one_error(masked: bool, data: bytes, says: str) -> None:
    """The same whole and byte by byte; of a read with an error nothing is handed out, and after it nothing comes."""
    good = websocket.encode(BINARY, b"\x00good", mask=masked)
    decoder = Decoder(masked=masked)
    with pytest.raises(ProtocolError) as caught:
        decoder.feed(good + data)
    assert says in str(caught.value)
    with pytest.raises(ProtocolError) as again:
        decoder.feed(good)
    assert again.value is caught.value
    assert decoder.holding == 0
    _, error = run(Decoder(masked=masked).feed, bytewise(good + data))
    assert str(error) == str(caught.value)


def test_a_frame_too_long_names_both_numbers() -> None:
    """Before a byte of it is held, and the limit itself still passes."""
    raw = websocket.encode(BINARY, b"x" * 1001, mask=True)
    decoder = Decoder(masked=True, limit=1000)
    with pytest.raises(FrameTooLongError, match="1001 bytes was announced, at most 1000 are taken") as caught:
        decoder.feed(raw[:4])
    assert (caught.value.length, caught.value.limit, decoder.holding) == (1001, 1000, 0)
    assert len(Decoder(masked=True, limit=1001).feed(raw)) == 1


def test_a_client_of_another_make_may_send_5_mb() -> None:
    """With a limit that allows it (docs/cluster-behaviour.md, 3), in reads of 64 KiB."""
    payload = random.Random(5).randbytes(5 << 20)
    raw = websocket.encode(BINARY, payload, mask=True)
    frames, error = run(Decoder(masked=True, limit=8 << 20).feed, [raw[at : at + 65536] for at in range(0, len(raw), 65536)])
    assert error is None
    assert [frame.payload for frame in frames] == [payload]


def test_a_long_frame_in_tiny_reads_is_not_copied_again_and_again() -> None:
    """A peer that sends 1 MiB in reads of 64 bytes costs milliseconds, not one copy of what is held for each of them."""
    raw = websocket.encode(BINARY, bytes(1 << 20), mask=True)
    decoder = Decoder(masked=True)
    began = time.process_time()
    frames, _ = run(decoder.feed, [raw[at : at + 64] for at in range(0, len(raw), 64)])
    assert time.process_time() - began < 0.5
    assert len(frames) == 1


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_what_is_held_is_bounded(size: int) -> None:
    """A frame not yet whole, and not a byte more than it."""
    limit = 3000
    decoder = Decoder(masked=True, limit=limit)
    data = websocket.encode(BINARY, b"x" * limit, mask=True) * 5
    for at in range(0, len(data), size):
        decoder.feed(data[at : at + size])
        assert decoder.holding <= limit + websocket.HEADER_LIMIT


def test_what_comes_behind_a_close_is_dropped() -> None:
    """RFC 6455, 1.4; not even looked at."""
    decoder = Decoder(masked=False)
    raw = websocket.encode(CLOSE, websocket.close(1000, "bye"))
    assert decoder.feed(raw + b"\xff\xff\xff") == [Frame(CLOSE, fin=True, payload=b"\x03\xe8bye", raw=raw)]
    assert (decoder.closed, decoder.feed(b"\x83\x00"), decoder.holding) == (True, [], 0)
    assert Decoder(masked=False).feed(b"\x88\x00")[0].payload == b""


def test_ten_thousand_disturbed_streams() -> None:
    """Each is read the same in every split, or ends in the same ProtocolError; what is accepted, websockets accepts and reads the same."""
    rng = random.Random(30)
    refused = 0
    for _ in range(10_000):
        masked = rng.random() < 0.5
        data = disturbed(stream(rng, masked=masked), rng)
        whole, error = run(Decoder(masked=masked).feed, [data])
        split, same = run(Decoder(masked=masked).feed, at_random(data, rng) if rng.randrange(3) else bytewise(data))
        assert str(error) == str(same), data
        if error is not None:
            assert isinstance(error, ProtocolError)
            assert whole == []
            refused += 1
            continue
        assert whole == split, data
        _websockets_agrees(data, whole, masked=masked)
    assert 3_000 < refused < 9_500


def stream(rng: random.Random, *, masked: bool) -> bytes:
    """Some frames, mostly right."""
    parts = []
    for _ in range(rng.randrange(1, 5)):
        opcode = rng.choice([TEXT, BINARY, BINARY, PING, PONG, CLOSE])
        payload = websocket.close(1000, "x") if opcode == CLOSE else rng.randbytes(rng.choice([0, 1, 5, 125]))
        parts.append(websocket.encode(opcode, payload, mask=masked))
    return b"".join(parts)


def disturbed(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(min(len(data), 12) + 1) if rng.randrange(2) else rng.randrange(len(data) + 1)
        put, gone = (bytes([rng.randrange(256)]), 1) if rng.randrange(3) else (b"", rng.randrange(1, 4))
        data = data[:at] + put + data[at + gone :]
    return data


def _websockets_agrees(data: bytes, frames: list[Frame], *, masked: bool) -> None:
    """Up to a close, behind which we drop; its frame checks know no state, so fragments need none here."""
    used = b"".join(frame.raw for frame in frames)
    try:
        read = read_by_websockets(used, masked=masked)
    except WebSocketException as error:  # pragma: no cover - would be a finding
        pytest.fail(f"websockets refuses {data!r}: {error}")
    assert read == [(frame.opcode, frame.fin, frame.payload) for frame in frames]


@given(st.binary(max_size=400), st.binary(min_size=4, max_size=4))
def test_masking_is_its_own_inverse(data: bytes, mask: bytes) -> None:
    """The plain and the C form agree."""
    masked = websocket.apply_mask(data, mask)
    assert masked == websocket.plain_mask(data, mask) == bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    assert websocket.plain_mask(masked, mask) == data


def test_every_frame_has_a_mask_of_its_own() -> None:
    """RFC 6455, 5.3: fresh and unpredictable."""
    assert len({websocket.encode(BINARY, b"", mask=True)[2:] for _ in range(50)}) > 45


def test_a_close_is_cut_to_fit() -> None:
    """At the end of a character, at most 125 bytes with its code."""
    payload = websocket.close(1011, "ä" * 100)
    assert payload == b"\x03\xf3" + "ä".encode() * 61
    assert websocket.close(1000) == b"\x03\xe8"
    for code in (0, 999, 1005, 1006, 1015, 2000, 5000):
        with pytest.raises(ValueError, match=str(code)):
            websocket.close(code)


def test_a_control_frame_is_short_and_whole() -> None:
    """Nothing else can be written by mistake."""
    with pytest.raises(ValueError, match="125"):
        websocket.encode(PING, b"x" * 126)
    with pytest.raises(ValueError, match="whole"):
        websocket.encode(CLOSE, b"", fin=False)


def test_the_accept_key_of_the_rfc() -> None:
    """RFC 6455, 1.3; and as websockets computes it."""
    assert websocket.accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert websocket.accept_key(b"x") == accept_key("x").encode()


def test_the_error_is_a_sentence() -> None:
    """It is shown to people: one line, lower case after the noun."""
    assert isinstance(FrameTooLongError(2, 1), JituiError)
    assert str(FrameTooLongError(2, 1)) == "a WebSocket frame of 2 bytes was announced, at most 1 are taken; send smaller messages"
