"""The gateway's core in a test's own process: real store, real sockets, a manual clock, and a fake cluster behind it."""

import asyncio
import base64
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from jitui.access import Broker
from jitui.access.requests import Ask
from jitui.api.operations import Operations
from jitui.api.service import Service
from jitui.api.service.backend import Backend, Meter
from jitui.auth.callers import Callers
from jitui.auth.people import People
from jitui.clusters.discovery import USUAL, Discovery
from jitui.clusters.pool import Pool
from jitui.clusters.way import Way
from jitui.listeners.address import ListenAddress
from jitui.listeners.kube.listener import KubeListener
from jitui.listeners.kube.ports import Ports
from jitui.policy.scope import Scope
from jitui.policy.terms import Grant, Identity, Role, Rule
from jitui.protocol import websocket
from jitui.proxy.entry import Proxy
from jitui.recording.facts import Fact
from jitui.recording.frame import Frame
from jitui.store import Store
from jitui.store.archive import Files
from jitui.store.bus import Bus
from jitui.values.clock import ManualClock
from tests.fakes.authority import server_context
from tests.fakes.desk import Somebody
from tests.fakes.upstream import Cluster, serving
from tests.policy.world import CLUSTER

WIDE: Final = "@debug in web; create,delete pods in web; get url:/metrics"
AGENT: Final = "agent-x"
ADMIN: Final = Identity("root", frozenset({Role.ADMIN}))
ANA: Final = Identity("ana", frozenset({Role.APPROVER}))
RESERVE: Final = 1 << 20


def rule(identity: str = AGENT, scope: str = WIDE, **more: Any) -> Rule:
    return Rule(identity, "prod", more.pop("duration_s", 1800), Scope.parse(scope), **more)


