"""WebSocket commands as units: the same whatever the reads are, nothing goes on unsaid, and an error is for good."""

import base64
import random
from collections.abc import Sequence
from itertools import cycle, groupby, pairwise

import pytest
from hypothesis import given, settings, strategies as st

from jitui.protocol import channels, status, websocket
from jitui.protocol.channels import COMMANDS, Dialect, Exit
from jitui.protocol.speech import TOGETHER, Said, Speech, WebSocketCommand, joined
from jitui.protocol.websocket import BINARY, CLOSE, PING, PONG, TEXT, ProtocolError, encode
from jitui.recording.frame import BYTES, Channel
from tests.protocol.pieces import disturbed, run
from tests.protocol.talk import CLIENT, CLUSTER, Turn, messages, play, read, refused

V5 = Dialect("v5")
DIALECTS = list(COMMANDS.values())
BODY = status.status(403, "Forbidden", "jitui: it is over")
POINTS = st.lists(st.integers(0, 5000), max_size=8)
STEPS = st.lists(st.one_of(
    st.tuples(st.just(CLIENT), st.sampled_from([0, 4]), st.binary(max_size=300)),
    st.tuples(st.just(CLUSTER), st.sampled_from([1, 2]), st.binary(max_size=300)),
    st.tuples(st.booleans(), st.sampled_from([-PING, -PONG]), st.binary(max_size=20)),
), max_size=12)  # fmt: skip


def turns(steps: list[tuple[bool, int, bytes]], dialect: Dialect = V5) -> list[Turn]:
    """A negative number is a control frame."""
    return [(client, encode(-number, body, mask=client) if number < 0 else message(dialect, number, body, client=client)) for client, number, body in steps]


def message(dialect: Dialect, number: int, body: bytes, *, client: bool) -> bytes:
    """As that side sends it."""
    payload = b"%d%b" % (number, base64.b64encode(body)) if dialect.base64 else bytes((number,)) + body
    return encode(TEXT if dialect.base64 else BINARY, payload, mask=client)


@settings(max_examples=200)
@given(STEPS, POINTS, st.sampled_from(DIALECTS))
def test_any_reads_are_the_same_units(steps: list[tuple[bool, int, bytes]], points: list[int], dialect: Dialect) -> None:
    """The forwarded bytes are those of the messages; the record of each channel is their payloads; pings stay on their hop."""
    said = turns(steps, dialect)
    heard = play(WebSocketCommand(dialect, channels.EVERY), said, points)
    for side in (CLIENT, CLUSTER):
        assert heard.raw[side] == b"".join(data for (client, data), step in zip(said, steps, strict=True) if client is side and step[1] >= 0)
        pongs = [frame.payload for frame in messages(heard.replies[side], masked=not side)]
        assert pongs == [body for client, number, body in steps if client is side and number == -PING]
    for channel in (Channel.STDIN, Channel.STDOUT, Channel.STDERR, Channel.RESIZE):
        assert heard.said.get((0, channel), b"") == b"".join(body for _, number, body in steps if number == channel)


@pytest.mark.parametrize("seed", range(60))
def test_disturbed_is_read_or_refused_for_good(seed: int) -> None:
    """Never a hang, never another error, never more than it was fed."""
    rng = random.Random(seed)
    data = disturbed(b"".join(encode(BINARY, bytes((1,)) + rng.randbytes(rng.randrange(200))) for _ in range(5)), rng)
    speech = WebSocketCommand(V5, channels.EVERY)
    units, error = run(lambda piece: speech.read(piece, client=CLUSTER), [data[at : at + 7] for at in range(0, len(data), 7)])
    assert sum(len(unit.raw) for unit in units) <= len(data)
    if error is not None:
        assert refused(speech, b"", client=CLUSTER) == str(error)


@pytest.mark.parametrize(("client", "data", "says"), [
    (CLIENT, encode(BINARY, b"\1x", mask=True), "channel 1"),
    (CLUSTER, encode(BINARY, b"\0x"), "channel 0"),
    (CLUSTER, encode(TEXT, b"\1x"), "text"),
    (CLIENT, encode(BINARY, b"\0x"), "mask"),
], ids=["channel", "way", "text", "mask"])  # fmt: skip
def test_what_does_not_fit_is_refused(client: bool, data: bytes, says: str) -> None:
    """Wrong direction, wrong kind, wrong masking; after a semantic error too the other side is not heard any more."""
    speech = WebSocketCommand(V5, channels.EVERY)
    assert says in (words := refused(speech, data, client=client))
    assert refused(speech, encode(BINARY, b"\1fine"), client=CLUSTER) == words


