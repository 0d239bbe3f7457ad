"""Port-forward as units, plain and in a tunnel: substreams that come and go, what is refused, what is dropped, and how it ends for the client."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st

from jitui.protocol import spdy, status, websocket
from jitui.protocol.forward import SHOWN, SUBSTREAMS, TUNNEL_FRAME, Forward
from jitui.protocol.spdy import Encoder, Kind
from jitui.protocol.websocket import BINARY, CLOSE, PING, TEXT, encode
from jitui.recording.frame import Channel
from tests.protocol.pieces import cut, disturbed, run
from tests.protocol.talk import CLIENT, CLUSTER, Turn, frames, messages, play, refused, unwrapped

BODY = status.status(403, "Forbidden", "jitui: it is over")
POINTS = st.lists(st.integers(0, 5000), max_size=8)
BOTH = pytest.mark.parametrize("tunnel", [False, True])


class Ends:
    """The two ends of a port-forward, as kubectl and the API server speak; each connection takes the next two stream ids."""

    def __init__(self, *, ids: bool = True) -> None:
        self.client, self.cluster, self.ids = Encoder(), Encoder(), ids

    def syn(self, kind: str, stream: int, *, port: bytes = b"80", request: bytes = b"") -> Turn:
        headers = [(b"streamtype", kind.encode()), (b"port", port)] + ([(b"requestid", request)] if request else [])
        return CLIENT, self.client.syn_stream(stream, tuple(headers))

    def opens(self, at: int) -> list[Turn]:
        """Connection number `at`, from 0: error, which the client half-closes at once, then data."""
        error, data, request = 4 * at + 1, 4 * at + 3, str(at).encode() if self.ids else b""
        return [self.syn("error", error, request=request), (CLUSTER, self.cluster.syn_reply(error)), (CLIENT, spdy.data(error, b"", fin=True)),
                self.syn("data", data, request=request), (CLUSTER, self.cluster.syn_reply(data))]  # fmt: skip

    def whole(self, at: int, asks: bytes = b"GET", answers: bytes = b"OK", *, text: bytes = b"") -> list[Turn]:
        """From the first SYN_STREAM to the last FIN."""
        error, data = 4 * at + 1, 4 * at + 3
        return [*self.opens(at), (CLIENT, spdy.data(data, asks)), (CLUSTER, spdy.data(data, answers)), (CLIENT, spdy.data(data, b"", fin=True)),
                (CLUSTER, spdy.data(data, b"", fin=True)), (CLUSTER, spdy.data(error, text, fin=True))]  # fmt: skip


def carried(turns: list[Turn], points: list[int] | None = None) -> list[Turn]:
    """In WebSocket messages: cut anywhere, with an empty one after each, and a ping."""
    return [(client, b"".join(encode(BINARY, piece, mask=client) + encode(BINARY, b"", mask=client) for piece in cut(data, points or []))
             + encode(PING, b"p", mask=client)) for client, data in turns]  # fmt: skip


def opened(*, tunnel: bool, substreams: int = 1) -> tuple[Forward, Ends]:
    speech, ends = Forward(tunnel=tunnel), Ends()
    for at in range(substreams):
        play(speech, carried(ends.opens(at)) if tunnel else ends.opens(at))
    return speech, ends


@pytest.mark.parametrize("tunnel", [False, True])
def test_ports_that_are_named_are_the_only_ones(tunnel: bool) -> None:
    """A request line that names ports opens those; one without, as kubectl's, any: a scope speaks of pods."""
    speech, ends = Forward(tunnel=tunnel, ports={80, 443}), Ends()
    turns = [ends.syn("error", 1, port=b"80"), ends.syn("data", 3, port=b"80"), ends.syn("error", 5, port=b"0443"), ends.syn("data", 7, port=b"0443")]
    assert play(speech, carried(turns) if tunnel else turns).opens == [1, 2]
    _, data = ends.syn("error", 9, port=b"22")
    assert "for port 22, which its request line does not name" in refused(speech, encode(BINARY, data, mask=True) if tunnel else data, client=CLIENT)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.binary(min_size=1, max_size=300), st.binary(max_size=40)), max_size=4), POINTS, st.booleans(),
       st.booleans(), st.randoms())  # fmt: skip
