"""The changes on record against the cluster's own truth: each object is read before and after each write with the administrator's rights."""

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import kubernetes.client
import kubernetes.config
import pytest

from jitui.recording.objects.difference import difference
from tests.conftest import MakeGateway
from tests.journeys.yard import Yard, yard
from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import run
from tests.support.soak import SOAKING

NS: Final = f"changes-{os.getpid()}"
VERBS: Final = "create,get,list,watch,update,patch,delete"
SCOPE: Final = (
    f"{VERBS},deletecollection configmaps in {NS}", f"{VERBS} deployments.apps,deployments.apps/scale,jobs.batch,services in {NS}",
    f"{VERBS} secrets in {NS}", f"{VERBS} pods,poddisruptionbudgets.policy in {NS}", f"create pods/eviction in {NS}",
    f"create serviceaccounts/token in {NS}", f"patch deployments.apps/status in {NS}",
    f"update pods/status in {NS}",
)  # fmt: skip
PATHS: Final = {"deployments": "/apis/apps/v1", "poddisruptionbudgets": "/apis/policy/v1"}  # else /api/v1
Configured: Any = kubernetes.config.new_client_from_config  # the client has no annotations
DEPLOYMENT: Final = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "py", "namespace": NS},
    "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "py"}}, "template": {"metadata": {"labels": {"app": "py"}}, "spec": {"containers": [
        {"name": "a", "image": "x:1", "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]}, {"name": "b", "image": "y:1"}]}}},
}  # fmt: skip
POD: Final = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "nowhere"}, "spec": {"nodeSelector": {"no": "where"}, "containers": [
    {"name": "a", "image": "x"}]}}  # fmt: skip
TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
HELM: Final = "helm.sh/helm/v3/cmd/helm@v3.19.0"
GO: Final = Path(__file__).parents[1] / "clients" / "go"
CHART: Final = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n", "values.yaml": "image: s:1\ntext: one\n",
    "templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\ndata: {text: '{{ .Values.text }}'}\n",
    "templates/service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {selector: {app: shop}, ports: [{name: http, port: 80}]}\n",
    "templates/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  replicas: 0\n"
                                 "  selector: {matchLabels: {app: shop}}\n  template:\n    metadata: {labels: {app: shop}}\n"
                                 "    spec: {containers: [{name: a, image: '{{ .Values.image }}'}]}\n",
}  # fmt: skip


def ask(client: Any, method: str, path: str, body: Any = None, media: str = "application/json", accept: str = "application/json") -> Any:
    """One plain request of the Python client."""
    headers = {"Accept": accept, "Content-Type": media}
    sent = client.param_serialize(method, path, header_params=headers, body=body, auth_settings=["BearerToken"])
    answer = client.call_api(*sent)
    answer.read()
    return answer


@dataclass
class Truth:
    """The true differences, by object in the order of its writes; a write of which nothing may be on record has none."""

    admin: Any
    of: dict[tuple[str, str], list[list[tuple[str, Any, Any]]]] = field(default_factory=lambda: defaultdict(list))
    releases: dict[str, dict[str, Any]] = field(default_factory=dict)  # Helm's own notes as they were last; it writes each of them several times at once

    def read(self, resource: str, name: str) -> dict[str, Any] | None:
        answer = ask(self.admin, "GET", f"{PATHS.get(resource, '/api/v1')}/namespaces/{NS}/{resource}/{name}")
        found: dict[str, Any] = json.loads(answer.data)
        return found if answer.status == 200 else None

    def during(self, resource: str, name: str, act: Callable[[], object], *, status: bool = False) -> None:
        """One write of an object."""
        self.among([(resource, name)], act, status=status)

    def among(self, places: Sequence[tuple[str, str]], act: Callable[[], object], *, status: bool = False) -> None:
        """One write of each of these objects, by one act."""
        before = [self.read(*place) for place in places]
        act()
        for place, was in zip(places, before, strict=True):
            self.of[place].append([(one.path, one.before, one.after) for one in difference(was, self.read(*place), status=status)])


