"""Measures how long an approval and a revoke take while somebody floods the gateway, and whether anybody else's stream ends.

    python -m tests.bench.bench_floods [--seconds 5] [--only strangers,gets] [--files 0]

Ten floods, one after the other, against a gateway and an embedded cluster of their own. The aim of each: 250 ms for 99 of 100, and no stream of another
agent ends. Flooder, gateway, cluster and measurement share this machine's cores.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

from jitui.api.client import Client
from jitui.values.errors import JituiError
from tests.bench.clients import ExecClient, Follower, connect, exec_request, follow
from tests.bench.floods import FLOODS, PODS, Place
from tests.support.clusters import embedded
from tests.support.gateway import Agent, Gateway, rule

AIM_MS = 250.0
ASKERS = 12  # agents whose requests the person decides: each may ask so many times an hour
PAUSE = 0.05  # seconds between two decisions


@dataclass(slots=True)
class Waits:
    """Milliseconds that each took, and what was seen beside."""

    approve: list[float] = field(default_factory=list)
    revoke: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def held(pid: int) -> tuple[int, int]:
    """Open files, and MB of memory, of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), int(status.split("VmRSS:")[1].split()[0]) >> 10


def at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


class Bench:
    """One gateway, its person, and the streams that must go on."""

    def __init__(self, gateway: Gateway, agents: dict[str, Agent], auditor: str) -> None:
        self.gateway, self.agents, self.auditor = gateway, agents, auditor
        self.person = Client(f"unix:{gateway.ready['socket']}")
        self.askers = [Client(gateway.ready["api"], token=agents[f"asker-{number}"].token, ca=Path(gateway.ready["ca"])) for number in range(ASKERS)]
        self.kube = f"{gateway.ready['kube']}/c/test"
        self.asked = 0
        self.echo: ExecClient
        self.watch: Follower

    async def window(self, name: str) -> None:
        agent = self.agents[name]
        remote = Client(self.gateway.ready["api"], token=agent.token, ca=Path(self.gateway.ready["ca"]))
        asked = await remote.ask("test", duration_s=1800, reason="bench")
        await self.person.approve(asked.id)
        await remote.aclose()

    async def streams(self) -> None:
        token, ca = self.agents["worker"].token, self.gateway.ready["ca"]
        self.echo = await connect(self.kube, ca, exec_request(self.kube, token, "web", ["jitui-echo"]))
        self.watch = await follow(self.kube, ca, token, f"{PODS}?watch=true")

    async def decide(self, waits: Waits) -> None:
        """One request, its yes, and its end."""
        asker = self.askers[self.asked % ASKERS]
        self.asked += 1
        try:
            async with asyncio.timeout(10):
                asked = await asker.ask("test", duration_s=600, reason="bench")
        except (JituiError, TimeoutError) as error:  # it is not the person's wait
            waits.failed.append(f"ask: {error!s:.80}")
            return
        try:
            begun = time.perf_counter()
            grant = (await self.person.approve(asked.id)).grant
            waits.approve.append((time.perf_counter() - begun) * 1000)
            begun = time.perf_counter()
            await self.person.revoke(grant, reason="bench")
            waits.revoke.append((time.perf_counter() - begun) * 1000)
        except JituiError as error:
            waits.failed.append(f"person: {error!s:.80}")
            waits.approve.append(10_000.0)

    async def measure(self, seconds: float) -> Waits:
        waits, ends = Waits(), time.monotonic() + seconds
        while time.monotonic() < ends:
            await self.decide(waits)
            self.echo.type(b"k")
            await asyncio.sleep(PAUSE)
        return waits

    async def under(self, name: str, seconds: float) -> bool:
        """One flood; whether the aim is met."""
        place = Place(self.kube, self.gateway.ready["api"], self.gateway.ready["ca"], self.agents["flooder"].token, self.auditor, seconds + 1)
        self.echo.seen.echoes.clear()
        program = None
        if name:
            program = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.floods", name, json.dumps(asdict(place)),
                                                           stdout=asyncio.subprocess.PIPE)  # fmt: skip
            await asyncio.sleep(1)  # until it is under way
        waits = await self.measure(seconds)
        files, memory = held(self.gateway.program.pid)
        limits = [f"{one.limit} ({one.who})" for one in (await self.person.status()).limits]
        seen: dict[str, int] = {}
        if program is not None:
            out, _ = await program.communicate()
            with suppress(json.JSONDecodeError):
                seen = json.loads(out)
        alive = not self.echo.seen.closed and not self.watch.seen.closed
        met = alive and at(waits.approve, 0.99) <= AIM_MS and at(waits.revoke, 0.99) <= AIM_MS
        echoes = [echo * 1000 for echo in self.echo.seen.echoes]
        print(f"{name or 'nothing':11} {len(waits.approve):4} {at(waits.approve, .5):7.1f} {at(waits.approve, .99):7.1f} {at(waits.revoke, .5):7.1f} "
              f"{at(waits.revoke, .99):7.1f} {at(echoes, .99):7.1f} {'go on' if alive else 'ENDED':>8} {files:6} {memory:6}  {'met' if met else 'NOT MET'}")
        print(f"            {seen or ''}  {'; '.join(limits)}  {'; '.join(sorted(set(waits.failed))[:3])}".rstrip(), flush=True)
        return met

    async def run(self, names: list[str], seconds: float) -> bool:
        for name in ("worker", "flooder"):
            await self.window(name)
        await self.streams()
        print("milliseconds   n  approve     p99  revoke     p99    echo  streams  files     MB  aim 250 ms")
        met = [await self.under("", seconds)]
        for name in names:
            met.append(await self.under(name, seconds))
            await asyncio.sleep(1)
        for remote in (self.person, *self.askers):
            await remote.aclose()
        self.echo.transport.abort()
        return all(met)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", default=",".join(FLOODS))
    parser.add_argument("--files", type=int, default=0, help="the gateway's hard limit of open files; 0: this shell's")
    args = parser.parse_args()
    names = ["worker", "flooder", *(f"asker-{number}" for number in range(ASKERS))]
    with tempfile.TemporaryDirectory(prefix="jitui-bench-") as folder, embedded(Path(folder) / "cluster") as cluster, Gateway(
        Path(folder) / "gateway", cluster, rules=[rule(name) for name in names], files=args.files
    ) as gateway:
        agents = {name: gateway.agent(name) for name in names}
        bench = Bench(gateway, agents, gateway.person("aud", "auditor").token)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return 0 if runner.run(bench.run(args.only.split(","), args.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
