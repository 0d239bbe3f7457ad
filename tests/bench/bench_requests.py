"""Requests a second, what they cost in time, and in CPU: through jitui (recording), through `kubectl proxy`, and direct.

    JITUI_TEST_CLUSTER=DIR python -m tests.bench.bench_requests [--rounds 5] [--seconds 4] [--connections 1 16 64]

Rounds of the three are interleaved, so that ratios can be read: of each pair of rounds, in the middle, with the middle half of them in brackets.
Needs wrk (apt-get install wrk) and the real cluster, whose API server speaks HTTP/2 to `kubectl proxy`. Trust the ratios, not the figures: load
generator, API server and gateway share this machine's cores. The CPU of a request, kernel and user together, is the steadiest of them;
its handshakes are in it, which `kubectl proxy` has none of to its client, so short rounds with many connections tell of those.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.clients import UNLIMITED
from tests.bench.usage import Calls, Meter, Usage
from tests.support import kubectls
from tests.support.clusters import real
from tests.support.gateway import Gateway, rule
from tests.support.processes import Program

PATHS: Final = {"small GET": "/api/v1/namespaces/web", "list of pods": "/api/v1/namespaces/web/pods"}
AIMS: Final = "aims: "  # begins the line that says which are met; `make bench` says it once more at its end
SCOPE: Final = ("read namespaces,pods in web", "read namespaces")
RATES: Final = {"small GET": 1.0, "list of pods": 0.8}  # x the requests/s of kubectl proxy, with 16 and 64 connections
CPU_US: Final = 240  # of the gateway for a small GET, or CPU_TIMES
CPU_TIMES: Final = {"small GET": 1.2, "list of pods": 1.3}  # x the CPU of kubectl proxy


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    url: str
    token: str
    pid: int  # 0: whose CPU does not count


@dataclass(frozen=True, slots=True)
class Round:
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu: Usage  # in nanoseconds a request
    many: int  # requests


def wrk(target: Target, path: str, connections: int, seconds: int) -> Round:
    """One run. Raises AssertionError if anything but 200 came back."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", "Accept: application/json", "-H", "User-Agent: kubectl/v1.33.1 bench"]
    if target.token:
        argv += ["-H", f"Authorization: Bearer {target.token}"]
    meter = Meter(target.pid) if target.pid else None
    said = subprocess.run([*argv, target.url + path], check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    used = meter.since() if meter is not None else Usage(0, 0, 0)
    assert "Non-2xx" not in said, f"{target.name}: {said}"
    rate, count = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"(\d+) requests in", said)
    marks = {share: float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit] for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said)}
    assert rate, said
    assert count, said
    many = int(count[1])
    return Round(float(rate[1]), marks["50"], marks["99"], Usage(used.whole // many, used.first // many, used.other // many), many)


def spread(values: Iterable[float]) -> str:
    """The median, and the middle half."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} [{low:.2f} {high:.2f}]"


def bench(what: str, connections: int, targets: list[Target], rounds: int, seconds: int) -> list[str]:
    """Prints one block; returns the aims of it, met or missed."""
    found: dict[str, list[Round]] = {target.name: [] for target in targets}
    for target in targets:
        wrk(target, PATHS[what], connections, 1)  # warm up
    for number in range(rounds):
        for target in targets if number % 2 else reversed(targets):
            found[target.name].append(wrk(target, PATHS[what], connections, seconds))
    print(f"{what}, {connections} connection{'s' if connections > 1 else ''}")
    proxy, direct = found["kubectl proxy"], found["direct"]
    for name, runs in found.items():
        rate, p50, p99 = (statistics.median(part) for part in zip(*((run.per_second, run.p50_ms, run.p99_ms) for run in runs), strict=True))
        to_proxy = spread(run.per_second / other.per_second for run, other in zip(runs, proxy, strict=True))
        added = statistics.median(run.p50_ms - other.p50_ms for run, other in zip(runs, direct, strict=True))
        cpu = ""
        if runs[0].cpu.whole:
            used = [(run.cpu.whole, run.cpu.first, run.cpu.other) for run in runs]
            whole, first, other = (statistics.median(part) / 1000 for part in zip(*used, strict=True))
            times = spread(run.cpu.whole / its.cpu.whole for run, its in zip(runs, proxy, strict=True))
            threads = f" (loop {first:.0f}, writer {other:.0f})" if name == "jitui" else ""
            cpu = f"   CPU {whole:4.0f} us a request{threads}, {times} x"
        print(f"  {name:14} {rate:8.0f}/s {to_proxy} x kubectl proxy   p50 {p50:6.2f}  p99 {p99:7.2f} ms, {added:+6.2f} to direct{cpu}")
    if Calls.possible():
        print(f"  {count(targets[0], PATHS[what], connections, seconds)}")
    sys.stdout.flush()
    return aims(what, connections, found["jitui"], proxy)


def count(target: Target, path: str, connections: int, seconds: int) -> str:
    """The calls to the kernel of one more run: each commit flushes once (fdatasync), and a short request has two frames."""
    calls = Calls(target.pid)
    run = wrk(target, path, connections, seconds)
    each = {name: many / run.many for name, many in calls.stop().items()}
    commits = each.get("fdatasync", 0)
    return f"a request: {commits:.2f} commits, {2 / commits if commits else 0:.1f} frames a commit; " + ", ".join(f"{name} {each[name]:.2f}" for name in each)


def aims(what: str, connections: int, runs: list[Round], proxy: list[Round]) -> list[str]:
    """Rate and CPU against those of `kubectl proxy` in the same rounds."""
    rate = statistics.median(run.per_second / other.per_second for run, other in zip(runs, proxy, strict=True))
    cpu = statistics.median(run.cpu.whole for run in runs) / 1000
    times = statistics.median(run.cpu.whole / other.cpu.whole for run, other in zip(runs, proxy, strict=True))
    cheap = times <= CPU_TIMES[what] or (what == "small GET" and cpu <= CPU_US)
    said = [f"{'met' if cheap else 'MISSED'}: CPU of a {what}, {connections} connections: {cpu:.0f} us, {times:.2f} x (aim {CPU_TIMES[what]})"]
    if connections > 1:  # one connection waits for two commits
        said.append(f"{'met' if rate >= RATES[what] else 'MISSED'}: rate of a {what}, {connections} connections: {rate:.2f} x (aim {RATES[what]})")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    args = parser.parse_args()
    cluster = real()
    if cluster is None or not shutil.which("wrk"):
        sys.exit("this bench needs wrk and the real cluster: apt-get install wrk; make cluster; JITUI_TEST_CLUSTER=DIR")
    folder_of = cluster.kubeconfig.parent
    server = re.search(r"server: [\"']?(https://[^\"'}\s,]+)", cluster.kubeconfig.read_text())
    token = (folder_of / "pki" / "tokens.csv").read_text().split(",")[0]
    assert server
    kubectl = list(kubectls.found().values())[-1]
    subprocess.run(
        [*kubectl.argv, "--kubeconfig", str(cluster.kubeconfig), "create", "clusterrolebinding", "bench-view", "--clusterrole=view", "--user=gateway"],
        check=False, capture_output=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="jitui-bench-") as name:
        folder = Path(name)
        proxying = Program([*kubectl.argv, "--kubeconfig", str(cluster.kubeconfig), "proxy", "--port=0"], env={})
        rules = [rule("bencher", bytes="500GiB", scope=SCOPE)]
        with proxying, Gateway(folder / "gateway", cluster, rules=rules, config={"limits": UNLIMITED}) as gateway:
            proxying.expect("127.0.0.1:")
            port = re.search(r"127\.0\.0\.1:(\d+)", proxying.snapshot().text)
            assert port
            agent = gateway.agent("bencher")
            gateway.window(agent)
            targets = [
                Target("jitui", f"{gateway.ready['kube']}/c/test", agent.token, gateway.program.pid),
                Target("kubectl proxy", f"http://127.0.0.1:{port[1]}", "", proxying.pid),
                Target("direct", server[1], token, 0),
            ]
            said = [line for what in PATHS for many in args.connections for line in bench(what, many, targets, max(args.rounds, 2), args.seconds)]
            print(f"{AIMS}{'; '.join(said)}")


if __name__ == "__main__":
    main()
