"""The cluster leaves nothing behind, however it ends."""

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import httpx
import pytest

from jitui.demo.cluster import EmbeddedCluster, nurse
from tests.demo.cluster.conftest import Exec
from tests.support.kubectls import Kubectl
from tests.support.processes import Program, until

DAEMON = "setsid sh -c 'cd /; exec sleep 1000' >/dev/null 2>&1 </dev/null & echo $!; sleep 1000"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def sleepers() -> set[int]:
    """Processes that this test's DAEMON started."""
    return {int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _command(path) == b"sleep\0001000\0"}


def _command(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def test_closing_ends_everything(alone: EmbeddedCluster) -> None:
    """Connections, commands and their daemons, the scratch folder; its kubeconfig and audit log stay."""
    folder = alone.kubeconfig.parent
    async with Exec(alone, "web", "sh", "-c", DAEMON) as stream:
        await stream.until(b"\n")
        async with asyncio.timeout(10):
            while len(ours := sleepers() & set(nurse.marked(alone._mark))) < 2:  # noqa: ASYNC110 - other processes tell nobody
                await asyncio.sleep(0.02)
        assert len(ours) == 2
        await alone.aclose()
        assert not any(alive(pid) for pid in ours)
    assert sorted(path.name for path in folder.iterdir()) == ["audit.jsonl", "kubeconfig"]


async def test_its_files_are_private(alone: EmbeddedCluster) -> None:
    """The kubeconfig holds the token: 0600 in a folder of 0700."""
    assert stat.S_IMODE(alone.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(alone.kubeconfig.parent.stat().st_mode) == 0o700


async def test_two_at_once(tmp_path: Path) -> None:
    """Clusters don't know each other: ending one leaves the other's processes."""
    one, other = await EmbeddedCluster.start(tmp_path / "one"), await EmbeddedCluster.start(tmp_path / "other")
    async with Exec(other, "web", "sh", "-c", "echo $$; exec sleep 1000") as stream:
        pid = int(await stream.until(b"\n"))
        await one.aclose()
        assert alive(pid)
        await other.aclose()
        assert not alive(pid)


@pytest.mark.kubectl
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_end_everything(tmp_path: Path, one_kubectl: Kubectl, number: signal.Signals) -> None:
    """Its own processes and folder go with it, also when it can't say goodbye."""
    with Program([sys.executable, "-m", "jitui.demo.cluster", str(tmp_path / "c")], env=dict(os.environ)) as program:
        program.expect("kubeconfig")
        kubeconfig = tmp_path / "c" / "kubeconfig"
        before = sleepers()
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        with Program([*one_kubectl.argv, "--kubeconfig", str(kubeconfig), "exec", "web", "--", "sh", "-c", DAEMON], env=environment) as kubectl:
            kubectl.expect("\n")
            ours = until(lambda: sleepers() - before, "sleep")
            program.signal(number)
            assert program.end().code == (-number if number == signal.SIGKILL else 0)
            until(lambda: not any(alive(pid) for pid in ours), f"end of {ours}")
    until(lambda: sorted(path.name for path in (tmp_path / "c").iterdir()) == ["audit.jsonl", "kubeconfig"], "empty folder")


async def test_a_deleted_pod_takes_its_processes(alone: EmbeddedCluster, client: httpx.AsyncClient) -> None:
    """The exec's client is told 137, as when a container is killed; the pod is gone at once, as its grace period is 0."""
    async with Exec(alone, "box", "sleep", "1000") as stream:
        await stream.read()
        assert (await client.delete("/api/v1/namespaces/web/pods/box")).status_code == 200
        assert b'"message":"137"' in (await stream.rest())[3]
    assert (await client.get("/api/v1/namespaces/web/pods/box")).status_code == 404
