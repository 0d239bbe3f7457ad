"""Two live windows on one pod, one of them ended, again and again: how long until its process is proved to be gone, and whether the other is harmed.

    python -m tests.bench.bench_processes [--rounds 100] [--together 20] [--delays 30] [--crowd 0]

On the real cluster that JITUI_TEST_CLUSTER names, in a namespace of its own, or else on the embedded one. Prints the time from the mute to the proof, that of
so many commands of one pod that end together, what the look before a window's first command adds to it, and ends in a pod with a crowd of processes. Fails if
the other window loses a byte or sees one of a nonce, or if an end of a round is not proved.
"""

import argparse
import asyncio
import contextlib
import json
import math
import ssl
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import uvloop

from jitui.proxy.dye import PREFIX
from jitui.proxy.pod.places import NOT_IN_TIME
from tests.bench.clients import UNLIMITED, ExecClient, exec_request
from tests.support import clusters
from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule

SPACE = "jitui-bench-processes"
POD = "box"
ECHO = ["sh", "-c", "echo ready; while read l; do echo got $l; done; exec sleep 1000"]


def told(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"p50 {statistics.median(ordered):.3f}, p99 {ordered[math.ceil(len(ordered) * 0.99) - 1]:.3f}, most {ordered[-1]:.3f}"


class Client(ExecClient):
    """Keeps what it is told."""

    def __init__(self, request: bytes) -> None:
        super().__init__(request)
        self.said = b""

    def data_received(self, data: bytes) -> None:
        self.said += data
        super().data_received(data)

    async def hear(self, words: bytes, within_s: float = 20) -> None:
        async with asyncio.timeout(within_s):
            while words not in self.said:
                assert not self.gone.done(), (self.seen.error, self.said)
                await asyncio.sleep(0.002)


class Round:
    """The gateway and two agents, each with a window."""

    def __init__(self, gateway: Gateway, space: str, agents: tuple[Agent, Agent]) -> None:
        self.gateway, self.space, self.agents = gateway, space, agents
        self.server = f"{gateway.ready['kube']}/c/test"
        self.trust = ssl.create_default_context(cafile=gateway.ready["ca"])

    async def exec(self, agent: Agent, argv: Sequence[str] = ECHO, within_s: float = 20) -> Client:
        request = exec_request(self.server, agent.token, POD, [*argv]).replace(b"/namespaces/web/", f"/namespaces/{self.space}/".encode())
        host, _, port = self.server.removeprefix("https://").partition("/")[0].rpartition(":")
        _, client = await asyncio.get_running_loop().create_connection(lambda: Client(request), host, int(port), ssl=self.trust)
        await client.hear(b"ready", within_s)
        return client

    async def window(self, agent: Agent) -> str:
        return await asyncio.to_thread(self.gateway.window, agent)

    async def revoke(self, grant: str) -> list[tuple[str, int]]:
        """State and milliseconds of each process."""
        ended = await asyncio.to_thread(self.gateway.desk, lambda remote: remote.revoke(grant, reason="a round"))
        return [(view.state, view.took_ms) for view in ended.processes]

    async def proved(self, grant: str) -> None:
        """What the record says at last, some seconds later if it was not proved in time."""
        began = time.monotonic()
        while True:
            views = (await asyncio.to_thread(self.gateway.desk, lambda remote: remote.grant(grant))).processes
            if views or time.monotonic() - began > 15:
                why = "; ".join(sorted({view.why for view in views if view.why}))
                print(f"    on record: {states((view.state, 0) for view in views)} {max((view.took_ms for view in views), default=0)} ms {why}", flush=True)
                return
            await asyncio.sleep(0.2)

    async def kill(self, grant: str) -> list[tuple[str, int, str]]:
        """The same of the one command that is open in a window, and why it is not proved."""
        session = (await asyncio.to_thread(self.gateway.live, "exec", grant))["id"]
        ended = await asyncio.to_thread(self.gateway.desk, lambda remote: remote.kill(session, reason="a round"))
        return [(view.state, view.took_ms, view.why) for view in ended.processes]


async def rounds(it: Round, count: int) -> None:
    one, two = it.agents
    took, late = list[float](), 0
    lasting = await it.window(two)
    other = await it.exec(two)
    grant = await it.window(one)
    for number in range(count):
        client = await it.exec(one)
        ended = await it.kill(grant)
        ((state, ms, why),) = ended
        late += why == NOT_IN_TIME  # it is ended a moment later, which facts tell
        assert state == "ended" or why == NOT_IN_TIME, (number, ended)
        took.append(ms / 1000)
        other.type(b"%d\n" % number)
        await other.hear(b"got %d\n" % number)
        await client.gone
        assert PREFIX not in client.said + other.said, number
    print(f"{count} rounds, two live windows on one pod: seconds from the mute to the proof  {told(took)}; nothing of the other window was harmed; "
          f"not proved in time: {late}")  # fmt: skip
    await it.revoke(lasting)
    await it.revoke(grant)
    views = await asyncio.to_thread(it.gateway.desk, lambda remote: remote.grant(grant))
    assert {view.state for view in views.processes} == {"ended"}, views


async def together(it: Round, count: int) -> None:
    grant = await it.window(it.agents[0])
    await asyncio.gather(*(it.exec(it.agents[0]) for _ in range(count)))
    ended = await it.revoke(grant)
    print(f"{count} equal commands of one pod ended together: {states(ended)} after {max(took for _, took in ended)} ms", flush=True)
    await it.proved(grant)


def states(ended: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {state}" for state, count in Counter(state for state, _ in ended).items())


async def crowd(it: Round, count: int) -> None:
    """The window that started them lives on while another one ends, of which none of them is; then it ends."""
    one, two = it.agents
    many = await it.window(two)
    other = await it.exec(two, ["sh", "-c", f"i=0; while [ $i -lt {count} ]; do sleep 100000 & i=$((i+1)); done; echo ready; read l; echo got $l; wait"], 300)
    grant = await it.window(one)
    await it.exec(one)
    ended = await it.revoke(grant)
    print(f"{count} processes of another window: the end of one command beside them is {states(ended)} after {max(took for _, took in ended)} ms", flush=True)
    await it.proved(grant)
    other.type(b"on\n")
    await other.hear(b"got on\n")
    ended = await it.revoke(many)
    print(f"{count} processes of the window itself: {states(ended)} after {max(took for _, took in ended)} ms", flush=True)
    await it.proved(many)


async def delays(it: Round, count: int) -> None:
    """The first command of a window waits for the look before it, the second does not."""
    first: list[float] = []
    second: list[float] = []
    for _ in range(count):
        grant = await it.window(it.agents[0])
        for found in (first, second):
            began = time.perf_counter()
            await it.exec(it.agents[0])
            found.append(time.perf_counter() - began)
        await it.revoke(grant)
    print(f"{count} windows: the first command is there after {told(first)} s, the second after {told(second)} s")


@contextlib.contextmanager
def ground(folder: Path) -> Iterator[tuple[Cluster, str]]:
    """A cluster, and the namespace of the pod."""
    real = clusters.real()
    if real is None:
        with clusters.embedded(folder / "cluster") as embedded:
            yield embedded, "web"
        return
    kubectl = [str(real.kubeconfig.parent / "kubectl"), f"--kubeconfig={real.kubeconfig}"]
    container = {"name": POD, "image": "localhost/busybox:1", "imagePullPolicy": "Never", "command": ["sleep", "100000000"]}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "namespace": SPACE}, "spec": spec}
    subprocess.run([*kubectl, "create", "namespace", SPACE], check=True, stdout=subprocess.DEVNULL)
    try:
        subprocess.run([*kubectl, "create", "-f", "-"], input=json.dumps(made).encode(), check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*kubectl, "-n", SPACE, "wait", "--for=condition=Ready", f"pod/{POD}", "--timeout=60s"], check=True, stdout=subprocess.DEVNULL)
        yield real, SPACE
    finally:
        subprocess.run([*kubectl, "delete", "namespace", SPACE, "--wait=false"], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--together", type=int, default=20)
    options.add_argument("--delays", type=int, default=30)
    options.add_argument("--crowd", type=int, default=0)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, ground(Path(folder)) as (cluster, space):
        rules = [rule(name, scope=[f"@debug in {space}"]) for name in ("bot-1", "bot-2")]
        with Gateway(Path(folder) / "gateway", cluster, rules=rules, config={"limits": UNLIMITED}) as gateway:
            it = Round(gateway, space, (gateway.agent("bot-1"), gateway.agent("bot-2")))

            async def all_of_it() -> None:
                for what, count in ((delays, given.delays), (rounds, given.rounds), (together, given.together), (crowd, given.crowd)):
                    if count:
                        await what(it, count)

            uvloop.run(all_of_it())


if __name__ == "__main__":
    main()
