"""Fixtures for every test, and a summary at the end of the tests that could not run."""

import gc
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, settings

from tests.support import clusters, compiled, eks as stand_in, kubectls, processes
from tests.support.clusters import Cluster
from tests.support.gateway import Gateway
from tests.support.kubectls import Kubectl
from tests.support.soak import SOAKING
from tests.support.warm import Warm

MANY = 20  # left out tests of a file are told one by one up to here
LONGEST = (  # they begin first, in this order, so that no worker is left with one of them at the end; those that wait lie between those that compute
    "clusters/eks/test_standin.py", "tui/test_hostile.py", "journeys/matrix/test_1_30_to_1_33.py", "clusters/eks/test_gateway.py", "journeys/test_restart.py",
    "journeys/test_ends.py", "journeys/test_record.py", "journeys/test_story.py", "demo/test_script.py", "journeys/matrix/test_1_34_over_spdy.py",
    "journeys/test_processes.py", "journeys/matrix/test_1_27_to_1_29.py", "journeys/test_freeze.py", "journeys/matrix/test_1_34.py", "journeys/test_ssh.py",
    "demo/cluster/test_kubectl.py", "journeys/test_changes.py", "journeys/test_kill9.py", "journeys/test_streams.py", "journeys/test_clients.py",
    "journeys/test_command_line.py", "journeys/test_verbs.py", "tui/screens/test_freeze.py", "journeys/test_refusals.py", "journeys/test_goes_on_asking.py",
    "journeys/test_ssh_people.py", "journeys/test_masked.py", "demo/test_agent.py", "listeners/kube/test_malformed.py", "tui/screens/test_window.py",
)  # fmt: skip
CI = os.environ.get("CI") == "true"
settings.register_profile("jitui", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no mistake
settings.register_profile("compiled", settings.get_profile("jitui"), max_examples=compiled.EXAMPLES, database=None)
if compiled.HERE:
    settings.load_profile("compiled")
elif not CI:  # where Hypothesis has a profile of its own for it
    settings.load_profile("jitui")
_LEFT_OUT = pytest.StashKey[dict[str, str]]()  # node id -> what it needs and how to get that


class MakeGateway(Protocol):
    """Start a gateway before `cluster`; it is ended with the test."""

    def __call__(self, cluster: Cluster, *, rules: Sequence[Mapping[str, object]], data: Path | None = None,
                 config: Mapping[str, object] | None = None) -> Gateway: ...


@pytest.fixture(scope="session")
def all_kubectls() -> dict[str, Kubectl]:
    """Every real kubectl on this machine, by version."""
    return kubectls.found()


@pytest.fixture(scope="session", params=[pytest.param(version, marks=pytest.mark.kubectl) for version in kubectls.TRIED])
def kubectl(request: pytest.FixtureRequest, all_kubectls: dict[str, Kubectl]) -> Kubectl:
    """The oldest and the newest real kubectl that speak WebSocket by themselves; under `make soak` each."""
    return _wanted(all_kubectls, request.param)


@pytest.fixture(scope="session", params=[pytest.param("newest", marks=pytest.mark.kubectl)])
def one_kubectl(all_kubectls: dict[str, Kubectl]) -> Kubectl:
    """The newest kubectl, where the version does not matter."""
    return _wanted(all_kubectls, next(reversed(all_kubectls), "1.34"))


@pytest.fixture(scope="session")
def embedded_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The demo's cluster, as a process of its own."""
    with clusters.embedded(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def real_cluster() -> Cluster:
    """The real Kubernetes that JITUI_TEST_CLUSTER names; for tests marked `cluster`."""
    cluster = clusters.real()
    if cluster is None:
        pytest.fail(f"no real cluster; {clusters.HOW}")
    return cluster


@pytest.fixture(scope="session")
def eks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stand_in.Eks]:
    """The EKS stand-in, whose sessions end after 20 s; for tests marked `eks`. One that stands, else one without a node."""
    if (found := stand_in.standing()) is not None:
        yield found
        return
    with stand_in.up(tmp_path_factory.mktemp("eks"), "--session-seconds", "20") as eks:
        yield eks


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.cluster)], scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """The embedded cluster, and then the real one."""
    found: Cluster = request.getfixturevalue(f"{request.param}_cluster")
    return found


@pytest.fixture
def make_gateway(tmp_path: Path) -> Iterator[MakeGateway]:
    """Gateways that end with the test."""
    with ExitStack() as stack:
        made: list[Gateway] = []

        def make(cluster: Cluster, *, rules: Sequence[Mapping[str, object]], data: Path | None = None,
                 config: Mapping[str, object] | None = None) -> Gateway:
            made.append(stack.enter_context(Gateway(tmp_path / f"gateway{len(made)}", cluster, rules=rules, data=data, config=config)))
            return made[-1]

        yield make


def _wanted(found: dict[str, Kubectl], version: str) -> Kubectl:
    if version not in found:
        pytest.fail(f"no kubectl {version} on this machine; {kubectls.HOW.format(version=version)}")
    return found[version]


def _lacks(item: pytest.Item, versions: Callable[[], Mapping[str, Kubectl]]) -> str:
    """The missing requirement of a test, with the way to get it; empty if the test can run."""
    if item.get_closest_marker("cluster") and not os.environ.get(clusters.NEEDED):
        return f"the real cluster: {clusters.HOW}"
    if item.get_closest_marker("node") and not os.environ.get(stand_in.STANDING):
        return f"the EKS stand-in with a node: {stand_in.HOW_STANDING}"
    if item.get_closest_marker("eks") and stand_in.folder() is None and not os.environ.get(stand_in.STANDING):
        return f"the EKS stand-in: {stand_in.HOW}"
    if item.get_closest_marker("root") and os.geteuid():
        return "root, to mount a small file system"
    if item.get_closest_marker("kubectl"):
        wanted = getattr(item, "callspec", None) and item.callspec.params.get("kubectl")  # type: ignore[attr-defined]
        if not versions():
            return "a real kubectl: put one in PATH"
        if wanted and wanted not in versions():
            return f"kubectl {wanted}: {kubectls.HOW.format(version=wanted)}"
    return ""


def pytest_configure(config: pytest.Config) -> None:
    processes.warm = None if SOAKING else Warm()
    config.stash[_LEFT_OUT] = {}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Of the modules and tests that are made nothing becomes garbage: it is not looked for meanwhile, nor among them afterwards, a second each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what can't run here, remembering its name. With CI=true it stays, and fails."""
    order = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))
    if CI:
        return
    versions = kubectls.found() if any(item.get_closest_marker("kubectl") for item in items) else {}
    left_out = {item: lack for item in items if (lack := _lacks(item, lambda: versions))}
    config.stash[_LEFT_OUT].update({item.nodeid: lack for item, lack in left_out.items()})
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """From a worker of pytest-xdist: what it left out (each worker collects everything)."""
    node.config.stash[_LEFT_OUT].update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash[_LEFT_OUT]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what did not run: silence would look like success."""
    left_out = config.stash[_LEFT_OUT]
    if not left_out:
        return
    terminalreporter.section(f"{len(left_out)} tests could not run here", yellow=True)
    for lack in sorted(set(left_out.values())):
        terminalreporter.write_line(f"they need {lack}")
        names = [name for name, why in left_out.items() if why == lack]
        files = Counter(name.partition("::")[0] for name in names)
        for file in sorted(file for file, number in files.items() if number > MANY):
            terminalreporter.write_line(f"    {file}: {files[file]} tests")
        for name in sorted(name for name in names if files[name.partition("::")[0]] <= MANY):
            terminalreporter.write_line(f"    {name}")
