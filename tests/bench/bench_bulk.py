"""Bulk: kubectl cp and exec straight to the cluster and through the gateway, in turn, over WebSocket and over SPDY.

    JITUI_TEST_CLUSTER=DIR python -m tests.bench.bench_bulk [--size 200] [--rounds 5] [--only stdout,stdin,from,to] [--over websocket,spdy] [--beside TREE]

Prints MB/s of each way, the median of the paired ratios to the direct way, and of the gateway its CPU for each MB: loop and writer apart, user + system; the
bytes that it caused to be written for each byte that passed; and its fdatasyncs for each MB, where perf may count them. `--beside`: the checkout of another
version, with a .venv, which runs as a second gateway in the same rounds. Needs the real cluster; SPDY is spoken by the oldest kubectl found.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.bench_requests import AIMS
from tests.bench.clients import UNLIMITED
from tests.bench.usage import TICKS, Threads
from tests.support import kubectls
from tests.support.clusters import Cluster, real
from tests.support.gateway import JITUI, Gateway, rule
from tests.support.kubectls import Kubectl

AIM = {"websocket": 0.8, "spdy": 0.7}


@dataclass(slots=True)
class Way:
    """To the cluster: straight, or through one version of the gateway."""

    name: str
    kubeconfig: Path
    pid: int = 0  # of the gateway
    speeds: list[float] = field(default_factory=list)  # MB/s
    busy: list[float] = field(default_factory=list)  # ms of CPU for each MB, of everything on the machine
    costs: list[tuple[float, ...]] = field(default_factory=list)  # ms of CPU for each MB: loop user and system, writer user and system, all else
    written: list[float] = field(default_factory=list)  # bytes for each byte
    syncs: list[float] = field(default_factory=list)  # for each MB

    def forget(self) -> None:
        for values in (self.speeds, self.busy, self.costs, self.written, self.syncs):
            values.clear()


def through(stack: ExitStack, name: str, folder: Path, cluster: Cluster, tree: str = "") -> Way:
    """A gateway of this tree, or of another, with a window."""
    program = ("env", "-C", tree, f"{tree}/.venv/bin/python", "-m", "jitui") if tree else JITUI
    gateway = stack.enter_context(Gateway(folder / name, cluster, rules=[rule("bencher", bytes="500GiB")], config={"limits": UNLIMITED}, program=program))
    agent = gateway.agent("bencher")
    gateway.window(agent)
    return Way(name, agent.kubeconfig, gateway.program.pid)


class Load:
    """One kubectl that moves `size` MB."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size, self.big, self.there = folder, size, folder / "big", f"/tmp/bench-{os.getpid()}"
        with self.big.open("wb") as file:
            for _ in range(size):
                file.write(os.urandom(1 << 19) + (b"all that stands in a log file is said many times over\n" * 9000)[: 1_000_000 - (1 << 19)])
        self.argv = {
            "to": ["cp", str(self.big), f"web/box:{self.there}"],
            "from": ["cp", f"web/box:{self.there}", str(folder / "back")],
            "stdout": ["exec", "-n", "web", "box", "--", "cat", self.there],
            "stdin": ["exec", "-i", "-n", "web", "box", "--", "wc", "-c"],
        }

    def run(self, kubectl: Kubectl, way: Way, argv: list[str], protocol: str, *, stdin: bool = False) -> float:
        """Seconds. Raises AssertionError if it fails."""
        env = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": str(protocol == "websocket").lower()}
        began = time.monotonic()
        with (self.big if stdin else Path(os.devnull)).open("rb") as source:
            done = subprocess.run([*kubectl.argv, "--kubeconfig", str(way.kubeconfig), *argv], env=env, stdin=source, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, timeout=600, check=False)  # fmt: skip
        assert done.returncode == 0, f"{way.name}: {done.stderr.decode()[-500:]}"
        return time.monotonic() - began

    def measure(self, kubectl: Kubectl, way: Way, what: str, protocol: str) -> None:
        """One round of one way."""
        if not way.pid:
            self._timed(kubectl, way, what, protocol)
            return
        counting = subprocess.Popen(["perf", "stat", "-x", ",", "-e", "syscalls:sys_enter_fdatasync", "-p", str(way.pid)], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True)  # fmt: skip
        time.sleep(0.3)
        threads, written = Threads(way.pid), _written(way.pid)
        self._timed(kubectl, way, what, protocol)
        time.sleep(0.3)  # what the checkpointer does for it
        way.costs.append(tuple(seconds * 1000 / self.size for seconds in threads.since()))
        way.written.append((_written(way.pid) - written) / self.size / 1e6)
        counting.send_signal(2)
        said = counting.communicate()[1].split(",")[0]
        if said.isdecimal():
            way.syncs.append(int(said) / self.size)

    def _timed(self, kubectl: Kubectl, way: Way, what: str, protocol: str) -> None:
        """The rate, and how busy the machine is."""
        busy = _busy()
        way.speeds.append(self.size / self.run(kubectl, way, self.argv[what], protocol, stdin=what == "stdin"))
        way.busy.append((_busy() - busy) * 1000 / self.size)