class House:
    """A gateway without its API listener. Its pieces are the real ones."""

    def __init__(self, store: Store, clock: ManualClock, cluster: Cluster, bus: Bus, rules: dict[tuple[str, str], Rule], folder: Path,
                 isolated_from: int | None = None) -> None:  # fmt: skip
        self.store, self.clock, self.cluster, self.bus = store, clock, cluster, bus
        self.group: asyncio.TaskGroup
        self.troubles: list[dict[str, Any]] = []  # what would be in the log
        self.trouble = ""  # of a cluster's credential, as the header says it
        self.failed: list[BaseException] = []  # what tasks raised
        self.pool = Pool(cluster)
        self.way = Way("prod", cluster, self.pool, Discovery(cluster, self.pool, clock, usual=USUAL), self.spawn, isolated_from is not None)
        people = People(os.geteuid(), {})
        self.broker = Broker(store, clock, gateway="test", people=people, rules=rules, kinds={"prod": CLUSTER}, spawn=self.spawn)
        self.broker.windows.occupied = lambda _, live: self.way.occupied(live)
        self.proxy = Proxy(self.broker, {"prod": self.way}, self.spawn)
        uid = os.geteuid() if isolated_from is None else isolated_from
        self.listener = KubeListener(self.broker, Callers(self.broker.roster.directory, clock), self.proxy, uid)
        self.files = Files(folder)
        self.backend = Backend(self.broker, self.files, bus, Meter(store), "https://gw", "", ("prod",), self._reload, lambda: None,
                               trouble=lambda: self.trouble, ways={"prod": self.way})
        self.service = Service(self.backend)
        self.trust: ssl.SSLContext
        self.token = ""

    def limit(self, **caps: Any) -> None:
        """Other limits at the listener from now on."""
        self.listener.visitors.tune(replace(self.listener.visitors.caps, **caps))

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def guarded() -> None:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - tests look at it
                self.failed.append(error)

        self.group.create_task(guarded())

    async def _reload(self) -> str:
        return ""

    async def agent(self, name: str = AGENT) -> str:
        """Its token."""
        _, minted = await self.broker.roster.add(name, ["agent"], "owner", by=ADMIN)
        return minted.text

    async def window(self, scope: str = "", duration_s: int = 600, agent: str = AGENT) -> Grant:
        """Asked and approved."""
        who = self.broker.roster.agent(agent)
        asked = await self.broker.requests.ask(who, Ask("prod", duration_s, "because", scope, "", "", same_user=False))
        await self.broker.requests.approve(ANA, asked.id, agent=who, digest="", duration_s=0, scope="", reason="")
        return next(window.grant for window in self.broker.windows.live.values() if window.grant.request == asked.id)

    def desk(self, who: Identity) -> Operations:
        return self.service.bind(Somebody(who), "here", same_user=False)

    async def dial(self, token: str | None = None, *, own: bool = False) -> "Kubectl":
        """A client of the Kubernetes listener: at the shared port, below /c/prod, or at that connection's own."""
        port = self.listener.places["prod" if own else ""][1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=self.trust, server_hostname="localhost", limit=1 << 24)
        return Kubectl(reader, writer, self.token if token is None else token, "" if own else "/c/prod")

    async def until(self, true: Callable[[], object], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - what changes has no event
                await asyncio.sleep(0.005)

    async def facts(self, kind: str = "") -> list[Fact]:
        """Those on record, once nothing is owed."""
        await self.broker.windows.settled()
        return [fact for fact in await asyncio.to_thread(self.files.facts, limit=10_000) if kind in {"", str(fact.kind)}]

    async def frames(self, session: int) -> list[Frame]:
        return await asyncio.to_thread(lambda: list(self.files.all_frames(session)))

    def tick(self) -> None:
        self.broker.tick(self.clock.now())


class Kubectl:
    """Just enough HTTP and WebSocket to see every byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, below: str) -> None:
        self.reader, self.writer, self.token, self.below = reader, writer, token, below
        self.decoder = websocket.Decoder(masked=False)
        self.frames: list[websocket.Frame] = []

    def head(self, method: str, path: str, *headers: str) -> bytes:
        lines = [f"{method} {self.below}{path} HTTP/1.1", "Host: gw", f"Authorization: Bearer {self.token}", *headers, "", ""]
        return "\r\n".join(lines).encode()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, head: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, body. Raises IncompleteReadError where the answer is cut."""
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in raw[1:-2])}
        code = int(raw[0].split(" ")[1])
        if head or code in {101, 204, 304}:
            return code, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            whole = b""
            while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
                whole += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
            return code, headers, whole
        return code, headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ask(self, method: str, path: str, *headers: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        framing = (f"Content-Length: {len(body)}",) if body else ()
        self.send(self.head(method, path, *headers, *framing) + body)
        return await self.answer(head=method == "HEAD")

    async def exec(self, pod: str = "web-1", *argv: str, protocol: str = "v5.channel.k8s.io", query: str = "&stdin=true", headers: tuple[str, ...] = (),
                   what: str = "exec") -> int:  # fmt: skip
        """The code of the upgrade's answer. `what`: exec or attach."""
        command = "".join(f"&command={word}" for word in argv or ("sh",)) if what == "exec" else ""
        self.send(self.head("GET", f"/api/v1/namespaces/web/pods/{pod}/{what}?stdout=true{query}{command}", "Upgrade: websocket", "Connection: Upgrade",
                            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
                            f"Sec-WebSocket-Protocol: {protocol}", *headers))  # fmt: skip
        self.code, _, self.refusal = await self.answer()
        return self.code

    def type(self, body: bytes, channel: int = 0) -> None:
        self.send(websocket.encode(websocket.BINARY, bytes((channel,)) + body, mask=True))

    async def frame(self) -> websocket.Frame | None:
        """The next; None once the connection is closed."""
        while not self.frames:
            data = await self.reader.read(1 << 16)
            if not data:
                return None
            self.frames += self.decoder.feed(data)
        return self.frames.pop(0)

    async def rest(self) -> list[websocket.Frame]:
        """Everything up to the close, which is answered as kubectl does."""
        found = []
        with contextlib.suppress(ConnectionError):
            while (frame := await self.frame()) is not None:
                found.append(frame)
                if frame.opcode == websocket.CLOSE:
                    self.send(websocket.encode(websocket.CLOSE, frame.payload[:2], mask=True))
        return found

    async def gone(self, seconds: float = 30.0) -> bytes:
        """The bytes that still come until the listener closes the connection."""
        got = b""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while data := await self.reader.read(1 << 16):
                    got += data
        return got

    def rests(self) -> None:
        """It reads nothing from now on, and its kernel takes little; so most of what is said to it is not delivered, on a busy machine too."""
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)

    def close(self) -> None:
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def house(folder: Path, *, rules: tuple[Rule, ...] = (), clock: ManualClock | None = None, agent: bool = True,
                isolated_from: int | None = None) -> AsyncIterator[House]:  # fmt: skip
    """A gateway that ends with the block. `folder` may hold what another left. `isolated_from`: the uid that it takes for its own, isolation being required."""
    clock, bus = clock or ManualClock(), Bus()
    loop = asyncio.get_running_loop()
    async with serving(folder / "upstream") as cluster:
        store = await Store.open(folder / "state", clock, bus, reserve_bytes=RESERVE)
        try:
            found = House(store, clock, cluster, bus, {(each.identity, each.connection): each for each in rules or (rule(),)}, folder / "state",
                          isolated_from)  # fmt: skip
            loop.set_exception_handler(lambda _, context: found.troubles.append(context))
            async with asyncio.TaskGroup() as found.group:
                await asyncio.to_thread((folder / "tls").mkdir, exist_ok=True)
                context, authority = server_context(folder / "tls")
                found.trust = ssl.create_default_context(cafile=str(authority))
                found.trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
                await found.broker.recover()
                found.listener.bind(ListenAddress("127.0.0.1", 0))
                found.listener.bind_own({"prod": None}, Ports(folder / "ports.json"))
                await found.listener.open(context)
                if agent and AGENT not in found.broker.roster.identities:
                    found.token = await found.agent()
                yield found
                await found.broker.windows.stop()()
                await found.broker.windows.settled()
                await found.listener.aclose()
                found.pool.close()
        finally:
            await store.aclose()
            loop.set_exception_handler(None)
