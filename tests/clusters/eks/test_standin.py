"""Against a real API server behind EKS's own token verifier, and an AWS that checks signatures, policies and expiry. Sessions end after 20 s."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from jitui.admin.rbac import manifests
from jitui.clusters.call import call
from jitui.clusters.eks.aws import Aws
from jitui.clusters.eks.errors import AwsError
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.clusters.pool import Pool
from jitui.policy import rbac
from jitui.policy.scope import Scope
from jitui.values.clock import SystemClock
from jitui.values.errors import UpstreamError
from tests.clusters.eks import renewal
from tests.clusters.eks.made import get, load, settings
from tests.clusters.eks.outside import PODS, Knock, leaks
from tests.support.eks import Eks
from tests.support.gateway import Gateway, rule
from tests.support.kubectls import SPDY, VERSIONS, Kubectl
from tests.support.processes import Result, run, until
from tests.support.soak import SOAKING, soak

pytestmark = pytest.mark.eks

SCOPE = ["read pods,pods/log,deployments.apps in web", "exec pods in web"]
WORKED_WITH = (SPDY[0], VERSIONS[-1]) if SOAKING else VERSIONS[-1:]


@contextmanager
def serving(folder: Path, eks: Eks, *scope: str, **settings: Any) -> Iterator[Gateway]:
    rules = [rule("bot", connection="prod-eks", scope=scope or SCOPE)]
    with Gateway(folder / "gateway", eks.cluster, rules=rules, connection="prod-eks", settings={**eks.settings, **settings}, env=eks.aws) as gateway:
        yield gateway


@pytest.fixture
def here(eks: Eks, monkeypatch: pytest.MonkeyPatch) -> Eks:
    """Its environment in this process too."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in eks.aws.items():
        monkeypatch.setenv(name, value)
    return eks


def actions_of(gateway: Gateway, grant: str) -> list[dict[str, Any]]:
    return gateway.jitui("actions", "--grant", grant, as_json=True).ok().jsons


def audited(folder: Path, audit_id: str) -> dict[str, Any]:
    """The cluster's own event about a request."""
    def look() -> list[dict[str, Any]]:
        lines = (folder / "cluster" / "audit.log").read_text().splitlines()
        found = [json.loads(line) for line in lines if audit_id in line]
        return [event for event in found if event["auditID"] == audit_id and event["stage"] == "ResponseComplete"]

    return until(look, f"audit event {audit_id}")[0]


