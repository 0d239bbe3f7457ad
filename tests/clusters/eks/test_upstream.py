"""The whole way: AssumeRole, DescribeCluster, a token, the cluster."""

import asyncio
from pathlib import Path

import pytest

from jitui.clusters.eks.errors import AwsError
from jitui.clusters.pool import Pool
from jitui.clusters.port import Upstream
from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.values.clock import ManualClock
from jitui.values.errors import UpstreamError
from tests.clusters.authority import Authority
from tests.clusters.eks.account import ROLE, Account, Refusal
from tests.clusters.eks.cluster import Entries, authority
from tests.clusters.eks.made import get, grant, load


async def test_each_grant_has_a_session_of_its_own(account: Account, entries: Entries, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Named after grant and identity, so that the cluster's audit log tells them apart; the gateway's own requests have another."""
    eks = await load(clock)
    pool = Pool(eks)
    first, second = grant(7, clock), grant(8, clock, "agent ö@x")
    for it in (first, second, None, first):
        assert (await get(eks, pool, it)).status == 200
    assert [name for name in entries.callers if not name.startswith("jitui-gateway-")] == ["jitui-g-7-agent-deploybot", "jitui-g-8-agent--@x",
                                                                                          "jitui-g-7-agent-deploybot"]  # fmt: skip
    asked = [one.form for one in account.calls("sts:AssumeRole")]
    assert [form["DurationSeconds"] for form in asked] == ["3600", "1800", "1800"]
    assert {form["RoleArn"] for form in asked} == {ROLE}
    assert not {name for form in asked for name in form} & {"SourceIdentity", "ExternalId", "Tags.member.1.Key"}
    assert len(account.calls("eks:DescribeCluster")) == 1
    assert (eks.host, eks.prefix, entries.refused) == (cluster.url.removeprefix("https://").encode(), b"", [])
    pool.close()


async def test_it_is_an_upstream(account: Account, clock: ManualClock) -> None:
    """Before the cluster was looked up it has a name that any API server answers to (mypy checks the protocol)."""
    upstream: Upstream = await load(clock)
    assert (upstream.host, upstream.prefix, upstream.epoch, upstream.ready(None)) == (b"kubernetes", b"", 0, None)
    assert account.asked == []


async def test_many_at_once_share_one_session(account: Account, entries: Entries, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Forty requests of one window: one AssumeRole and one token."""
    eks = await load(clock)
    pool = Pool(eks)
    account.delays["sts:AssumeRole"] = 0.2
    replies = await asyncio.gather(*(get(eks, pool, grant(7, clock)) for _ in range(40)))
    assert {reply.status for reply in replies} == {200}
    assert [one.form["RoleSessionName"][:9] for one in account.calls("sts:AssumeRole")] == ["jitui-gat", "jitui-g-7"]
    assert len(entries.tokens) == 1
    pool.close()


async def test_what_is_configured_goes_along(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """ExternalId, SourceIdentity and tags, with the window's own names in them."""
    eks = await load(clock, external_id="xy:1", source_identity="{identity}", tags={"jitui:grant": "{grant}", "team": "web"})
    pool = Pool(eks)
    await get(eks, pool, grant(7, clock))
    own, of_grant = (one.form for one in account.calls("sts:AssumeRole"))
    assert (own["SourceIdentity"], own["Tags.member.1.Value"]) == ("gateway", "none")
    assert (of_grant["ExternalId"], of_grant["SourceIdentity"]) == ("xy:1", "agent-deploybot")
    assert [of_grant[f"Tags.member.{at}.{part}"] for at in (1, 2) for part in ("Key", "Value")] == ["jitui:grant", "g-7", "team", "web"]
    pool.close()


async def test_a_configured_place_is_not_looked_up(account: Account, cluster: EmbeddedCluster, clock: ManualClock, tmp_path: Path) -> None:
    """cluster_url with certificate_authority: eks:DescribeCluster is never called, and only that authority is trusted."""
    ca, other = tmp_path / "ca.pem", tmp_path / "other.pem"
    ca.write_bytes(authority(cluster))
    other.write_bytes(Authority().pem)
    eks = await load(clock, url=cluster.url, authority=ca)
    pool = Pool(eks)
    assert eks.host == cluster.url.removeprefix("https://").encode()
    assert (await get(eks, pool)).status == 200
    pool.close()
    stranger = await load(clock, url=cluster.url, authority=other)
    with pytest.raises(UpstreamError, match="has a certificate that is not trusted"):
        await get(stranger, Pool(stranger))
    assert account.calls("eks:DescribeCluster") == []


@pytest.mark.parametrize(("elsewhere", "says"), [("", "not trusted"), ("https://nowhere.invalid", "its name can't be looked up")])
async def test_a_cluster_that_moved_is_found_again(account: Account, cluster: EmbeddedCluster, clock: ManualClock, elsewhere: str, says: str) -> None:
    """After a certificate that is not trusted, or a name that nobody knows, it is described once more, and once in 30 seconds at most; then idle
    connections are of no use any more."""
    account.cluster(elsewhere or cluster.url, Authority().pem)
    eks = await load(clock)
    pool = Pool(eks)
    with pytest.raises(UpstreamError, match=says):
        await get(eks, pool)
    account.cluster(cluster.url, authority(cluster))
    with pytest.raises(UpstreamError, match=says):
        await get(eks, pool)
    assert len(account.calls("eks:DescribeCluster")) == 1
    clock.advance(31)
    assert ((await get(eks, pool)).status, eks.epoch, len(account.calls("eks:DescribeCluster"))) == (200, 1, 2)
    pool.close()


async def test_a_401_is_tried_once_more_and_then_diagnosed(account: Account, entries: Entries, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """A new token first; if that is refused too, AWS is asked about the session, once for all, and the sentence says where to look."""
    eks = await load(clock)
    pool = Pool(eks)
    it = grant(7, clock)
    await get(eks, pool, it)
    entries.roles.clear()
    for _ in range(3):
        with pytest.raises(UpstreamError, match=r"answers 401 to arn:aws:sts::\d+:assumed-role/jitui-narrow/jitui-g-7-agent-deploybot, a session that "
                                                rf"AWS takes: cluster_name is not the cluster's own name, or there is no access entry for {ROLE}"):  # fmt: skip
            await get(eks, pool, it)
    assert len(account.calls("sts:GetCallerIdentity")) == 1
    entries.roles.add(ROLE)
    assert (await get(eks, pool, it)).status == 200
    pool.close()


async def test_a_session_that_is_over_before_its_time_is_replaced(account: Account, entries: Entries, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """AWS says that it expired: the role is assumed again, once."""
    eks = await load(clock)
    pool = Pool(eks)
    it = grant(7, clock)
    await get(eks, pool, it)
    key_id = next(one.access_key_id for one in account.sessions if one.session_name == "jitui-g-7-agent-deploybot")
    account.refusals[f"sts:GetCallerIdentity {key_id}"] = Refusal(403, "ExpiredToken", "The security token included in the request is expired")
    entries.roles.clear()
    with pytest.raises(UpstreamError, match="does not accept the gateway's credential"):
        await get(eks, pool, it)
    entries.roles.add(ROLE)
    assert (await get(eks, pool, it)).status == 200
    assert [one.form["RoleSessionName"][:9] for one in account.calls("sts:AssumeRole")] == ["jitui-gat", "jitui-g-7", "jitui-g-7"]
    pool.close()


async def test_a_window_that_ended_gets_no_session(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Neither one that AWS gives just then, nor another for a request that comes too late."""
    eks = await load(clock)
    pool = Pool(eks)
    await get(eks, pool)
    account.delays["sts:AssumeRole"] = 0.5
    late = asyncio.ensure_future(get(eks, pool, grant(7, clock)))
    await asyncio.sleep(0.2)
    await eks.forget(grant(7, clock))
    for asking in (late, get(eks, pool, grant(7, clock))):
        with pytest.raises(AwsError, match="the window has ended"):
            await asking
    assert len(account.calls("sts:AssumeRole")) == 2
    pool.close()
