"""Where a cluster is."""

from pathlib import Path

import pytest

from jitui.clusters.eks.endpoint import configured
from jitui.clusters.eks.errors import AwsError
from jitui.clusters.pool import Pool
from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.values.clock import ManualClock
from jitui.values.errors import ConfigurationError
from tests.clusters.authority import Authority
from tests.clusters.eks.account import Account, Refusal
from tests.clusters.eks.made import get, load, settings


def test_what_is_configured_must_be_usable(tmp_path: Path) -> None:
    """A file that is missing or holds no certificate is said at start; without both keys it is looked up."""
    ca = tmp_path / "ca.pem"
    assert configured(settings()) is None
    with pytest.raises(ConfigurationError, match=r"certificate_authority .*ca.pem can't be read"):
        configured(settings(url="https://x", authority=ca))
    ca.write_text("nothing")
    with pytest.raises(ConfigurationError, match=r"certificate_authority .*ca.pem: the certificate authority can't be read"):
        configured(settings(url="https://x", authority=ca))
    ca.write_bytes(Authority().pem)
    endpoint = configured(settings(url="https://x/y", authority=ca))
    assert endpoint is not None
    assert (endpoint.address.host, endpoint.address.prefix, endpoint.tls.check_hostname, endpoint.tls.verify_mode.name) == ("x", "/y", True, "CERT_REQUIRED")


async def test_a_cluster_that_is_being_created(account: Account, clock: ManualClock) -> None:
    """It has no endpoint yet: said with its status; asked again after five seconds, not for every request."""
    account.cluster("", b"", status="CREATING")
    eks = await load(clock)
    for _ in range(3):
        with pytest.raises(AwsError, match="cluster prod in us-east-1 is CREATING: it has no endpoint yet; wait until it is ACTIVE"):
            await get(eks, Pool(eks))
    assert len(account.calls("eks:DescribeCluster")) == 1
    clock.advance(6)
    account.cluster("https://127.0.0.1:1", b"no certificate", status="ACTIVE")
    with pytest.raises(AwsError, match=r"what eks:DescribeCluster says can't be used: .*certificate authority can't be read"):
        await get(eks, Pool(eks))


async def test_a_private_endpoint_that_does_not_answer(account: Account, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says that it is private: a gateway outside the VPC waits in vain."""
    from jitui.clusters.eks import upstream  # noqa: PLC0415

    async def silent(*args: object, **more: object) -> None:
        from jitui.values.errors import UpstreamError  # noqa: PLC0415

        raise UpstreamError("cluster at x:443 did not answer within 10 s") from TimeoutError()

    monkeypatch.setattr(upstream, "dial", silent)
    account.cluster("https://127.0.0.1:1", Authority().pem, resources_vpc_config={"subnetIds": [], "endpointPublicAccess": False})
    eks = await load(clock)
    with pytest.raises(Exception, match=r"did not answer within 10 s; the cluster's endpoint is private \(resourcesVpcConfig.endpointPublicAccess is false\)"):
        await get(eks, Pool(eks))


async def test_eks_that_throttles_or_does_not_know_the_cluster(account: Account, clock: ManualClock) -> None:
    """Throttling is waited out while somebody waits; what does not change is said at once, and is not asked again for five seconds."""
    account.cluster("https://127.0.0.1:1", Authority().pem)
    eks = await load(clock)
    account.refusals["eks:DescribeCluster"] = Refusal(404, "ResourceNotFoundException", "No cluster found for name: prod.")
    for _ in range(5):
        with pytest.raises(AwsError, match="no cluster prod in region us-east-1"):
            await eks.authorization(None)
    assert len(account.calls("eks:DescribeCluster")) == 1
    clock.advance(6)
    account.refusals["eks:DescribeCluster"], account.refuse_times["eks:DescribeCluster"] = Refusal(429, "ThrottlingException", "Rate exceeded"), 2
    assert await eks.authorization(None)
    assert len(account.calls("eks:DescribeCluster")) == 4


async def test_a_role_session_that_is_over_is_assumed_anew(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """DescribeCluster says that it has expired: once more with another."""
    account.refusals["eks:DescribeCluster"] = Refusal(403, "ExpiredTokenException", "The security token included in the request is expired")
    account.refuse_times["eks:DescribeCluster"] = 1
    eks = await load(clock)
    pool = Pool(eks)
    assert (await get(eks, pool)).status == 200
    assert (len(account.calls("eks:DescribeCluster")), len(account.calls("sts:AssumeRole"))) == (2, 2)
    pool.close()
