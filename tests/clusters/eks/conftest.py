"""AWS and a cluster for one test, in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from jitui.demo.cluster.embedded import EmbeddedCluster
from tests.clusters.eks import account as accounts, cluster as clusters
from tests.clusters.eks.account import Account
from tests.clusters.eks.cluster import Entries


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """On the gateway's own loop: what both loops differ in, TLS and sockets, is tested next listener."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    """moto's AWS, and its environment in this process."""
    with accounts.serving() as account:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_EKS", "AWS_STS_REGIONAL_ENDPOINTS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
        for name, value in account.environment.items():
            monkeypatch.setenv(name, value)
        yield account


@pytest.fixture
def entries(account: Account) -> Entries:
    return Entries(account)


@pytest.fixture
async def cluster(entries: Entries, tmp_path: Path) -> AsyncIterator[EmbeddedCluster]:
    """The embedded cluster, with access entries."""
    cluster = await clusters.start(tmp_path / "cluster", entries)
    try:
        yield cluster
    finally:
        await cluster.aclose()