@pytest.fixture(scope="module")
def house(real_cluster: Cluster, all_kubectls: dict[str, Kubectl], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with yard(tmp_path_factory.mktemp("changes"), real_cluster, all_kubectls["1.34"], NS, agents={"bot": SCOPE}, manifest=json.dumps(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "unseen"}, "data": {"a": "1"}})) as made:
        yield made


def write_with_kubectl(house: Yard, truth: Truth, agent: Any, kubectls: dict[str, Kubectl]) -> None:
    """Protobuf and JSON, patches of three kinds, both applies, scale, replace, delete."""
    old, new = kubectls["1.28"], kubectls["1.34"]

    def does(kubectl: Kubectl, *args: str, sent: object = None) -> Callable[[], object]:
        return lambda: house.gateway.kubectl(kubectl, agent, "-n", NS, *args, stdin=json.dumps(sent).encode() if sent else b"").ok()

    def manifest(image: str, label: str = "1") -> dict[str, Any]:
        meta = {"name": "web", "namespace": NS, "labels": {"n": label}}
        containers = [{"name": "app", "image": image}, {"name": "side", "image": "s:1"}]
        return DEPLOYMENT | {"metadata": meta, "spec": DEPLOYMENT["spec"] | {  # type: ignore[operator]
            "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}}}

    for kubectl, name in ((new, "one"), (old, "two")):
        truth.during("configmaps", name, does(kubectl, "create", "configmap", name, "--from-literal=a=1", "--from-literal=app.conf=x=1\ny=2"))
        truth.during("configmaps", name, does(kubectl, "patch", "configmap", name, "--type=merge", "-p", '{"data":{"a":null,"b":"2"}}'))
        truth.during("configmaps", name, does(kubectl, "patch", "configmap", name, "--type=json", "-p", '[{"op":"add","path":"/data/c","value":""}]'))
        truth.during("configmaps", name, does(kubectl, "annotate", "configmap", name, "note=x", "example.com/y=z"))
    truth.during("deployments", "web", does(new, "apply", "-f", "-", sent=manifest("w:1")))
    truth.during("deployments", "web", does(old, "apply", "-f", "-", sent=manifest("w:2", "2")))
    truth.during("deployments", "web", does(new, "patch", "deployment", "web", "-p", json.dumps(
        {"spec": {"template": {"spec": {"containers": [{"name": "first", "image": "f:1"}, {"name": "app", "args": ["a", "b"]}]}}}})))
    truth.during("deployments", "web", does(new, "set", "env", "deployment/web", "MODE=x", "-c", "app"))
    truth.during("deployments", "web", does(new, "scale", "deployment/web", "--replicas=1"))
    truth.during("deployments", "web", does(old, "scale", "deployment/web", "--replicas=0"))
    steps = '[{"op":"replace","path":"/spec/minReadySeconds","value":3}]'
    truth.during("deployments", "web", does(new, "patch", "deployment", "web", "--type=json", "-p", steps))
    truth.during("deployments", "typed", does(new, "create", "deployment", "typed", "--image=t:1", "--replicas=0", "--port=80"))
    for kubectl, text in ((new, "v"), (old, "w")):
        truth.during("configmaps", "ssa", does(kubectl, "apply", "--server-side", "-f", "-", sent={
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ssa"}, "data": {"k": text}}))
    truth.during("configmaps", "ssa", does(new, "replace", "-f", "-", sent={
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ssa"}, "data": {"other": "1"}}))
    truth.during("services", "svc", does(new, "create", "service", "clusterip", "svc", "--tcp=80:8080"))
    truth.during("secrets", "sec", does(new, "create", "secret", "generic", "sec", "--from-literal=password=hunter2"))
    truth.during("secrets", "sec", does(new, "patch", "secret", "sec", "--type=merge", "-p", '{"stringData":{"password":"hunter3"}}'))
    truth.during("poddisruptionbudgets", "pdb", does(new, "create", "poddisruptionbudget", "pdb", "--selector=app=web", "--min-available=1"))
    assert house.gateway.kubectl(new, agent, "-n", NS, "create", "configmap", "one").code != 0
    truth.during("configmaps", "one", does(new, "delete", "configmap", "one"))
    truth.during("deployments", "typed", does(new, "delete", "deployment", "typed", "--wait=false"))
    truth.during("configmaps", "unseen", does(new, "patch", "configmap", "unseen", "--type=merge", "-p", '{"data":{"a":"2"}}'))
    does(new, "create", "token", "default")()


def write_with_python(house: Yard, client: Any, truth: Truth) -> None:
    """JSON only, with each content type of a patch, a status, an eviction and a collection."""
    core: Any = kubernetes.client.CoreV1Api(client)  # the client takes mappings for objects, and its annotations do not say so
    apps: Any = kubernetes.client.AppsV1Api(client)

    def patch(kind: str, body: Any, tail: str = "") -> None:
        assert ask(client, "PATCH", f"/apis/apps/v1/namespaces/{NS}/deployments/py{tail}", body, kind).status == 200

    truth.during("deployments", "py", lambda: apps.create_namespaced_deployment(NS, DEPLOYMENT))
    truth.during("deployments", "py", lambda: patch("application/strategic-merge-patch+json", {"spec": {"template": {"spec": {"containers": [
        {"name": "b", "$patch": "delete"}, {"name": "a", "env": [{"name": "B", "value": "2"}]}]}}}}))
    truth.during("deployments", "py", lambda: patch("application/merge-patch+json", {"metadata": {"labels": {"x": "y"}}, "spec": {"paused": True}}))
    house.as_admin("-n", NS, "set", "image", "deployment/py", "a=x:9")  # past the gateway
    truth.during("deployments", "py", lambda: patch("application/json-patch+json", [{"op": "replace", "path": "/spec/paused", "value": False}]))
    condition = {"type": "Odd", "status": "True", "lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    patch("application/merge-patch+json", {"status": {"conditions": [condition]}}, "/status")
    truth.during("deployments", "py", lambda: apps.replace_namespaced_deployment("py", NS, DEPLOYMENT))
    truth.during("pods", "nowhere", lambda: core.create_namespaced_pod(NS, POD))
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "nowhere", "namespace": NS}}
    truth.during("pods", "nowhere", lambda: core.create_namespaced_pod_eviction("nowhere", NS, eviction))
    for name in ("many-1", "many-2"):
        made = {"metadata": {"name": name, "labels": {"many": "yes"}}, "data": {"a": name}}
        truth.during("configmaps", name, lambda made=made: core.create_namespaced_config_map(NS, made))  # type: ignore[misc]
    truth.among([("configmaps", "many-1"), ("configmaps", "many-2")],
                lambda: core.delete_collection_namespaced_config_map(NS, label_selector="many=yes"))
    maps = f"/api/v1/namespaces/{NS}/configmaps"
    said = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: said}\ndata: {a: 'yes'}\n"
    yaml = {"media": "application/yaml", "accept": "application/yaml"}
    truth.during("configmaps", "said", lambda: ask(client, "POST", maps, said, **yaml))
    truth.during("configmaps", "said", lambda: ask(client, "PUT", f"{maps}/said", said.replace("'yes'", "'no'"), **yaml))
    truth.during("configmaps", "said", lambda: ask(client, "PATCH", f"{maps}/said", {"data": {"a": "1", "b": "2"}}, "application/merge-patch+json", TABLE))


def write_with_go(house: Yard, agent: Agent, truth: Truth) -> None:
    """Protobuf of typed objects, JSON of a dynamic one, and server-side applies, by a program with client-go that makes one write for each line."""
    program = house.gateway.folder / "writes"
    run(("go", "build", "-o", str(program), "./writes"), env=os.environ | {"CGO_ENABLED": "0"}, cwd=GO, timeout=1200).ok()
    env = house.gateway.environment(agent.home) | {"KUBECONFIG": str(agent.kubeconfig)}
    with subprocess.Popen([program, NS], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin
        assert writer.stdout

        def act(name: str) -> None:
            print(name, file=writer.stdin, flush=True)
            assert writer.stdout.readline() == "ok\n", name  # type: ignore[union-attr]

        def does(resource: str, name: str, *acts: str, status: bool = False) -> None:
            for each in acts:
                truth.during(resource, name, lambda each=each: act(each), status=status)  # type: ignore[misc]

        does("deployments", "go", "create", "update", "strategic", "merge", "json", "scale", "scale, patched", "delete")
        does("deployments", "applied", "apply", "apply again")
        does("pods", "go-pod", "pod")
        house.as_admin("-n", NS, "wait", "pod/go-pod", "--for=condition=PodScheduled=false", "--timeout=60s")
        does("pods", "go-pod", "status", status=True)
        does("pods", "go-pod", "evict")
        does("configmaps", "go-dynamic", "dynamic")
        does("configmaps", "go-1", "go-1")
        does("configmaps", "go-2", "go-2")
        truth.among([("configmaps", "go-1"), ("configmaps", "go-2")], lambda: act("deletecollection"))


def write_with_helm(house: Yard, agent: Agent, truth: Truth) -> None:
    """A chart of three objects is installed, upgraded, rolled back and uninstalled."""
    folder = house.gateway.folder / "helm"
    for name, text in CHART.items():
        (folder / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "shop" / name).write_text(text)
    run(("go", "install", HELM), env=os.environ | {"CGO_ENABLED": "0", "GOBIN": str(folder)}, timeout=1800).ok()
    env = house.gateway.environment(agent.home) | {"KUBECONFIG": str(agent.kubeconfig)}

    def does(*args: str, names: Sequence[str] = ("configmaps", "services", "deployments")) -> None:
        truth.among([(name, "shop") for name in names], lambda: run((str(folder / "helm"), "-n", NS, *args), env=env, timeout=120).ok())
        for number in range(1, 4):
            name = f"sh.helm.release.v1.shop.v{number}"
            if found := truth.read("secrets", name):
                truth.releases[name] = found

    does("install", "shop", str(folder / "shop"))
    does("upgrade", "shop", str(folder / "shop"), "--set", "image=s:2,text=two", names=("configmaps", "deployments"))
    does("rollback", "shop", "1", names=("configmaps", "deployments"))
    does("uninstall", "shop")
    truth.releases["sh.helm.release.v1.shop.v3"]["metadata"]["labels"]["status"] = "uninstalling"  # noted there before it is deleted


def check_releases(truth: Truth, found: dict[tuple[str, str], list[dict[str, Any]]]) -> int:
    """Helm's notes of its releases: all their writes together lead to what they were last. How many writes there were."""
    count = 0
    for name, last in truth.releases.items():
        *writes, end = found.pop(("secrets", name))
        assert end["effect"] == "deleted"
        told = {each["path"]: each["after"] for one in writes for each in one["fields"]}
        shown = {path: after for path, after in told.items() if after is not None}  # None: a later write took it away
        true = {one.path: one.after for one in difference(None, last)}
        assert set(shown) == set(true)
        for path in ("name", "owner", "status", "version"):
            assert shown[f"metadata.labels.{path}"] == true[f"metadata.labels.{path}"]
        count += len(writes) + 1
    return count


@pytest.mark.cluster
@pytest.mark.kubectl
def test_each_difference_is_the_true_one_or_says_what_it_could_not_know(house: Yard, all_kubectls: dict[str, Kubectl]) -> None:
    """Of writes of every kind by an old and a new kubectl and the Python client, in JSON, YAML and protobuf, and under `make soak` by client-go and Helm,
    which have to be built first; a Secret shows which of its values changed."""
    agent = house.agent("bot", scope=SCOPE, kubeconfig=house.template())
    with Configured(str(house.cluster.kubeconfig)) as admin, Configured(str(agent.kubeconfig)) as client:
        truth = Truth(admin)
        write_with_kubectl(house, truth, agent, all_kubectls)
        write_with_python(house, client, truth)
        if SOAKING:
            write_with_go(house, agent, truth)
            write_with_helm(house, agent, truth)
    done = house.gateway.jitui("changes", "--identity", "bot", as_json=True).ok()
    assert b"hunter" not in done.out
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in done.out.splitlines():
        one = json.loads(line)
        if one["subresource"] != "token" and (one["subresource"], one["object"]["name"]) != ("status", "py"):
            found[one["object"]["resource"], one["object"]["name"]].append(one)
    releases = check_releases(truth, found)
    assert {key: len(writes) for key, writes in found.items()} == {key: len(writes) for key, writes in truth.of.items()}
    assert (sum(map(len, truth.of.values())), releases) == ((68, 12) if SOAKING else (40, 0))
    doubts = []
    for key, writes in truth.of.items():
        for true, one in zip(writes, found[key], strict=True):
            shown = sorted((each["path"], each["before"], each["after"]) for each in one["fields"])
            if one["asked"]:  # of an object that was not seen before, or whose answer is a Table, which has metadata alone
                assert shown == [("data.a", "not seen before", "2")] if key[1] == "unseen" else [("data.a", "no", "1"), ("data.b", None, "2")]
                assert key[1] in {"unseen", "said"}
            elif one["notes"]:
                doubts.append((key, one["notes"][0]))
                assert {path for path, *_ in true} < {path for path, *_ in shown}
            elif key[0] == "secrets":
                assert [path for path, *_ in shown] == sorted(path for path, *_ in true)
            else:
                assert shown == sorted(true), one
    assert [key for key, _ in doubts] == [("deployments", "py")]
    assert "others changed it in between" in doubts[0][1]
    uids = {one["object"]["uid"] for writes in found.values() for one in writes if one["verb"] != "create" or one["object"]["resource"] != "pods"}
    assert "" not in uids


@pytest.fixture
def window(make_gateway: MakeGateway, cluster: Cluster) -> tuple[Gateway, Agent, str]:
    gateway = make_gateway(cluster, rules=[rule("bot", scope=["@debug in web", "create,patch,delete configmaps in web"])])
    agent = gateway.agent("bot")
    return gateway, agent, gateway.window(agent)


def test_residue(window: tuple[Gateway, Agent, str], one_kubectl: Kubectl) -> None:
    """By kubectl on either cluster: of two config maps that were created one still exists, a file was copied out, and each line says how it ends."""
    gateway, agent, grant = window
    kept, gone = f"kept-{os.getpid()}", f"gone-{os.getpid()}"

    def does(*args: str) -> None:
        gateway.kubectl(one_kubectl, agent, "-n", "web", *args).ok()

    for name in (kept, gone):
        does("create", "configmap", name, "--from-literal=a=1")
    does("delete", "configmap", gone)
    does("exec", "box", "--", "tar", "cf", "-", "/etc/hostname")
    try:
        found = [json.loads(line) for line in gateway.jitui("residue", grant, as_json=True).ok().out.splitlines()]
        (object_,) = [one for one in found if one["kind"] == "object"]
        assert (object_["object"]["name"], object_["exists"], object_["effect"]) == (kept, True, "created")
        assert object_["object"]["uid"]
        assert object_["ends"] == f"kubectl delete configmaps {kept} -n web"
        (copy,) = [one for one in found if one["kind"] == "copy"]
        assert copy["way"] == "out"
        changes = [json.loads(line) for line in gateway.jitui("changes", grant, as_json=True).ok().out.splitlines()]
        assert [(one["object"]["name"], one["effect"]) for one in changes] == [(kept, "created"), (gone, "created"), (gone, "deleted"), ("box", "inside")]
    finally:
        does("delete", "configmap", kept)
    assert not [line for line in gateway.jitui("residue", grant, as_json=True).ok().out.splitlines() if b'"object","said"' in line]
