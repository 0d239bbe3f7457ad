"""Captures of kubectl and a real API server, whole and with faults put in: the decoders give frames or one ProtocolError, and hold little."""

import json
import random
import struct
from pathlib import Path
from typing import Final

import pytest

from jitui.protocol import channels, spdy, websocket
from jitui.protocol.websocket import BINARY, ProtocolError
from jitui.recording.frame import Channel
from jitui.values.errors import JituiError
from tests.protocol.pieces import at_random, bytewise, run
from tests.support.soak import soak

FOLDER: Final = Path(__file__).parent / "captures"
CAPTURES: Final = sorted(path.name for path in FOLDER.glob("*.*.cl*"))
MUTANTS: Final = soak(10_000, 50_000)
LIMIT: Final = 1 << 16  # of a WebSocket frame

Unit = tuple[str, int, bytes]  # of what kind, on which stream or channel, which bytes


class Reading:
    """The decoders of one direction of one protocol, one behind the other."""

    def __init__(self, name: str) -> None:
        _, protocol, side = name.split(".")
        client = side == "client"
        self._protocol = protocol
        self._websocket = websocket.Decoder(masked=client, limit=LIMIT)
        self._spdy = spdy.Decoder(client=client)
        self._channels = channels.Reader(channels.Dialect("v5"), client=client)
        self.raw = b""  # what would go on
        self.most = 0  # bytes held

    def feed(self, data: bytes) -> list[Unit]:
        """Feeds the pieces and returns the frames; checks on the way how much is held."""
        units = self._read_spdy(data) if self._protocol == "spdy" else self._read_websocket(data)
        self.most = max(self.most, self._spdy.holding + self._websocket.holding)
        assert self._spdy.holding < spdy.HELD_LIMIT
        assert self._websocket.holding < LIMIT + websocket.HEADER_LIMIT
        return units

    def _read_spdy(self, data: bytes) -> list[Unit]:
        frames = self._spdy.feed(data)
        if self._protocol == "spdy":
            self.raw += b"".join(frame.raw for frame in frames)
        return [(frame.kind.name + (" FIN" if frame.fin else ""), frame.stream or frame.value, frame.payload or repr(frame.headers).encode())
                for frame in frames]

    def _read_websocket(self, data: bytes) -> list[Unit]:
        units: list[Unit] = []
        for frame in self._websocket.feed(data):
            self.raw += frame.raw
            if self._protocol == "tunnel":
                units += self._read_spdy(frame.payload) if frame.opcode == BINARY else [("control", frame.opcode, frame.payload)]
            elif (piece := self._channels.read(frame)) is not None:
                units.append(("closes" if piece.closes else "piece", int(piece.channel), piece.body))
            else:
                units.append(("control", frame.opcode, frame.payload))
        return units


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_is_read_to_its_end(name: str) -> None:
    """Whole, byte by byte and in random pieces: the same, nothing left over, and what would go on are the very bytes that came."""
    data = (FOLDER / name).read_bytes()
    found = []
    for pieces in ([data], bytewise(data), at_random(data, random.Random(1))):
        reading = Reading(name)
        units, error = run(reading.feed, pieces)
        assert error is None
        assert reading.raw == data
        found.append(units)
    assert found[0] == found[1] == found[2]
    assert found[0]


STDIN, STDOUT, STDERR, ERROR, RESIZE = (int(channel) for channel in (
    Channel.STDIN, Channel.STDOUT, Channel.STDERR, Channel.ERROR, Channel.RESIZE))
LINES: Final = b"hello\n" + b"x" * 200 + b"\n"
SIZES: Final = b'{"Width":132,"Height":40}\n{"Width":100,"Height":50}\n'
TYPED: Final = b"ls /\rstty size\rexit 7\r"


@pytest.mark.parametrize(("name", "stream", "said"), [
    ("exec-cat.spdy.client", 3, LINES), ("exec-cat.spdy.cluster", 5, LINES), ("exec-cat.spdy.cluster", 7, b"err\n"),
    ("exec-cat.websocket.client", STDIN, LINES), ("exec-cat.websocket.cluster", STDOUT, LINES), ("exec-cat.websocket.cluster", STDERR, b"err\n"),
    ("exec-shell.spdy.client", 7, SIZES), ("exec-shell.spdy.client", 3, TYPED),
    ("exec-shell.websocket.client", RESIZE, SIZES), ("exec-shell.websocket.client", STDIN, TYPED),
])  # fmt: skip
def test_what_was_typed_and_said(name: str, stream: int, said: bytes) -> None:
    """Each stream on its own, as it was sent."""
    assert text_of(name, stream) == said


