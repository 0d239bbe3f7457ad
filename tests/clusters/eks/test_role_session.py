"""One window's sessions over time, on a clock that is moved; and an AWS that refuses, throttles or hangs."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from jitui.clusters.eks import upstream
from jitui.clusters.eks.errors import AwsError
from jitui.clusters.eks.upstream import Eks
from jitui.clusters.pool import Pool
from jitui.clusters.port import Trouble
from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.policy.terms import Grant
from jitui.values.clock import ManualClock
from tests.clusters.eks.account import Account, Refusal
from tests.clusters.eks.cluster import Entries
from tests.clusters.eks.made import Running, get, grant, load, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks for due renewals fifty times a second, because the clock is moved by minutes."""
    monkeypatch.setattr(upstream, "BEAT_S", 0.02)


DENIED = Refusal(403, "AccessDenied", "User: x is not authorized to perform: sts:AssumeRole on resource: y")
THROTTLED = Refusal(400, "Throttling", "Rate exceeded")


def names(account: Account, part: str = "jitui-g-") -> list[str]:
    """DurationSeconds of each AssumeRole of a window."""
    return [one.form["DurationSeconds"] for one in account.calls("sts:AssumeRole") if part in one.form["RoleSessionName"]]


@asynccontextmanager
async def at_work(account: Account, clock: ManualClock, it: Grant, told: list[Trouble]) -> AsyncIterator[tuple[Eks, Pool]]:
    """A gateway's way to the cluster that has answered for the window once."""
    eks = await load(clock, told.append)
    pool = Pool(eks)
    async with Running(eks):
        assert (await get(eks, pool, it)).status == 200
        yield eks, pool
        pool.close()


