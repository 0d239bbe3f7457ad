"""SPDY/3.1 frames: any split gives the same frames; long DATA comes in bounded pieces; what is not as it should be is one error, and costs little."""

import itertools
import random
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st

from jitui.protocol import spdy
from jitui.protocol.spdy import PIECE, Decoder, Encoder, Frame, Kind
from jitui.protocol.spdy_headers import Headers
from jitui.protocol.websocket import ProtocolError
from tests.protocol.pieces import at_random, bytewise, cut, run

FLUSHED = zlib.Z_SYNC_FLUSH
PORT: Headers = ((b"port", b"8080"), (b"requestid", b"0"), (b"streamtype", b"data"))


def control(number: int, body: bytes, *, flags: int = 0, version: int = 3) -> bytes:
    """A control frame put together by hand, as the draft draws it."""
    return struct.pack("!HHI", 0x8000 | version, number, flags << 24 | len(body)) + body


def squeezed(plain: bytes, flush: int = FLUSHED) -> bytes:
    """The first block of a direction."""
    deflate = zlib.compressobj(9, zdict=spdy.DICTIONARY)
    return deflate.compress(plain) + deflate.flush(flush)


def block(*pairs: tuple[bytes, bytes], count: int | None = None) -> bytes:
    """A header block before compression."""
    parts = b"".join(struct.pack("!I", len(text)) + text for pair in pairs for text in pair)
    return struct.pack("!I", len(pairs) if count is None else count) + parts


NAMES = st.text("abcdefghijklmnopqrstuvwxyz-:0123456789", min_size=1, max_size=20).map(str.encode)
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=60)), max_size=6, unique_by=lambda pair: pair[0]).map(tuple)
STREAM = st.integers(1, 2**31 - 1)
PAYLOAD = st.binary(max_size=400)
WORD = st.integers(0, 2**32 - 1)

Step = Callable[[Encoder, int], tuple[bytes, Frame]]


def expected(kind: Kind, raw: bytes, stream: int = 0, *, fin: bool = False, payload: bytes = b"", headers: Headers = (), value: int = 0) -> tuple[bytes, Frame]:
    return raw, Frame(kind, stream, fin, payload, headers, value, raw)


STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda h, fin: lambda e, n: expected(Kind.SYN_STREAM, e.syn_stream(n, h, fin=fin), n, fin=fin, headers=h), HEADERS, st.booleans()),
    st.builds(lambda s, h, fin: lambda e, _: expected(Kind.SYN_REPLY, e.syn_reply(s, h, fin=fin), s, fin=fin, headers=h), STREAM, HEADERS, st.booleans()),
    st.builds(lambda s, h, fin: lambda e, _: expected(Kind.HEADERS, e.headers(s, h, fin=fin), s, fin=fin, headers=h), STREAM, HEADERS, st.booleans()),
    st.builds(lambda s, p, fin: lambda e, _: expected(Kind.DATA, spdy.data(s, p, fin=fin), s, fin=fin, payload=p), STREAM, PAYLOAD, st.booleans()),
    st.builds(lambda s, v: lambda e, _: expected(Kind.RST_STREAM, spdy.reset(s, v), s, value=v), STREAM, WORD),
    st.builds(lambda v: lambda e, _: expected(Kind.PING, spdy.ping(v), value=v), WORD),
    st.builds(lambda v: lambda e, _: expected(Kind.GOAWAY, spdy.goaway(v), value=v), st.integers(0, 2**31 - 1)),
    st.builds(lambda s: lambda e, _: expected(Kind.WINDOW_UPDATE, control(9, struct.pack("!II", s, 9)), s), st.integers(0, 2**31 - 1)),
    st.builds(lambda n: lambda e, _: expected(Kind.SETTINGS, control(4, struct.pack("!I", n) + bytes(8 * n))), st.integers(0, 5)),
)


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=10), st.booleans(), st.lists(st.integers(0, 5000), max_size=8))
def test_frames_in_any_pieces(steps: list[Step], client: bool, points: list[int]) -> None:
    """Whole, byte by byte or cut anywhere: the same frames; their raw bytes, put together, are the stream."""
    encoder = Encoder()
    made = [step(encoder, 2 * at + (1 if client else 2)) for at, step in enumerate(steps)]
    data = b"".join(raw for raw, _ in made)
    for pieces in ([data], bytewise(data), cut(data, points)):
        decoder = Decoder(client=client)
        frames, error = run(decoder.feed, pieces)
        assert error is None
        assert frames == [frame for _, frame in made]
        assert b"".join(frame.raw for frame in frames) == data
        assert decoder.holding == 0


