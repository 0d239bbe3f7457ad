"""Exec and attach over SPDY as units: any reads, what is refused, what is dropped, and how it ends for the client."""

import random
from functools import partial
from itertools import groupby

import pytest
from hypothesis import given, settings, strategies as st

from jitui.protocol import spdy, spdy_headers, status
from jitui.protocol.spdy import Encoder, Kind
from jitui.protocol.spdy_command import OPENED, READ, UNDECIDED, SpdyCommand
from jitui.protocol.speech import Wire
from jitui.recording.frame import Channel
from tests.protocol.pieces import disturbed, run
from tests.protocol.talk import CLIENT, CLUSTER, Turn, frames, play, read, refused

BODY = status.status(403, "Forbidden", "jitui: it is over")
SUCCESS = b'{"metadata":{},"status":"Success"}'
NAMES = ("error", "stdin", "stdout", "stderr", "resize")
IDS = {name: 2 * at + 1 for at, name in enumerate(NAMES)}
ALL = frozenset(Channel[name.upper()] for name in NAMES)
POINTS = st.lists(st.integers(0, 5000), max_size=8)
STEPS = st.lists(st.one_of(
    st.tuples(st.just(CLIENT), st.sampled_from(["stdin", "resize"]), st.binary(min_size=1, max_size=300)),
    st.tuples(st.just(CLUSTER), st.sampled_from(["stdout", "stderr"]), st.binary(min_size=1, max_size=300)),
    st.tuples(st.booleans(), st.just("hop"), st.integers(0, 200).map(spdy.ping)),
), max_size=12)  # fmt: skip


def syn(name: str, encoder: Encoder, *, fin: bool = False, more: spdy_headers.Headers = ()) -> bytes:
    return encoder.syn_stream(IDS[name], ((b"streamtype", name.encode()), *more), fin=fin)


def opening(names: tuple[str, ...] = NAMES, answered: int = 9) -> list[Turn]:
    """The streams one by one, of which the first few are answered."""
    client, cluster = Encoder(), Encoder()
    turns: list[Turn] = []
    for at, name in enumerate(names):
        turns.append((CLIENT, syn(name, client)))
        if at < answered:
            turns.append((CLUSTER, cluster.syn_reply(IDS[name])))
    return turns


def opened(names: tuple[str, ...] = NAMES, answered: int = 9) -> SpdyCommand:
    """With what the client was handed."""
    speech = SpdyCommand(frozenset(Channel[name.upper()] for name in names))
    for client, data in opening(names, answered):
        for unit in speech.read(data, client=client):
            speech.handed(unit)
    return speech


@settings(max_examples=200)
@given(STEPS, POINTS)
def test_any_reads_are_the_same_units(steps: list[tuple[bool, str, bytes]], points: list[int]) -> None:
    """What is of a stream goes on as it came, behind a blank on the error stream, its bytes are on record by channel; pings are echoed by parity."""
    said = [(client, body if name == "hop" else spdy.data(IDS[name], body)) for client, name, body in steps]
    heard = play(SpdyCommand(ALL), [*opening(), *said], points)
    for side in (CLIENT, CLUSTER):
        sent = [data for client, data in opening() if client is side]
        sent += [data for (client, data), (_, name, _) in zip(said, steps, strict=True) if client is side and name != "hop"]
        if side is CLUSTER:
            sent.insert(1, spdy.data(IDS["error"], UNDECIDED))  # behind the answer to the error stream
        assert heard.raw[side] == b"".join(sent)
        own = [body for client, name, body in steps if name == "hop" and client is side and frames(body)[0].value % 2 == side]
        assert heard.replies[side] == b"".join(own)
    for name in NAMES[1:]:
        assert heard.said.get((0, Channel[name.upper()]), b"") == b"".join(body for _, other, body in steps if other == name)


@pytest.mark.parametrize("seed", range(100))
def test_disturbed_is_read_or_refused_for_good(seed: int) -> None:
    """Never a hang, never another error, never more held than a frame."""
    rng = random.Random(seed)
    speech = opened()
    data = disturbed(b"".join(spdy.data(IDS["stdout"], rng.randbytes(rng.randrange(200))) for _ in range(5)), rng)
    units, error = run(lambda piece: speech.read(piece, client=CLUSTER), [data[at : at + 7] for at in range(0, len(data), 7)])
    assert sum(len(unit.raw) for unit in units) <= len(data)
    assert speech._cluster.holding <= spdy.HELD_LIMIT
    if error is not None:
        assert refused(speech, spdy.ping(2), client=CLUSTER) == str(error)


