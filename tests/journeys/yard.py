"""A namespace of the real cluster for one test file, one gateway before it, and agents with exactly one scope each."""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any, ParamSpec

import yaml

from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import Kubectl

P = ParamSpec("P")
IMAGE = "localhost/busybox:1"
LATE = "the container did not answer in time"  # the reason for an end that was not proved within its two seconds


@dataclass(frozen=True, slots=True)
class Yard:
    """The namespace, the gateway, and the admin's own connection to the cluster."""

    namespace: str
    gateway: Gateway
    cluster: Cluster
    admin: Kubectl

    def as_admin(self, *args: str, stdin: bytes = b"") -> bytes:
        """kubectl past the gateway; it must succeed."""
        return _kubectl(self.admin, self.cluster, args, stdin)

    def clears(self, *pods: str) -> None:
        """Nothing lives in these pods but their first processes, and what may not be killed."""
        for name in pods:
            with suppress(AssertionError):
                self.as_admin("-n", self.namespace, "exec", name, "--", "sh", "-c", "kill -9 -1")

    def agent(self, name: str, *, scope: Sequence[str] | None, kubeconfig: str) -> Agent:
        """An agent with a window of that scope (None: without one); its kubeconfig is `kubeconfig` with its own token."""
        issued = self.gateway.desk(lambda remote: remote.identity_add(name, roles=("agent",), owner="olga"))
        home = self.gateway.folder / name
        home.mkdir()
        agent = Agent(name, issued.token, home, home / "kubeconfig")
        agent.kubeconfig.touch(0o600)
        agent.kubeconfig.write_text(kubeconfig.replace("TOKEN", issued.token))
        if scope is not None:
            self.gateway.window(agent, scope="; ".join(scope))
        return agent

    def template(self) -> str:
        """A kubeconfig as `jitui kubeconfig` writes it, with TOKEN for the token."""
        first = self.gateway.agent("first")
        return first.kubeconfig.read_text().replace(first.token, "TOKEN")


def in_time(test: Callable[P, None]) -> Callable[P, None]:
    """A node that is too busy to answer within an end's two seconds shows nothing of that end, which says so: it is tried again, three times in all."""

    @wraps(test)
    def tried(*args: P.args, **named: P.kwargs) -> None:
        for left in (2, 1, 0):
            try:
                test(*args, **named)
            except AssertionError as error:
                if not left or LATE not in str(error):
                    raise
            else:
                return
            ground = named["ground"]
            assert isinstance(ground, Yard)
            ground.clears("box", "users")

    return tried


@contextmanager
def yard(folder: Path, cluster: Cluster, admin: Kubectl, namespace: str, *, agents: Mapping[str, Sequence[str]], manifest: str,
         more: Mapping[str, Mapping[str, Any]] = MappingProxyType({})) -> Iterator[Yard]:  # fmt: skip
    """Make the namespace with what the manifest says, and start the gateway with one rule for each agent, `more` added; both go with the block."""
    rules = [rule("first"), *(rule(name, scope=scope, **more.get(name, {})) for name, scope in agents.items())]
    try:
        _kubectl(admin, cluster, ("create", "namespace", namespace))
        _kubectl(admin, cluster, ("-n", namespace, "create", "-f", "-"), manifest.encode())
        with Gateway(folder, cluster, rules=rules, config={"limits": {"asks_per_hour": 10_000}}) as gateway:  # a long run asks often
            yield Yard(namespace, gateway, cluster, admin)
    finally:
        _kubectl(admin, cluster, ("delete", "namespace", namespace, "--wait=false", "--ignore-not-found"))


def pod(name: str, command: str = "sleep 2147483647", *, stdin: bool = False) -> str:
    """A manifest of a pod that runs at once and ends at once; with `stdin` one can attach to its input."""
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": _spec(command, stdin=stdin)}
    return "---\n" + yaml.safe_dump(made)


def deployment(name: str) -> str:
    """A manifest of a deployment with one such pod."""
    label = {"app": name}
    template = {"metadata": {"labels": label}, "spec": _spec(f"echo hello from {name}; sleep 2147483647")}
    spec = {"replicas": 1, "selector": {"matchLabels": label}, "template": template}
    return "---\n" + yaml.safe_dump({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})


def _spec(command: str, *, stdin: bool = False) -> dict[str, object]:
    container = {"name": "main", "image": IMAGE, "imagePullPolicy": "Never", "command": ["sh", "-c", command], "stdin": stdin}
    return {"terminationGracePeriodSeconds": 0, "containers": [container]}


def _kubectl(kubectl: Kubectl, cluster: Cluster, args: Sequence[str], stdin: bytes = b"") -> bytes:
    argv = [*kubectl.argv, "--kubeconfig", str(cluster.kubeconfig), *args]
    done = subprocess.run(argv, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout
