"""`jitui rbac`: what a connection's rules need, as it is applied and pasted."""

import json
import re
from pathlib import Path

import pytest
import yaml

from jitui import config
from jitui.admin.rbac import manifests
from jitui.policy import rbac
from tests.cli.conftest import jitui
from tests.support.clusters import Cluster

PAGE = Path(__file__).parents[2] / "docs" / "eks.md"
AWAY = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
EKS = """\
connections:
  prod-eks: {kind: kubernetes-eks, cluster_name: prod, region: us-east-1, role_arn: "arn:aws:iam::123456789012:role/jitui-narrow"}
rules:
- {identity: bot, connection: prod-eks, duration: 30m, scope: [%s]}
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    """docs/eks.md: the RBAC and the three policies there are those that its own configuration needs."""
    settings, printed = blocks("yaml")
    file = tmp_path / "c.yaml"
    file.write_text(settings)
    scopes = [rule.scope for rule in config.load(file).rules]
    assert list(yaml.safe_load_all(printed)) == manifests("jitui-prod-eks", {"kind": "Group", "name": "jitui-prod-eks"}, rbac.needs(scopes, {}))
    made = jitui("rbac", "prod-eks", "--config", str(file), "--json", env=AWAY).json
    shown = [json.loads(block.replace("arn:aws:iam::123456789012:role/jitui-gateway", "arn:aws:iam::ACCOUNT:role/GATEWAY")) for block in blocks("json")]
    assert shown == [made["trust_policy"], made["role_policy"], made["gateway_policy"]]
    assert {"access_entry", "access_entry_command", "manifests"} <= set(made)


def test_without_a_cluster(tmp_path: Path) -> None:
    """Where nothing can be asked, a star means the built-in kinds, and what could not be known is said beside it, on stderr."""
    file = tmp_path / "c.yaml"
    file.write_text(EKS % '"read *.apps in web", "read pods in argo-*"')
    done = jitui("rbac", "prod-eks", "--config", str(file), env=AWAY)
    role, binding = yaml.safe_load_all(done.out)
    assert (done.code, role["rules"]) == (0, [{"apiGroups": ["apps"], "verbs": ["get", "list", "watch"],
                                               "resources": ["controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"]}])  # fmt: skip
    assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "jitui-prod-eks"}]
    for part in ("sts:AssumeRole: can't reach http://127.0.0.1:9", "no namespace matches argo-*", "put its ARN in place of arn:aws:iam::ACCOUNT"):
        assert part in done.err
    assert done.out.count("\n# ") == 5


def test_namespaces_may_be_named(tmp_path: Path) -> None:
    """A pattern of the rules means those; the group too may be another."""
    file = tmp_path / "c.yaml"
    file.write_text(EKS % '"read pods in argo-*"')
    done = jitui("rbac", "prod-eks", "--config", str(file), "--namespace", "argo-a", "--namespace", "web", "--group", "others", env=AWAY)
    role, binding = yaml.safe_load_all(done.out)
    assert (role["metadata"]["namespace"], binding["subjects"][0]["name"]) == ("argo-a", "others")


def test_an_ordinary_cluster(embedded_cluster: Cluster, tmp_path: Path) -> None:
    """Kind kubernetes: bound to the user that the cluster takes the gateway for; a star means what it serves."""
    file = tmp_path / "c.yaml"
    plain = {"kind": "kubernetes", "kubeconfig": str(embedded_cluster.kubeconfig)}
    rules = [{"identity": "bot", "connection": name, "duration": "5m", "scope": "read *.apps in web"} for name in ("plain", "named")]
    file.write_text(yaml.safe_dump({"connections": {"plain": plain, "named": {**plain, "impersonate": True}}, "rules": rules}))
    role, binding = yaml.safe_load_all(jitui("rbac", "plain", "--config", str(file)).out)
    (subject,) = binding["subjects"]
    assert (role["rules"][0]["resources"], subject["kind"], subject["name"]) == (["deployments", "replicasets"], "User", "gateway")
    _, agents, role, binding = yaml.safe_load_all(jitui("rbac", "named", "--config", str(file)).out)
    assert (agents["subjects"][0]["name"], binding["subjects"][0]["name"]) == ("jitui:agents", "gateway")
    assert [one["resources"] for one in role["rules"]] == [["users"], ["groups"], ["userextras/jitui-grant"]]


def test_a_connection_without_rules(tmp_path: Path) -> None:
    """Nothing is needed, and that is said; the AWS side is printed all the same."""
    file = tmp_path / "c.yaml"
    file.write_text((EKS % '"read pods in web"').partition("rules:")[0])
    done = jitui("rbac", "prod-eks", "--config", str(file), env=AWAY)
    assert "no rule names prod-eks" in done.err
    assert [line[:2] for line in done.out.splitlines()] == ["# "] * 5


def test_an_unknown_connection(tmp_path: Path) -> None:
    """One line that names those there are."""
    file = tmp_path / "c.yaml"
    file.write_text(EKS % '"read pods in web"')
    done = jitui("rbac", "staging", "--config", str(file))
    assert (done.code, done.err) == (1, f"jitui: no connection staging in {file}; known: prod-eks\n")


@pytest.fixture(autouse=True)
def no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "EKS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)

