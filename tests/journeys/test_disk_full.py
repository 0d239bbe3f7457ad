"""A data folder that runs full: what can't be recorded does not pass; deciding goes on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clusters import Cluster
from tests.support.gateway import Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import until

pytestmark = pytest.mark.root

SIZE = 3 << 30  # bytes of the file system; the gateway wants 2 GiB free
FLOOD = ("exec", "-n", "web", "box", "--", "sh", "-c", "while true; do seq 1 4000; sleep 0.005; done")
PODS = ("get", "pods", "-n", "web")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("left", [1 << 30, 0], ids=["below-the-reserve", "full"])
def test_what_can_not_be_recorded_does_not_pass(embedded_cluster: Cluster, small: Path, tmp_path: Path, one_kubectl: Kubectl, left: int) -> None:
    """Streams end in words with exit code 1, new calls are refused, people still revoke and approve; with room again all goes on, and verifies."""
    ballast = small / "ballast"
    with Gateway(tmp_path / "gateway", embedded_cluster, rules=[rule("bot"), rule("other")], data=small / "data") as gateway:
        agent, other = gateway.agent("bot"), gateway.agent("other")
        gateway.window(agent)
        asked = gateway.ask_json("request", "test", "--duration", "1m", "--reason", "later", by=other)["id"]
        program = gateway.spawn_kubectl(one_kubectl, agent, *FLOOD)
        program.expect("1\n")

        _fill(small, ballast, left)
        result = program.end(30)
        assert result.code == 1, result.said
        assert "record" in result.said
        refused = gateway.kubectl(one_kubectl, agent, *PODS)
        assert refused.code == 1
        assert refused.out == b""
        gateway.jitui("deny", asked, "--reason", "not while the disk is full").ok()

        ballast.unlink()
        until(lambda: gateway.kubectl(one_kubectl, agent, *PODS).code == 0, "recording again", 30)
        (session,) = gateway.sessions("exec")
        assert gateway.raw(session["id"], "stdout").startswith(result.out)
        gateway.jitui("verify").ok()


def _fill(folder: Path, ballast: Path, left: int) -> None:
    """Leave so many bytes free: at 0 the very last page goes."""
    free = os.statvfs(folder)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - max(left, 1 << 20))
    while not left:
        try:
            with ballast.open("ab") as file:
                file.write(bytes(4096))
        except OSError:
            return