def test_the_dictionary_is_that_of_the_draft() -> None:
    """Its checksum is what every zlib stream of SPDY/3 begins with (DICTID)."""
    assert len(spdy.DICTIONARY) == 1423
    assert zlib.adler32(spdy.DICTIONARY) == 0xE3C6A7C2
    assert Encoder().syn_reply(1)[12:18] == bytes.fromhex("78f9e3c6a7c2")


@pytest.mark.parametrize("order", list(itertools.permutations(PORT)))
def test_headers_in_the_order_in_which_they_came(order: Headers) -> None:
    """kubectl's order is random; block after block goes through the one zlib stream, at level 9 as Go compresses."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 8, 0, spdy.DICTIONARY)
    decoder = Decoder(client=True)
    for stream in range(1, 21, 2):
        body = deflate.compress(block(*order)) + deflate.flush(FLUSHED)
        raw = control(1, struct.pack("!IIBB", stream, 0, 0, 0) + body)
        assert decoder.feed(raw) == [Frame(Kind.SYN_STREAM, stream, fin=False, payload=b"", headers=order, value=0, raw=raw)]


def test_a_value_of_several_is_kept_with_its_nuls() -> None:
    """SPDY/3, 2.6.10: values of one name are joined by NUL."""
    headers = ((b"streamtype", b"a\0b"), (b"x", b""))
    assert Decoder(client=True).feed(Encoder().syn_stream(1, headers))[0].headers == headers


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7, spdy.LENGTH_LIMIT])
@pytest.mark.parametrize("fin", [True, False])
def test_long_data_comes_in_pieces(size: int, fin: bool) -> None:
    """Each at most PIECE bytes with a header of its own, FIN on the last alone; up to PIECE the frame is whole, with its very bytes."""
    payload = random.Random(size).randbytes(size)
    raw = spdy.data(5, payload, fin=fin)
    ping = spdy.ping(2)
    decoder = Decoder(client=False)
    frames, error = run(decoder.feed, at_random(raw + ping, random.Random(1)))
    assert error is None
    *parts, last = frames
    assert last == Frame(Kind.PING, 0, fin=False, payload=b"", headers=(), value=2, raw=ping)
    assert [len(part.payload) for part in parts] == ([PIECE] * (size // PIECE) + ([size % PIECE] if size % PIECE or not size else []))
    assert b"".join(part.payload for part in parts) == payload
    assert [part.fin for part in parts] == [False] * (len(parts) - 1) + [fin]
    if size <= PIECE:
        assert parts[0].raw == raw
    assert [Decoder(client=False).feed(part.raw) for part in parts] == [[part] for part in parts]  # each could go on alone


@pytest.mark.parametrize("read", [1, 700, 65_536, 1 << 20])
def test_reads_do_not_move_where_long_data_is_cut(read: int) -> None:
    """Pieces and what is held are the same sizes whatever the reads are, and what is held never passes HELD_LIMIT."""
    raw = spdy.data(1, bytes(2 * PIECE + 5), fin=True) + spdy.data(3, bytes(PIECE)) + spdy.data(1, b"x" * 100)
    decoder = Decoder(client=True)
    frames: list[Frame] = []
    for at in range(0, len(raw), read):
        frames += decoder.feed(raw[at : at + read])
        assert decoder.holding < spdy.HELD_LIMIT
    assert [(frame.stream, len(frame.payload), frame.fin) for frame in frames] == [
        (1, PIECE, False), (1, PIECE, False), (1, 5, True), (3, PIECE, False), (1, 100, False)]  # fmt: skip


SYN = struct.pack("!IIBB", 1, 0, 0, 0)
GOOD = squeezed(block(*PORT))
FAULTS: list[tuple[str, bytes, str]] = [
    ("version 2", control(6, bytes(4), version=2), "version 2, only 3"),
    ("version 4", control(6, bytes(4), version=4), "version 4, only 3"),
    ("type 0", control(0, bytes(4)), "unknown type 0"),
    ("type 5, NOOP of SPDY/2", control(5, b""), "unknown type 5"),
    ("type 10, CREDENTIAL", control(10, bytes(4)), "unknown type 10"),
    ("HTTP", b"GET / HTTP/1.1\r\n\r\n", "unknown flags"),
    ("data on stream 0", struct.pack("!II", 0, 1) + b"x", "data on stream 0"),
    ("compressed data", struct.pack("!II", 1, 0x02000001) + b"x", "unknown flags 0x02"),
    ("unidirectional", control(1, SYN + GOOD, flags=2), "SYN_STREAM frame has the flags 0x02"),
    ("reply, unidirectional", control(2, SYN[:4] + GOOD, flags=2), "SYN_REPLY frame has the flags 0x02"),
    ("ping with a flag", control(6, bytes(4), flags=1), "PING frame has the flags 0x01"),
    ("short SYN_STREAM", control(1, SYN[:9]), "SYN_STREAM frame has 9 bytes"),
    ("short SYN_REPLY", control(2, SYN[:3]), "SYN_REPLY frame has 3 bytes"),
    ("short HEADERS", control(8, b""), "HEADERS frame has 0 bytes"),
    ("long RST_STREAM", control(3, bytes(12)), "RST_STREAM frame has 12 bytes"),
    ("short PING", control(6, bytes(3)), "PING frame has 3 bytes"),
    ("short GOAWAY", control(7, bytes(4)), "GOAWAY frame has 4 bytes"),
    ("long WINDOW_UPDATE", control(9, bytes(9)), "WINDOW_UPDATE frame has 9 bytes"),
    ("empty SETTINGS", control(4, b""), "SETTINGS frame has 0 bytes"),
    ("SETTINGS of 4 billion", control(4, b"\xff\xff\xff\xff"), "announces 4294967295 entries"),
    ("SETTINGS with half an entry", control(4, struct.pack("!I", 1) + bytes(4)), "announces 1 entries"),
    ("long control frame", struct.pack("!HHI", 0x8003, 1, (64 << 10) + 1), "65537 bytes was announced, at most 65536"),
    ("stream 0", control(1, bytes(10) + GOOD), "SYN_STREAM frame is for stream 0"),
    ("reply for stream 0", control(2, bytes(4) + GOOD), "SYN_REPLY frame is for stream 0"),
    ("reset of stream 0", control(3, bytes(8)), "RST_STREAM frame is for stream 0"),
    ("reserved bit of a stream id", control(3, b"\x80\0\0\1\0\0\0\5"), "reserved bit"),
    ("reserved bit of GOAWAY", control(7, b"\x80\0\0\1\0\0\0\0"), "reserved bit"),
    ("even stream", control(1, struct.pack("!IIBB", 2, 0, 0, 0) + GOOD), "opens SPDY stream 2; its streams have odd ids"),
    ("associated stream", control(1, struct.pack("!IIBB", 1, 3, 0, 0) + GOOD), "associated stream"),
    ("credential slot", control(1, struct.pack("!IIBB", 1, 0, 0, 1) + GOOD), "credential slot"),
    ("unused bits of the priority", control(1, struct.pack("!IIBB", 1, 0, 1, 0) + GOOD), "reserved bits"),
    ("no block", control(1, SYN), "ends within its compression"),
    ("not zlib", control(1, SYN + b"GET / HTTP/1.1\0\0\xff\xff"), "not compressed with zlib"),
    ("no dictionary", control(1, SYN + zlib.compress(block(*PORT))), "ends the compression"),
    ("the end of the compression", control(1, SYN + squeezed(block(*PORT), zlib.Z_FINISH) + b"\0\0\xff\xff"), "ends the compression"),
    ("another dictionary", control(1, SYN + GOOD[:2] + b"\0\0\0\1" + GOOD[6:]), "dictionary of SPDY/3"),
    ("block without its flush", control(1, SYN + GOOD[:-4]), "ends within its compression"),
    ("block ends before its count", control(1, SYN + squeezed(block(*PORT)[:-1])), "ends before its headers do"),
    ("count above what is there", control(1, SYN + squeezed(block(*PORT, count=4))), "ends before its headers do"),
    ("count below what is there", control(1, SYN + squeezed(block(*PORT, count=2))), "goes on behind its last header"),
    ("no count", control(1, SYN + squeezed(b"\0\0")), "ends before its headers do"),
    ("33 headers", control(1, SYN + squeezed(block(*((b"a%d" % at, b"") for at in range(33))))), "33 headers, at most 32"),
    ("4 billion headers", control(1, SYN + squeezed(block(count=2**32 - 1))), "4294967295 headers"),
    ("long name", control(1, SYN + squeezed(block((b"n" * 257, b"")))), "name of 257 bytes, at most 256"),
    ("long value", control(1, SYN + squeezed(block((b"n", b"v" * 8193)))), "value of 8193 bytes, at most 8192"),
    ("no name", control(1, SYN + squeezed(block((b"", b"v")))), "has no name"),
    ("capital", control(1, SYN + squeezed(block((b"streamType", b"v")))), "not lower-case"),
    ("NUL in a name", control(1, SYN + squeezed(block((b"port\0", b"v")))), "not lower-case ASCII"),
    ("name twice", control(1, SYN + squeezed(block((b"port", b"1"), (b"port", b"2")))), "same name twice"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "says"), [pytest.param(data, says, id=name) for name, data, says in FAULTS])
def test_what_is_not_allowed_is_one_error(data: bytes, says: str) -> None:
    """The same whole and byte by byte; of a read with an error nothing is handed out, and after it nothing comes."""
    good = spdy.data(7, b"good")
    decoder = Decoder(client=True)
    with pytest.raises(ProtocolError) as caught:
        decoder.feed(good + data)
    assert says in str(caught.value)
    with pytest.raises(ProtocolError) as again:
        decoder.feed(good)
    assert again.value is caught.value
    assert decoder.holding == 0
    frames, error = run(Decoder(client=True).feed, bytewise(good + data))
    assert str(error) == str(caught.value)
    assert [frame.raw for frame in frames] == [good]


@pytest.mark.parametrize(("client", "ids", "refused"), [
    (True, (1, 3, 3), 3), (True, (5, 1), 1), (True, (1, 2**31 - 1, 3), 3), (False, (2, 4, 5), 5), (False, (1,), 1)])  # fmt: skip
def test_stream_ids_have_their_side_s_parity_and_only_rise(client: bool, ids: tuple[int, ...], refused: int) -> None:
    """Odd ones are the client's, even ones the cluster's; gaps are allowed."""
    encoder, decoder = Encoder(), Decoder(client=client)
    *good, bad = (encoder.syn_stream(stream, PORT) for stream in ids)
    for raw in good:
        assert decoder.feed(raw)[0].kind is Kind.SYN_STREAM
    with pytest.raises(ProtocolError, match=f"opens SPDY stream {refused}"):
        decoder.feed(bad)


def test_a_block_left_out_spoils_those_behind_it() -> None:
    """Why no header block may be skipped: they are one zlib stream."""
    encoder, decoder = Encoder(), Decoder(client=True)
    encoder.syn_stream(1, PORT)
    with pytest.raises(ProtocolError, match="not compressed with zlib"):
        decoder.feed(encoder.syn_stream(3, PORT))


def test_a_block_that_inflates_without_end_costs_nothing() -> None:
    """60 KiB that would become 60 MB: refused at 64 KiB, in milliseconds and little memory."""
    bomb = squeezed(bytes(60_000_000))
    assert len(bomb) < spdy.CONTROL_LIMIT
    raw = control(1, SYN + bomb)
    decoder = Decoder(client=True)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(ProtocolError, match="inflates to more than 65536 bytes"):
        decoder.feed(raw)
    took, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took < 0.5
    assert peak < 1 << 20


def test_many_blocks_that_inflate_a_hundredfold_end_too() -> None:
    """HEADERS of a few hundred bytes that become 56 KiB each: the sum of a connection is bounded, so memory and time are."""
    headers = tuple((b"n%d" % at, b"v" * 8_000) for at in range(7))
    encoder = Encoder()
    raw = b"".join(encoder.headers(1, headers) for _ in range(1_000))
    assert len(raw) < 1_000_000
    began = time.process_time()
    frames, error = run(Decoder(client=True).feed, [raw[at : at + 4096] for at in range(0, len(raw), 4096)])
    assert time.process_time() - began < 2
    assert "all of one connection to more than 8388608" in str(error)
    assert sum(len(frame.headers) for frame in frames) * 8_000 <= spdy.INFLATED_LIMIT


def test_streams_of_one_connection_are_counted() -> None:
    """65,536 may be opened, which is 32,768 connections of one port-forward."""
    encoder, decoder = Encoder(), Decoder(client=True)
    for stream in range(1, 2 * spdy.BLOCKS_LIMIT, 2):
        decoder.feed(encoder.syn_stream(stream, ()))
    with pytest.raises(ProtocolError, match="more than 65536 SPDY header blocks"):
        decoder.feed(encoder.syn_stream(2 * spdy.BLOCKS_LIMIT + 1, ()))


def test_a_long_frame_in_tiny_reads_is_not_copied_again_and_again() -> None:
    """A peer that sends 4 MiB in reads of 64 bytes costs milliseconds, not one copy of what is held for each of them."""
    raw = spdy.data(1, bytes(PIECE)) * 64
    decoder = Decoder(client=True)
    began = time.process_time()
    frames, _ = run(decoder.feed, [raw[at : at + 64] for at in range(0, len(raw), 64)])
    assert time.process_time() - began < 1
    assert len(frames) == 64


def test_a_large_read_of_small_frames_is_cut_once() -> None:
    """A MiB of keystrokes in one read: what is left of the read is not copied for each of them."""
    raw = spdy.data(1, b"x") * 120_000
    began = time.process_time()
    assert len(Decoder(client=True).feed(raw)) == 120_000
    assert time.process_time() - began < 3


def session(rng: random.Random, *, client: bool) -> bytes:
    """Some frames, as a session has them."""
    encoder, parts, stream = Encoder(), [], 1 if client else 2
    for _ in range(rng.randrange(1, 8)):
        match rng.randrange(6):
            case 0 | 1:
                headers = [*PORT]
                rng.shuffle(headers)
                parts.append(encoder.syn_stream(stream, tuple(headers)))
                stream += 2
            case 2:
                parts.append(encoder.syn_reply(rng.randrange(1, 9)))
            case 3:
                parts.append(rng.choice([spdy.ping(rng.randrange(9)), spdy.reset(3), spdy.goaway(0)]))
            case _:
                parts.append(spdy.data(rng.randrange(1, 9), rng.randbytes(rng.choice([0, 1, 30, 300])), fin=rng.random() < 0.2))
    return b"".join(parts)


def disturbed(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        put, gone = (bytes([rng.randrange(256)]), 1) if rng.randrange(3) else (rng.randbytes(rng.randrange(4)), rng.randrange(5))
        data = data[:at] + put + data[at + gone :]
    return data


def test_five_thousand_disturbed_streams() -> None:
    """Each is read the same in every split, or ends in the same ProtocolError; what is held stays bounded; what passes, goes on byte for byte."""
    rng = random.Random(31)
    refused = 0
    for _ in range(5_000):
        client = rng.random() < 0.5
        data = disturbed(session(rng, client=client), rng)
        one, two = Decoder(client=client), Decoder(client=client)
        whole, error = run(one.feed, [data])
        split, same = run(two.feed, at_random(data, rng) if rng.randrange(3) else bytewise(data))
        assert str(error) == str(same), data
        assert max(one.holding, two.holding) < spdy.HELD_LIMIT
        if error is not None:
            assert isinstance(error, ProtocolError)
            refused += 1
        elif not any(len(frame.payload) == PIECE for frame in whole):
            assert whole == split, data
            assert data.startswith(b"".join(frame.raw for frame in whole))
    assert 1_500 < refused < 4_900


def test_what_can_not_be_written_is_a_mistake_of_ours() -> None:
    """A DATA frame has 24 bits for its length."""
    with pytest.raises(ValueError, match="at most 16777215"):
        spdy.data(1, bytes(1 << 24))
