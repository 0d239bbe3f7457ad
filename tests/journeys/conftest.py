"""One gateway for each file and cluster, and a fresh agent for each test."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import VERSIONS
from tests.support.soak import SOAKING

# which cluster stands behind it changes nothing there; make soak tries both
OF_THE_GATEWAY = {"test_command_line.py", "test_refusals.py", "test_restart.py", "test_ssh_refusals.py"}
collect_ignore = [] if SOAKING else ["test_players.py"]  # the programs are installed first
AGENTS = [f"bot-{number:02}" for number in range(80)]


@pytest.fixture(scope="module")
def gateway(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway before the embedded cluster, and then before the real one; rules for AGENTS."""
    with Gateway(tmp_path_factory.mktemp("gateway"), cluster, rules=[rule(name) for name in AGENTS]) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def _numbers() -> Iterator[int]:
    return count()


@pytest.fixture
def agent(gateway: Gateway, _numbers: Iterator[int]) -> Agent:
    """An agent that has asked for nothing yet."""
    return gateway.agent(AGENTS[next(_numbers)])


@pytest.fixture
def other(gateway: Gateway, _numbers: Iterator[int]) -> Agent:
    """Another agent with the same rule."""
    return gateway.agent(AGENTS[next(_numbers)])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Old and new kubectls go the whole story on the real cluster; all else there, and the story on the embedded one, is for the newest (they take minutes)."""
    items[:] = [item for item in items if not _repeats(item)]


def _repeats(item: pytest.Item) -> bool:
    given = getattr(item, "callspec", None)
    if given is None:
        return False
    if item.path.name == "test_story.py":
        return not SOAKING and given.params["cluster"] == "embedded" and given.params["kubectl"] != VERSIONS[-1]
    if given.params.get("cluster") == "real" and item.path.name in OF_THE_GATEWAY and not SOAKING:
        return True
    return bool(given.params.get("cluster") == "real" and given.params.get("kubectl", VERSIONS[-1]) != VERSIONS[-1])
