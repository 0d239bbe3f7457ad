"""Malformed HTTP and WebSocket input against the real listener, over real sockets: an error or a close, and nothing of it upstream."""

import asyncio
import random
import re
from pathlib import Path

import pytest

from jitui.protocol import websocket
from tests.fakes.house import House, Kubectl, house
from tests.fakes.upstream import Asked
from tests.support.soak import soak

PODS = "/api/v1/namespaces/web/pods"
SEED = 20261123
CONNECTIONS = soak(500, 4800)
BATCH = 2  # requests on one connection
MANY = 10_000  # of whatever a limit is for
STREAMS = soak(150, 400)
STATUS = re.compile(rb"HTTP/1\.1 [1-5][0-9]{2} ")

LINES = ("Content-Length: 5", "Content-Length: 0", "Content-Length: +5", "Content-Length: 5, 5", "Content-Length: 0x5", "Transfer-Encoding: chunked",
         "Transfer-Encoding: Chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding : chunked", "transfer-encoding:\tchunked", " folded: yes",
         "Host: other", "Connection: close", "Connection: Upgrade", "Connection: keep-alive, accept", "Upgrade: websocket", "Upgrade: h2c", "Upgrade: SPDY/3.1",
         "Expect: 100-continue", "X_Remote_User: root", "X-Remote-User: root", "Impersonate-User: root", "Sec-WebSocket-Key: x", "TE: trailers",
         "Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.AAAA", "A:", ":", "no colon", "Ä: ö", "X: \x7f", "X: \x00", "X: a\rb", "X: a\nb",
         "Trailer: Host", "Proxy-Connection: close", "X: " + "y" * 70_000)  # fmt: skip
TARGETS = ("//", "/%2e%2e/", "/..", "/./", "/api/v1/namespaces/web/pods/a%2Fb", "/api/v1/proxy/nodes/x", "/api/v1/watch/pods", "/%00", "/\\", "/?a#b",
           "/api/v1/namespaces/web/pods/a/exec", "/api/v1/namespaces/web/pods/a/proxy/x", "http://evil/api", "*", "", "/ä", "/a b",
           "/api/v1/namespaces//pods", "/apis/apps/v1/namespaces/web/pods", PODS + "?watch=", PODS + "?fieldSelector=metadata.name%3Da",
           PODS + "/%zz")  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", "G ET", "")
BODIES = (b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n", b"5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n",
          b"-1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")  # fmt: skip


def case(chance: random.Random, kubectl: Kubectl) -> bytes:
    """A request with something wrong, or just odd, about it."""
    target = chance.choice(TARGETS) if chance.random() < 0.4 else PODS
    method = chance.choice(METHODS) if chance.random() < 0.4 else "GET"
    lines = chance.sample(LINES, chance.choice((0, 1, 1, 2, 3)))
    data = kubectl.head(method, target, *lines)[: -2 if chance.random() < 0.02 else None] + chance.choice(BODIES)
    if chance.random() < 0.3:
        raw = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(raw))
            raw[at : at + chance.choice((0, 1, 1))] = chance.choice((b"\r", b"\n", b"\0", b" ", b":", b"\r\n", b"\xff", b"\t", bytes((chance.randrange(256),))))
        data = bytes(raw)
    return data


async def attack(home: House, seed: int) -> int:
    """One connection; how many of its requests were answered. Raises TimeoutError if it neither answers nor closes nor may wait."""
    chance = random.Random(seed)
    kubectl = await home.dial()
    kubectl.send(b"".join(case(chance, kubectl) for _ in range(BATCH)) + b"\0\r\n\r\n" * 5000)  # also the end of a body that was announced longer
    got = await kubectl.gone(60)
    kubectl.close()
    assert not got or STATUS.match(got)
    return len(STATUS.findall(got))