def test_any_reads_are_the_same_units(said: list[tuple[bytes, bytes, bytes]], points: list[int], tunnel: bool, ids: bool, rng: random.Random) -> None:
    """All that is of a substream goes on, every byte of it on record under the substream's number, however it was cut and whatever carried it."""
    ends = Ends(ids=ids)
    turns = [turn for at, (asks, answers, text) in enumerate(said) for turn in ends.whole(at, asks, answers, text=text)]
    speech = Forward(tunnel=tunnel)
    heard = play(speech, carried(turns, [rng.randrange(1000) for _ in range(3)]) if tunnel else turns, points)
    for side in (CLIENT, CLUSTER):
        raw = unwrapped(heard.raw[side], masked=side) if tunnel else heard.raw[side]
        assert raw == b"".join(data for client, data in turns if client is side)
    for substream, (asks, answers, text) in enumerate(said, 1):
        assert (heard.said[substream, Channel.FORWARD_IN], heard.said[substream, Channel.FORWARD_OUT]) == (asks, answers)
        assert heard.said.get((substream, Channel.FORWARD_ERROR), b"") == text
    assert heard.opens == heard.over == list(range(1, len(said) + 1))
    assert speech._streams == {}


@BOTH
@pytest.mark.parametrize("seed", range(40))
def test_disturbed_is_read_or_refused_for_good(tunnel: bool, seed: int) -> None:
    """Never a hang, never another error, never more held than frames are allowed to have."""
    rng = random.Random(seed)
    speech, _ = opened(tunnel=tunnel)
    turns = [(CLUSTER, spdy.data(3, rng.randbytes(rng.randrange(200)))) for _ in range(5)]
    data = disturbed(b"".join(data for _, data in (carried(turns, [5]) if tunnel else turns)), rng)
    _, error = run(lambda piece: speech.read(piece, client=CLUSTER), [data[at : at + 7] for at in range(0, len(data), 7)])
    assert speech._cluster.holding <= spdy.HELD_LIMIT
    if error is not None:
        assert refused(speech, b"", client=CLUSTER) == str(error)


Make = Callable[[Ends], Turn]


@pytest.mark.parametrize(("make", "says"), [
    (lambda _: (CLUSTER, spdy.data(9, b"x")), "has not opened"),
    (lambda _: (CLIENT, spdy.data(1, b"x")), "error stream"),
    (lambda _: (CLIENT, spdy.data(3, b"", fin=True) + spdy.data(3, b"x")), "after it closed it"),
    (lambda _: (CLUSTER, spdy.data(3, b"", fin=True) + spdy.data(3, b"x")), "after it closed it"),
    (lambda _: (CLUSTER, spdy.data(1, b"", fin=True) + spdy.data(1, b"x")), "after it closed it"),
    (lambda ends: (CLIENT, ends.client.syn_reply(3)), "only the cluster"),
    (lambda ends: (CLUSTER, ends.cluster.syn_reply(3, ((b"x", b"y"),))), "with headers"),
    (lambda ends: (CLUSTER, ends.cluster.syn_stream(2, ((b"streamtype", b"data"),))), "only the client"),
    (lambda ends: (CLIENT, ends.client.headers(3, ())), "further headers"),
    (lambda ends: ends.syn("shell", 5), "neither error nor data"),
    (lambda ends: ends.syn("error", 5, port=b"0"), "from 1 to 65535"),
    (lambda ends: ends.syn("error", 5, port=b"65536"), "from 1 to 65535"),
    (lambda ends: ends.syn("error", 5, port=b"+80"), "from 1 to 65535"),
    (lambda ends: ends.syn("error", 5, port=b"000080"), "from 1 to 65535"),
    (lambda ends: ends.syn("error", 5, request=b'"}'), "an id that is none"),
    (lambda ends: ends.syn("error", 5, request=b"0"), "has one of its kind"),
    (lambda ends: ends.syn("data", 5, request=b"0"), "has one of its kind"),
    (lambda ends: (CLIENT, ends.client.syn_stream(5, ((b"streamtype", b"data"), (b"port", b"80"), (b"x", b"secret")))), "other than"),
])  # fmt: skip
@BOTH
def test_what_does_not_fit_is_refused(tunnel: bool, make: Make, says: str) -> None:
    """In the tunnel as without it."""
    speech, ends = opened(tunnel=tunnel)
    turn = make(ends)
    (client, data), = carried([turn]) if tunnel else [turn]
    assert says in refused(speech, data, client=client)


def test_halves_of_different_ports_are_no_pair() -> None:
    """The cluster would pair them by their id, and take the port of the one."""
    speech, ends = Forward(tunnel=False), Ends()
    play(speech, [ends.syn("error", 1, port=b"80", request=b"7")])
    assert "another port" in refused(speech, ends.syn("data", 3, port=b"22", request=b"7")[1], client=CLIENT)


