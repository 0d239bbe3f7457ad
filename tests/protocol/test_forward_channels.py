"""Port-forward over channels as units: bytes of a real API server, each connection on record as its own, and how it ends for the client."""

import base64

import pytest
from hypothesis import given, strategies as st

from jitui.protocol import status, websocket
from jitui.protocol.channels import Dialect
from jitui.protocol.forward_channels import MOST, MOST_BASE64, ForwardChannels
from jitui.protocol.websocket import BINARY, CLOSE, TEXT, encode
from jitui.recording.frame import Channel
from jitui.values.errors import InvalidError
from tests.protocol.talk import CLIENT, CLUSTER, messages, play, refused

BODY = status.status(403, "Forbidden", "jitui: it is over")
PLAIN, CODED = Dialect("v4"), Dialect("v4", base64=True)
# kube-apiserver 1.34, `portforward?ports=80&ports=81`, behind the 101
PORTS = b"\x82\x03\x00P\x00\x82\x03\x01P\x00\x82\x03\x02Q\x00\x82\x03\x03Q\x00"
PORTS64 = b"\x81\x050UAA=\x81\x051UAA=\x81\x052UQA=\x81\x053UQA="


def message(dialect: Dialect, channel: int, body: bytes, *, client: bool) -> bytes:
    payload = b"%c%b" % (48 + channel, base64.b64encode(body)) if dialect.base64 else bytes((channel,)) + body
    return encode(TEXT if dialect.base64 else BINARY, payload, mask=client)


def mark(number: int, port: int) -> dict[tuple[int, Channel], bytes]:
    return {(number, Channel.MARK): b'{"opens":"data","port":%d,"request":""}{"answers":"data"}{"answers":"error"}' % port}


@given(st.lists(st.integers(0, 500), max_size=8))
@pytest.mark.parametrize(("dialect", "ports"), [(PLAIN, PORTS), (CODED, PORTS64)])
def test_each_connection_is_on_record_as_its_own(dialect: Dialect, ports: bytes, points: list[int]) -> None:
    """The message that names the port is no byte of the connection; all goes on as it came, and the goodbye of the cluster is the end."""
    speech = ForwardChannels(dialect, (80, 81))
    turns = [(CLUSTER, ports), (CLIENT, message(dialect, 2, b"GET", client=True)), (CLIENT, message(dialect, 0, b"get", client=True)),
             (CLUSTER, message(dialect, 2, b"OK", client=False)), (CLUSTER, message(dialect, 1, b"refused", client=False))]  # fmt: skip
    heard = play(speech, turns, points)
    assert heard.opens == [1, 2]
    assert heard.said == mark(1, 80) | mark(2, 81) | {
        (1, Channel.FORWARD_IN): b"get", (1, Channel.FORWARD_ERROR): b"refused", (2, Channel.FORWARD_IN): b"GET", (2, Channel.FORWARD_OUT): b"OK"}  # fmt: skip
    assert heard.raw == {side: b"".join(data for client, data in turns if client is side) for side in (CLIENT, CLUSTER)}
    assert speech.exited is None
    play(speech, [(CLUSTER, encode(CLOSE, websocket.close(1000)))])
    assert speech.exited is not None


def test_a_client_that_does_not_wait_for_the_port() -> None:
    """Its bytes come behind the mark of the connection."""
    speech = ForwardChannels(PLAIN, (80,))
    heard = play(speech, [(CLIENT, message(PLAIN, 0, b"GET", client=True)), (CLUSTER, PORTS[:10])])
    assert heard.said == mark(1, 80) | {(1, Channel.FORWARD_IN): b"GET"}


@pytest.mark.parametrize(("client", "data", "says"), [
    (CLIENT, b"\1x", "channel 1"), (CLIENT, b"\2x", "channel 2"), (CLIENT, b"\xff\0", "channel 255"), (CLUSTER, b"\2P\0", "channel 2"),
    (CLUSTER, b"\0Q\0", "port 80"), (CLUSTER, b"\0\0P", "port 80"), (CLUSTER, b"\0P", "port 80"), (CLUSTER, b"\0P\0HTTP", "port 80"),
    (CLUSTER, b"\1", "port 80"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(client: bool, data: bytes, says: str) -> None:
    """A channel that is not that side's, a port that was not asked for."""
    assert says in refused(ForwardChannels(PLAIN, (80,)), encode(BINARY, data, mask=client), client=client)


@pytest.mark.parametrize(("dialect", "most"), [(PLAIN, MOST), (CODED, MOST_BASE64)])
def test_more_ports_than_channels(dialect: Dialect, most: int) -> None:
    """The API server's numbers would begin again, or its digits be no ASCII."""
    ForwardChannels(dialect, range(1, most + 1))
    with pytest.raises(InvalidError, match=f"enough for {most}"):
        ForwardChannels(dialect, range(1, most + 2))


@pytest.mark.parametrize("dialect", [PLAIN, CODED])
@pytest.mark.parametrize("handed", [0, 1, 2])
def test_last_words(dialect: Dialect, handed: int) -> None:
    """On every error channel; behind its port, if the client has not heard that: it takes the first two bytes for it."""
    speech = ForwardChannels(dialect, (80,))
    for unit in speech.read(b"".join(message(dialect, channel, b"P\0", client=False) for channel in (0, 1)), client=CLUSTER)[:handed]:
        speech.handed(unit)
    said, ((_, wire),) = speech.last_words("it is over", BODY, tty=False)
    ports = [(0, b"P\0"), (1, b"P\0")][handed:]
    assert wire.startswith(b"".join(message(dialect, channel, body, client=False) for channel, body in [*ports, (1, b"it is over")]))
    assert (messages(wire)[-1].opcode, messages(wire)[-1].payload) == (CLOSE, websocket.close(1000, "[jitui] it is over"))
    assert said == [(1, Channel.GATEWAY, b"it is over")]


def test_without_a_port_there_is_nothing() -> None:
    """The API server refuses such a request before it switches."""
    assert "channel 0" in refused(ForwardChannels(PLAIN, ()), encode(BINARY, b"\0P\0"), client=CLUSTER)
    assert ForwardChannels(PLAIN, ()).last_words("it is over", BODY, tty=False)[0] == [(0, Channel.GATEWAY, b"it is over")]
