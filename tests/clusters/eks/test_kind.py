"""The kind `kubernetes-eks`."""

import asyncio

import pytest

from jitui.clusters.eks.kind import EksConnection, EksKind
from jitui.clusters.eks.policies import UNKNOWN
from jitui.clusters.eks.upstream import Eks
from jitui.values.clock import SystemClock
from jitui.values.errors import ConfigurationError
from tests.clusters.eks.account import CLUSTER, REGION, ROLE, Account

KIND = EksKind()


def connection(**more: object) -> EksConnection:
    return EksConnection.model_validate({"kind": "kubernetes-eks", "cluster_name": CLUSTER, "region": REGION, "role_arn": ROLE, **more})


def test_a_connection_is_whole_with_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment may name it instead."""
    monkeypatch.delenv("EKS_ROLE_ARN", raising=False)
    KIND.must_be_whole(connection())
    with pytest.raises(ConfigurationError, match=r"role_arn is missing"):
        KIND.must_be_whole(connection(role_arn=""))
    monkeypatch.setenv("EKS_ROLE_ARN", ROLE)
    KIND.must_be_whole(connection(role_arn=""))


async def test_role_sessions_are_renewed_in_the_background(account: Account) -> None:
    """The work is the upstream's own."""
    upstream = await asyncio.to_thread(KIND.load, connection(), SystemClock())
    assert isinstance(upstream, Eks)
    assert KIND.renewing(upstream) == upstream.run


async def test_the_documents_name_the_gateway_as_AWS_knows_it(account: Account) -> None:  # noqa: N802
    """The access entry is for the group that is bound; nothing has to be filled in."""
    notes: list[str] = []
    made = await KIND.documents(connection(), "jitui-prod", notes.append)
    assert made["access_entry"]["kubernetesGroups"] == ["jitui-prod"]
    assert UNKNOWN not in str(made["trust_policy"])
    assert [note for note in notes if UNKNOWN in note] == []


async def test_documents_without_AWS_have_a_gap_to_fill(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: N802
    """The note says where."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    notes: list[str] = []
    made = await KIND.documents(connection(), "jitui-prod", notes.append)
    assert made["trust_policy"]["Statement"][0]["Principal"] == {"AWS": UNKNOWN}
    assert notes[0].startswith("AWS can't be asked who the gateway is: ")