def test_text_is_no_tunnel() -> None:
    """SPDY is binary."""
    assert "text" in refused(Forward(tunnel=True), encode(TEXT, spdy.ping(1), mask=True), client=CLIENT)


@pytest.mark.parametrize("who", [CLIENT, CLUSTER])
@BOTH
def test_what_crosses_a_reset_is_dropped(tunnel: bool, who: bool) -> None:
    """kubectl resets the data stream when its local connection is gone, whatever is on its way: the others go on."""
    speech, ends = opened(tunnel=tunnel, substreams=2)
    turns = [(who, spdy.reset(3)), (not who, spdy.data(3, b"late")), (not who, spdy.reset(3)), (CLUSTER, spdy.data(1, b"broken", fin=True)),
             (CLUSTER, spdy.data(3, b"later still")), (CLIENT, spdy.data(7, b"other"))]  # fmt: skip
    heard = play(speech, carried(turns) if tunnel else turns)
    assert {key: body for key, body in heard.said.items() if key[1] is not Channel.MARK} == {
        (1, Channel.FORWARD_ERROR): b"broken", (2, Channel.FORWARD_IN): b"other"}  # fmt: skip
    assert heard.over == [1]
    assert set(speech._streams) == {5, 7}
    play(speech, carried(ends.whole(2)) if tunnel else ends.whole(2))


@pytest.mark.parametrize("ids", [True, False])
@BOTH
def test_thousands_one_after_the_other_leave_nothing(tunnel: bool, ids: bool) -> None:
    """Each is a substream of its own, and is forgotten with its end."""
    speech, ends = Forward(tunnel=tunnel), Ends(ids=ids)
    for at in range(3000):
        turns = ends.whole(at)
        heard = play(speech, carried(turns) if tunnel else turns)
        assert heard.opens == heard.over == [at + 1]
        assert speech._streams == {}


def test_halves_that_were_reset_leave_nothing() -> None:
    """The runtime resets an error stream whose data stream does not come in time."""
    speech, ends = Forward(tunnel=False), Ends()
    for at in range(2 * SUBSTREAMS + 10):
        heard = play(speech, [ends.syn("error", 2 * at + 1, request=str(at).encode()), (CLUSTER, spdy.reset(2 * at + 1))])
        assert heard.over == [at + 1]
    assert speech._streams == {}


def test_more_than_so_many_at_once_are_refused() -> None:
    """As many as are allowed go; the next ends it."""
    speech, ends = opened(tunnel=False, substreams=SUBSTREAMS)
    assert len(speech._streams) == 2 * SUBSTREAMS
    assert f"more than {SUBSTREAMS}" in refused(speech, ends.syn("error", 4 * SUBSTREAMS + 1, request=b"x")[1], client=CLIENT)


@pytest.mark.parametrize(("client", "ident"), [(CLIENT, 1), (CLUSTER, 2)])
@BOTH
def test_pings_stay_on_their_hop(tunnel: bool, client: bool, ident: int) -> None:
    """Echoed to who sent them, masked as that hop has it; an echo of the other side's is nothing."""
    turns = [(client, spdy.ping(ident)), (client, spdy.ping(ident + 1))]
    heard = play(Forward(tunnel=tunnel), [(side, encode(BINARY, data, mask=side)) for side, data in turns] if tunnel else turns)
    reply = heard.replies[client]
    assert (unwrapped(reply, masked=not client) if tunnel else reply) == spdy.ping(ident)
    assert heard.raw == {CLIENT: b"", CLUSTER: b""}


@BOTH
def test_goodbyes(tunnel: bool) -> None:
    """GOAWAY of either side, and the close of a tunnel; the substreams' frames of one read come before it."""
    for client in (CLIENT, CLUSTER):
        turns: list[Turn] = [(client, spdy.goaway(0))]
        assert len(play(Forward(tunnel=tunnel), carried(turns) if tunnel else turns).goodbyes) == 1
    if tunnel:
        (unit,) = play(Forward(tunnel=True), [(CLIENT, encode(CLOSE, websocket.close(1000), mask=True))]).goodbyes
        assert messages(unit.reply)[0].opcode == CLOSE


