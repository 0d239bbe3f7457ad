"""A whole gateway with a connection of kind kubernetes-eks, against moto's AWS and the embedded cluster: on every machine."""

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clusters.eks import cluster as clusters
from tests.clusters.eks.account import CLUSTER, REGION, ROLE, Account, Refusal
from tests.clusters.eks.cluster import Entries
from tests.clusters.eks.outside import Knock, leaks
from tests.support.clusters import Cluster
from tests.support.gateway import Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import until

SETTINGS = {"kind": "kubernetes-eks", "cluster_name": CLUSTER, "region": REGION, "role_arn": ROLE}
RULES = [rule("bot", connection="prod-eks", scope=["read pods in web"], duration="2h"), rule("other", connection="prod-eks", scope=["read pods in web"]),
         rule("debug", connection="prod-eks", scope=["@debug in web"])]  # fmt: skip
DENIED = Refusal(403, "AccessDenied", f"User: gateway is not authorized to perform: sts:AssumeRole on resource: {ROLE}")


@contextmanager
def serving(folder: Path, account: Account, entries: Entries, **settings: Any) -> Iterator[Gateway]:
    with (
        clusters.beside(folder / "cluster", entries) as cluster,
        Gateway(folder / "gateway", Cluster(cluster.kubeconfig, real=False), rules=RULES, connection="prod-eks", settings={**SETTINGS, **settings},
                env=account.environment) as gateway,
    ):  # fmt: skip
        yield gateway


def secrets(account: Account, entries: Entries) -> list[str]:
    """Every credential that was used."""
    ours = [text for pair in account.secrets.values() for text in pair]
    return [*ours, *entries.tokens, account.environment["AWS_SECRET_ACCESS_KEY"]]


def facts(gateway: Gateway) -> list[Any]:
    return gateway.jitui("facts", as_json=True).ok().jsons


def test_the_story(tmp_path: Path, account: Account, entries: Entries) -> None:
    """Denied, asked, approved, answered in the window's own name, over; and no credential of it is in anything that was written."""
    with serving(tmp_path, account, entries) as gateway:
        bot, other = gateway.agent("bot"), gateway.agent("other")
        knock = Knock(bot)
        assert knock.get()[0] == 403
        assert [name for name in entries.callers if not name.startswith("jitui-gateway-")] == []
        first, second = gateway.window(bot), gateway.window(other)
        assert [knock.get()[0], Knock(other).get()[0]] == [200, 200]
        assert entries.callers[-2:] == [f"jitui-{first}-bot", f"jitui-{second}-other"]
        gateway.jitui("revoke", first, "--reason", "enough").ok()
        code, told = knock.get()
        assert (code, "jitui request prod-eks" in told["message"]) == (403, True)
        assert entries.refused == []
        lives = [int(one.form["DurationSeconds"]) for one in account.calls("sts:AssumeRole") if "-g-" in one.form["RoleSessionName"]]
        assert [1740 <= life <= 1800 for life in lives] == [True, True]  # the rest of its half hour
        assert leaks(gateway, secrets(account, entries)) == []
        assert len(secrets(account, entries)) >= 10


def test_aws_refuses_in_the_middle_of_a_window(tmp_path: Path, account: Account, entries: Entries) -> None:
    """Nothing ends before the session does, the header and a fact say so, then 503 with the reason; the window itself lives, and goes on when AWS is back."""
    account.life_s["session"] = 20
    with serving(tmp_path, account, entries) as gateway:
        bot = gateway.agent("bot")
        grant = gateway.window(bot, duration="2h")
        knock = Knock(bot)
        assert knock.get()[0] == 200
        began = time.monotonic()
        account.refusals["sts:AssumeRole"] = DENIED
        code, told = next(answer for answer in knock.poll(40) if answer[0] != 200)
        assert code == 503
        assert "not authorized to perform: sts:AssumeRole" in told["message"]
        assert 8 < time.monotonic() - began < 25  # 15 s from its beginning, a moment before
        trouble = gateway.desk(lambda remote: remote.status()).trouble
        assert trouble.startswith("prod-eks ")
        assert "sts:AssumeRole" in trouble
        failing = [fact["what"] for fact in facts(gateway) if fact["kind"] == "credential.failing" and fact["what"]["holder"] == grant]
        assert [one["left_s"] > 0 for one in failing] == [True, False]
        assert [one["state"] for one in gateway.grants()] == ["active"]
        account.refusals.clear()
        until(lambda: knock.get()[0] == 200, "answer after AWS is back", timeout=60)
        until(lambda: not gateway.desk(lambda remote: remote.status()).trouble, "end of the trouble", timeout=40)
        assert any(fact["kind"] == "credential.renewed" for fact in facts(gateway))
        assert leaks(gateway, secrets(account, entries)) == []


