"""Conversations of two sides, played to a speech in reads of any size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from jitui.protocol import spdy, websocket
from jitui.protocol.speech import Speech, Unit
from jitui.protocol.websocket import ProtocolError
from jitui.recording.frame import Channel
from tests.protocol.pieces import cut

Turn = tuple[bool, bytes]  # whether it is the client's, and whole frames
CLIENT, CLUSTER = True, False
MOST = 3


@dataclass
class Heard:
    """The result of one conversation."""

    raw: dict[bool, bytes] = field(default_factory=lambda: {CLIENT: b"", CLUSTER: b""})  # passed on, by who sent it
    replies: dict[bool, bytes] = field(default_factory=lambda: {CLIENT: b"", CLUSTER: b""})
    said: dict[tuple[int, Channel], bytes] = field(default_factory=dict)
    opens: list[int] = field(default_factory=list)
    over: list[int] = field(default_factory=list)
    goodbyes: list[Unit] = field(default_factory=list)


def read(speech: Speech, data: bytes, *, client: bool) -> list[Unit]:
    """All units of it, no more than MOST frames at a time."""
    units = speech.read(data, client=client, most=MOST)
    while speech.waits(client=client):
        units += speech.read(b"", client=client, most=MOST)
    assert speech.read(b"", client=client) == []
    return units


def play(speech: Speech, turns: Iterable[Turn], points: Sequence[int] = ()) -> Heard:
    """Each turn cut at the points. Nothing may go on that is not on record, and that of a unit is all of one substream."""
    heard = Heard()
    for client, data in turns:
        for piece in cut(data, points):
            for unit in read(speech, piece, client=client):
                heard.replies[client] += unit.reply
                if unit.closes:
                    heard.goodbyes.append(unit)
                    continue
                assert bool(unit.raw) == bool(unit.said)
                assert len({substream for substream, _, _ in unit.said}) <= 1
                heard.raw[client] += unit.raw
                for substream, channel, body in unit.said:
                    heard.said[substream, channel] = heard.said.get((substream, channel), b"") + body
                heard.opens += [unit.opens] * bool(unit.opens)
                heard.over += [unit.over] * bool(unit.over)
    return heard


def refused(speech: Speech, data: bytes, *, client: bool) -> str:
    """The words of the error that this is; fed anything once more it is the same."""
    errors = []
    for again in (data, b"", data):
        try:
            speech.read(again, client=client)
        except ProtocolError as error:
            errors.append(str(error))
    assert len(errors) == 3
    assert len(set(errors)) == 1
    return errors[0]


def frames(data: bytes, *, client: bool = False) -> list[spdy.Frame]:
    """SPDY that must be whole."""
    decoder = spdy.Decoder(client=client)
    found = decoder.feed(data)
    assert decoder.holding == 0
    return found


def messages(data: bytes, *, masked: bool = False) -> list[websocket.Frame]:
    return list(websocket.Decoder(masked=masked).feed(data))


def unwrapped(data: bytes, *, masked: bool) -> bytes:
    """The SPDY bytes in the messages of a tunnel."""
    return b"".join(frame.payload for frame in messages(data, masked=masked) if frame.opcode == websocket.BINARY)