def _busy() -> float:
    """Seconds of CPU that the machine used since its start."""
    user, nice, system, _, _, irq, softirq, *_ = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / TICKS


def _written(pid: int) -> int:
    return int(dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())["write_bytes"])


def show(what: str, protocol: str, ways: list[Way]) -> float:
    """Prints a line for each way; the ratio of this tree to the direct way."""
    direct, ratio = ways[0], 0.0
    for way in ways:
        line = f"{what:7} {protocol:9} {way.name:7} {statistics.median(way.speeds):6.1f} MB/s, machine {statistics.median(way.busy):5.1f} ms a MB"
        if way.pid:
            of_direct = statistics.median(one / other for one, other in zip(way.speeds, direct.speeds, strict=True))
            ratio = of_direct if way.name == "jitui" else ratio
            loop_user, loop_system, writer_user, writer_system, other = (statistics.median(values) for values in zip(*way.costs, strict=True))
            line += f"  {of_direct:4.2f} x direct; ms of CPU a MB: loop {loop_user:5.2f} + {loop_system:4.2f}, "
            line += f"writer {writer_user:4.2f} + {writer_system:4.2f}, other {other:4.2f}; {statistics.median(way.written):4.2f} bytes written a byte"
            line += f", {statistics.median(way.syncs):.2f} fdatasyncs a MB" if way.syncs else ""
        print(line, flush=True)
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=200, help="MB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="to,from,stdout,stdin")
    parser.add_argument("--over", default="websocket,spdy")
    parser.add_argument("--beside", default="", help="the checkout of another version")
    args = parser.parse_args()
    cluster = real()
    if cluster is None:
        sys.exit("this bench needs the real cluster: make cluster; JITUI_TEST_CLUSTER=DIR")
    found = kubectls.found()
    newest, oldest = list(found.values())[-1], next(iter(found.values()))
    missed = []
    with tempfile.TemporaryDirectory(prefix="jitui-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        ways = [Way("direct", cluster.kubeconfig), through(stack, "jitui", folder, cluster)]
        if args.beside:
            ways.append(through(stack, "beside", folder, cluster, args.beside))
        load = Load(folder, args.size)
        try:
            load.run(newest, ways[0], load.argv["to"], "websocket")
            for protocol in args.over.split(","):
                kubectl = newest if protocol == "websocket" else oldest
                for what in args.only.split(","):
                    for way in ways:
                        way.forget()
                    for number in range(args.rounds):
                        for way in ways if number % 2 else reversed(ways):
                            load.measure(kubectl, way, what, protocol)
                    ratio = show(what, protocol, ways)
                    if ratio < AIM[protocol]:
                        missed.append(f"{what} over {protocol} {ratio:.2f} of {AIM[protocol]}")
        finally:
            load.run(newest, ways[0], ["exec", "-n", "web", "box", "--", "rm", "-f", load.there], "websocket")
    print(f"{AIMS} streams: {'missed: ' + ', '.join(missed) if missed else 'met'}")


if __name__ == "__main__":
    main()
