"""Which cells a file has, and its runs: each kubectl of the file goes through all of its cells once, when the first of them is asked for."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.journeys.matrix.cells import TABLE, Cause
from tests.journeys.matrix.lab import Lab
from tests.journeys.matrix.runs import Outcome, Run
from tests.support.clusters import Cluster
from tests.support.kubectls import HOW, Kubectl

SPDY: Final = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}


@dataclass(slots=True)
class Runs:
    """The runs of one file, in a namespace of their own."""

    cluster: Cluster
    admin: Kubectl
    folder: Path
    found: dict[str, dict[tuple[str, Cause], Outcome]] = field(default_factory=dict)  # by run
    failed: dict[str, str] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)  # of the record

    @property
    def namespace(self) -> str:
        return f"matrix-{os.getpid()}-{self.folder.name.lower()}"

    def of(self, kubectl: Kubectl, *, spdy: bool) -> str:
        """The name of a kubectl's run, which has been by then."""
        name = f"k{kubectl.version.replace('.', '')}{'spdy' if spdy else ''}"
        if name in self.failed:
            pytest.fail(f"its run failed: {self.failed[name]}")
        if name not in self.found:
            try:
                asyncio.run(self._go(name, kubectl, spdy=spdy))
            except Exception as error:
                self.failed[name] = repr(error)
                raise
        return name

    async def _go(self, name: str, kubectl: Kubectl, *, spdy: bool) -> None:
        folder = self.folder / name
        folder.mkdir()
        async with Lab(self.cluster.kubeconfig, f"{self.namespace}-{name}", self.admin) as lab:
            run = Run(name, kubectl, SPDY if spdy else {}, lab, folder)
            self.found[name] = await run.go()
            self.problems[name] = run.problems


@pytest.fixture(scope="session")
def kubectl(request: pytest.FixtureRequest, all_kubectls: dict[str, Kubectl]) -> Kubectl:
    """One that the file names."""
    if request.param not in all_kubectls:
        pytest.fail(f"no kubectl {request.param} on this machine; {HOW.format(version=request.param)}")
    return all_kubectls[request.param]


@pytest.fixture(scope="module")
def runs(real_cluster: Cluster, all_kubectls: dict[str, Kubectl], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(real_cluster, next(reversed(all_kubectls.values())), tmp_path_factory.mktemp("runs"))


@pytest.fixture
def outcome(runs: Runs, kubectl: Kubectl, cell: tuple[str, Cause], request: pytest.FixtureRequest) -> Outcome:
    """The outcome of one cell."""
    return runs.found[runs.of(kubectl, spdy=request.module.SPDY)][cell]


@pytest.fixture
def problems(runs: Runs, kubectl: Kubectl, request: pytest.FixtureRequest) -> list[str]:
    """The problems that verify found in the record of all cells of one kubectl."""
    return runs.problems[runs.of(kubectl, spdy=request.module.SPDY)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each kubectl of the file, and with it each cell of the table."""
    metafunc.parametrize("kubectl", [pytest.param(version, marks=pytest.mark.kubectl) for version in metafunc.module.VERSIONS], indirect=True, scope="session")
    if "cell" not in metafunc.fixturenames:
        return
    cells = [pytest.param((kind, cause), id=f"{kind.replace(' ', '_')}-{cause.value}") for kind in TABLE for cause in Cause]
    metafunc.parametrize("cell", cells)