def test_a_close_is_a_goodbye() -> None:
    """Of either side; its answer is masked as its hop has it. Its code goes on, what else it says is for the record."""
    heard = play(WebSocketCommand(V5, channels.EVERY), [
        (CLIENT, encode(CLOSE, websocket.close(1000, "b\u00e9"), mask=True)), (CLUSTER, encode(CLOSE, websocket.close(1000)))])  # fmt: skip
    client, cluster = heard.goodbyes
    assert (messages(bytes(client.raw), masked=True)[0].payload, messages(bytes(cluster.raw))[0].payload) == (websocket.close(1000),) * 2
    assert [frame.opcode for frame in messages(client.reply)] == [CLOSE]
    assert [frame.opcode for frame in messages(cluster.reply, masked=True)] == [CLOSE]
    assert (client.how, cluster.how) == (b',"code":1000,"reason":"b\\u00e9"', b',"code":1000')
    (bare,) = play(WebSocketCommand(V5, channels.EVERY), [(CLIENT, encode(CLOSE, b"", mask=True))]).goodbyes
    assert (messages(bytes(bare.raw), masked=True)[0].payload, bare.how) == (b"", b"")


@pytest.mark.parametrize("tty", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_last_words(tty: bool, dialect: Dialect) -> None:
    """On a terminal a line, then the Status, before v4 a text, then close 1000; all on record as the gateway's, and in the form that the client reads."""
    speech = WebSocketCommand(dialect, channels.EVERY)
    said, ((after, wire),) = speech.last_words("it is over", BODY, tty=tty)
    assert after == 0
    *words, close = messages(wire)
    assert (close.opcode, close.payload) == (CLOSE, websocket.close(1000))
    note = [(1, b"\r\n[jitui] it is over\r\n")] if tty else []
    told = [*note, (3, b"[jitui] it is over" if dialect.version == "v1" else BODY)]
    assert b"".join(frame.raw for frame in words) == b"".join(message(dialect, number, body, client=CLUSTER) for number, body in told)
    assert said == [(0, Channel.GATEWAY, body) for _, body in told]


@pytest.mark.parametrize(("says", "exit_"), [([], Exit(ok=True, code=0, message="")), ([b"it ", b"failed"], Exit(ok=False, code=None, message="it failed"))])
@pytest.mark.parametrize("dialect", [each for each in DIALECTS if each.version == "v1"])
def test_before_v4_a_command_ends_with_the_goodbye(says: list[bytes], exit_: Exit, dialect: Dialect) -> None:
    """The error channel has a text if it failed, and nothing if not; a connection that is cut tells neither."""
    speech = WebSocketCommand(dialect, channels.EVERY)
    for body in (b"", *says):
        speech.read(message(dialect, 3, body, client=CLUSTER), client=CLUSTER)
    assert speech.exited is None
    speech.read(encode(CLOSE, websocket.close(1000)), client=CLUSTER)
    assert speech.exited == exit_


@pytest.mark.parametrize("text", [b"0=", b"0Zm9", b"0Zm9v=", b"0Zm9v!", b"0Zm 9v", b"0Zg==Zg==", b"0-_-_", b"0=Zm9v"])
def test_what_is_no_base64_is_refused(text: bytes) -> None:
    """The API server drops such a message and goes on."""
    speech = WebSocketCommand(Dialect("v4", base64=True), channels.EVERY)
    assert "is not base64" in refused(speech, encode(TEXT, text, mask=True), client=CLIENT)


@pytest.mark.parametrize(("text", "body"), [(b"0", b""), (b"0Zg==", b"f"), (b"0Zm\r\n9v\n", b"foo"), (b"0Zh==", b"f")])
def test_base64_is_read_as_go_reads_it(text: bytes, body: bytes) -> None:
    """Line breaks count for nothing, nor do the bits behind the last byte (encoding/base64: StdEncoding.Decode)."""
    speech = WebSocketCommand(Dialect("v4", base64=True), channels.EVERY)
    (unit,) = speech.read(encode(TEXT, text, mask=True), client=CLIENT)
    assert unit.said == ((0, Channel.STDIN, body),)


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([Channel.STDIN, Channel.STDOUT, Channel.FORWARD_OUT, Channel.RESIZE, Channel.MARK]),
                          st.binary(max_size=3))))  # fmt: skip
def test_pieces_of_a_byte_stream_are_joined(said: list[Said]) -> None:
    """Each byte stays where it was among all others, messages and empty pieces stay themselves, and no two neighbours are bytes of one stream."""
    whole = joined(said)
    pieces = [[(at, channel, byte) for at, channel, body in some for byte in body] for some in (whole, said)]
    assert pieces[0] == pieces[1]
    alone = [piece for piece in said if piece[1] not in BYTES or not piece[2]]
    assert [piece for piece in whole if piece[1] not in BYTES or not piece[2]] == alone
    assert not any(one[:2] == other[:2] and one[1] in BYTES and one[2] and other[2] for one, other in pairwise(whole))


