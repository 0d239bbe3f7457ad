"""Each kubectl command passes with the scope of its row and needs no more: docs/cluster-behaviour.md, section 4, row by row, on the real cluster.

All rows run first, three kubectls at a time, each with an agent, a window and a cold cache of its own; then each is judged.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.journeys.yard import IMAGE, Yard, deployment, pod, yard
from tests.support.clusters import Cluster
from tests.support.kubectls import Kubectl
from tests.support.processes import Result
from tests.support.soak import SOAKING

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]

OLD, NEW = "1.27", "1.34"
TRIED = (OLD, NEW) if SOAKING else (NEW,)
AT_ONCE = 3
NS = f"verbs-{os.getpid()}"
CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {key: %s}\n"
ALL = ("pods,replicationcontrollers,services,daemonsets.apps,deployments.apps,replicasets.apps,statefulsets.apps,"
       "horizontalpodautoscalers.autoscaling,cronjobs.batch,jobs.batch")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """One command: VV stands for the version, so that two kubectls don't meet; what it must print, and must not."""

    args: str
    code: int = 0
    out: str = ""
    err: str = ""
    stdin: str = ""
    denied: int = 0  # how many Forbidden lines
    only: str = ""  # the version it is for; `get --raw` of the old one leaves the path of the server's URL out


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    scope: tuple[str, ...]
    runs: tuple[Run, ...] = field(default=())


