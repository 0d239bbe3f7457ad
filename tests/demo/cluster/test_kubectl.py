"""Real kubectl against the cluster, without a gateway."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.cluster.hand import Hand, hand
from tests.support.clusters import Cluster, embedded
from tests.support.kubectls import Kubectl

pytestmark = pytest.mark.kubectl


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with embedded(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
def k(kubectl: Kubectl, shared: Cluster, tmp_path: Path) -> Iterator[Hand]:
    """Each kubectl that speaks WebSocket, on a shared cluster: what it changes it makes itself."""
    made = hand(kubectl, shared, tmp_path)
    yield made
    for program in made.programs:
        program.__exit__(None, None, None)


@pytest.fixture
def own(one_kubectl: Kubectl, outside: Cluster, tmp_path: Path) -> Iterator[Hand]:
    """The newest kubectl, on a cluster of the test's own."""
    made = hand(one_kubectl, outside, tmp_path)
    yield made
    for program in made.programs:
        program.__exit__(None, None, None)


def test_every_kubectl_reads(all_kubectls: dict[str, Kubectl], shared: Cluster, tmp_path: Path) -> None:
    """Also those before 1.30, which ask for discovery group by group."""
    for version, kubectl in all_kubectls.items():
        home = tmp_path / version
        home.mkdir()
        one = hand(kubectl, shared, home)
        assert one.text("get", "pod", "box", "--no-headers").split()[:4] == ["box", "1/1", "Running", "0"], version
        assert json.loads(one.text("version", "-o", "json"))["serverVersion"]["minor"] == "34", version


def test_get(k: Hand) -> None:
    """Tables with the columns that the API server makes."""
    assert k.text("get", "pods").splitlines()[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    wide = k.text("get", "pods", "-A", "-o", "wide").splitlines()
    assert wide[0].split() == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED", "NODE", "READINESS", "GATES"]
    assert {"box", "chatty", "web"} <= {line.split()[1] for line in wide[1:]}
    everything = k.text("get", "all")
    assert "deployment.apps/shop" in everything
    assert "service/web" in everything
    assert k.text("get", "pod", "web", "-o", "jsonpath={.status.phase}") == "Running"
    assert k.text("get", "pods", "-l", "app in (web,box)", "-o", "name").split() == ["pod/box", "pod/web"]
    assert k.text("get", "pods", "--field-selector", "metadata.name=web", "-o", "name").split() == ["pod/web"]
    assert k.text("get", "pods", "--chunk-size", "2", "-o", "name").count("pod/") == len(k.text("get", "pods", "-o", "name").split())


def test_describe(k: Hand) -> None:
    """With its events."""
    said = k.text("describe", "pod", "box")
    assert said.startswith("Name:             box\n")
    assert "Started container box" in said
    assert "2 desired | 2 updated | 2 total | 2 available" in k.text("describe", "deployment", "shop")


def test_words_of_refusal(k: Hand) -> None:
    """As the API server says them, with exit code 1."""
    for args, words in (
        (("get", "pod", "nope"), 'Error from server (NotFound): pods "nope" not found'),
        (("delete", "node", "demo-node"), 'Error from server (Forbidden): nodes "demo-node" is forbidden: User "gateway" cannot delete resource "nodes"'),
        (("--token", "wrong", "get", "pods"), "You must be logged in to the server"),
        (("get", "gizmos"), 'the server doesn\'t have a resource type "gizmos"'),
        (("create", "namespace", "web"), 'Error from server (AlreadyExists): namespaces "web" already exists'),
        (("exec", "nope", "--", "ls"), 'Error from server (NotFound): pods "nope" not found'),
        (("logs", "web", "-c", "nope"), "container nope is not valid for pod web"),
        (("logs", "web", "--previous"), 'previous terminated container "web" in pod "web" not found'),
        (("exec", "web", "--", "nope"), 'exec: "nope": executable file not found in $PATH'),
    ):
        result = k(*args)
        assert (result.code, result.out) == (1, b""), result
        assert words in result.said


def test_logs(k: Hand) -> None:
    """A tail, timestamps, and a stream that follows."""
    assert k.text("logs", "web", "--tail", "3").count("\n") == 3
    assert k.text("logs", "chatty", "--tail", "1", "--timestamps").split()[1] == "line"
    assert 0 < k.text("logs", "chatty", "--since", "2s").count("\n") <= 21
    follow = k.spawn("logs", "-f", "--tail", "1", "chatty")
    at = follow.expect("line ")
    number = int(follow.out[at:follow.out.index(b"\n", at)])
    follow.expect(f"line {number + 5}\n")


def test_exec(k: Hand) -> None:
    """Output, stdin through a pipe, exit codes."""
    result = k("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.code, result.out) == (7, b"out\n")
    assert result.said.splitlines() == ["err", "command terminated with exit code 7"]
    assert k("exec", "-i", "web", "--", "cat", stdin=b"through\n" * 10_000).ok().out == b"through\n" * 10_000
    assert k("exec", "deploy/shop", "--", "true").code == 0


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
    shell.write(b"sleep 100\r")
    after = shell.expect("sleep 100", after=after)
    time.sleep(0.3)
    shell.write(b"\x03")
    after = shell.expect("web $ ", after=after)
    shell.write(b"exit 5\r")
    assert shell.end().code == 5


def test_cp(k: Hand, tmp_path: Path) -> None:
    """To a pod and back, whole."""
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(3_000_000))
    k("cp", str(there), f"box:tmp/{tmp_path.name}").ok()
    k("cp", f"box:tmp/{tmp_path.name}", str(back)).ok()
    assert back.read_bytes() == there.read_bytes()


def test_create_patch_delete(k: Hand, tmp_path: Path) -> None:
    """Simple objects, made in the form this kubectl prefers."""
    name = tmp_path.name.replace("_", "-").lower().strip("-")
    k("create", "configmap", name, "--from-literal=colour=blue").ok()
    k("label", "configmap", name, "team=a").ok()
    assert k.text("get", "configmap", name, "-o", "jsonpath={.data.colour} {.metadata.labels.team}") == "blue a"
    k("patch", "configmap", name, "--type=json", "-p", '[{"op":"replace","path":"/data/colour","value":"red"}]').ok()
    k("patch", "configmap", name, "--type=merge", "-p", '{"data":{"size":"1"}}').ok()
    assert k.text("get", "configmap", name, "-o", "jsonpath={.data}") == '{"colour":"red","size":"1"}'
    k("delete", "configmap", name).ok()
    k("create", "secret", "generic", name, "--from-literal=p=word").ok()
    assert k.text("get", "secret", name, "-o", "jsonpath={.data.p}") == "d29yZA=="
    k("delete", "secret", name).ok()
    k("create", "namespace", name).ok()
    k("create", "deployment", name, "-n", name, "--image", "a:1", "--replicas", "2").ok()
    k("rollout", "status", f"deployment/{name}", "-n", name, "--timeout", "20s").ok()
    k("delete", "namespace", name).ok()
    assert k("get", "deployment", name, "-n", name).code == 1


def test_apply(k: Hand, tmp_path: Path) -> None:
    """Client-side, server-side, and diff."""
    name = tmp_path.name.replace("_", "-").lower().strip("-")
    manifest = tmp_path / "manifest.yaml"
    text = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: web}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: one, image: "a:1", env: [{{name: A, value: "1"}}]}}]}}