async def test_a_window_of_45_minutes(account: Account, entries: Entries, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Minute by minute: never without a token, never one older than 14 minutes, a new one each 10, a session for the rest of the window."""
    it = grant(7, clock, seconds=2700)
    async with at_work(account, clock, it, []) as (eks, pool):
        assert names(account) == ["2700"]
        credentials = eks._sessions[7].credentials
        for minute in range(45):
            headers = eks.ready(it)
            assert headers is not None, f"no token in minute {minute}"
            assert (await get(eks, pool, it)).status == 200
            session = eks._sessions[7]
            assert session.credentials is not None
            assert clock.now().boot_us < session.credentials.token_last_us
            clock.advance(60)
            if session.due():
                await until(lambda: not eks._sessions[7].due(), f"renewal in minute {minute}")
        assert names(account) == ["2700", "900"]  # five minutes before the first one's end, for what was left
        assert eks._sessions[7].credentials is not credentials
        assert len(entries.tokens) <= 6


async def test_a_window_that_ends_with_its_session_needs_no_other(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """A five minute window has a session of 15, the shortest there is: nothing is assumed again."""
    it = grant(7, clock, seconds=300)
    async with at_work(account, clock, it, []) as (eks, _):
        clock.advance(299)
        assert eks.ready(it) is not None
        assert not eks._sessions[7].due()
    assert names(account) == ["900"]


async def test_a_long_window_is_assumed_again_and_again(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Three hours: an hour each, five minutes before the end of the one before."""
    it = grant(7, clock, seconds=3 * 3600)
    async with at_work(account, clock, it, []) as (eks, _):
        for _ in range(105):
            clock.advance(100)
            await until(lambda: not eks._sessions[7].due(), "renewal")
            assert eks.ready(it) is not None
    assert names(account) == ["3600"] * 3 + ["900"]


async def test_refused_in_the_middle_of_a_window(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Nothing ends before the session does, and whoever runs the gateway is told once; then 503 with AWS's reason; and when AWS is back, that is told too."""
    it = grant(7, clock, seconds=2 * 3600)
    told: list[Trouble] = []

    def of_window() -> list[Trouble]:
        return [one for one in told if one.holder == "g-7"]

    async with at_work(account, clock, it, told) as (eks, pool):
        account.refusals["sts:AssumeRole"] = DENIED
        clock.advance(3301)
        await until(lambda: bool(of_window()), "word of the trouble")
        assert [("trust policy" in one.why, 230 < one.left_s <= 240) for one in of_window()] == [(True, True)]
        for second in (1, 60, 100, 70):
            clock.advance(second)
            assert (await get(eks, pool, it)).status == 200
        clock.advance(10)  # a minute before the end
        assert eks.ready(it) is None
        with pytest.raises(AwsError, match=r"not authorized to perform: sts:AssumeRole") as caught:
            await get(eks, pool, it)
        assert caught.value.code == 503
        await until(lambda: of_window()[-1].left_s == 0.0, "word that requests fail now")
        account.refusals.clear()
        clock.advance(60)
        await until(lambda: of_window()[-1] == Trouble("g-7", ""), "word that it is over")
        assert (await get(eks, pool, it)).status == 200


async def test_while_aws_refuses_it_is_not_asked_by_every_request(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """A window without a session: one AssumeRole for a hundred requests, then a rest that doubles."""
    eks = await load(clock)
    pool = Pool(eks)
    await get(eks, pool)
    account.refusals["sts:AssumeRole"] = DENIED
    it = grant(7, clock)
    for round_, rest in enumerate((1.3, 2.5, 5.0), 1):
        results = await asyncio.gather(*(get(eks, pool, it) for _ in range(100)), return_exceptions=True)
        assert {type(result) for result in results} == {AwsError}
        assert len(names(account)) == round_
        clock.advance(rest)
    pool.close()


async def test_a_passing_failure_is_told_only_if_it_stays(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """With minutes left, one throttled renewal is nobody's business; three in a row are."""
    it = grant(7, clock, seconds=2 * 3600)
    told: list[Trouble] = []
    async with at_work(account, clock, it, told) as (eks, _):
        account.refusals["sts:AssumeRole"] = THROTTLED
        clock.advance(3301)
        for failures in (1, 2):
            await until(lambda: eks._sessions[7]._failures == failures, "renewal")  # noqa: B023 - awaited here
            assert told == []
            clock.advance(3)
        await until(lambda: [one.holder for one in told if one.left_s > 200] != [], "word of the trouble")
        assert "AWS throttles the gateway" in told[0].why
        await until(lambda: eks.ready(it) is not None, "token of the session at hand")


async def test_a_session_that_is_over_before_it_can_be_used(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Said, and not sent."""
    eks = await load(clock)
    account.life_s["session"] = 0
    with pytest.raises(AwsError, match=r"AWS gave a session that is over in -?\d s, before it could be used"):
        await eks.authorization(None)


async def test_throttling_is_waited_out(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Two refusals and then a session: the request behind it is late, and answered. More than that is said."""
    eks = await load(clock)
    pool = Pool(eks)
    await get(eks, pool)
    account.refusals["sts:AssumeRole"], account.refuse_times["sts:AssumeRole"] = THROTTLED, 2
    assert (await get(eks, pool, grant(7, clock))).status == 200
    assert len(names(account)) == 3
    account.refuse_times["sts:AssumeRole"] = 10
    with pytest.raises(AwsError, match="AWS throttles the gateway"):
        await get(eks, pool, grant(8, clock))
    assert account.refuse_times["sts:AssumeRole"] == 7
    pool.close()


async def test_base_credentials_that_expired_are_read_anew(account: Account, cluster: EmbeddedCluster, clock: ManualClock) -> None:
    """Their file may have been rewritten: once more, with what stands there now."""
    eks = await load(clock)
    pool = Pool(eks)
    account.refusals["sts:AssumeRole"], account.refuse_times["sts:AssumeRole"] = Refusal(403, "ExpiredToken", "expired"), 1
    before = dict(eks.aws._clients)
    assert (await get(eks, pool)).status == 200
    assert (len(account.calls("sts:AssumeRole")), before) == (2, {})
    pool.close()


async def test_nothing_of_it_stops_the_loop(account: Account, cluster: EmbeddedCluster, clock: ManualClock, capsys: pytest.CaptureFixture[str],
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """STS that takes ten seconds, that throttles, that is not there: the loop goes on beside it, and the words say which it was."""
    eks = await load(clock)
    pool = Pool(eks)
    await get(eks, pool)
    with capsys.disabled():
        account.delays["sts:AssumeRole"] = 10.5
        lag = await _lag_of(get(eks, pool, grant(7, clock)), "did not answer in time")
        account.delays.clear()
        account.refusals["sts:AssumeRole"] = THROTTLED
        lag = max(lag, await _lag_of(get(eks, pool, grant(8, clock)), "AWS throttles the gateway"))
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
            eks.aws.start_over()
            lag = max(lag, await _lag_of(get(eks, pool, grant(9, clock)), "can't reach http://127.0.0.1"))
        print(f"\n  worst lag of the loop while AWS is slow, throttles, is away: {lag * 1000:.0f} ms")
    assert lag < 3.0  # of a loop that waits it would be ten; moto shares this process, and its interpreter lock
    pool.close()


async def _lag_of(asking: object, says: str) -> float:
    """The worst lag while it is asked."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(asking)  # type: ignore[call-overload]
    worst = 0.0
    while not task.done():
        due = loop.time() + 0.01
        await asyncio.sleep(0.01)
        worst = max(worst, loop.time() - due)
    with pytest.raises(AwsError, match=says):
        await task
    return worst


async def test_credentials_that_come_later_are_found(account: Account, cluster: EmbeddedCluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was not there, or wrong, at the first call: what stands there at the next one counts."""
    key_id, secret = account.environment["AWS_ACCESS_KEY_ID"], account.environment["AWS_SECRET_ACCESS_KEY"]
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    eks = await load(clock)
    pool = Pool(eks)
    with pytest.raises(AwsError, match="no AWS credentials for the gateway"):
        await get(eks, pool)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    clock.advance(60)
    assert (await get(eks, pool)).status == 200
    pool.close()


async def test_a_session_that_AWS_ends_before_its_time(account: Account, entries: Entries, cluster: EmbeddedCluster, clock: ManualClock) -> None:  # noqa: N802
    """The role is gone in the middle of a window: told as failing now, and AWS is not asked for every request."""
    it = grant(7, clock)
    told: list[Trouble] = []
    async with at_work(account, clock, it, told) as (eks, _):
        entries.roles.clear()
        account.refusals["sts:GetCallerIdentity"] = Refusal(403, "ExpiredToken", "The security token included in the request is expired")
        account.refusals["sts:AssumeRole"] = DENIED
        asked = len(names(account))
        stale = eks.ready(it)
        assert stale is not None
        for _ in range(20):
            with pytest.raises(AwsError):
                await eks.renew(it, eks.ready(it) or stale)
        assert len(names(account)) == asked + 1
        assert len(account.calls("sts:GetCallerIdentity")) == 1
        assert [one.left_s for one in told if one.holder == "g-7"] == [0.0]
        assert eks.ready(it) is None


async def test_a_refusal_long_after_another_is_another(account: Account, cluster: EmbeddedCluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server's webhook fails for a moment, and minutes later again: each time there is a new token to try."""
    it, numbers = grant(7, clock), count()
    async with at_work(account, clock, it, []) as (eks, _):
        monkeypatch.setattr(eks.aws, "token", lambda keys: f"k8s-aws-v1.{next(numbers)}")  # two of one second would be the same
        for _ in range(3):
            stale = eks.ready(it)
            assert stale is not None
            assert await eks.renew(it, stale)
            clock.advance(120)
        assert account.calls("sts:GetCallerIdentity") == []