@BOTH
def test_last_words(tunnel: bool) -> None:
    """The text on each error stream that is open, FIN on the data; then GOAWAY, over plain SPDY a little later, and close 1000 in the tunnel."""
    speech, _ = opened(tunnel=tunnel, substreams=3)
    turns = [(CLUSTER, spdy.data(1, b"", fin=True)), (CLUSTER, spdy.data(7, b"", fin=True))]
    play(speech, carried(turns) if tunnel else turns)
    said, wire = speech.last_words("it is over", BODY, tty=False)
    assert said == [(substream, Channel.GATEWAY, b"it is over") for substream in (2, 3)]
    assert [after for after, _ in wire] == [0.0, SHOWN]
    data = b"".join(data for _, data in wire)
    if tunnel:
        assert messages(data)[-1].payload == websocket.close(1000)
        data = unwrapped(data, masked=False)
    *words, away = frames(data)
    assert (away.kind, away.value) == (Kind.GOAWAY, 11)
    assert [(frame.stream, frame.payload, frame.fin) for frame in words] == [
        (3, b"", True), (5, b"it is over", True), (9, b"it is over", True), (11, b"", True)]  # fmt: skip


@BOTH
def test_last_words_without_a_connection(tunnel: bool) -> None:
    """On record all the same; kubectl says that the connection is lost."""
    said, ((after, data),) = Forward(tunnel=tunnel).last_words("it is over", BODY, tty=False)
    assert (said, after) == ([(0, Channel.GATEWAY, b"it is over")], 0)
    (away,) = frames(unwrapped(data, masked=False) if tunnel else data)
    assert away.kind is Kind.GOAWAY


@BOTH
def test_after_the_end_only_the_goodbye_is_heard(tunnel: bool) -> None:
    """GOAWAY, or the close of the tunnel."""
    speech, ends = opened(tunnel=tunnel)
    late = ends.syn("error", 5, request=b"9")[1]
    assert speech.deaf(encode(BINARY, late, mask=True) if tunnel else late) == (b"", False)
    assert speech.deaf(encode(CLOSE, b"", mask=True) if tunnel else spdy.goaway(0)) == (b"", True)


def test_a_message_of_a_client_is_short() -> None:
    """kubectl's have 33 KiB at most; one that is longer than 64 KiB could carry very many frames."""
    play(speech := Forward(tunnel=True), [(CLIENT, encode(BINARY, spdy.ping(1) * (TUNNEL_FRAME // 12), mask=True))])
    assert "at most 65536" in refused(speech, encode(BINARY, bytes(TUNNEL_FRAME + 1), mask=True), client=CLIENT)


def test_the_end_comes_in_the_middle_of_a_message() -> None:
    """The message's payload is not read any more, the close behind it is."""
    speech, _ = opened(tunnel=True)
    data = encode(BINARY, spdy.data(3, b"x") * 10, mask=True) + encode(CLOSE, b"", mask=True)
    assert len(speech.read(data, client=CLIENT, most=4)) == 3
    assert speech.waits(client=CLIENT)
    assert speech.deaf(b"", 4) == (b"", True)
    assert not speech.waits(client=CLIENT)


@BOTH
def test_the_codes_of_resets_and_goodbyes_are_on_record(tunnel: bool) -> None:
    """They cross, so they are said."""
    speech, _ = opened(tunnel=tunnel)
    turns: list[Turn] = [(CLUSTER, spdy.reset(3, 77)), (CLIENT, spdy.goaway(5, 9))]
    heard = play(speech, carried(turns) if tunnel else turns)
    assert heard.said[1, Channel.MARK] == b'{"resets":"data","status":77}'
    (away,) = heard.goodbyes
    assert away.how == b',"last":5,"status":9'
    assert frames(unwrapped(bytes(away.raw), masked=True) if tunnel else bytes(away.raw), client=True)[0].kind is Kind.GOAWAY


@BOTH
def test_answers_to_what_is_over_go_on(tunnel: bool) -> None:
    """A connection that the client gave up before it was answered: the next answers are compressed on top of these."""
    speech, ends, decoder = Forward(tunnel=tunnel), Ends(), spdy.Decoder(client=False)
    turns = [ends.syn("error", 1, request=b"0"), ends.syn("data", 3, request=b"0"), (CLIENT, spdy.reset(3)), (CLUSTER, ends.cluster.syn_reply(3)),
             (CLIENT, spdy.reset(1)), (CLUSTER, ends.cluster.syn_reply(1)), *ends.opens(1)]  # fmt: skip
    heard = play(speech, carried(turns) if tunnel else turns)
    raw = unwrapped(heard.raw[CLUSTER], masked=False) if tunnel else heard.raw[CLUSTER]
    assert [(frame.kind, frame.stream) for frame in decoder.feed(raw)] == [(Kind.SYN_REPLY, stream) for stream in (3, 1, 5, 7)]
    assert heard.said[0, Channel.MARK] == b'{"answers":"what is over"}' * 2
    reply = ends.client.syn_reply(1)
    assert "only the cluster" in refused(speech, encode(BINARY, reply, mask=True) if tunnel else reply, client=CLIENT)
