"""One real kubectl on a cluster, from outside."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.clusters import Cluster
from tests.support.kubectls import Kubectl
from tests.support.processes import Program, Result, run


@dataclass
class Hand:
    """One kubectl with a kubeconfig and a home of its own, so that its discovery cache is cold."""

    argv: list[str]
    environment: dict[str, str]
    programs: list[Program] = field(default_factory=list)

    def __call__(self, *args: str, stdin: bytes = b"") -> Result:
        return run([*self.argv, *args], env=self.environment, stdin=stdin)

    def text(self, *args: str, stdin: bytes = b"") -> str:
        return self(*args, stdin=stdin).ok().text

    def spawn(self, *args: str, tty: tuple[int, int] | None = None) -> Program:
        self.programs.append(Program([*self.argv, *args], env=self.environment, tty=tty))
        return self.programs[-1]


def hand(kubectl: Kubectl, cluster: Cluster, home: Path) -> Hand:
    return Hand([*kubectl.argv, "--kubeconfig", str(cluster.kubeconfig)], {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm"})
