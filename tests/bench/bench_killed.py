"""`kill -9` of the gateway while a shell in a container has read half of a line: whether the shell runs that half, how soon, and what the next start ends.

    python -m tests.bench.bench_killed [--rounds 5]

On the real cluster that JITUI_TEST_CLUSTER names, in a namespace of its own; over SPDY and WebSocket, with a pipe and with a terminal.
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.bench.clients import percentiles
from tests.journeys.yard import Yard, pod, yard
from tests.support import clusters
from tests.support.gateway import Agent
from tests.support.kubectls import Kubectl, found

SPACE = "jitui-bench-killed"
PATIENCE_S = 3.0  # after the kill, until it counts as not run


def uptime() -> float:
    """Seconds since the boot of this machine, which is the node's kernel too."""
    return float(Path("/proc/uptime").read_text().split()[0])


class Rounds:
    """One kind of stream, killed again and again."""

    def __init__(self, ground: Yard, agent: Agent, name: str, kubectl: Kubectl, *, tty: bool) -> None:
        self.ground, self.agent, self.name, self.kubectl, self.tty = ground, agent, name, kubectl, tty
        self.ran_ms: list[float] = []
        self.after: dict[str, int] = {"shell alive": 0, "shell gone": 0}
        self.states: dict[str, int] = {}
        self.still = 0

    def in_pod(self, script: str) -> str:
        return self.ground.as_admin("-n", SPACE, "exec", "box", "--", "sh", "-c", script).decode()

    def alive(self, mark: str) -> bool:
        look = f"for p in /proc/[0-9]*; do grep -q '^State:.Z' $p/status || tr '\\0' ' ' <$p/cmdline | grep -q '^sh -s {mark}' && echo yes; done"
        return "yes" in self.in_pod(f"{look}; true")

    def once(self, at: int) -> None:
        mark, gateway = f"{self.name}-{at}", self.ground.gateway
        grant = gateway.window(self.agent)
        flags = "-it" if self.tty else "-i"
        program = gateway.spawn_kubectl(self.kubectl, self.agent, "exec", flags, "-n", SPACE, "box", "--", "sh", "-s", mark,
                                        tty=(24, 80) if self.tty else None)  # fmt: skip
        program.write(b"echo re''ady\n")
        program.expect("ready")
        program.write(f"cat /proc/uptime >/tmp/{mark}".encode())
        time.sleep(0.5)
        killed = uptime()
        gateway.kill9()
        program.end(20)
        time.sleep(max(0.0, killed + PATIENCE_S - uptime()))
        said = self.in_pod(f"cat /tmp/{mark} 2>/dev/null || true").split()
        if said:
            self.ran_ms.append((float(said[0]) - killed) * 1000)
        self.after["shell alive" if self.alive(mark) else "shell gone"] += 1
        gateway.restart()
        until = time.monotonic() + 15
        while not (views := gateway.desk(lambda remote: remote.grant(grant)).processes) and time.monotonic() < until:
            time.sleep(0.1)
        for view in views:
            word = f"{view.state} ({', '.join(view.proof) or view.why})"
            self.states[word] = self.states.get(word, 0) + 1
        self.still += self.alive(mark)
        gateway.desk(lambda remote: remote.revoke(grant, reason="done"))

    def report(self, rounds: int) -> None:
        ran = f"{percentiles(self.ran_ms)} after the kill (to 10 ms)" if self.ran_ms else ""
        print(f"{self.name}: the half line was run in {len(self.ran_ms)} of {rounds}  {ran}")
        print(f"    {PATIENCE_S:.0f} s after the kill: {self.after}; after the next start alive: {self.still}; facts: {self.states}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    kinds = [("spdy-pipe", "1.27", False), ("ws-pipe", "1.34", False), ("spdy-tty", "1.27", True), ("ws-tty", "1.34", True)]
    cluster = clusters.real()
    assert cluster is not None, "JITUI_TEST_CLUSTER names no cluster"
    with tempfile.TemporaryDirectory(prefix="jitui-bench-") as folder, yard(
        Path(folder) / "yard", cluster, found()["1.34"], SPACE, agents={"killer": [f"@debug in {SPACE}"]}, manifest=pod("box")
    ) as ground:
        ground.as_admin("-n", SPACE, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        agent = ground.agent("killer", scope=None, kubeconfig=ground.template())
        for name, version, tty in kinds:
            rounds = Rounds(ground, agent, name, found()[version], tty=tty)
            for at in range(args.rounds):
                rounds.once(at)
            rounds.report(args.rounds)


if __name__ == "__main__":
    main()
