"""Commands over SSH: what a keystroke and bulk cost beside kubectl exec through the same gateway, and how 100 of them end at one deadline.

    [JITUI_TEST_CLUSTER=DIR] python -m tests.bench.bench_ssh [--only echo,bulk,end] [--size 100] [--rounds 3] [--streams 100] [--window 40]

echo and bulk go by SSH and by kubectl's WebSocket in turn: trust the ratios. They use the real cluster if there is one; the end the embedded one.
"""

import argparse
import asyncio
import hashlib
import os
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncssh
import uvloop

from tests.bench.clients import UNLIMITED, connect, exec_request, percentiles
from tests.support import kubectls
from tests.support.clusters import Cluster, embedded, real
from tests.support.gateway import Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.ssh_client import LISTEN, OpenSsh

NAME = "bencher"


@dataclass
class Seen:
    """The moments of one session, in wall time; 0: it did not come."""

    payload: float = 0.0
    words: float = 0.0
    closed: float = 0.0
    status: int | None = None
    echoes: list[float] = field(default_factory=list)


class Session(asyncssh.SSHClientSession[bytes]):
    """One command; what comes is timed."""

    def __init__(self) -> None:
        self.seen, self.typed = Seen(), 0.0
        self.gone = asyncio.get_running_loop().create_future()
        self.channel: Any

    def connection_made(self, chan: Any) -> None:
        self.channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        now = time.time()
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self.seen.words = now
            return
        self.seen.payload = now
        if self.typed:
            self.seen.echoes.append((time.monotonic() - self.typed) * 1000)
            self.typed = 0.0

    def exit_status_received(self, status: int) -> None:
        self.seen.status = status

    def connection_lost(self, exc: Exception | None) -> None:
        self.seen.closed = time.time()
        if not self.gone.done():
            self.gone.set_result(None)

    def type(self) -> None:
        if not self.typed:
            self.typed = time.monotonic()
            self.channel.write(b"k")


async def dial(ssh: OpenSsh) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect("127.0.0.1", ssh.port, username=NAME, client_keys=[str(ssh.key)], known_hosts=str(ssh.known), config=None, agent_path=None)


async def begin(connection: asyncssh.SSHClientConnection, command: str) -> Session:
    _, session = await connection.create_session(Session, command, encoding=None)
    assert isinstance(session, Session)
    return session


async def echo(ssh: OpenSsh, rounds: int) -> None:
    """One key at a time, by SSH and by a WebSocket."""
    gateway, agent = ssh.gateway, ssh.caller
    session = await begin(await dial(ssh), "test web/box cat")
    server = f"{gateway.ready['kube']}/c/test"
    other = await connect(server, gateway.ready["ca"], exec_request(server, agent.token, "box", ["cat"]))
    for _ in range(rounds * 2):
        for client in (session, other):
            for _ in range(100):
                client.type() if isinstance(client, Session) else client.type(b"k")
                await asyncio.sleep(0.02)
    print(f"echo of a keystroke, ssh       {percentiles(session.seen.echoes[20:])}")
    print(f"echo of a keystroke, websocket {percentiles([one * 1000 for one in other.seen.echoes[20:]])}")
    session.channel.abort()
    other.transport.abort()


def bulk(ssh: OpenSsh, kubectl: Kubectl, folder: Path, size: int, rounds: int) -> None:
    """MB/s of output and of input; and both at once, by their hash."""
    big = folder / "big"
    with big.open("wb") as file:
        for _ in range(size):
            file.write(os.urandom(1_000_000))
    there = f"/tmp/bench-{os.getpid()}"
    by_kubectl = [*kubectl.argv, "--kubeconfig", str(ssh.caller.kubeconfig), "exec", "-i", "-n", "web", "box", "--"]
    ways = {"ssh": ssh.argv("test", "web/box"), "kubectl": by_kubectl}
    _took(ssh, [*ways["ssh"], "sh", "-c", f"'cat >{there}; true'"], big)
    try:
        for what, words, source in (("stdout", ["cat", there], None), ("stdin", ["wc", "-c"], big), ("both ways", ["cat"], big)):
            found: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, argv in ways.items():
                    found[name].append(size / _took(ssh, [*argv, *words], source))
            speeds = "  ".join(f"{name} {statistics.median(values):6.1f} MB/s" for name, values in found.items())
            print(f"{what:10} {size} MB  {speeds}  {statistics.median(found['ssh']) / statistics.median(found['kubectl']):5.2f} x kubectl", flush=True)
        back = folder / "back"
        with big.open("rb") as given, back.open("wb") as kept:
            subprocess.run([*ways["ssh"], "cat"], env=ssh.environment, stdin=given, stdout=kept, check=True)
        same = hashlib.sha256(big.read_bytes()).digest() == hashlib.sha256(back.read_bytes()).digest()
        print(f"{size} MB there and back by ssh: sha256 {'equal' if same else 'DIFFERS'}")
    finally:
        ssh.run("test", "web/box", "rm", "-f", there)


