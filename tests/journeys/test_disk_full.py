"""A data folder that runs full: what can't be recorded does not pass; deciding goes on."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clusters import Cluster
from tests.support.gateway import Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import until

pytestmark = pytest.mark.root

SIZE = 256 << 20  # bytes of the file system; 64 MiB of them are kept for the last facts
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


def test_what_can_not_be_recorded_does_not_pass(embedded_cluster: Cluster, small: Path, tmp_path: Path, one_kubectl: Kubectl) -> None:
    """Streams end in words with exit code 1, new calls are refused, people still revoke and approve; with room again all goes on, and verifies."""
    ballast = small / "ballast"
    with Gateway(tmp_path / "gateway", embedded_cluster, rules=[rule("bot"), rule("other")], data=small / "data") as gateway:
        agent, other = gateway.agent("bot"), gateway.agent("other")
        gateway.window(agent)
        asked = gateway.ask_json("request", "test", "--duration", "1m", "--reason", "later", by=other)["id"]
        program = gateway.spawn_kubectl(one_kubectl, agent, *FLOOD)
        program.expect("1\n")

        _fill(ballast)
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


def _fill(ballast: Path) -> None:
    """Until not one more page can be had."""
    for piece in (1 << 20, 4096):
        with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(piece)):
                pass
