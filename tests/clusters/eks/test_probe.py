"""The way to an EKS cluster, as `jitui check` walks it."""

import pytest

from jitui.clusters.eks.errors import AwsError
from jitui.clusters.eks.probe import probe
from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.values.clock import ManualClock
from tests.clusters.eks.account import ROLE, Account, Refusal
from tests.clusters.eks.made import load


async def test_each_step_is_told(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Whose credentials, which role with what beside it, which cluster, and where it answers."""
    steps = [step async for step in probe(await load(clock, external_id="xy:1"))]
    assert [step.what for step in steps] == ["AWS credentials", "role", "cluster", "endpoint"]
    assert steps[1].said.startswith(f"{ROLE} assumed with external_id, session jitui-gateway-")
    assert f"https://{cluster.url.removeprefix('https://')} answers" in steps[3].said
    assert not any(step.doubt for step in steps)


async def test_it_ends_at_the_step_that_fails(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """The error is that step's own, with the fix."""
    account.refusals["sts:AssumeRole"] = Refusal(403, "AccessDenied", "not authorized to perform: sts:AssumeRole")
    steps = probe(await load(clock))
    assert (await anext(steps)).what == "AWS credentials"
    with pytest.raises(AwsError, match="no such role, its trust policy does not name the caller"):
        await anext(steps)
