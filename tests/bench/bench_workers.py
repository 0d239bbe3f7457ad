"""Plain requests through one process, and through workers that share its port, with a journal each and the ledger in an authority (docs/more-cores.md).

    JITUI_TEST_CLUSTER=DIR python -m tests.bench.bench_workers [--rounds 5] [--seconds 3] [--connections 16 64] [--workers 1 2]

Rounds are interleaved; prints requests a second, the CPU of a request in all processes of a gateway together, and both as ratios to one process, with the
middle half in brackets. Needs wrk and the real cluster, as bench_requests does. The workers are a prototype
(tests/bench/workers.py) and no part of the product.
"""

import argparse
import contextlib
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.bench.bench_requests import PATHS, SCOPE, spread
from tests.bench.clients import UNLIMITED
from tests.bench.usage import Meter
from tests.support.clusters import Cluster, real
from tests.support.gateway import Agent, Gateway, rule
from tests.support.processes import Program, until


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    url: str
    pids: Sequence[int]


class Seed:
    """A gateway with one active window, stopped: every process begins with a copy of its folder."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        with Gateway(folder / "seed", cluster, rules=[rule("bencher", bytes="500GiB", scope=SCOPE)], config={"limits": UNLIMITED}) as gateway:
            self.agent: Agent = gateway.agent("bencher")
            gateway.window(self.agent)
            run(f"{gateway.ready['kube']}/c/test", self.agent.token, PATHS["small GET"], 1, 1)  # its first action makes it active
            gateway.stop()
            self._env, self._data = gateway.environment(gateway.folder), gateway.data
            self._config: dict[str, Any] = yaml.safe_load(gateway.config.read_text())

    def start(self, stack: contextlib.ExitStack, name: str, role: Sequence[str], port: int) -> tuple[dict[str, Any], int]:
        """One process on a copy; where it listens, and its pid. It ends with the stack."""
        folder = self.folder / name
        shutil.copytree(self._data, folder / "data", ignore=shutil.ignore_patterns("lock", "ports.json", "*.sock"))
        (folder / "data").chmod(0o700)
        config, ready = folder / "jitui.yaml", folder / "ready.json"
        config.write_text(yaml.safe_dump({**self._config, "listen": {"kube": f"127.0.0.1:{port}", "api": "127.0.0.1:0"}}))
        argv = [sys.executable, "-m", *role, "serve", "--config", str(config), "--data-dir", str(folder / "data"), "--ready-file", str(ready)]
        program = stack.enter_context(Program(argv, env={**self._env, "XDG_RUNTIME_DIR": str(folder)}))

        def is_ready() -> bool:
            assert program.running, f"{name} did not start: {program.end()}"
            return ready.exists() and ready.read_text().endswith("\n")

        until(is_ready, f"ready {name}")
        return json.loads(ready.read_text()), program.pid


@contextlib.contextmanager
def subjects(seed: Seed, counts: Sequence[int]) -> Iterator[list[Subject]]:
    with contextlib.ExitStack() as stack:
        at, pid = seed.start(stack, "one", ["jitui"], 0)
        found = [Subject("one process", f"{at['kube']}/c/test", [pid])]
        for count in counts:
            place = str(seed.folder / f"{count}.sock")
            pids = [seed.start(stack, f"authority-{count}", ["tests.bench.workers", "authority", place], 0)[1]]
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            for number in range(1, count + 1):
                at, pid = seed.start(stack, f"worker-{count}-{number}", ["tests.bench.workers", "worker", place, str(number)], port)
                pids.append(pid)
            found.append(Subject(f"{count} worker{'s' if count > 1 else ''}", f"{at['kube']}/c/test", pids))
        yield found


def run(url: str, token: str, path: str, connections: int, seconds: int) -> tuple[float, float, float, int]:
    """Requests a second, p50 and p99 in milliseconds, and how many there were. Raises AssertionError if anything but 200 came back."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", "Accept: application/json", "-H", "User-Agent: kubectl/v1.33.1 bench"]
    said = subprocess.run([*argv, "-H", f"Authorization: Bearer {token}", url + path], check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    assert "Non-2xx" not in said, said
    rate, count = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"(\d+) requests in", said)
    assert rate, said
    assert count, said
    marks = {share: float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit] for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said)}
    assert int(count[1]), f"nothing was answered: {said}"
    return float(rate[1]), marks["50"], marks["99"], int(count[1])


def bench(what: str, connections: int, found: Sequence[Subject], token: str, rounds: int, seconds: int) -> None:
    rates: dict[str, list[float]] = {each.name: [] for each in found}
    cpus: dict[str, list[float]] = {each.name: [] for each in found}
    tails: dict[str, list[float]] = {each.name: [] for each in found}
    for each in found:
        run(each.url, token, PATHS[what], connections, 1)
    for number in range(rounds):
        for each in found if number % 2 else reversed(found):
            meters = [Meter(pid) for pid in each.pids]
            rate, _, p99, many = run(each.url, token, PATHS[what], connections, seconds)
            cpus[each.name].append(sum(meter.since().whole for meter in meters) / many / 1000)
            rates[each.name].append(rate)
            tails[each.name].append(p99)
    print(f"{what}, {connections} connections")
    first = found[0].name
    for name, seen, cpu in zip(rates, rates.values(), cpus.values(), strict=True):
        to_one = spread(one / other for one, other in zip(seen, rates[first], strict=True))
        times = spread(one / other for one, other in zip(cpu, cpus[first], strict=True))
        print(f"  {name:12} {statistics.median(seen):7.0f}/s {to_one} x   CPU {statistics.median(cpu):4.0f} us {times} x   "
              f"p99 {statistics.median(tails[name]):.1f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    cluster = real()
    if cluster is None or not shutil.which("wrk"):
        sys.exit("this bench needs wrk and the real cluster: apt-get install wrk; make cluster; JITUI_TEST_CLUSTER=DIR")
    with tempfile.TemporaryDirectory(prefix="jitui-bench-") as name:
        seed = Seed(Path(name), cluster)
        with subjects(seed, args.workers) as found:
            for what in PATHS:
                for connections in args.connections:
                    bench(what, connections, found, seed.agent.token, max(args.rounds, 2), args.seconds)


if __name__ == "__main__":
    main()
