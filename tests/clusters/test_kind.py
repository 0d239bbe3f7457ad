"""A kind of connection has to give its settings, a way to load it and its steps; all else has a default."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

from jitui.clusters.kind import ClusterKind, ConnectionSettings, Step, quietly
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.clusters.port import Tell, Trouble
from jitui.values.clock import Clock, ManualClock
from tests.clusters.conftest import Write


class PlainConnection(ConnectionSettings):
    kind: Literal["plain"] = "plain"
    path: str


class PlainKind(ClusterKind[PlainConnection, Kubeconfig]):
    name = "plain"
    settings = PlainConnection

    def load(self, connection: PlainConnection, clock: Clock, tell: Tell = quietly) -> Kubeconfig:
        tell(Trouble("gateway", "none"))
        return Kubeconfig.load(Path(connection.path), "", clock)

    async def probe(self, upstream: Kubeconfig) -> AsyncIterator[Step]:
        yield Step("", upstream.host.decode())


async def test_the_least_kind(kubeconfig: Write, clock: ManualClock) -> None:
    """It renews nothing, exposes nothing, notes nothing, and has no documents beside RBAC, which binds a group."""
    kind, connection = PlainKind(), PlainConnection(path=str(kubeconfig("https://c:6443", {"token": "t"})))
    upstream = kind.load(connection, clock)
    assert [step.said async for step in kind.probe(upstream)] == ["c:6443"]
    kind.must_be_whole(connection)
    assert (kind.renewing(upstream), kind.exposed(connection), kind.notes(connection), kind.impersonates(connection)) == (None, (), (), False)
    assert kind.exposed_by(upstream) == ()
    assert await kind.documents(connection, "group", pytest.fail) == {}
    assert not kind.compares_rights
    assert not kind.binds_user


def test_a_kind_without_a_way_to_load_it_can_not_exist() -> None:
    """Python refuses to make one."""
    with pytest.raises(TypeError, match="abstract method"):
        type("Half", (ClusterKind,), {"name": "half"})()