def text_of(name: str, stream: int) -> bytes:
    units = Reading(name).feed((FOLDER / name).read_bytes())
    return b"".join(body for kind, number, body in units if number == stream and kind in {"DATA", "piece"})


@pytest.mark.parametrize(("name", "stream"), [
    ("exec-cat.spdy.cluster", 1), ("exec-cat.websocket.cluster", ERROR), ("exec-shell.spdy.cluster", 1), ("exec-shell.websocket.cluster", ERROR)])  # fmt: skip
def test_how_it_ended(name: str, stream: int) -> None:
    """The exit status, in the words of two ways through the API server."""
    assert channels.exit_of(text_of(name, stream)).code == 7
    assert json.loads(text_of(name, stream))["reason"] == "NonZeroExitCode"


@pytest.mark.parametrize("protocol", ["spdy", "tunnel"])
def test_what_was_forwarded(protocol: str) -> None:
    """Two connections, each on a data stream of its own; what a kubelet says where nothing listens."""
    assert text_of(f"port-forward.{protocol}.client", 3).startswith(b"GET / HTTP/1.1\r\n")
    assert text_of(f"port-forward.{protocol}.cluster", 3).endswith(b"hello from the pod\n")
    assert text_of(f"port-forward.{protocol}.client", 7).startswith(b"GET /nope HTTP/1.1\r\n")
    assert text_of(f"port-forward.{protocol}.cluster", 7).startswith(b"HTTP/1.1 404")
    assert text_of(f"port-forward-refused.{protocol}.cluster", 1).startswith(b"error forwarding port 81 to pod")


def mutant(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """The same bytes with one to three faults: changed, cut out, doubled, a great number put in, or going on as something else."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0:
                data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
            case 1:
                data = data[:at] + bytes([(data[at] if at < len(data) else 0) ^ 1 << rng.randrange(8)]) + data[at + 1:]
            case 2:
                data = data[:at] + data[at + rng.randrange(1, 20):]
            case 3:
                data = data[:at] + data[max(0, at - rng.randrange(1, 60)):]
            case 4:
                data = data[:at] + struct.pack("!I", rng.choice([0, 1, 0xFFFF, 0x10000, 0xFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF])) + data[at + 4:]
            case 5:
                data = data[:at] + rng.randbytes(rng.randrange(1, 30)) + data[at:]
            case _:
                other = rng.choice(others)
                data = data[:at] + other[rng.randrange(len(other)):]
    return data


def read(name: str, data: bytes, pieces: list[bytes]) -> tuple[list[Unit], JituiError | None]:
    reading = Reading(name)
    units, error = run(reading.feed, pieces)
    assert error is None or isinstance(error, ProtocolError)
    assert data.startswith(reading.raw)
    return units, error


def test_mutants_of_what_was_captured() -> None:
    """Frames and then at most one ProtocolError, never anything else, never more held than is allowed; what would go on is what came, in its order.
    Where a mutant is read to its end, it is read the same however it is cut.
    """
    rng = random.Random(50)
    captures = {name: (FOLDER / name).read_bytes() for name in CAPTURES}
    others = list(captures.values())
    refused = 0
    for number in range(MUTANTS):
        name = CAPTURES[number % len(CAPTURES)]
        data = mutant(captures[name], others, rng)
        units, error = read(name, data, at_random(data, rng))
        refused += error is not None
        if number % 5 == 0:
            again, same = read(name, data, bytewise(data) if number % 50 == 0 else [data])
            assert (same is None) == (error is None), (name, data)
            assert error is not None or units == again, (name, data)
    assert MUTANTS // 4 < refused < MUTANTS * 19 // 20


def test_mutants_with_much_behind_them() -> None:
    """A length that was made great takes in what follows, 200 KiB here in reads of 4 KiB: no more is held for that either."""
    rng = random.Random(51)
    captures = {name: (FOLDER / name).read_bytes() for name in CAPTURES}
    held = refused = 0
    for number in range(2_000):
        name = CAPTURES[number % len(CAPTURES)]
        at = rng.randrange(len(captures[name]) + 1)
        data = captures[name][:at] + struct.pack("!I", rng.choice([0xF000, 0xFFFF, 0x1F000, 0xFFFFFF, 0x7FFFFFFF])) + captures[name][at + 4:]
        reading = Reading(name)
        _, error = run(reading.feed, [data, *[bytes(4096)] * 50])
        assert error is None or isinstance(error, ProtocolError)
        held = max(held, reading.most)
        refused += error is not None
    assert held > 50_000
    assert refused < 2_000
