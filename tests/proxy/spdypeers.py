"""Both ends of a SPDY stream through the real listener: a client that sees every frame, and the cluster's side."""

import asyncio

from jitui.protocol import spdy
from jitui.protocol.spdy import Frame, Kind
from jitui.protocol.spdy_command import UNDECIDED
from jitui.protocol.spdy_headers import Headers
from tests.fakes.house import House, Kubectl
from tests.fakes.upstream import Asked, Line

COMMAND = ("error", "stdin", "stdout", "stderr")
IDS = {name: 2 * at + 1 for at, name in enumerate(COMMAND)}


class Pod:
    """The cluster's side: every frame it got, and a line to speak on. It answers each stream, but no more than `answers`."""

    def __init__(self, home: House, version: str) -> None:
        self.version, self.answers = version, 1 << 20
        self.got: list[Frame] = []
        self.encoder = spdy.Encoder()
        self.line: Line
        self.open, self.over, self.reading = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.reading.set()
        home.cluster.answerer = self.serve

    @property
    def typed(self) -> bytes:
        """Everything on data frames of the client."""
        return b"".join(frame.payload for frame in self.got)

    async def serve(self, asked: Asked) -> None:
        self.line = asked.line
        self.say(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\nX-Stream-Protocol-Version: {self.version}\r\n\r\n".encode())
        self.open.set()
        decoder = spdy.Decoder(client=True)
        try:
            while True:
                await self.reading.wait()
                data = await asked.line.reader.read(1 << 16)
                if not data:
                    return
                for frame in decoder.feed(data):
                    self.got.append(frame)
                    if frame.kind is Kind.SYN_STREAM and self.answers:
                        self.answers -= 1
                        self.say(self.encoder.syn_reply(frame.stream))
        except ConnectionError:
            pass
        finally:
            self.over.set()

    def say(self, data: bytes) -> None:
        self.line.say(data)


class Client:
    """As kubectl: it opens streams one by one, and answers GOAWAY by closing."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.encoder, self.decoder = spdy.Encoder(), spdy.Decoder(client=False)
        self.waiting: list[Frame] = []

    def send(self, data: bytes) -> None:
        self.kubectl.send(data)

    def syn(self, stream: int, headers: Headers) -> None:
        self.send(self.encoder.syn_stream(stream, headers))

    async def frame(self) -> Frame | None:
        """The next; None once the connection is closed."""
        while not self.waiting:
            data = await asyncio.wait_for(self.kubectl.reader.read(1 << 16), 5)
            if not data:
                return None
            self.waiting += self.decoder.feed(data)
        return self.waiting.pop(0)

    async def open(self, stream: int, headers: Headers) -> None:
        self.syn(stream, headers)
        frame = await self.frame()
        assert frame is not None
        assert (frame.kind, frame.stream) == (Kind.SYN_REPLY, stream)

    async def undecided(self) -> None:
        """What the gateway says on the error stream before anything else."""
        frame = await self.frame()
        assert frame is not None
        assert frame.raw == spdy.data(IDS["error"], UNDECIDED)

    async def rest(self) -> list[Frame]:
        """Everything up to the end, GOAWAY being answered; nothing may come behind it."""
        found: list[Frame] = []
        try:
            while (frame := await self.frame()) is not None:
                found.append(frame)
                if frame.kind is Kind.GOAWAY:
                    self.send(spdy.goaway(0))
                    assert self.waiting == []
        except ConnectionError:
            pass
        return found


async def dialled(home: House, subresource: str, version: str, query: str = "") -> Client:
    kubectl = await home.dial()
    code, headers, body = await kubectl.ask("POST", f"/api/v1/namespaces/web/pods/web-1/{subresource}{query}", "Upgrade: SPDY/3.1", "Connection: Upgrade",
                                            f"X-Stream-Protocol-Version: {version}")  # fmt: skip
    assert (code, headers.get("x-stream-protocol-version")) == (101, version), body
    return Client(kubectl)


async def command(home: House, names: tuple[str, ...] = COMMAND) -> tuple[Client, Pod]:
    """An exec whose first streams are open; all of COMMAND were asked for."""
    pod = Pod(home, "v4.channel.k8s.io")
    client = await dialled(home, "exec", pod.version, "?command=sh&stdin=true&stdout=true&stderr=true")
    await pod.open.wait()
    for name in names:
        await client.open(IDS[name], ((b"streamtype", name.encode()),))
        if name == "error":
            await client.undecided()
    return client, pod


async def forward(home: House) -> tuple[Client, Pod]:
    pod = Pod(home, "portforward.k8s.io")
    client = await dialled(home, "portforward", pod.version)
    await pod.open.wait()
    return client, pod


async def connection(client: Client, at: int, port: bytes = b"80") -> int:
    """A forwarded connection, from 0; the id of its data stream, of which the one before is its error stream."""
    for kind, stream in ((b"error", 4 * at + 1), (b"data", 4 * at + 3)):
        await client.open(stream, ((b"streamtype", kind), (b"port", port), (b"requestid", b"%d" % at)))
        if kind == b"error":
            client.send(spdy.data(stream, b"", fin=True))
    return 4 * at + 3