@pytest.mark.parametrize(("client", "data", "says"), [
    (CLUSTER, spdy.data(11, b"x"), "has not opened"),
    (CLIENT, spdy.data(IDS["stdout"], b"x"), "not its to write"),
    (CLIENT, spdy.data(IDS["error"], b"x"), "not its to write"),
    (CLUSTER, spdy.data(IDS["stdin"], b"x"), "not its to write"),
    (CLUSTER, spdy.data(IDS["stdout"], b"", fin=True) + spdy.data(IDS["stdout"], b"x"), "after it closed it"),
    (CLUSTER, spdy.data(IDS["error"], b"x" * 60_000) * 2, "longer than"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(client: bool, data: bytes, says: str) -> None:
    """A stream nobody opened, the wrong side, data behind an end, a Status without end."""
    assert says in refused(opened(), data, client=client)


def test_only_the_client_opens_and_only_the_cluster_answers() -> None:
    """The other way round it is refused."""
    assert "only the client" in refused(SpdyCommand(ALL), Encoder().syn_stream(2, ((b"streamtype", b"stdout"),)), client=CLUSTER)
    encoder, speech = Encoder(), SpdyCommand(ALL)
    speech.read(syn("stdin", encoder), client=CLIENT)
    assert "only the cluster" in refused(speech, encoder.syn_reply(IDS["stdin"]), client=CLIENT)


@pytest.mark.parametrize("headers", [
    ((b"streamtype", b"data"),), (), ((b"streamtype", b"stdout"), (b"x-hidden", b"rm -rf /")), ((b"x", b"y"),),
])  # fmt: skip
def test_a_stream_says_what_it_is_and_nothing_else(headers: spdy_headers.Headers) -> None:
    """Any further header would reach the cluster and be on no record."""
    assert "none of error" in refused(SpdyCommand(ALL), Encoder().syn_stream(1, headers), client=CLIENT)


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_stream_that_was_not_asked_for_is_refused(name: str) -> None:
    """The API server counts streams only: with one in the place of another a client would type into a command that was judged without stdin."""
    encoder, speech = Encoder(), SpdyCommand(ALL - {Channel[name.upper()]})
    speech.read(syn("error", encoder), client=CLIENT)
    syn_stream = syn(name, encoder)
    says = refused(speech, syn_stream + spdy.data(IDS[name], b"rm -rf /"), client=CLIENT)
    assert f"a SPDY stream for {name}, which its request line does not ask for" in says
    _, wire = speech.last_words("it is over", BODY, tty=False)
    assert [frame.stream for frame in frames(wire[0][1]) if frame.kind is Kind.SYN_REPLY] == [IDS["error"], IDS[name]]  # it waits for no answer


def test_a_stream_type_is_read_as_the_cluster_reads_it() -> None:
    """In lower case alone (kubelet: cri/streaming/remotecommand): what it would not know is not taken for something else here."""
    assert "none of error" in refused(SpdyCommand(ALL), Encoder().syn_stream(1, ((b"streamtype", b"STDIN"),)), client=CLIENT)


def test_a_second_stream_of_a_kind_is_refused() -> None:
    """Two of a name could not be told apart."""
    encoder, speech = Encoder(), SpdyCommand(ALL)
    speech.read(syn("stdin", encoder), client=CLIENT)
    again = encoder.syn_stream(5, ((b"streamtype", b"stdin"),))
    assert "second" in refused(speech, again, client=CLIENT)


def test_an_answer_says_nothing() -> None:
    """Headers in it would reach the client and be on no record."""
    speech = opened(("error",), answered=0)
    assert "with headers" in refused(speech, Encoder().syn_reply(1, ((b"x", b"y"),)), client=CLUSTER)


def test_an_answer_to_what_was_reset_goes_on() -> None:
    """The next ones are compressed on top of it: without it the client could not read them."""
    client, cluster, decoder = Encoder(), Encoder(), spdy.Decoder(client=False)
    turns = [(CLIENT, syn("error", client)), (CLIENT, spdy.reset(IDS["error"])), (CLUSTER, cluster.syn_reply(IDS["error"])),
             (CLIENT, syn("stdin", client)), (CLUSTER, cluster.syn_reply(IDS["stdin"]))]  # fmt: skip
    heard = play(SpdyCommand(ALL), turns)
    assert [(frame.kind, frame.stream) for frame in decoder.feed(heard.raw[CLUSTER])] == [(Kind.SYN_REPLY, 1), (Kind.SYN_REPLY, 3)]
    assert heard.said[0, Channel.MARK].count(b'{"answers":') == 2


@pytest.mark.parametrize("who", [CLIENT, CLUSTER])
def test_what_crosses_a_reset_is_dropped(who: bool) -> None:
    """The command ends while somebody types: that is no error, and nothing of it goes on."""
    speech = opened()
    heard = play(speech, [
        (CLUSTER, spdy.data(IDS["error"], SUCCESS)), (who, spdy.reset(IDS["stdin"])), (CLIENT, spdy.data(IDS["stdin"], b"late")),
        (CLIENT, spdy.data(IDS["stdin"], b"", fin=True)), (not who, spdy.reset(IDS["stdin"])), (CLUSTER, spdy.goaway(9)),
    ])  # fmt: skip
    assert (0, Channel.STDIN) not in heard.said
    assert heard.raw[CLIENT] + heard.raw[CLUSTER] == (
        spdy.reset(IDS["stdin"]) + spdy.data(IDS["error"], SUCCESS) if who is CLIENT else spdy.data(IDS["error"], SUCCESS) + spdy.reset(IDS["stdin"])
    )
    assert [unit.raw for unit in heard.goodbyes] == [spdy.goaway(9)]
    assert speech.exited is not None


@pytest.mark.parametrize("how", ["fin", "reset", "reply", "goaway"])
@pytest.mark.parametrize("partial", [b"", SUCCESS[:20]])
def test_the_end_of_the_error_stream_without_a_status_is_a_goodbye(how: str, partial: bytes) -> None:
    """kubectl would exit 0 at it: it is told apart, so that it is never passed on. Part of a Status is none."""
    stream = IDS["error"]
    ends = {"fin": spdy.data(stream, b"", fin=True), "reset": spdy.reset(stream), "goaway": spdy.goaway(9)}
    speech = SpdyCommand(ALL)
    said = opening(("error",), answered=0)
    end = Encoder().syn_reply(stream, fin=True) if how == "reply" else ends[how]
    heard = play(speech, [*said, *([(CLUSTER, spdy.data(stream, partial))] if partial and how != "reply" else []), (CLUSTER, end)])
    assert [unit.raw for unit in heard.goodbyes] == [end]
    assert speech.exited is None


def test_a_status_may_come_in_parts() -> None:
    """It is an exit once it is whole, not before; what ends the error stream then is passed on."""
    speech = opened()
    heard = play(speech, [(CLUSTER, spdy.data(IDS["error"], SUCCESS[:9])), (CLUSTER, spdy.data(IDS["error"], SUCCESS[9:], fin=True))])
    assert (speech.exited is not None, heard.goodbyes) == (True, [])


def wire_of(wire: Wire) -> list[tuple[int, bytes, bool]]:
    (at, data), (after, behind) = wire
    assert (at, after) == (0, READ)
    said, (away,) = frames(data), frames(behind)
    assert away.kind is Kind.GOAWAY
    assert {frame.kind for frame in said} <= {Kind.DATA}
    return [(frame.stream, frame.payload, frame.fin) for frame in said]


def test_last_words_without_a_terminal() -> None:
    """Status and FIN, FIN on the output, GOAWAY a little later (docs/protocol.md, 2.3); what the client knows to be over is left alone."""
    speech = opened(NAMES[:4])
    for unit in speech.read(spdy.data(IDS["stderr"], b"", fin=True), client=CLUSTER):
        speech.handed(unit)
    said, wire = speech.last_words("it is over", BODY, tty=False)
    assert said == [(0, Channel.GATEWAY, BODY)]
    assert wire_of(wire) == [(IDS["error"], BODY, True), (IDS["stdout"], b"", True)]


@pytest.mark.parametrize("end", [spdy.data(1, b"", fin=True), spdy.reset(1), spdy.data(1, SUCCESS, fin=True), spdy.data(1, SUCCESS) + spdy.reset(1)])
def test_last_words_where_an_end_was_read_and_not_handed_on(end: bytes) -> None:
    """An end of the error stream that is no exit is never passed on, and one that is may be dropped at the mute: the Status goes there all the same."""
    speech = opened(NAMES[:4])
    speech.read(end, client=CLUSTER)
    _, wire = speech.last_words("it is over", BODY, tty=False)
    assert wire_of(wire) == [(IDS["error"], BODY, True), (IDS["stdout"], b"", True), (IDS["stderr"], b"", True)]


def test_last_words_on_a_terminal() -> None:
    """A line of its own first."""
    names = ("error", "stdin", "stdout", "resize")
    said, wire = opened(names).last_words("it is over", BODY, tty=True)
    note = b"\r\n[jitui] it is over\r\n"
    assert said == [(0, Channel.GATEWAY, note), (0, Channel.GATEWAY, BODY)]
    assert wire_of(wire) == [(IDS["stdout"], note, False), (IDS["error"], BODY, True), (IDS["stdout"], b"", True)]


@pytest.mark.parametrize("known", range(4))
@pytest.mark.parametrize("answered", range(4))
def test_a_client_that_is_still_opening_its_streams_gets_them(known: int, answered: int) -> None:
    """Each that the cluster did not answer is answered, with the Status or the end of output behind; GOAWAY comes with the last, or after a second."""
    names = ("error", "stdout", "stderr")
    if answered > known:
        known, answered = answered, known
    client, cluster = Encoder(), Encoder()
    inflating = spdy.Decoder(client=False)  # the client's end of the cluster's zlib stream
    speech = SpdyCommand(frozenset(Channel[name.upper()] for name in names))
    for at, name in enumerate(names[:known]):
        speech.read(syn(name, client), client=CLIENT)
        for unit in speech.read(cluster.syn_reply(IDS[name]), client=CLUSTER):
            if at < answered:  # the rest was still in the queue when the session ended
                speech.handed(unit)
                inflating.feed(bytes(unit.raw))
    _, wire = speech.last_words("it is over", BODY, tty=False)
    got = inflating.feed(wire[0][1] + (wire[1][1] if known == 3 else b""))
    for name in names[known:]:
        reply, closed = speech.deaf(syn(name, client))
        assert not closed
        got += inflating.feed(reply)
    assert [frame.stream for frame in got if frame.kind is Kind.SYN_REPLY] == [IDS[name] for name in names[answered:]]
    assert {(frame.stream, frame.payload, frame.fin) for frame in got if frame.kind is Kind.DATA} == {
        (IDS["error"], BODY, True), (IDS["stdout"], b"", True), (IDS["stderr"], b"", True)}  # fmt: skip
    assert [frame.kind for frame in got].index(Kind.GOAWAY) == len(got) - 1
    assert [after for after, _ in wire] == [0.0, OPENED if known < 3 else READ]
    assert speech.deaf(spdy.goaway(0)) == (b"", True)


def test_a_stream_that_comes_before_the_words_waits_for_them() -> None:
    """Heard between the mute and the words, it is answered with them."""
    speech, client = SpdyCommand(frozenset({Channel.ERROR})), Encoder()
    assert speech.deaf(syn("error", client)) == (b"", False)
    _, wire = speech.last_words("it is over", BODY, tty=False)
    assert [frame.kind for frame in frames(b"".join(data for _, data in wire))] == [Kind.SYN_REPLY, Kind.DATA, Kind.GOAWAY]


class OneByOne(SpdyCommand):
    """Reads no runs."""

    def _plain(self, *, client: bool) -> dict[int, Channel]:
        return {}


@pytest.mark.parametrize("seed", range(40))
def test_a_run_is_what_its_frames_are_one_by_one(seed: int) -> None:
    """DATA of every length, on both streams of output, beside pings, ends and faults: the same goes on, is on record, and fails."""
    rng = random.Random(seed)
    client, outcomes = bool(seed % 2), []
    ids = [IDS["stdin"]] if client else [IDS["stdout"]] * 3 + [IDS["stderr"]]
    parts = [spdy.data(rng.choice(ids), rng.randbytes(rng.choice([0, 1, 60, 4096, 32768, spdy.PIECE, spdy.PIECE + 1, 200_000]))) for _ in range(12)]
    parts.insert(rng.randrange(12), spdy.ping(2 - client))
    parts += [spdy.data(ids[0], b"last", fin=True), spdy.data(ids[0], b"" if seed % 4 else b"late")]
    data = b"".join(parts)
    data = data if seed % 4 < 2 else disturbed(data, rng)
    size = rng.choice([1000, 16384, 32776, 100_000, len(data)])
    for make in (SpdyCommand, OneByOne):
        speech = make(ALL)
        for side, head in opening():
            speech.read(head, client=side)
        units, error = run(partial(read, speech, client=client), [data[at : at + size] for at in range(0, len(data), size)])
        said = [(channel, body) for unit in units for _, channel, body in unit.said if body]
        joined = [(channel, b"".join(body for _, body in pieces)) for channel, pieces in groupby(said, lambda piece: piece[0])]
        outcomes.append((b"".join([*(unit.raw for unit in units), *(unit.reply for unit in units)]), joined, str(error)))
    assert outcomes[0] == outcomes[1]