def test_renewal_while_an_agent_works(tmp_path: Path, eks: Eks, capsys: pytest.CaptureFixture[str]) -> None:
    """A get each 200 ms, a watch and an exec that is typed into, over 30 s (three minutes under `make soak`; without a node there is no exec) of sessions
    that end after 20 s: not one call fails, and the streams are those that began."""
    seconds = soak(30, 185)
    found = renewal.work(tmp_path, eks, seconds)
    with capsys.disabled():
        print(f"\n  {found}")
    assert (list(found.codes), found.watching, found.exec_whole, found.leaks) == ([200], True, True, [])
    assert found.sessions >= max(3, seconds // 16)
    assert found.ticks > seconds // 2 or not eks.node


@pytest.mark.node
@pytest.mark.parametrize("kubectl", [pytest.param(version, marks=pytest.mark.kubectl) for version in WORKED_WITH], indirect=True)
def test_the_whole_story_with_pods(tmp_path: Path, eks: Eks, kubectl: Kubectl) -> None:
    """Of a cluster name, a region and a role: denied, asked, approved, at work, cut off at the deadline, denied, replayed; RBAC refuses the rest."""
    scope = [*SCOPE, "read pods in kube-system"]
    with serving(tmp_path, eks, *scope) as gateway:
        bot = gateway.agent("bot")

        def call(*args: str, stdin: bytes = b"") -> Result:
            return gateway.kubectl(kubectl, bot, *args, stdin=stdin)

        assert "no live window on prod-eks" in call("get", "pods", "-n", "web").said
        asked = gateway.ask_json("request", "prod-eks", "--duration", "20s", "--reason", "look", by=bot)
        grant = gateway.ask_json("approve", asked["id"])["grant"]
        assert "pod/box" in call("get", "pods", "-n", "web", "-o", "name").ok().text
        assert "line " in call("logs", "-n", "web", "chatty", "--tail", "2").ok().text
        done = call("exec", "-i", "-n", "web", "box", "--", "sh", "-c", "cat; exit 3", stdin=b"typed\n")
        assert (done.code, done.out) == (3, b"typed\n")
        refused = call("get", "pods", "-n", "kube-system")
        assert refused.code == 1
        assert f'User "jitui:jitui-{grant}-bot" cannot list resource "pods"' in refused.said
        live = gateway.spawn_kubectl(kubectl, bot, "exec", "-n", "web", "box", "--", "sh", "-c", "echo here; sleep 60")
        live.expect("here\n")
        ended = live.end(40)
        assert (ended.code, ended.out) == (1, b"here\n")
        assert re.search(rf"error: jitui: access window {grant} ended at \d\d:\d\d:\d\dZ; ask again: jitui request prod-eks", ended.said)
        assert "no live window on prod-eks" in call("get", "pods", "-n", "web").said
        typed, cut = sorted(gateway.sessions("exec"), key=lambda one: one["started"])
        assert (typed["ended_why"], cut["ended_why"]) == ("exit", "expired")
        assert gateway.raw(typed["id"], "stdin") == b"typed\n"
        assert "here" in gateway.jitui("replay", cut["id"], "--text").ok().text
        gateway.jitui("verify").ok()
        assert leaks(gateway, [eks.aws["AWS_SECRET_ACCESS_KEY"], "k8s-aws-v1.", "X-Amz-Security-Token", "FQoGZXIvYXdz"]) == []


def test_the_three_logs_can_be_joined(tmp_path: Path, eks: Eks) -> None:
    """The cluster's audit log has our Audit-ID and the session's name, CloudTrail the session's name, and jitui the action behind the Audit-ID."""
    with serving(tmp_path, eks) as gateway:
        bot = gateway.agent("bot")
        grant = gateway.window(bot)
        assert Knock(bot).get()[0] == 200
        action = until(lambda: actions_of(gateway, grant), "recorded action")[-1]
        event = audited(eks.folder, action["audit_id"])
        assert event["user"]["extra"]["sessionName"] == [f"jitui-{grant}-bot"]
        assert event["user"]["username"] == f"jitui:jitui-{grant}-bot"
        (key_id,) = event["user"]["extra"]["accessKeyId"]
        issued = [one["responseElements"]["credentials"]["accessKeyId"] for one in eks.trail("AssumeRole", f"jitui-{grant}-bot")]
        assert key_id in issued
        (found,) = gateway.jitui("actions", "--audit-id", event["auditID"], as_json=True).ok().jsons
        assert (found["grant"], found["identity"], found["resource"], found["namespace"]) == (grant, "bot", "pods", "web")


def test_impersonation_shows_the_agent_and_the_window(tmp_path: Path, eks: Eks) -> None:
    """impersonate: true, on a plain request and on an upgrade; the API server itself adds system:authenticated."""
    settings = {"kind": "kubernetes", "kubeconfig": str(eks.cluster.kubeconfig), "impersonate": True}
    bindings = rbac_of("impersonated", {"kind": "Group", "name": "jitui:agents"})
    with Gateway(tmp_path / "g", eks.cluster, rules=[rule("bot", connection="plain", scope=SCOPE)], connection="plain", settings=settings) as gateway:
        kubectl(eks, "apply", "-f", "-", stdin=bindings)
        bot = gateway.agent("bot")
        grant = gateway.window(bot)
        knock = Knock(bot)
        assert knock.get()[0] == 200
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
                   "Sec-WebSocket-Protocol": "v5.channel.k8s.io"}  # fmt: skip
        assert knock.get(f"{PODS}/none/exec?command=id&stdout=true", **upgrade)[0] == 404
        actions = until(lambda: [one for one in actions_of(gateway, grant) if one["audit_id"]][1:] and actions_of(gateway, grant), "both actions")
        assert {one["resource"] for one in actions} == {"pods", "pods/exec"}
        for action in actions:
            who = audited(eks.folder, action["audit_id"])["impersonatedUser"]
            assert (who["username"], sorted(who["groups"]), who["extra"]) == ("jitui:bot", ["jitui:agents", "system:authenticated"], {"jitui-grant": [grant]})


