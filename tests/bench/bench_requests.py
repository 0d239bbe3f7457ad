"""Requests a second, and what they cost in time: through jitui (recording), through `kubectl proxy`, and direct; interleaved, so that ratios can be read.

    JITUI_TEST_CLUSTER=DIR python -m tests.bench.bench_requests [--rounds 5] [--seconds 2]

Needs wrk (apt-get install wrk) and the real cluster, whose API server speaks HTTP/2 to `kubectl proxy`. Trust the ratios, not the figures:
load generator, API server and gateway share this machine's cores.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.clients import UNLIMITED
from tests.support import kubectls
from tests.support.clusters import real
from tests.support.gateway import Gateway, rule
from tests.support.processes import Program

PATHS = {"small GET": "/api/v1/namespaces/web", "list of pods": "/api/v1/namespaces/web/pods"}


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Round:
    per_second: float
    p50_ms: float
    p99_ms: float


def wrk(target: Target, path: str, connections: int, seconds: int) -> Round:
    """One run. Raises AssertionError if anything but 200 came back."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", "Accept: application/json", "-H", "User-Agent: kubectl/v1.33.1 bench"]
    if target.token:
        argv += ["-H", f"Authorization: Bearer {target.token}"]
    said = subprocess.run([*argv, target.url + path], check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    assert "Non-2xx" not in said, f"{target.name}: {said}"
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    marks = {share: float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit] for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said)}
    assert rate, said
    return Round(float(rate[1]), marks["50"], marks["99"])


def table(targets: list[Target], rounds: int, seconds: int) -> None:
    for what, path in PATHS.items():
        for connections in (1, 16, 64):
            found: dict[str, list[Round]] = {target.name: [] for target in targets}
            for target in targets:
                wrk(target, path, connections, 1)  # warm up
            for number in range(rounds):
                for target in targets if number % 2 else reversed(targets):
                    found[target.name].append(wrk(target, path, connections, seconds))
            print(f"{what}, {connections} connection{'s' if connections > 1 else ''}")
            proxy, direct = found["kubectl proxy"], found["direct"]
            for name, runs in found.items():
                rate = statistics.median(run.per_second for run in runs)
                p50, p99 = statistics.median(run.p50_ms for run in runs), statistics.median(run.p99_ms for run in runs)
                to_proxy = statistics.median(run.per_second / other.per_second for run, other in zip(runs, proxy, strict=True))
                added = statistics.median(run.p50_ms - other.p50_ms for run, other in zip(runs, direct, strict=True))
                print(f"  {name:14} {rate:8.0f}/s   p50 {p50:6.2f}  p99 {p99:7.2f} ms   {to_proxy:5.2f} x kubectl proxy   p50 {added:+6.2f} ms to direct")
            sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
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
        rules = [rule("bencher", scope=["read namespaces,pods in web", "read namespaces"])]
        with proxying, Gateway(folder / "gateway", cluster, rules=rules, config={"limits": UNLIMITED}) as gateway:
            proxying.expect("127.0.0.1:")
            port = re.search(r"127\.0\.0\.1:(\d+)", proxying.snapshot().text)
            assert port
            agent = gateway.agent("bencher")
            gateway.window(agent)
            targets = [
                Target("jitui", f"{gateway.ready['kube']}/c/test", agent.token),
                Target("kubectl proxy", f"http://127.0.0.1:{port[1]}", ""),
                Target("direct", server[1], token),
            ]
            table(targets, args.rounds, args.seconds)


if __name__ == "__main__":
    main()
