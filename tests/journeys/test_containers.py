"""Containers in a scope, with a real kubectl, which always names one."""

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.journeys.yard import IMAGE
from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import Kubectl

pytestmark = pytest.mark.kubectl

DUO = f"duo-{os.getpid()}"
NAMED = [f"exec pods:{DUO}/side in web", f"get pods/log:{DUO}/app in web"]
COMMAND = [f"exec pods:{DUO} in web -- echo *"]


@pytest.fixture(scope="module")
def gateway(cluster: Cluster, one_kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A pod with two containers, of which the second is the default one, and a rule for each way to say which is meant."""
    containers = [{"name": name, "image": IMAGE, "imagePullPolicy": "Never", "command": ["sleep", "2147483647"]} for name in ("side", "app")]
    metadata = {"name": DUO, "namespace": "web", "annotations": {"kubectl.kubernetes.io/default-container": "app"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"terminationGracePeriodSeconds": 0, "containers": containers}}
    admin = [*one_kubectl.argv, "--kubeconfig", str(cluster.kubeconfig), "-n", "web"]
    subprocess.run([*admin, "create", "-f", "-"], input=json.dumps(pod).encode(), check=True, capture_output=True)
    subprocess.run([*admin, "wait", "--for=condition=Ready", "pod", DUO, "--timeout=60s"], check=True, capture_output=True)
    with Gateway(tmp_path_factory.mktemp("gateway"), cluster, rules=[rule("named", scope=NAMED), rule("command", scope=COMMAND)]) as gateway:
        yield gateway
    subprocess.run([*admin, "delete", "pod", DUO, "--wait=false"], check=True, capture_output=True)


@pytest.fixture(scope="module")
def agents(gateway: Gateway) -> dict[str, Agent]:
    made = {name: gateway.agent(name) for name in ("named", "command")}
    for agent in made.values():
        gateway.window(agent)
    return made


def test_a_container_that_is_named_is_the_one_that_is_meant(gateway: Gateway, agents: dict[str, Agent], one_kubectl: Kubectl) -> None:
    """exec and logs, each in its container; the denial says which to use."""
    exec_, logs = ("exec", "-n", "web", DUO), ("logs", "-n", "web", DUO)
    assert gateway.kubectl(one_kubectl, agents["named"], *exec_, "-c", "side", "--", "echo", "in side").ok().text == "in side\n"
    denied = gateway.kubectl(one_kubectl, agents["named"], *exec_, "--", "echo", "in app")
    assert (denied.code, denied.text, "use -c side" in denied.said) == (1, "", True), denied
    direct = gateway.kubectl(one_kubectl, agents["named"], "get", "--raw", f"/api/v1/namespaces/web/pods/{DUO}/log?container=app")
    direct.ok()
    denied = gateway.kubectl(one_kubectl, agents["named"], *logs, "-c", "side")
    assert (denied.code, "use -c app" in denied.said) == (1, True), denied


def test_a_command_without_a_container_is_for_the_default_one(gateway: Gateway, agents: dict[str, Agent], one_kubectl: Kubectl) -> None:
    """It runs there, also by its name, and nowhere else; and the denial says so."""
    exec_ = ("exec", "-n", "web", DUO)
    assert gateway.kubectl(one_kubectl, agents["command"], *exec_, "--", "echo", "there").ok().text == "there\n"
    assert gateway.kubectl(one_kubectl, agents["command"], *exec_, "-c", "app", "--", "echo", "there").ok().text == "there\n"
    denied = gateway.kubectl(one_kubectl, agents["command"], *exec_, "-c", "side", "--", "echo", "there")
    assert (denied.code, denied.text) == (1, ""), denied
    assert "a command clause that names no container is for the pod's default one alone: leave -c out" in denied.said
    denied = gateway.kubectl(one_kubectl, agents["command"], *exec_, "--", "cat", "/etc/passwd")
    assert (denied.code, denied.text) == (1, ""), denied
