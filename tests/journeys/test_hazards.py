"""Ways to more than a person agreed to, on the real cluster: code beside the cluster's own, a node's disk, a namespace without Pod Security, a Secret
that is read by a deletion.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.yard import IMAGE
from tests.support.clusters import Cluster
from tests.support.gateway import Gateway, rule
from tests.support.kubectls import Kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]

NAME = f"hazards-{os.getpid()}"
AUTOMATIC: dict[str, Any] = {"approval": "automatic", "automatic_for": ["READ", "CHANGE"]}
JOB = json.dumps({
    "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": NAME},
    "spec": {"template": {"spec": {"serviceAccountName": "clusterrole-aggregation-controller", "restartPolicy": "Never",
                                   "containers": [{"name": "main", "image": IMAGE, "imagePullPolicy": "Never", "command": ["true"]}]}}},
})  # fmt: skip
VOLUME = json.dumps({
    "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": NAME},
    "spec": {"capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": NAME, "hostPath": {"path": "/etc"}},
})  # fmt: skip
OFF = '{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}'


@pytest.fixture(scope="module")
def gateway(real_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One rule that a person decides on, and three that decide by themselves for what only changes something."""
    rules = [
        rule("deployer", scope=["@deploy in *"]),
        rule("kube", scope=["create jobs.batch in kube-system"]),
        rule("volumes", scope=["create persistentvolumes"], **AUTOMATIC),
        rule("labels", scope=[f"patch namespaces:{NAME}"], **AUTOMATIC),
        rule("cleaner", scope=[f"delete,deletecollection secrets in {NAME}"], **AUTOMATIC),
        rule("notes", scope=["create,delete configmaps in default"], **AUTOMATIC),
        rule("guarded", scope=["@deploy in *"], guarded_namespaces=[NAME]),
    ]
    with Gateway(tmp_path_factory.mktemp("gateway"), real_cluster, rules=rules) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def baseline(real_cluster: Cluster, one_kubectl: Kubectl) -> Iterator[str]:
    """A namespace with Pod Security at baseline."""
    admin(one_kubectl, real_cluster, "create", "namespace", NAME)
    admin(one_kubectl, real_cluster, "label", "namespace", NAME, "pod-security.kubernetes.io/enforce=baseline")
    yield NAME
    admin(one_kubectl, real_cluster, "delete", "namespace", NAME, "--wait=false")
    admin(one_kubectl, real_cluster, "delete", "persistentvolume", NAME, "--ignore-not-found")
    admin(one_kubectl, real_cluster, "delete", "jobs", NAME, "-n", "kube-system", "--ignore-not-found")


def test_deploying_everywhere_is_not_deploying_beside_the_clusters_own(gateway: Gateway, real_cluster: Cluster, one_kubectl: Kubectl, baseline: str) -> None:
    """A Job under a controller's service account, which may escalate: refused, with what it would give. Elsewhere it is made; written out it may be."""
    agent = gateway.agent("deployer")
    gateway.window(agent)
    denied = gateway.kubectl(one_kubectl, agent, "create", "-n", "kube-system", "-f", "-", stdin=JOB.encode())
    assert denied.code == 1
    assert "create jobs.batch in kube-system gives a way to the rights of the cluster's own programs" in denied.said
    assert "adds: create jobs.batch in kube-system" in denied.said
    assert admin(one_kubectl, real_cluster, "get", "jobs", "-n", "kube-system", "-o", "name").count(NAME) == 0
    allowed = gateway.kubectl(one_kubectl, agent, "create", "-n", baseline, "--dry-run=server", "-f", "-", stdin=JOB.encode())
    assert "created" in allowed.ok().text
    meant = gateway.agent("kube")
    gateway.window(meant)
    allowed = gateway.kubectl(one_kubectl, meant, "create", "-n", "kube-system", "--dry-run=server", "-f", "-", stdin=JOB.encode())
    assert "created" in allowed.ok().text


def test_a_volume_on_a_nodes_disk_needs_a_person(gateway: Gateway, real_cluster: Cluster, one_kubectl: Kubectl, baseline: str) -> None:
    """A rule that passes CHANGE without a person does not pass this: the request waits, the volume is not made. A ConfigMap passes."""
    assert baseline
    agent = gateway.agent("volumes")
    asked = gateway.ask_json("request", "test", "--duration", "1m", "--reason", "space", by=agent)
    assert asked["state"] == "pending"
    assert gateway.kubectl(one_kubectl, agent, "create", "-f", "-", stdin=VOLUME.encode()).code == 1
    assert admin(one_kubectl, real_cluster, "get", "persistentvolumes", "-o", "name").count(NAME) == 0
    seen = next(one for one in gateway.jitui("requests", as_json=True).ok().jsons if one["identity"] == "volumes")
    assert seen["hazard"] == "ESCAPE"
    other = gateway.agent("notes")
    assert gateway.ask_json("request", "test", "--duration", "1m", "--reason", "a note", by=other)["state"] == "approved"


def test_pod_security_is_not_taken_off_without_a_person(gateway: Gateway, real_cluster: Cluster, one_kubectl: Kubectl, baseline: str) -> None:
    """Patching a namespace is no change like another: its labels hold the pods back."""
    agent = gateway.agent("labels")
    assert gateway.ask_json("request", "test", "--duration", "1m", "--reason", "labels", by=agent)["state"] == "pending"
    assert gateway.kubectl(one_kubectl, agent, "patch", "namespace", baseline, "-p", OFF).code == 1
    assert "enforce=baseline" in admin(one_kubectl, real_cluster, "get", "namespace", baseline, "--show-labels")


def test_a_secret_is_not_read_by_a_deletion_without_a_person(gateway: Gateway, real_cluster: Cluster, one_kubectl: Kubectl, baseline: str) -> None:
    """The cluster answers a deletion in a dry run with what is in it, and deletes nothing: so that needs whoever may decide on more than a change."""
    admin(one_kubectl, real_cluster, "create", "secret", "generic", "login", "-n", baseline, "--from-literal=word=open-sesame")
    path = f"/api/v1/namespaces/{baseline}/secrets"
    for tried in (f"{path}/login?dryRun=All&propagationPolicy=Foreground", f"{path}?dryRun=All"):
        assert "b3Blbi1zZXNhbWU=" in admin(one_kubectl, real_cluster, "delete", "--raw", tried)
    agent = gateway.agent("cleaner")
    assert gateway.ask_json("request", "test", "--duration", "1m", "--reason", "to clean", by=agent)["state"] == "pending"
    denied = gateway.kubectl(one_kubectl, agent, "delete", "--raw", f"{path}?dryRun=All")
    assert denied.code == 1
    assert "b3Blbi1zZXNhbWU=" not in denied.text + denied.said


def test_a_rule_guards_namespaces_of_its_own(gateway: Gateway, one_kubectl: Kubectl, baseline: str) -> None:
    """A namespace that the rule names as guarded is treated as kube-system is; on record too."""
    agent = gateway.agent("guarded")
    gateway.window(agent)
    denied = gateway.kubectl(one_kubectl, agent, "create", "configmap", "x", "-n", baseline)
    assert f"gives a say in {baseline}, which the rule guards" in denied.said
    rows = [row for row in gateway.jitui("actions", as_json=True).ok().jsons if row["identity"] == "guarded" and row["verdict"] == "denied"]
    assert [row["hazard"] for row in rows] == ["ESCAPE"]


def admin(kubectl: Kubectl, cluster: Cluster, *args: str) -> str:
    """kubectl past the gateway; it must succeed."""
    done = subprocess.run([*kubectl.argv, "--kubeconfig", str(cluster.kubeconfig), *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout
