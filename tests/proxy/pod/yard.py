"""A gateway in the test's own process before the embedded cluster, whose pods have real processes; it ends what windows started there."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import quote

from jitui.clusters.discovery import USUAL, Discovery
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.clusters.pool import Pool
from jitui.clusters.way import Way
from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.policy.terms import Grant, Rule
from jitui.proxy.pod.places import Places
from jitui.recording.facts import ProcessTold
from jitui.recording.facts.processes import newest
from jitui.recording.frame import Channel
from tests.fakes.house import House, Kubectl, house, rule

POD = "box"


class Yard:
    """The gateway, its places, and what runs in the pod."""

    def __init__(self, home: House, way: Way) -> None:
        self.home, self.way = home, way
        self.places = Places({"prod": way}, home.store, home.clock, home.spawn, gateway="test", owe=home.broker.windows.owe)
        home.proxy._ways = {"prod": way}  # the fake cluster's place
        home.proxy.places = home.broker.windows.aftermath = self.places

    async def run(self, *argv: str, tty: bool = False, token: str | None = None, says: bytes = b"ready", container: str = "box") -> Kubectl:
        """A command of the agent's, once it has said so."""
        kubectl = await self.home.dial(token)
        query = (f"&container={container}" if container else "") + "&stdin=true" + ("&tty=true" if tty else "&stderr=true")
        assert await kubectl.exec(POD, *(quote(word, safe="") for word in argv), query=query) == 101, kubectl.refusal
        said = b""
        while says not in said:
            frame = await kubectl.frame()
            assert frame is not None, said
            said += frame.payload[1:]
        return kubectl

    async def told(self, grant: Grant) -> list[ProcessTold]:
        """The last word about each process."""
        return newest([fact for fact in await self.home.facts() if fact.subject == grant.label])

    async def texts(self, session: int, channel: Channel) -> bytes:
        return b"".join(frame.body for frame in await self.home.frames(session) if frame.channel is channel)


def running(word: str) -> list[int]:
    """The pids of this machine that have the word in their command line, and live."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if word.encode() in (entry / "cmdline").read_bytes() and (entry / "stat").read_bytes().rpartition(b") ")[2][:1] not in {b"Z", b"X"}:
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


async def gone(word: str, seconds: float = 30.0) -> bool:
    """Whether nothing with the word runs any more, soon."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while running(word):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.01)
    return not running(word)


@contextlib.asynccontextmanager
async def yard(folder: Path, *, rules: Sequence[Rule] = ()) -> AsyncIterator[Yard]:
    cluster = await EmbeddedCluster.start(folder / "cluster")
    try:
        async with house(folder, rules=tuple(rules) or (rule(), rule("agent-y"))) as home:
            upstream = Kubeconfig.load(cluster.kubeconfig, "", home.clock)
            pool = Pool(upstream)
            it = Yard(home, Way("prod", upstream, pool, Discovery(upstream, pool, home.clock, usual=USUAL), home.spawn))
            try:
                yield it
            finally:
                it.places.close()
            pool.close()
    finally:
        await cluster.aclose()