async def test_the_printed_rbac_allows_what_is_promised_and_no_more(tmp_path: Path, eks: Eks) -> None:
    """Applied to the API server: each permission behind the rules is allowed to the bound group, and others are not."""
    scope = [*SCOPE, "apply deployments.apps:web in web", "read nodes", "get url:/metrics", "@view in kube-public", "read configmaps in kube-*",
             "port-forward pods:db-0 in web"]  # fmt: skip
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump({"connections": {"prod-eks": eks.settings}, "rules": [rule("bot", connection="prod-eks", scope=scope)]}))
    printed = await asyncio.to_thread(jitui, eks, "rbac", "prod-eks", "--config", str(config), "--group", "rbac-test", "--namespace", "kube-public",
                                      "--namespace", "kube-system")  # fmt: skip
    await asyncio.to_thread(kubectl, eks, "apply", "-f", "-", stdin=printed)
    admin = await asyncio.to_thread(Kubeconfig.load, eks.cluster.kubeconfig, "", SystemClock())
    pool = Pool(admin)
    kinds = {("", "configmaps"): True, ("", "pods"): True, ("", "secrets"): True, ("apps", "deployments"): True, ("", "nodes"): False}
    wanted, _ = rbac.in_namespaces(rbac.needs([Scope.parse(scope)], kinds), ["kube-public", "kube-system", "web"])
    assert len(wanted) == 30
    for need in wanted:
        assert await allowed(pool, admin, need), need
    unpromised = [rbac.Need("web", "", "pods", "delete"), rbac.Need("web", "", "secrets", "get"), rbac.Need("kube-public", "", "secrets", "list"),
                  rbac.Need("web", "apps", "deployments", "patch", "other"), rbac.Need("web", "", "pods/attach", "create"), rbac.Need("", "", "pods", "list"),
                  rbac.Need("default", "", "pods", "get"), rbac.Need("web", "", "pods/portforward", "create", "db-1"), rbac.Need("", "", "nodes", "patch"),
                  rbac.Need("kube-system", "", "pods", "list"), rbac.Need("", "", "", "get", path="/logs")]  # fmt: skip
    for need in unpromised:
        assert not await allowed(pool, admin, need), need
    pool.close()


async def allowed(pool: Pool, admin: Kubeconfig, need: rbac.Need) -> bool:
    """SubjectAccessReview for the bound group."""
    plural, _, subresource = need.resource.partition("/")
    what = {"nonResourceAttributes": {"path": need.path, "verb": need.verb}} if need.path else {"resourceAttributes": {
        "verb": need.verb, "group": need.group, "resource": plural, "subresource": subresource, "namespace": need.namespace, "name": need.name}}
    body = json.dumps({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": "x", "groups": ["rbac-test"], **what}})
    reply = await call(pool, admin, b"POST", b"/apis/authorization.k8s.io/v1/subjectaccessreviews", headers=((b"content-type", b"application/json"),),
                       body=body.encode())  # fmt: skip
    answer: bool = json.loads(reply.body)["status"]["allowed"]
    return answer


def test_check_says_too_narrow_and_too_wide(tmp_path: Path, eks: Eks) -> None:
    """Against the RBAC that is there: what is promised and refused, and what is allowed and not promised."""
    config = tmp_path / "c.yaml"

    def check(*scope: str) -> list[str]:
        config.write_text(yaml.safe_dump({"connections": {"prod-eks": eks.settings}, "rules": [rule("bot", connection="prod-eks", scope=scope)]}))
        return [line.partition("connection prod-eks, ")[2] for line in jitui(eks, "check", "--config", str(config), fails=None).splitlines()]

    right = check(*SCOPE)
    assert right[2:] == [
        "AWS credentials: found: arn:aws:iam::123456789012:user/jitui-gateway",
        f"role: {eks.settings['role_arn']} assumed, session {right[3].rpartition(' ')[2]}",
        "cluster: prod in us-east-1 found, Kubernetes 1.34, authenticationMode API",
        f"endpoint: {right[5].partition(' ')[2].partition(' ')[0]} answers, its certificate is signed by the looked-up authority",
        f"token: accepted: user jitui:{right[3].rpartition(' ')[2]}, groups jitui-narrow, system:authenticated",
        "rights: the role may do all that the rules promise in web (9 permissions)",
    ]  # fmt: skip
    wrong = check("read pods,services in web", "exec pods in web")
    narrow = "get services in web; list services in web; watch services in web; apply what this prints: jitui rbac prod-eks"
    assert f"rights: too narrow in web, agents are promised and will not get: {narrow}" in wrong
    assert any(line.startswith("rights: too wide in web, no rule needs: get pods/log; get,list,watch deployments.apps; ") for line in wrong)


ROLES = {"role": "arn:aws:iam::123456789012:role/jitui-unmapped"}


@pytest.mark.parametrize(("settings", "env", "says"), [
    ({"role": "arn:aws:iam::123456789012:role/nobody"}, {}, "no such role, its trust policy does not name the caller"),
    ({"cluster": "prd"}, {}, r"cluster_name prd is misspelt"),
    ({"cluster": "prd"}, {"wide": "yes"}, r"no cluster prd in region us-east-1"),
    (ROLES, {}, r"answers 401 to arn:aws:sts::123456789012:assumed-role/jitui-unmapped/jitui-gateway-.* access entry"),
    ({"external_id": "a-wrong-one"}, {"external": "right"}, "wants an external_id"),
    ({}, {"AWS_ACCESS_KEY_ID": "AKIAAAAAAAAAAAAAAAAA"}, "access key of the gateway's own credentials is unknown"),
    ({}, {"AWS_SECRET_ACCESS_KEY": "wrong"}, "secret key of the gateway's own credentials is wrong"),
    ({}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, r"can't reach http://127.0.0.1:9"),
    ({"tags": {"k": "v"}}, {"untagged": "yes"}, r"tags: is configured, so allow sts:TagSession in the trust policy"),
    ({"source_identity": "{identity}"}, {"untagged": "yes"}, r"source_identity: is configured, so allow sts:SetSourceIdentity"),
])  # fmt: skip
async def test_what_the_account_refuses(here: Eks, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], env: dict[str, str], says: str) -> None:
    """Each in its sentence, by the stand-in's own checks."""
    iam = here.client("iam")
    narrow = "jitui-narrow"
    before = (await asyncio.to_thread(iam.get_role, RoleName=narrow))["Role"]["AssumeRolePolicyDocument"]
    policy = json.loads(json.dumps(before))
    if "untagged" in env:
        policy["Statement"][0]["Action"] = ["sts:AssumeRole"]
        settings = settings | {"role": here.env["EKS_ROLE_ARN"]}
    if "external" in env:
        policy["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": env["external"]}}
    anything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:*", "Resource": "*"}]})
    if "wide" in env:
        await asyncio.to_thread(iam.put_role_policy, RoleName=narrow, PolicyName="wide", PolicyDocument=anything)
    for name in (name for name in env if name.startswith("AWS_")):
        monkeypatch.setenv(name, env[name])
    await asyncio.to_thread(iam.update_assume_role_policy, RoleName=narrow, PolicyDocument=json.dumps(policy))
    eks = await load(SystemClock(), **settings)
    pool = Pool(eks)
    try:
        with pytest.raises(UpstreamError, match=says):
            await get(eks, pool)
    finally:
        pool.close()
        await asyncio.to_thread(iam.update_assume_role_policy, RoleName=narrow, PolicyDocument=json.dumps(before))
        if "wide" in env:
            await asyncio.to_thread(iam.delete_role_policy, RoleName=narrow, PolicyName="wide")


