"""Real requests, faults to put into them, feeding a parser in pieces, and comparing what came out."""

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from jitui.protocol.http import Body, End, Event, RequestHead, RequestParser, ResponseHead
from jitui.values.errors import JituiError

T = TypeVar("T")

GET = b"GET /api/v1/pods HTTP/1.1\r\nHost: gw\r\n\r\n"

# kubectl 1.33 `exec`, its first attempt
KUBECTL_WEBSOCKET = (
    b"GET /c/prod/api/v1/namespaces/web/pods/web-1/exec?command=sh&command=-c&command=echo+hi&container=web&stderr=true&stdout=true HTTP/1.1\r\n"
    b"Host: 127.0.0.1:6443\r\nUser-Agent: kubectl/v1.33.1 (linux/amd64) kubernetes/8adc0f0\r\nAuthorization: Bearer jt_a_b\r\n"
    b"Connection: Upgrade\r\nKubectl-Command: kubectl exec\r\nKubectl-Session: 0b7a4c8f-6a11-4a5e-8a39-7d0b6c1e6a9b\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n"
)
# kubectl 1.27 `exec`
KUBECTL_SPDY = (
    b"POST /c/prod/api/v1/namespaces/web/pods/web-1/exec?command=sh&container=web&stdin=true&stdout=true&tty=true HTTP/1.1\r\n"
    b"Host: 127.0.0.1:6443\r\nUser-Agent: kubectl/v1.27.16\r\nContent-Length: 0\r\nAuthorization: Bearer jt_a_b\r\nConnection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\nX-Stream-Protocol-Version: v3.channel.k8s.io\r\n"
    b"X-Stream-Protocol-Version: v2.channel.k8s.io\r\nX-Stream-Protocol-Version: channel.k8s.io\r\n\r\n"
)

NASTY = [  # between the bytes of a message
    b"\r", b"\n", b"\0", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b"_", b"\xff", b"\x7f", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Host: b\r\n", b"Connection: close\r\n", b"Upgrade: h2c\r\n", b"HTTP/1.0", b"0\r\n\r\n", b"5\r\n", b",", b";", b"#", b"%00", b"//",
    b"GET / HTTP/1.1\r\n",
]  # fmt: skip


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def cut(data: bytes, points: Iterable[int]) -> list[bytes]:
    """`data` in pieces, cut at the points (taken modulo its length)."""
    edges = sorted({0, len(data), *(point % (len(data) + 1) for point in points)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def at_random(data: bytes, rng: random.Random) -> list[bytes]:
    return cut(data, [rng.randrange(len(data) + 1) for _ in range(rng.randrange(8))])


def run(feed: Callable[[bytes], Sequence[T]], pieces: Iterable[bytes]) -> tuple[list[T], JituiError | None]:
    """All that came out, and the error that ended it. Anything but a JituiError flies on, and fails the test."""
    out: list[T] = []
    for piece in pieces:
        try:
            out += feed(piece)
        except JituiError as error:
            return out, error
    return out, None


def merged(events: Iterable[Event]) -> list[Event]:
    """Bodies that follow each other are one body: where a read was cut does not matter."""
    out: list[Event] = []
    for event in events:
        last = out[-1] if out else None
        if isinstance(event, Body) and isinstance(last, Body):
            out[-1] = Body(last.data + event.data)
        else:
            out.append(event)
    return out


def parse(pieces: list[bytes]) -> tuple[list[Event], JituiError | None]:
    """Every message in the pieces, each answered at once."""
    parser = RequestParser()

    def feed(data: bytes) -> list[Event]:
        events = parser.feed(data)
        while events and isinstance(events[-1], End) and (more := parser.resume()):
            events += more
        return events

    return run(feed, pieces)


def disturbed(data: bytes, rng: random.Random) -> bytes:
    """The same bytes with a few faults: flipped, cut out, doubled, or something nasty put in."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0:
                data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[at + rng.randrange(1, 9) :]
            case 2:
                data = data[:at] + data[max(0, at - rng.randrange(1, 40)) :]
            case _:
                data = data[:at] + rng.choice(NASTY) + data[at:]
    return data


def orderly(events: list[Event]) -> bool:
    """Every body follows its head, every message ends before the next begins."""
    inside = False
    for event in events:
        if isinstance(event, RequestHead | ResponseHead):
            if inside:
                return False
            inside = True
        elif not inside:
            return False
        elif isinstance(event, End):
            inside = False
    return True