def test_no_more_than_a_viewer_takes_is_joined() -> None:
    """As many as fit, in order; one that is longer stays as it came."""
    sizes = [TOGETHER // 2, TOGETHER // 2, 1, TOGETHER, TOGETHER + 1, 5]
    said = [(0, Channel.STDOUT, bytes([number]) * size) for number, size in enumerate(sizes)]
    whole = joined(said)
    assert [len(body) for _, _, body in whole] == [TOGETHER, 1, TOGETHER, TOGETHER + 1, 5]
    assert b"".join(body for _, _, body in whole) == b"".join(body for _, _, body in said)


@pytest.mark.parametrize("payload", [b"\0rm -rf /\n", b"\0", b"\xff\0", b'\4{"Width":80,"Height":24}', b"\4"])
def test_a_message_on_a_channel_that_was_not_asked_for_is_refused(payload: bytes) -> None:
    """Bytes, none, a close, a size: the command was judged without stdin and terminal, whatever the cluster would do with them."""
    speech = WebSocketCommand(V5, frozenset({Channel.ERROR, Channel.STDOUT, Channel.STDERR}))
    assert "which its request line does not ask for" in refused(speech, encode(BINARY, payload, mask=True), client=CLIENT)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("number", [1, 2, 3, 5, 9])
def test_a_channel_that_is_the_clusters_is_not_the_clients(dialect: Dialect, number: int) -> None:
    """Everything else than stdin and resize, whatever was asked for."""
    speech = WebSocketCommand(dialect, channels.EVERY)
    assert "which it does not write to" in refused(speech, message(dialect, number, b"x", client=CLIENT), client=CLIENT)


@pytest.mark.parametrize("payload", [b"\xff\1", b"\xff\4", b"\xff", b"\xff\0\0"])
def test_a_client_closes_nothing_but_stdin(payload: bytes) -> None:
    """As one message of two bytes."""
    assert "other than stdin" in refused(WebSocketCommand(V5, channels.EVERY), encode(BINARY, payload, mask=True), client=CLIENT)


class OneByOne(WebSocketCommand):
    """Reads no runs."""

    def _plain(self, *, client: bool) -> dict[int, Channel]:
        return {}


def outcome(speech: Speech, data: bytes, sizes: Sequence[int], *, client: bool) -> tuple[bytes, list[Said], str]:
    """The bytes that go on, their record without borders, and the error, of reads of these sizes in turn."""
    raw, said, at = b"", list[Said](), 0
    try:
        for size in cycle(sizes):
            for unit in read(speech, data[at : at + size], client=client):
                raw, said = raw + unit.raw + bytes(len(unit.reply)), [*said, *unit.said]  # an answer has a mask of its own
            at += size
            if at > len(data):
                break
    except ProtocolError as error:
        return raw, without_borders(said), str(error)
    return raw, without_borders(said), ""


def without_borders(said: list[Said]) -> list[Said]:
    """Neighbouring pieces of one byte stream as one."""
    return [
        (*key, b"".join(body for _, _, body in run)) for key, run in groupby([piece for piece in said if piece[2]], lambda piece: piece[:2])
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_a_run_is_what_its_messages_are_one_by_one(seed: int) -> None:
    """Messages of every form of length, pings, closes, faults: the same goes on, the same is on record, and the same error comes at the same read."""
    rng = random.Random(seed)
    client = bool(seed % 2)
    lengths = [0, 1, 2, 59, 124, 125, 126, 1000, 32768, (1 << 16) - 2, (1 << 16) - 1, 1 << 16, 70_000]
    parts = [encode(BINARY, bytes((rng.choice([0] if client else [1, 1, 1, 2]),)) + rng.randbytes(rng.choice(lengths)), mask=client) for _ in range(12)]
    parts.insert(rng.randrange(12), encode(PING, b"p", mask=client))
    parts += [encode(BINARY, b"\xff\0", mask=True)] * client + [encode(BINARY, b"\0late" if client else b"\1", mask=client)]
    data = b"".join(parts)
    data = data if seed % 4 < 2 else disturbed(data, rng)
    sizes = [rng.choice([1000, 16384, 32769, 100_000, len(data)]) for _ in range(4)]
    found, other = (outcome(speech(V5, channels.EVERY), data, sizes, client=client) for speech in (WebSocketCommand, OneByOne))
    assert found == other


def test_a_run_is_one_piece_and_small_messages_are_read_many_at_a_time() -> None:
    """Up to TOGETHER bytes, also behind a message that two reads brought; sixteen of them for one that costs as much."""
    small = encode(BINARY, b"\1" + bytes(60)) * 400
    speech = WebSocketCommand(V5, channels.EVERY)
    (first,) = speech.read(small, client=CLUSTER, most=20)
    assert (len(first.said[0][2]), speech.waits(client=CLUSTER)) == (60 * 16 * 20, True)
    large = encode(BINARY, b"\1" + bytes(TOGETHER // 2)) * 5
    units = [unit for data in (small[:0], large[:100], large[100:]) for unit in speech.read(data, client=CLUSTER)]
    assert [len(unit.said[0][2]) for unit in units] == [60 * 80, TOGETHER // 2, TOGETHER, TOGETHER]
    assert b"".join(unit.raw for unit in units) == small[320 * 63 :] + large
