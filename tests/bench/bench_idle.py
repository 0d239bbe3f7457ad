"""A start, and a gateway at rest: the time of short commands, its CPU with windows open and screens on, its memory for each idle stream.

    python -m tests.bench.bench_idle [--windows 200] [--screens 2] [--streams 200] [--seconds 20]

Aims: `jitui credential` 150 ms, `jitui requests` 300 ms, 0.5 % of a core, 64 KiB a stream. The CPU of a start is steadier than its time; both count the
interpreter's own. Bytecode must be cached, as it is where jitui is installed: PYTHONDONTWRITEBYTECODE is left out.
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import uvloop

from jitui.api.client import Client
from jitui.tui.feed import FRESH_S
from tests.bench.bench_streams import rss
from tests.bench.clients import UNLIMITED, connect, exec_request
from tests.bench.usage import Meter
from tests.support.clusters import embedded
from tests.support.gateway import JITUI, Agent, Gateway, rule

AIMS_MS = {"credential": 150, "requests": 300}


def starts(gateway: Gateway, agent: Agent, rounds: int = 9) -> None:
    """The median time and CPU of a command, from its start to its end."""
    env = {key: value for key, value in gateway.environment(gateway.folder).items() if key != "PYTHONDONTWRITEBYTECODE"} | {"JITUI_TOKEN": agent.token}
    for command, aim in AIMS_MS.items():
        walls, cpus = [], []
        for _ in range(rounds + 1):
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run([*JITUI, command], env=env if command == "credential" else env | {"JITUI_TOKEN": ""}, stdout=subprocess.DEVNULL, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            walls.append((time.monotonic() - began) * 1000)
            cpus.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
        print(f"jitui {command:10}  {statistics.median(walls[1:]):5.0f} ms, CPU {statistics.median(cpus[1:]):5.0f} ms  (aim {aim} ms)", flush=True)


async def open_windows(gateway: Gateway, agents: list[Agent]) -> None:
    """One window for each, approved."""
    desk = Client(f"unix:{gateway.ready['socket']}")
    for agent in agents:
        mine = Client(gateway.ready["api"], token=agent.token, ca=Path(gateway.ready["ca"]))
        request = await mine.ask("test", duration_s=1800, reason="a bench")
        await mine.aclose()
        await desk.approve(request.id)
    await desk.aclose()


def at_rest(gateway: Gateway, seconds: int, *, after: float = 5) -> float:
    """Percent of a core that the gateway takes, so many seconds after what came before: that is written down by then."""
    time.sleep(after)
    meter, began = Meter(gateway.program.pid), time.monotonic()
    time.sleep(seconds)
    return meter.since().whole / 1e7 / (time.monotonic() - began)


async def idle_streams(gateway: Gateway, agent: Agent, streams: int) -> float:
    """KiB of the gateway's memory for each exec that says nothing."""
    server, before = f"{gateway.ready['kube']}/c/test", 0.0
    clients = []
    for number in range(streams + 20):
        if number == 20:  # the first ones bring what all share
            before = rss(gateway)
        clients.append(await connect(server, gateway.ready["ca"], exec_request(server, agent.token, "web", ["jitui-echo"])))
    await asyncio.sleep(2)
    grown = rss(gateway) - before
    for client in clients:
        client.transport.abort()
    return grown * 1000 / streams


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--screens", type=int, default=2)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20, help="of rest that are measured")
    args = parser.parse_args()
    names = [f"bencher-{number}" for number in range(max(args.windows, 1))]
    with tempfile.TemporaryDirectory(prefix="jitui-bench-") as folder, embedded(Path(folder) / "cluster") as cluster, Gateway(
        Path(folder) / "gateway", cluster, rules=[rule(name) for name in names], config={"limits": UNLIMITED}
    ) as gateway, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        agents = [gateway.agent(name) for name in names]
        starts(gateway, agents[0])
        print(f"no window            {at_rest(gateway, args.seconds):5.2f} % of a core", flush=True)
        runner.run(open_windows(gateway, agents))
        print(f"{args.windows} windows          {at_rest(gateway, args.seconds):5.2f} % of a core", flush=True)
        screens = [gateway.spawn(tty=(50, 160)) for _ in range(args.screens)]
        print(f"and {args.screens} screens        {at_rest(gateway, args.seconds, after=FRESH_S + 10):5.2f} % of a core  (aim 0.5 %)", flush=True)
        for screen in screens:
            screen.kill()
        print(f"an idle stream       {runner.run(idle_streams(gateway, agents[0], args.streams)):5.1f} KiB of memory  (aim 64 KiB)", flush=True)


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
