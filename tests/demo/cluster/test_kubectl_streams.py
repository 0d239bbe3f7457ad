"""Real kubectl's streams against the cluster, without a gateway: over SPDY, and over WebSocket what test_kubectl.py leaves.

In every run with the oldest and the newest, under `make soak` with every version.
"""

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.cluster.hand import Hand, hand
from tests.support.clusters import Cluster
from tests.support.kubectls import HOW, SPDY, TRIED, VERSIONS, Kubectl
from tests.support.processes import Program
from tests.support.soak import SOAKING

pytestmark = pytest.mark.kubectl
VARIABLES = ("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "KUBECTL_PORT_FORWARD_WEBSOCKETS")


@pytest.fixture(scope="module", params=[*SPDY, *VERSIONS] if SOAKING else [SPDY[0], *TRIED])
def kubectl(request: pytest.FixtureRequest, all_kubectls: dict[str, Kubectl]) -> Kubectl:
    """Each of them all."""
    if request.param not in all_kubectls:
        pytest.fail(f"no kubectl {request.param} on this machine; {HOW.format(version=request.param)}")
    return all_kubectls[request.param]


@pytest.fixture
def k(kubectl: Kubectl, embedded_cluster: Cluster, tmp_path: Path) -> Iterator[Hand]:
    """Told to speak SPDY, which those before 1.30 do anyway."""
    made = hand(kubectl, embedded_cluster, tmp_path)
    made.environment |= dict.fromkeys(VARIABLES, "false")
    yield made
    for program in made.programs:
        program.__exit__(None, None, None)


@pytest.fixture
def w(kubectl: Kubectl, k: Hand) -> Hand:
    """Told to speak WebSocket, which those from 1.31 on do anyway."""
    k.environment |= dict.fromkeys(VARIABLES, "true")
    return k


def methods(cluster: Cluster, subresource: str, since: int) -> set[str]:
    """The methods of the requests on a subresource, from a line of the cluster's audit log on: POST is SPDY, GET is WebSocket."""
    rows = [json.loads(line) for line in audit(cluster).read_text().splitlines()[since:]]
    return {row["method"] for row in rows if f"/{subresource}" in row["uri"] and row["stage"] == "RequestReceived"}


def audit(cluster: Cluster) -> Path:
    return cluster.kubeconfig.parent / "audit.jsonl"


@pytest.fixture
def asked(embedded_cluster: Cluster) -> int:
    """Lines of the audit log before the test."""
    return len(audit(embedded_cluster).read_text().splitlines())


def test_exec(k: Hand, embedded_cluster: Cluster, asked: int) -> None:
    """Output apart, stdin through a pipe, exit codes, a command that is not there; all of it as POST and SPDY."""
    result = k("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.code, result.out, result.said.splitlines()) == (7, b"out\n", ["err", "command terminated with exit code 7"])
    assert k("exec", "-i", "web", "--", "cat", stdin=b"through\n" * 10_000).ok().out == b"through\n" * 10_000
    result = k("exec", "web", "--", "nope")
    assert (result.code, 'exec: "nope": executable file not found in $PATH' in result.said) == (1, True)
    assert methods(embedded_cluster, "exec", asked) == {"POST"}


def test_exec_on_a_terminal(k: Hand) -> None:
    """A shell: the size is the terminal's, resizing reaches it, its exit code is kubectl's."""
    shell = k.spawn("exec", "-it", "web", "--", "sh", tty=(40, 132))
    shell.expect("web $ ")
    shell.write(b"stty size\r")
    after = shell.expect("40 132")
    shell.resize(50, 100)
    time.sleep(0.3)
    shell.write(b"stty size\r")
    after = shell.expect("50 100", after=after)
    shell.write(b"exit 5\r")
    assert shell.end().code == 5


def test_cp(k: Hand, tmp_path: Path) -> None:
    """To a pod and back, whole."""
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(3_000_000))
    k("cp", str(there), f"box:tmp/{tmp_path.name}").ok()
    k("cp", f"box:tmp/{tmp_path.name}", str(back)).ok()
    assert back.read_bytes() == there.read_bytes()


def attach(k: Hand) -> None:
    following = k.spawn("attach", "chatty")
    at = following.expect("line ")
    number = int(following.out[at:following.out.index(b"\n", at)])
    following.expect(f"line {number + 5}\n")


def test_attach(k: Hand, embedded_cluster: Cluster, asked: int) -> None:
    """The lines of its log, from now on."""
    attach(k)
    assert methods(embedded_cluster, "attach", asked) == {"POST"}


def attach_to_a_shell(k: Hand) -> None:
    shell = attached(k)
    shell.write(b"stty size; here=$$; echo $((here + 1)).\r")
    shell.expect("40 132")
    shell.kill()
    shell = attached(k)
    shell.write(b"test $here = $$ && echo still $((40 + 2)); exit 3\r")
    shell.expect("still 42")
    assert shell.end().code == 0
    shell = attached(k)
    shell.write(b"echo new${here}.; exit\r")
    shell.expect("new.")
    assert shell.end().code == 0


def attached(k: Hand) -> Program:
    shell = k.spawn("attach", "-it", "box", tty=(40, 132))
    shell.expect("try pressing enter")
    shell.write(b"\r")
    shell.expect("box $ ")
    return shell


def test_attach_to_a_shell(k: Hand) -> None:
    """With stdin and a terminal: kubectl's going leaves the shell, its next coming finds it as it was; `exit` ends it, and then there is a new one."""
    attach_to_a_shell(k)


@pytest.mark.parametrize("kubectl", [VERSIONS[0], VERSIONS[-1]], indirect=True)
def test_attach_to_a_shell_over_websocket(w: Hand) -> None:
    """The same."""
    attach_to_a_shell(w)


@pytest.mark.parametrize("kubectl", [SPDY[0], VERSIONS[-1]], indirect=True)
def test_run_and_attach(k: Hand, tmp_path: Path) -> None:
    """A pod made for one command: it reads what kubectl was given, and its exit code, from the pod's status, is kubectl's."""
    name = tmp_path.name.replace("_", "-").lower().strip("-")
    command = ("--image", "a:1", "--restart", "Never", "-i", name, "--", "sh", "-c", "read word; echo got $word; exit 3")
    result = k("run", *command, stdin=b"this\n")
    assert (result.code, result.out) == (3, b"got this\n")
    assert k.text("get", "pod", name, "--no-headers").split()[1:4] == ["0/1", "Error", "0"]
    assert "current phase is Failed" in k("exec", name, "--", "true").said
    k("delete", "pod", name).ok()


def fetch(forwarding: Program, path: str) -> bytes:
    port = re.search(rb"127\.0\.0\.1:(\d+)", forwarding.out)
    assert port is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{int(port[1])}{path}", timeout=20) as answer:
        body: bytes = answer.read()
        return body


def forward(k: Hand) -> None:
    forwarding = k.spawn("port-forward", "pod/web", ":8080")
    forwarding.expect("127.0.0.1:")
    for _ in range(3):
        assert fetch(forwarding, "/") == b"hello from web\n"
    assert fetch(forwarding, "/bytes/5000000") == bytes(5_000_000)
    forwarding.kill()


def test_port_forward(k: Hand, embedded_cluster: Cluster, asked: int) -> None:
    """Several connections through one kubectl, whole."""
    forward(k)
    assert methods(embedded_cluster, "portforward", asked) == {"POST"}


def test_port_forward_to_a_port_where_nothing_listens(k: Hand) -> None:
    """kubectl prints what the error stream says."""
    forwarding = k.spawn("port-forward", "service/shop", ":81")
    result = forwarding.end()
    assert (result.code, "does not have a service port 81" in result.said) == (1, True)
    forwarding = k.spawn("port-forward", "pod/web", ":81")
    forwarding.expect("127.0.0.1:")
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        fetch(forwarding, "/")
    forwarding.expect("failed to connect to localhost:81 inside namespace")


@pytest.mark.parametrize("kubectl", TRIED, indirect=True)
def test_over_websocket(w: Hand, embedded_cluster: Cluster, asked: int) -> None:
    """Attach, and port-forward in the tunnel."""
    attach(w)
    w.programs[-1].kill()
    forward(w)
    assert methods(embedded_cluster, "attach", asked) == {"GET"}
    assert methods(embedded_cluster, "portforward", asked) == {"GET"}
