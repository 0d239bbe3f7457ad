"""500 live exec streams, one deadline: how long until the last byte, the last words, and the last upstream connection.

    python -m tests.bench.bench_deadline [--streams 500] [--window 25] [--flood 0]

A quarter of the streams type a key every 200 ms; `--flood N` of them receive as fast as they can.
"""

import argparse
import asyncio
import tempfile
import time
from datetime import datetime
from pathlib import Path

import uvloop

from tests.bench.clients import UNLIMITED, ExecClient, connect, exec_request, percentiles
from tests.support.clusters import embedded
from tests.support.gateway import Agent, Gateway, rule


def established(pid: int, port: int) -> set[str]:
    """The local addresses of a process's connections to a port of this machine that are not closed."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            link = str(entry.readlink())
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return {f[1] for line in lines if (f := line.split())[9] in inodes and int(f[2].split(":")[1], 16) == port and f[3] == "01"}


async def typing(clients: list[ExecClient], until: float) -> None:
    while time.time() < until:
        for client in clients:
            client.type(b"k")
        await asyncio.sleep(0.2)


async def closing(pid: int, port: int, open_then: set[str], deadline: float) -> tuple[float, int, int]:
    """Seconds from the deadline until none of the connections that were open then is left, 10 at most; how many of them are left after 2 s, and how many
    new ones there are then: those look into the pods, and may take longer.
    """
    took_s, at_two = 0.0, None
    while not took_s or at_two is None:
        late, now = time.time() - deadline, established(pid, port)
        if not took_s and (not now & open_then or late > 10):
            took_s = late
        if at_two is None and late >= 2:
            at_two = len(now & open_then), len(now - open_then)
        await asyncio.sleep(0.05)
    return took_s, *at_two


async def measure(gateway: Gateway, agent: Agent, streams: int, flood: int, window: int, connection: str = "test") -> None:
    port = int(gateway.cluster.kubeconfig.read_text().split("server: ")[1].split()[0].rstrip("/\"'").rsplit(":", 1)[1])
    grant = await asyncio.to_thread(gateway.window, agent, duration=f"{window}s")
    deadline = datetime.fromisoformat(gateway.ask_json("grants")["deadline"]).timestamp()
    server = f"{gateway.ready['kube']}/c/{connection}"
    clients: list[ExecClient] = []
    for start in range(0, streams, 25):
        programs = ["jitui-flood" if at < flood else "jitui-echo" for at in range(start, min(start + 25, streams))]
        requests = [exec_request(server, agent.token, "web", [program]) for program in programs]
        clients += await asyncio.gather(*(connect(server, gateway.ready["ca"], request) for request in requests))
    left = deadline - time.time()
    upstream = established(gateway.program.pid, port)
    print(f"{len(clients)} streams open, {flood} of them flooding; the window of {grant} ends in {left:.1f} s; upstream connections {len(upstream)}")
    assert left > 1, "the machine is too slow for this window; give a longer --window"
    typists = clients[flood :: 4]
    await typing(typists, deadline + 0.5)
    took_s, still, new = await closing(gateway.program.pid, port, upstream, deadline)
    await asyncio.gather(*(asyncio.wait_for(client.gone, 10) for client in clients))
    late = [max(0.0, (client.seen.last_payload - deadline) * 1000) for client in clients]
    words = [(client.seen.words - deadline) * 1000 for client in clients if client.seen.words]
    closed = [(client.seen.closed - deadline) * 1000 for client in clients]
    early = sum(1 for client in clients if client.seen.closed < deadline)
    print(f"last payload byte after the deadline   {percentiles(late)}   (promise: 50 ms)")
    print(f"last words after the deadline          {percentiles(words)}   (promise: 250 ms); {len(words)} of {len(clients)} clients got them")
    print(f"connection closed after the deadline   {percentiles(closed)}")
    print(f"upstream connections 2 s after         {still}   (promise: 0), the last closed after {took_s:.2f} s; new ones, of looks into pods: {new}; "
          f"ended before the deadline: {early}")
    print(f"a keystroke's echo while all were live {percentiles([echo * 1000 for client in typists for echo in client.seen.echoes])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--flood", type=int, default=0)
    parser.add_argument("--window", type=int, default=30)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jitui-bench-") as folder, embedded(Path(folder) / "cluster") as cluster, Gateway(
        Path(folder) / "gateway", cluster, rules=[rule("bencher")], config={"limits": UNLIMITED}
    ) as gateway:
        agent = gateway.agent("bencher")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(gateway, agent, args.streams, args.flood, args.window))


if __name__ == "__main__":
    main()