ROWS = (
    Row("get", ("get,list pods in NS",), (
        Run("get pods", out="box-VV"), Run("get pod box-VV", out="Running"), Run("get pods -w", 1, out="box-VV", err="watch pods in NS: no rule allows it"),
        Run("get events", 1, denied=1), Run("get ns", 1, denied=1), Run("get pods -A", 1, err="use -n NS"),
    )),
    Row("get -w", ("read pods:box-VV in NS",), (Run("get pod box-VV -w --request-timeout=2s", out="box-VV"),)),
    Row("get all", (f"list {ALL} in NS",), (Run("get all", out="deployment.apps/shop-VV"),)),
    Row("get all, too narrow", ("list pods in NS",), (Run("get all", 1, out="box-VV", denied=9),)),
    Row("describe", ("get pods in NS; list events in NS",), (Run("describe pod box-VV", out="Scheduled"),)),
    Row("describe without events", ("get pods in NS",), (Run("describe pod box-VV", out="Events:"),)),
    Row("describe deploy", ("get deployments.apps in NS; list events,replicasets.apps in NS",), (Run("describe deploy shop-VV", out="NewReplicaSet:"),)),
    Row("logs", ("get pods,pods/log in NS",), (Run("logs chatty-VV --tail=1", out="line"),)),
    Row("logs deploy", ("get deployments.apps,pods/log in NS; list pods in NS",), (Run("logs deploy/shop-VV", out="hello from shop-VV"),)),
    Row("exec", ("exec pods:box-VV in NS",), (Run("exec box-VV -- echo hi", out="hi\n"), Run("exec chatty-VV -- echo hi", 1, denied=1))),
    Row("exec deploy", ("get deployments.apps in NS; list pods in NS; exec pods in NS",), (Run("exec deploy/shop-VV -- echo hi", out="hi\n"),)),
    Row("exec without get", ("create pods/exec in NS",), (Run("exec box-VV -- echo hi", 1, denied=1),)),
    Row("cp", ("exec pods:box-VV in NS",), (
        Run("cp HERE/to box-VV:/tmp/to"), Run("exec box-VV -- cat /tmp/to", out="carried"), Run("cp box-VV:/tmp/to HERE/from-VV"),
    )),
    Row("apply", ("apply configmaps in NS",), (
        Run("apply -f -", out="configmap/a-VV created", stdin=CM % ("a-VV", "one")), Run("apply -f -", out="unchanged", stdin=CM % ("a-VV", "one")),
        Run("apply -f -", out="configured", stdin=CM % ("a-VV", "two")), Run("diff -f -", 1, out="+  key: three", stdin=CM % ("a-VV", "three")),
        Run("label cm a-VV x=y", out="labeled"), Run('patch cm a-VV -p {"data":{"key":"four"}}', out="patched"),
    )),
    Row("apply --server-side", ("apply configmaps:s-VV in NS",), (
        Run("apply --server-side -f -", out="serverside-applied", stdin=CM % ("s-VV", "one")),
        Run("apply --server-side -f -", 1, denied=1, stdin=CM % ("t-VV", "one")),
    )),
    Row("apply --server-side without create", ("get,patch configmaps in NS",), (
        Run("apply --server-side -f -", 1, denied=1, stdin=CM % ("u-VV", "one")),
    )),
    Row("create", ("create configmaps in NS",), (
        Run("create cm c-VV --from-literal=a=b", out="created"), Run("create cm c-VV --from-literal=a=b", 1, err="already exists"),
    )),
    Row("run", ("create pods in NS",), (Run(f"run r-VV --image={IMAGE} --image-pull-policy=Never --restart=Never -- true", out="created"),)),
    Row("delete", ("delete,get,list,watch pods:gone-VV in NS",), (
        Run("delete pod gone-VV --timeout=30s", out="deleted"), Run("delete pod box-VV", 1, denied=1),
    )),
    Row("delete alone", ("delete configmaps in NS",), (Run("delete cm d-VV", out="deleted"),)),
    Row("rollout", ("read,patch deployments.apps:roll-VV in NS; list replicasets.apps in NS",), (
        Run("rollout restart deploy/roll-VV", out="restarted"), Run("rollout status deploy/roll-VV --timeout=40s", out="successfully rolled out"),
        Run("rollout undo deploy/roll-VV", out="rolled back"), Run("rollout restart deploy/shop-VV", 1, denied=1),
    )),
    Row("wait", ("read deployments.apps:shop-VV in NS",), (Run("wait --for=condition=Available deploy/shop-VV --timeout=30s", out="condition met"),)),
    Row("scale", ("get deployments.apps in NS; get,patch deployments.apps/scale:scaled-VV in NS",), (
        Run("scale deploy/scaled-VV --replicas=0", out="scaled"), Run("scale deploy/shop-VV --replicas=0", 1, denied=1),
    )),
    Row("scale without /scale", ("get,patch deployments.apps in NS",), (Run("scale deploy/scaled-VV --replicas=0", 1, denied=1),)),
    Row("set image", ("get,patch deployments.apps:scaled-VV in NS",), (Run("set image deploy/scaled-VV main=localhost/busybox:2", out="image updated"),)),
    Row("top", ("list pods.metrics.k8s.io in NS",), (Run("top pods", 1, err="Metrics API not available"),)),
    Row("debug", ("get pods in NS; patch pods/ephemeralcontainers:box-VV in NS",), (Run(f"debug box-VV --image={IMAGE} -c dbg -- true"),)),
    Row("debug, not written out", ("* * in NS",), (
        Run(f"debug box-VV --image={IMAGE} -c dbg2 -- true", 1, err="a container of the agent's choice inside a running pod", denied=1),
    )),
    Row("auth", ("get,list pods in NS; exec pods:box-VV in NS; read nodes",), (
        Run("auth can-i list pods", out="yes"), Run("auth can-i get pods/box-VV", out="yes"), Run("auth can-i get pods --subresource=log", 1, out="no - "),
        Run("auth can-i delete pods", 1, out="no - delete pods in NS: no rule allows it"), Run("auth can-i list nodes", out="yes"),
        Run("auth can-i create pods/box-VV --subresource=exec", out="yes"), Run("auth can-i get secrets", 1, out="passwords, keys and tokens"),
        Run("auth can-i * *", 1, out="no - no window covers everything"), Run("auth can-i get /version", out="yes"),
        Run("auth can-i get /metrics", 1, out="no - "), Run("auth can-i list pods -A", 1, out="no - "),
        Run("auth can-i --list", out="selfsubjectaccessreviews", err="covers: get,list pods in NS"),
        Run("auth whoami", out="Username", only=NEW),
    )),
    Row("looking around", ("list services in kube-system",), (
        Run("explain pods.spec", out="containers"), Run("explain deployments", out="Deployment"), Run("api-resources", out="deployments"),
        Run("api-versions", out="apps/v1"), Run("version", out="Server Version"), Run("cluster-info", out="control plane"),
        Run("get --raw /openapi/v3/apis/apps", out="openapi", only=NEW), Run("get --raw /metrics", 1, err="orbidden", only=NEW),
    )),
)  # fmt: skip


def filled(text: str, version: str, here: Path) -> str:
    return text.replace("VV", version.replace(".", "")).replace("NS", NS).replace("HERE", str(here))


def manifest() -> str:
    made = []
    for version in TRIED:
        tag = version.replace(".", "")
        made += [pod(f"box-{tag}"), pod(f"gone-{tag}"), pod(f"chatty-{tag}", "while true; do echo line; sleep 1; done")]
        made += [deployment(f"{name}-{tag}") for name in ("shop", "roll", "scaled")]
        made.append(f"---\n{CM % (f'd-{tag}', 'x')}")
    return "".join(made)


Done = Mapping[tuple[str, str], list[tuple[Run, Result]]]


@pytest.fixture(scope="module")
def done(real_cluster: Cluster, all_kubectls: dict[str, Kubectl], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """Every row with every version that is tried, run."""
    here = tmp_path_factory.mktemp("verbs")
    here.joinpath("to").write_text("carried")
    plan = {(row.name, version): f"v-{at:02}" for at, (row, version) in enumerate((row, version) for row in ROWS for version in TRIED)}
    scopes = {plan[row.name, version]: [filled(clause, version, here) for clause in row.scope] for row in ROWS for version in TRIED}
    with yard(here / "gateway", real_cluster, all_kubectls[NEW], NS, agents=scopes, manifest=manifest()) as place:
        template = place.template()
        place.as_admin("-n", NS, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            going: dict[tuple[str, str], Future[list[tuple[Run, Result]]]] = {}
            for row in ROWS:
                for version in TRIED:
                    name = plan[row.name, version]
                    going[row.name, version] = pool.submit(follow, place, row, all_kubectls[version], name, scopes[name], template, here)
            yield {key: future.result() for key, future in going.items()}


def follow(place: Yard, row: Row, kubectl: Kubectl, name: str, scope: list[str], template: str, here: Path) -> list[tuple[Run, Result]]:
    """The commands of one row, one after the other."""
    agent = place.agent(name, scope=scope, kubeconfig=template)
    found = []
    for run in row.runs:
        if run.only not in {"", kubectl.version}:
            continue
        words = [filled(word, kubectl.version, here) for word in run.args.split(" ")]
        cut = words.index("--") if "--" in words else len(words)
        argv = [*words[:cut], *(() if {"-A", "--raw", "cluster-info"} & set(words) else ("-n", NS)), *words[cut:]]
        stdin = filled(run.stdin, kubectl.version, here).encode()
        found.append((run, place.gateway.kubectl(kubectl, agent, *argv, stdin=stdin)))
    return found


@pytest.mark.parametrize("version", TRIED)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_command_needs_what_the_table_says(done: Done, row: Row, version: str, tmp_path: Path) -> None:
    """Under a scope that names it, it works as on the cluster itself; under less, kubectl prints the denial and exits 1."""
    for run, result in done[row.name, version]:
        wanted = [filled(text, version, tmp_path) for text in (run.out, run.err)]
        assert (result.code, wanted[0] in result.text, wanted[1] in result.said) == (run.code, True, True), f"{run}\n{result}"
        if run.denied or not run.code:
            assert result.said.count("Forbidden") == run.denied, f"{run}\n{result}"
