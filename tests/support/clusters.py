"""What stands behind a gateway in tests: the embedded cluster of the demo, or the real one."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.processes import Program

NEEDED: Final = "JITUI_TEST_CLUSTER"
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