async def test_sessions_are_really_over(here: Eks, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 20 s AWS takes the keys no more, neither a window's nor, were they the gateway's own, those; and the sentence says whose."""
    aws = Aws(settings())
    keys = await asyncio.to_thread(aws.assume, "jitui-g-99-bot", 900)
    assert 18 <= keys.life_s <= 21
    await asyncio.sleep(21)
    with pytest.raises(AwsError, match="the credentials of session jitui-g-99-bot have expired"):
        await asyncio.to_thread(aws.whoami, keys)
    with pytest.raises(AwsError, match="eks:DescribeCluster: the credentials of session jitui-g-99-bot have expired"):
        await asyncio.to_thread(aws.describe, keys)
    for name, value in (("AWS_ACCESS_KEY_ID", keys.key_id), ("AWS_SECRET_ACCESS_KEY", keys.secret), ("AWS_SESSION_TOKEN", keys.token)):
        monkeypatch.setenv(name, value)
    with pytest.raises(AwsError, match=r"sts:AssumeRole: the gateway's own credentials have expired .*; renew them"):
        await asyncio.to_thread(Aws(settings()).assume, "jitui-g-99-bot", 900)


def kubectl(eks: Eks, *args: str, stdin: str = "") -> str:
    """As the cluster's admin."""
    argv = [str(eks.folder / "cluster" / "kubectl"), "--kubeconfig", str(eks.cluster.kubeconfig), *args]
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def jitui(eks: Eks, *args: str, fails: bool | None = False) -> str:
    """As whoever runs the gateway."""
    done = run([sys.executable, "-m", "jitui", *args], env={**os.environ, **eks.aws})
    assert fails is None or bool(done.code) == fails, done
    return done.text


def rbac_of(name: str, subject: dict[str, str]) -> str:
    """The RBAC that SCOPE needs, bound to a subject."""
    return yaml.safe_dump_all(manifests(name, subject, rbac.needs([Scope.parse(SCOPE)], {})))