@pytest.mark.timeout(300)
async def test_malformed_http_is_an_error_or_a_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests on each connection, with a live window for reading pods: no hang, no log, and upstream only what was allowed, well formed."""
    for name in ("patience.IDLE", "kube.client.BODY_WITHIN"):
        monkeypatch.setattr(f"jitui.listeners.{name}", 5.0)  # what is cut short waits for its rest, and not for long
    async with house(tmp_path) as home:
        home.limit(first_s=5, rate=MANY, burst=MANY, refusals=MANY)
        await home.window("read pods in web")
        gate = asyncio.Semaphore(96)

        async def one(seed: int) -> int:
            async with gate:
                return await attack(home, seed)

        answered = await asyncio.gather(*(one(SEED + at) for at in range(CONNECTIONS)))
        assert sum(answered) > CONNECTIONS
        assert home.troubles == []
        assert home.failed == []
        assert home.cluster.failures == []
        assert {asked.method for asked in home.cluster.asked} <= {"GET", "HEAD"}
        assert all(asked.target.startswith(PODS) or asked.target in {"/api", "/apis"} for asked in home.cluster.asked)  # the gateway looks for new kinds
        assert all(not name.startswith(("x-remote", "x_", "impersonate", "upgrade")) for asked in home.cluster.asked for name, _ in asked.headers)
        await home.until(lambda: not home.listener.clients)


def broken_frame(chance: random.Random) -> bytes:
    """Something that may not come from a client of exec."""
    mask = b"\1\2\3\4"

    def masked(first: int, payload: bytes) -> bytes:
        data = websocket.encode(websocket.BINARY, payload, mask=True)
        return bytes((first,)) + data[1:]

    return chance.choice((
        websocket.encode(websocket.BINARY, b"\0ls\n"),  # not masked
        masked(0xC2, b"\0ls\n"), masked(0xA2, b"\0ls\n"), masked(0x92, b"\0ls\n"),  # reserved bits
        masked(0x83, b"\0ls\n"), masked(0x8F, b""), masked(0x81, b"0bHM="), masked(0x80, b"\0ls\n"), masked(0x02, b"\0ls\n"),
        masked(0x82, bytes((chance.choice((1, 2, 3, 5, 9, 200)),)) + b"x"), masked(0x82, b"\xff\1"), masked(0x82, b"\xff"),
        masked(0x89, b"x" * 126), masked(0x09, b""), masked(0x88, b"\3"), masked(0x88, b"\0\1"),
        b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" + mask, b"\x82\xfe\x00\x01" + mask + b"x",
    ))  # fmt: skip


@pytest.mark.timeout(300)
async def test_a_malformed_frame_ends_the_stream(tmp_path: Path) -> None:
    """The client is told in a Status and a close, the cluster's side is closed, and of the frame it got nothing."""
    async with house(tmp_path) as home:
        home.limit(streams_per_grant=MANY, streams_per_agent=MANY, rate=MANY, burst=MANY)
        await home.window()
        typed: list[bytes] = []

        async def answer(asked: Asked) -> None:
            asked.line.switch(asked)
            before = len(asked.line.got)
            try:
                while await asked.line.reader.read(1 << 16):
                    pass
            finally:
                typed.append(bytes(asked.line.got[before:]))

        home.cluster.answerer = answer
        gate = asyncio.Semaphore(96)

        async def one(seed: int) -> None:
            async with gate:
                chance = random.Random(seed)
                kubectl = await home.dial()
                assert await kubectl.exec() == 101
                kubectl.send(broken_frame(chance))
                async with asyncio.timeout(60):
                    frames = await kubectl.rest()
                kubectl.close()
                status, close = frames[-2:]
                assert (status.payload[:1], b"can't be decoded" in status.payload) == (b"\3", True)
                assert (close.opcode, close.payload[:2]) == (websocket.CLOSE, b"\x03\xe8")

        await asyncio.gather(*(one(SEED + at) for at in range(STREAMS)))
        await home.until(lambda: len(typed) == STREAMS)
        assert set(typed) == {b""}
        assert home.troubles == []
        assert home.failed == []
        assert home.broker.windows.sessions == {}
