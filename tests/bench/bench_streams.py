"""Streams: what a keystroke costs, what bulk costs, how 500 mixed ones end at once, and what one slow reader does to the others.

    [JITUI_TEST_CLUSTER=DIR] python -m tests.bench.bench_streams [--only echo,bulk,end,slow] [--size 200] [--rounds 3] [--streams 500] [--seconds 15]

echo and bulk go through the gateway and straight to the cluster in turn, round by round: trust the ratios, not the figures. They use the real
cluster if there is one, else the embedded one; the other two the embedded one, whose streams cost the machine little.
"""

import argparse
import asyncio
import base64
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import uvloop
import yaml

from tests.bench.clients import UNLIMITED, ExecClient, Follower, connect, context_for, exec_request, follow, percentiles
from tests.support import kubectls
from tests.support.clusters import Cluster, embedded, real
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import Kubectl


@dataclass(frozen=True, slots=True)
class Target:
    """A way to the cluster."""

    name: str
    server: str
    ca: str
    token: str
    kubeconfig: Path
    certificate: tuple[str, str] | None = None

    async def exec(self, pod: str, argv: list[str]) -> ExecClient:
        return await connect(self.server, self.ca, exec_request(self.server, self.token, pod, argv), self.certificate)


def targets(gateway: Gateway, agent: Agent, folder: Path) -> list[Target]:
    """Through the gateway, and straight."""
    config = yaml.safe_load(gateway.cluster.kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    ca = cluster.get("certificate-authority") or _kept(folder / "direct.crt", cluster["certificate-authority-data"])
    certificate = (user["client-certificate"], user["client-key"]) if "client-certificate" in user else None
    return [
        Target("jitui", f"{gateway.ready['kube']}/c/test", gateway.ready["ca"], agent.token, agent.kubeconfig),
        Target("direct", cluster["server"], ca, user.get("token", ""), gateway.cluster.kubeconfig, certificate),
    ]


def _kept(path: Path, data: str) -> str:
    path.write_bytes(base64.b64decode(data))
    return str(path)


def turns(ways: Sequence[Target], rounds: int) -> list[Target]:
    """Each once a round, in changing order."""
    return [way for number in range(rounds) for way in (ways if number % 2 else reversed(ways))]


async def typed(client: ExecClient, keys: int) -> list[float]:
    """Milliseconds until each keystroke was back."""
    begins = len(client.seen.echoes)
    for number in range(keys):
        client.type(b"k")
        give_up = time.monotonic() + 10
        while len(client.seen.echoes) <= begins + number:
            assert time.monotonic() < give_up, f"no echo: {client.seen.error or client.seen.status.decode()}"
            await asyncio.sleep(0.0005)
        await asyncio.sleep(0.01)
    return [echo * 1000 for echo in client.seen.echoes[begins:]]


async def echo(ways: Sequence[Target], rounds: int) -> None:
    """One stream on each way, one key at a time; short blocks take turns, and each is compared with its neighbour, as load comes and goes."""
    clients = {way.name: await way.exec("box", ["cat"]) for way in ways}
    found: dict[str, list[list[float]]] = {way.name: [] for way in ways}
    for client in clients.values():
        await typed(client, 20)
    for way in turns(ways, rounds * 10):
        found[way.name].append(await typed(clients[way.name], 20))
    for name, blocks in found.items():
        print(f"echo of a keystroke, {name:7} {percentiles([value for block in blocks for value in block])}")
    added = [statistics.median(one) - statistics.median(other) for one, other in zip(found["jitui"], found["direct"], strict=True)]
    print(f"a keystroke through jitui takes {statistics.median(added):.2f} ms more (blocks {min(added):.2f} to {max(added):.2f})")
    for client in clients.values():
        client.transport.abort()


def bulk(ways: Sequence[Target], kubectl: Kubectl, folder: Path, size: int, rounds: int) -> None:
    """MB/s of kubectl cp and exec, over WebSocket and over SPDY. The box's own file stands for what is copied out of it."""
    big, back = folder / "big", folder / "back"
    with big.open("wb") as file:
        for _ in range(size):
            file.write(os.urandom(1_000_000))
    there = f"/tmp/bench-{os.getpid()}"
    loads: list[tuple[str, list[str], bool]] = [
        ("cp to", ["cp", str(big), f"web/box:{there}"], False),
        ("cp from", ["cp", f"web/box:{there}", str(back)], False),
        ("exec, stdout", ["exec", "-n", "web", "box", "--", "cat", there], False),
        ("exec, stdin", ["exec", "-i", "-n", "web", "box", "--", "wc", "-c"], True),
    ]
    direct = next(way for way in ways if way.name == "direct")
    try:
        for protocol in ("websocket", "spdy"):
            for what, args, stdin in loads:
                found: dict[str, list[float]] = {way.name: [] for way in ways}
                for way in turns(ways, rounds):
                    took = _took(kubectl, way, args, protocol, folder, big if stdin else None)
                    found[way.name].append(size / took)
                ratio = statistics.median(one / other for one, other in zip(found["jitui"], found["direct"], strict=True))
                speeds = "  ".join(f"{name} {statistics.median(values):6.1f} MB/s" for name, values in found.items())
                print(f"{what:13} {size} MB over {protocol:9}  {speeds}  {ratio:5.2f} x direct", flush=True)
    finally:
        _took(kubectl, direct, ["exec", "-n", "web", "box", "--", "rm", "-f", there], "websocket", folder, None)


def _took(kubectl: Kubectl, way: Target, args: list[str], protocol: str, home: Path, stdin: Path | None) -> float:
    """Seconds of one kubectl. Raises AssertionError if it fails."""
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": str(protocol == "websocket").lower()}
    began = time.monotonic()
    with (stdin or Path(os.devnull)).open("rb") as source:
        argv = [*kubectl.argv, "--kubeconfig", str(way.kubeconfig), *args]
        done = subprocess.run(argv, env=env, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=600, check=False)
    assert done.returncode == 0, f"{way.name}: {done.stderr.decode()[-500:]}"
    return time.monotonic() - began


async def end(gateway: Gateway, agent: Agent, streams: int, window: int) -> None:
    """Execs that are typed into, two that flood, and followed logs and watches; all end at one deadline."""
    grant = await asyncio.to_thread(gateway.window, agent, duration=f"{window}s")
    (view,) = [one for one in await asyncio.to_thread(gateway.grants) if one["id"] == grant]
    deadline = datetime.fromisoformat(view["deadline"]).timestamp()
    server, ca = f"{gateway.ready['kube']}/c/test", str(gateway.ready["ca"])
    opens: list[Callable[[], Any]] = []
    for number in range(streams):
        match number % 10:
            case 0 if number < 20:
                opens.append(lambda: connect(server, ca, exec_request(server, agent.token, "web", ["jitui-flood"])))
            case 1 | 2:
                opens.append(lambda: follow(server, ca, agent.token, "/api/v1/namespaces/web/pods/chatty/log?follow=true&tailLines=1"))
            case 3 | 4:
                opens.append(lambda: follow(server, ca, agent.token, "/api/v1/namespaces/web/pods?watch=true"))
            case _:
                opens.append(lambda: connect(server, ca, exec_request(server, agent.token, "web", ["jitui-echo"])))
    clients: list[ExecClient | Follower] = []
    for start in range(0, streams, 25):
        clients += await asyncio.gather(*(one() for one in opens[start : start + 25]))
    left = deadline - time.time()
    print(f"{len(clients)} streams open: {sum(isinstance(one, Follower) for one in clients)} logs and watches, the rest execs; the window ends in {left:.1f} s")
    assert left > 1, "the machine is too slow for this window; give a longer --window"
    while time.time() < deadline + 0.5:
        for client in clients[5::20]:
            if isinstance(client, ExecClient):
                client.type(b"k")
        await asyncio.sleep(0.2)
    await asyncio.gather(*(asyncio.wait_for(client.gone, 15) for client in clients))
    early = next((client.seen.status for client in clients if client.seen.closed < deadline), b"")
    assert not early, f"ended before the deadline: {early.decode()}"
    for what, kind in (("exec", ExecClient), ("logs and watch", Follower)):
        mine = [client.seen for client in clients if isinstance(client, kind)]
        words = [(seen.words - deadline) * 1000 for seen in mine if seen.words]
        print(f"{what:15} last payload byte after the deadline {percentiles([max(0.0, (seen.last_payload - deadline) * 1000) for seen in mine])}")
        print(f"{what:15} last words after the deadline        {percentiles(words)}; {len(words)} of {len(mine)} got them")
        print(f"{what:15} closed after the deadline            {percentiles([(seen.closed - deadline) * 1000 for seen in mine])}")


async def slow(gateway: Gateway, agent: Agent, seconds: int) -> None:
    """A flood that is read at 1 KB/s; a keystroke's echo on another stream, and the gateway's memory, before, during and after."""
    server, ca = f"{gateway.ready['kube']}/c/test", str(gateway.ready["ca"])
    await asyncio.to_thread(gateway.window, agent, duration="10m")
    other = await connect(server, ca, exec_request(server, agent.token, "web", ["jitui-echo"]))
    await typed(other, 20)
    before, memory = await typed(other, 200), rss(gateway)
    reader, writer = await asyncio.open_connection(*_address(server), ssl=context_for(ca, None), limit=2048)
    writer.write(exec_request(server, agent.token, "web", ["jitui-flood"], stdin=False))
    await reader.readuntil(b"\r\n\r\n")

    async def sip() -> int:
        taken = 0
        while True:
            taken += len(await reader.readexactly(1024))
            await asyncio.sleep(1)

    sipping = asyncio.create_task(sip())
    during: list[float] = []
    most = memory
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        during += await typed(other, 20)
        most = max(most, rss(gateway))
    assert not sipping.done(), "the flood ended"
    sipping.cancel()
    writer.transport.abort()
    await asyncio.sleep(1)
    after = await typed(other, 200)
    other.transport.abort()
    print(f"another stream's echo before  {percentiles(before)}   gateway RSS {memory:.0f} MB")
    print(f"beside a 1 KB/s reader        {percentiles(during)}   gateway RSS at most {most:.0f} MB in {seconds} s")
    print(f"once it is gone               {percentiles(after)}   gateway RSS {rss(gateway):.0f} MB")


def _address(server: str) -> tuple[str, int]:
    host, _, port = server.removeprefix("https://").partition("/")[0].rpartition(":")
    return host, int(port)


def rss(gateway: Gateway) -> float:
    """Resident memory of the gateway, in units of 1,000 KiB."""
    for line in Path(f"/proc/{gateway.program.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    raise AssertionError("no VmRSS of the gateway")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="echo,bulk,end,slow")
    parser.add_argument("--size", type=int, default=200, help="MB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--window", type=int, default=30, help="seconds, of those that end at once")
    parser.add_argument("--seconds", type=int, default=15, help="that the slow reader reads")
    args = parser.parse_args()
    chosen = set(args.only.split(","))
    with tempfile.TemporaryDirectory(prefix="jitui-bench-") as name, ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        folder = Path(name)

        def before(cluster: Cluster, name: str) -> tuple[Gateway, Agent]:
            gateway = stack.enter_context(Gateway(folder / name, cluster, rules=[rule("bencher", bytes="20GiB")], config={"limits": UNLIMITED}))
            return gateway, gateway.agent("bencher")

        if chosen & {"echo", "bulk"}:
            gateway, agent = before(real() or stack.enter_context(embedded(folder / "cluster")), "gateway")
            gateway.window(agent)
            ways = targets(gateway, agent, folder)
            if "echo" in chosen:
                runner.run(echo(ways, args.rounds))
            if "bulk" in chosen:
                bulk(ways, list(kubectls.found().values())[-1], folder, args.size, args.rounds)
        if "end" in chosen:
            gateway, agent = before(stack.enter_context(embedded(folder / "cluster-end")), "end")
            runner.run(end(gateway, agent, args.streams, args.window))
        if "slow" in chosen:
            gateway, agent = before(stack.enter_context(embedded(folder / "cluster-slow")), "slow")
            runner.run(slow(gateway, agent, args.seconds))


if __name__ == "__main__":
    main()