def _took(ssh: OpenSsh, argv: list[str], source: Path | None) -> float:
    """Seconds. Raises AssertionError if it fails."""
    began = time.monotonic()
    with (source or Path(os.devnull)).open("rb") as given:
        done = subprocess.run(argv, env=ssh.environment, stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=600, check=False)
    assert done.returncode == 0, done.stderr.decode()[-500:]
    return time.monotonic() - began


async def end(ssh: OpenSsh, streams: int, window: int) -> None:
    """A quarter of them is typed into, two flood; each has a connection of its own."""
    gateway = ssh.gateway
    grant = await asyncio.to_thread(gateway.window, ssh.caller, duration=f"{window}s")
    (view,) = [one for one in await asyncio.to_thread(gateway.grants) if one["id"] == grant]
    deadline = datetime.fromisoformat(view["deadline"]).timestamp()
    sessions: list[Session] = []
    for start in range(0, streams, 10):
        connections = await asyncio.gather(*(dial(ssh) for _ in range(min(10, streams - start))))
        programs = ["jitui-flood" if start + at < 2 else "jitui-echo" for at in range(len(connections))]
        sessions += await asyncio.gather(*(begin(one, f"test web/web {program}") for one, program in zip(connections, programs, strict=True)))
    left = deadline - time.time()
    print(f"{len(sessions)} sessions open; the window ends in {left:.1f} s")
    assert left > 1, "the machine is too slow for this window; give a longer --window"
    while time.time() < deadline + 0.5:
        for session in sessions[2::4]:
            session.type()
        await asyncio.sleep(0.2)
    await asyncio.gather(*(asyncio.wait_for(session.gone, 15) for session in sessions))
    seen = [session.seen for session in sessions]
    words = [(one.words - deadline) * 1000 for one in seen if one.words]
    print(f"last payload byte after the deadline {percentiles([max(0.0, (one.payload - deadline) * 1000) for one in seen])}   (promise: 50 ms)")
    print(f"words after the deadline             {percentiles(words)}   (promise: 250 ms); {len(words)} of {len(seen)} got them")
    print(f"closed after the deadline            {percentiles([(one.closed - deadline) * 1000 for one in seen])}")
    print(f"exit status 255                      {sum(one.status == 255 for one in seen)} of {len(seen)}")
    print(f"a keystroke's echo while all live    {percentiles([each for one in seen for each in one.echoes])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="echo,bulk,end")
    parser.add_argument("--size", type=int, default=100, help="MB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--window", type=int, default=40, help="seconds, of those that end at once")
    args = parser.parse_args()
    chosen = set(args.only.split(","))
    with tempfile.TemporaryDirectory(prefix="jitui-bench-") as name, ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        folder = Path(name)

        def before(cluster: Cluster, name: str) -> OpenSsh:
            limits = UNLIMITED | {"ssh_connections_per_agent": 1000, "ssh_sessions_per_agent": 1000}
            gateway = stack.enter_context(Gateway(folder / name, cluster, rules=[rule(NAME, bytes="20GiB")], config={"limits": limits, "listen": LISTEN}))
            return OpenSsh(gateway, gateway.agent(NAME))

        if chosen & {"echo", "bulk"}:
            ssh = before(real() or stack.enter_context(embedded(folder / "cluster")), "gateway")
            ssh.gateway.window(ssh.caller)
            if "echo" in chosen:
                runner.run(echo(ssh, args.rounds))
            if "bulk" in chosen:
                bulk(ssh, list(kubectls.found().values())[-1], folder, args.size, args.rounds)
        if "end" in chosen:
            runner.run(end(before(stack.enter_context(embedded(folder / "cluster-end")), "end"), args.streams, args.window))


if __name__ == "__main__":
    main()