"""
    manifest.write_text(text)
    assert "created" in k.text("apply", "-f", str(manifest))
    assert "unchanged" in k.text("apply", "-f", str(manifest))
    manifest.write_text(text.replace("a:1", "a:2"))
    assert "a:2" in k("diff", "-f", str(manifest)).text
    assert "configured" in k.text("apply", "-f", str(manifest))
    assert "serverside-applied" in k.text("apply", "--server-side", "--force-conflicts", "-f", str(manifest))
    container = k.text("get", "deployment", name, "-o", "jsonpath={.spec.template.spec.containers[0]}")
    assert container == '{"env":[{"name":"A","value":"1"}],"image":"a:2","name":"one"}'
    k("delete", "-f", str(manifest)).ok()


def test_deployments_live(own: Hand) -> None:
    """Scaling, a new image, a restart, going back: each is rolled out, and the pods follow."""
    def pods() -> list[str]:
        return own.text("get", "pods", "-l", "app=shop", "-o", "name").split()

    own("scale", "deployment/shop", "--replicas", "3").ok()
    own("rollout", "status", "deployment/shop", "--timeout", "20s").ok()
    before = pods()
    assert len(before) == 3
    for args in (("set", "image", "deployment/shop", "shop=new:2"), ("rollout", "restart", "deployment/shop"), ("rollout", "undo", "deployment/shop")):
        own(*args).ok()
        own("rollout", "status", "deployment/shop", "--timeout", "20s").ok()
        assert len(pods()) == 3
        assert not set(pods()) & set(before)
        before = pods()
    assert own.text("get", "deployment", "shop", "-o", "jsonpath={.spec.template.spec.containers[0].image}") == "new:2"
    own("delete", before[0], "--wait").ok()
    own("wait", "--for=condition=Available", "deployment/shop", "--timeout", "20s").ok()
    assert len(set(pods()) - set(before)) == 1
    own("delete", "deployment", "shop").ok()
    own("wait", "--for=delete", "pod", "-l", "app=shop", "--timeout", "20s").ok()
    assert own.text("get", "replicasets", "-o", "name") == ""


def test_watch(own: Hand) -> None:
    """A pod from its making to its end, as rows of a Table and as JSON."""
    watch, raw = own.spawn("get", "pods", "-w"), own.spawn("get", "pods", "--watch-only", "-o", "json")
    watch.expect("web")
    time.sleep(0.5)
    own("run", "fresh", "--image", "a:1").ok()
    at = watch.expect("Pending")
    at = watch.expect("ContainerCreating", after=at)
    at = watch.expect("Running", after=at)
    own("delete", "pod", "fresh", "--wait=false").ok()
    watch.expect("Terminating", after=at)
    raw.expect('"phase": "Running"')
    assert watch.out.count(b"NAME") == 1
    watch.signal(signal.SIGINT)
    raw.signal(signal.SIGINT)


def test_questions_about_oneself(k: Hand) -> None:
    """auth can-i and whoami, in the form this kubectl sends them."""
    assert k.text("auth", "can-i", "delete", "pods").strip() == "yes"
    assert k("auth", "can-i", "delete", "nodes").code == 1
    assert "gateway" in k.text("auth", "whoami")
    assert "pods" in k.text("auth", "can-i", "--list")


def test_explain(k: Hand) -> None:
    """From OpenAPI v3."""
    assert "Text by key." in k.text("explain", "configmap")