@pytest.mark.kubectl
def test_kubectl_and_exec(tmp_path: Path, account: Account, entries: Entries, one_kubectl: Kubectl) -> None:
    """A real kubectl: its exec reaches the cluster in the window's own name, and ends with its exit code."""
    with serving(tmp_path, account, entries) as gateway:
        debug = gateway.agent("debug")
        grant = gateway.window(debug)
        pod = gateway.kubectl(one_kubectl, debug, "get", "pods", "-n", "web", "-o", "name").ok().text.split()[0]
        done = gateway.kubectl(one_kubectl, debug, "exec", "-n", "web", pod, "--", "sh", "-c", "echo said; exit 3")
        assert (done.text, done.code) == ("said\n", 3)
        assert entries.callers[-1] == f"jitui-{grant}-debug"
        assert leaks(gateway, secrets(account, entries)) == []


def test_a_second_401_is_502_with_the_reason(tmp_path: Path, account: Account, entries: Entries) -> None:
    """Never 401, which would tell the agent that its own token is wrong."""
    with serving(tmp_path, account, entries) as gateway:
        bot = gateway.agent("bot")
        gateway.window(bot)
        knock = Knock(bot)
        assert knock.get()[0] == 200
        entries.roles.clear()
        code, told = knock.get()
        assert code == 502
        assert f"access entry for {ROLE}" in told["message"]


def test_aws_is_away_when_the_gateway_starts(tmp_path: Path, account: Account, entries: Entries) -> None:
    """It starts and says so; the first request after AWS is back finds the cluster."""
    account.refusals["sts:AssumeRole"] = Refusal(503, "ServiceUnavailable", "try later")
    with serving(tmp_path, account, entries) as gateway:
        assert b"cluster unreachable" in gateway.program.snapshot().err
        bot = gateway.agent("bot")
        gateway.window(bot)
        code, told = Knock(bot).get()  # what the cluster serves is not known, so nothing of it can be judged
        assert (code, "AWS itself fails" in told["message"]) == (503, True)
        assert gateway.desk(lambda remote: remote.status()).trouble.startswith("prod-eks ")
        account.refusals.clear()
        until(lambda: Knock(bot).get()[0] == 200, "answer once AWS is back", timeout=60)


def test_check(tmp_path: Path, account: Account, entries: Entries) -> None:
    """Step by step to what the role may do; the first step that fails is the last line, with the fix."""
    with serving(tmp_path, account, entries) as gateway:
        config = str(gateway.config)
        lines = gateway.jitui("check", "--config", config).ok().text.splitlines()
        steps = [line.partition("connection prod-eks, ")[2].partition(":")[0] for line in lines if "prod-eks," in line and not line.startswith("note   rule")]
        assert steps[:6] == ["AWS credentials", "role", "cluster", "endpoint", "token", "rights"]
        assert any("too wide in web, no rule needs: " in line for line in lines)
        entries.roles.clear()
        refused = gateway.jitui("check", "--config", config)
        assert (refused.code, "answers 401 to arn:aws:sts::" in refused.text) == (1, True)
        account.refusals["sts:AssumeRole"] = DENIED
        refused = gateway.jitui("check", "--config", config)
        assert (refused.code, refused.text.splitlines()[-1].startswith("wrong  connection prod-eks: User: gateway is not authorized")) == (1, True)


@pytest.mark.parametrize(("region", "says"), [("xx-none-1", "region xx-none-1 is none of AWS's regions"), ("cn-north-1", "is in partition aws-cn")])
def test_a_region_that_can_not_be(tmp_path: Path, account: Account, entries: Entries, region: str, says: str) -> None:
    """Said at start, with the connection."""
    with pytest.raises(AssertionError, match=rf"connections.prod-eks: .*{says}"), serving(tmp_path, account, entries, region=region):
        pass


def test_slow_aws_holds_nobody_else_up(tmp_path: Path, account: Account, entries: Entries, capsys: pytest.CaptureFixture[str]) -> None:
    """One window waits six seconds for its session, and gets it; the other works on, and the loop is never late. Nor is the gateway's end."""
    with serving(tmp_path, account, entries) as gateway:
        bot, other = gateway.agent("bot"), gateway.agent("other")
        gateway.window(bot)
        gateway.window(other)
        knock, late = Knock(bot), Knock(other)
        assert knock.get()[0] == 200
        account.delays["sts:AssumeRole"] = 6.0
        waiting = threading.Thread(target=late.get)
        waiting.start()
        lag_ms = 0.0
        for code, _ in knock.poll(5):
            assert code == 200
            lag_ms = max(lag_ms, gateway.desk(lambda remote: remote.status()).lag_ms)
        waiting.join(30)
        with capsys.disabled():
            print(f"\n  beside a slow AWS: {sum(knock.codes.values())} calls, slowest {knock.worst_s * 1000:.0f} ms; worst lag {lag_ms:.1f} ms")
        assert dict(late.codes) == {200: 1}
        assert 5 < late.worst_s < 20
        assert max(lag_ms / 1000, knock.worst_s) < 3  # of a loop that waits it would be six
        account.delays["sts:AssumeRole"] = 9.5
        third = gateway.agent("debug")
        gateway.window(third)
        hanging = threading.Thread(target=_until_cut, args=(Knock(third),))
        hanging.start()
        until(lambda: len(account.calls("sts:AssumeRole")) >= 4, "third window's AssumeRole")
        began = time.monotonic()
        gateway.stop()
        assert time.monotonic() - began < 8
        hanging.join(10)


def _until_cut(knock: Knock) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        knock.get()
