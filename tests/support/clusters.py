"""The clusters behind a gateway in tests: the demo's embedded one, or the real one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.processes import Program

NEEDED: Final = "JITUI_TEST_CLUSTER"
GROUP: Final = "test.jitui.io"  # of the kinds that tests define
HOW: Final = f"start the real cluster and name its folder in {NEEDED}: tests/cluster/README.md"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster; `kubeconfig` may do everything in it."""

    kubeconfig: Path
    real: bool


@contextmanager
def embedded(folder: Path) -> Iterator[Cluster]:
    """A small cluster that speaks the real protocol, as a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with Program([sys.executable, "-m", "jitui.demo.cluster", str(folder)], env=os.environ) as program:
        program.expect("kubeconfig")
        yield Cluster(folder / "kubeconfig", real=False)


def real() -> Cluster | None:
    """The real one, if a folder is named and a cluster stands in it. Raises AssertionError if it is named and not there."""
    folder = os.environ.get(NEEDED)
    if not folder:
        return None
    kubeconfig = Path(folder) / "admin.kubeconfig"
    assert kubeconfig.exists(), f"{NEEDED}={folder}: no {kubeconfig.name} there; {HOW}"
    return Cluster(kubeconfig, real=True)


@contextmanager
def new_kind(cluster: Cluster, plural: str, kind: str, *, scope: str) -> Iterator[None]:
    """A kind of GROUP on the real cluster, for as long as the test needs it.

    Another kind of GROUP, `keepers`, stays: were the whole group to go, every kubectl of another test would find it listed and gone for some seconds.
    """
    _kubectl(cluster, "apply", "-f", "-", stdin=_definition("keepers", "Keeper", "Namespaced"))
    _kubectl(cluster, "wait", "--for=condition=Established", f"crd/keepers.{GROUP}", "--timeout=20s")
    _kubectl(cluster, "create", "-f", "-", stdin=_definition(plural, kind, scope))
    try:
        _kubectl(cluster, "wait", "--for=condition=Established", f"crd/{plural}.{GROUP}", "--timeout=20s")
        yield
    finally:
        _kubectl(cluster, "delete", "crd", f"{plural}.{GROUP}")


def _definition(plural: str, kind: str, scope: str) -> bytes:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return json.dumps({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP, "scope": scope, "names": {"plural": plural, "kind": kind, "singular": kind.lower()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }).encode()  # fmt: skip


def _kubectl(cluster: Cluster, *args: str, stdin: bytes = b"") -> None:
    """As the administrator; it must succeed."""
    command = [str(cluster.kubeconfig.parent / "kubectl"), f"--kubeconfig={cluster.kubeconfig}", *args]
    result = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
