"""The permissions behind scopes."""

from typing import Any

import pytest

from jitui.policy.rbac import EVERYWHERE, Need, asks_for_kinds, beyond, bounds_commands, in_namespaces, missing, needs, of_rules, policy_rules, told_at_ends
from jitui.policy.scope import Scope
from tests.policy.world import rule as rule_of

KINDS = {("", "pods"): True, ("", "secrets"): True, ("", "bindings"): True, ("", "nodes"): False, ("apps", "deployments"): True,
         ("authorization.k8s.io", "localsubjectaccessreviews"): True, ("rbac.authorization.k8s.io", "roles"): True}  # fmt: skip


def said(*clauses: str) -> list[str]:
    return sorted(map(str, needs([Scope.parse(list(clauses))], KINDS)))


@pytest.mark.parametrize(("clauses", "wanted"), [
    (["read pods in web"], ["get pods in web", "list pods in web", "watch pods in web"]),
    (["read pods/log in web"], ["get pods/log in web"]),  # no subresource can be listed
    (["exec pods in web"], ["create pods/exec in web", "get pods in web", "get pods/exec in web"]),
    (["port-forward pods:db-0 in web"], ["create pods/portforward:db-0 in web", "get pods/portforward:db-0 in web", "get pods:db-0 in web"]),
    (["exec pods:web-* in web -- id"], ["create pods/exec in web", "get pods in web", "get pods/exec in web"]),  # RBAC knows no patterns and no argv
    (["apply deployments.apps:web in web"], ["create deployments.apps:web in web", "get deployments.apps:web in web", "patch deployments.apps:web in web"]),
    (["get deployments.apps/scale:web in web"], ["get deployments.apps/scale:web in web"]),
    (["read nodes"], ["get nodes", "list nodes", "watch nodes"]),
    (["get url:/metrics"], ["get /metrics"]),
    (["get pods in *", "get pods in web"], ["get pods"]),  # everywhere implies web
    (["get pods:a in web", "get pods in web"], ["get pods in web"]),
    (["get * in web"], ["get deployments.apps in web", "get pods in web", "get roles.rbac.authorization.k8s.io in web"]),  # no secrets, nothing never stored
    (["create *.apps in web"], ["create deployments.apps in web"]),
    (["patch * in web"], ["patch deployments.apps in web", "patch pods in web"]),  # no RBAC writes by a star
    (["* secrets in web"], []),  # nor a hazard
    (["exec pods:web-0/app in web"], ["create pods/exec:web-0 in web", "get pods/exec:web-0 in web", "get pods:web-0 in web"]),  # nor containers
    (["@debug in kube-system"], ["get pods/log in kube-system", *(f"{verb} {kind} in kube-system" for kind in (
        "deployments.apps", "pods", "roles.rbac.authorization.k8s.io") for verb in ("get", "list", "watch"))]),  # no exec: nobody gets one by a preset there
    (["create,get * in kube-system"], [f"get {kind} in kube-system" for kind in ("deployments.apps", "pods", "roles.rbac.authorization.k8s.io")]
     + ["create localsubjectaccessreviews.authorization.k8s.io in kube-system"]),
    (["delete pods in kube-system,web"], ["delete pods in kube-system", "delete pods in web"]),
    (["get secrets:tls in web"], ["get secrets:tls in web"]),
])  # fmt: skip
def test_what_a_scope_needs(clauses: list[str], wanted: list[str]) -> None:
    """Written as the scope grammar writes it."""
    assert said(*clauses) == sorted(wanted)


def test_what_rules_need_together() -> None:
    """Each with its own guarded namespaces; what one needs and another implies is there once."""
    rules = [rule_of("@deploy in vault", guarded=("vault",)), rule_of("delete pods in vault"), rule_of("delete pods:x in vault; get pods in *")]
    found = sorted(map(str, of_rules(rules, KINDS)))
    assert "delete pods in vault" in found
    assert not [need for need in found if need.startswith(("create", "patch"))]
    assert not [need for need in found if ":x" in need or need == "get pods in vault"]


def test_rbac_can_not_bound_a_command() -> None:
    """The note that says so is printed where a rule names one, or a container."""
    assert [bounds_commands([Scope.parse(text)]) for text in ("exec pods in web", "exec pods in web -- id", "attach pods:x/app in web", "@view in web")] == [
        False, True, True, False]  # fmt: skip


def test_only_a_star_asks_for_the_kinds() -> None:
    """A cluster that can't be asked is no hindrance for scopes without one."""
    assert [asks_for_kinds([Scope.parse(text)]) for text in ("read pods in web", "@view in web", "read *.apps in web")] == [False, True, True]


def test_patterns_of_namespaces() -> None:
    """Each namespace that is there and matches; what nothing matches is said."""
    found, empty = in_namespaces(needs([Scope.parse("get pods in argo-*; get pods in none-*; get nodes")], KINDS), ["argo-a", "argo-b", "web"])
    assert (sorted(map(str, found)), empty) == (["get nodes", "get pods in argo-a", "get pods in argo-b"], ("none-*",))


def test_policy_rules() -> None:
    """Alike kinds in one rule, verbs in kubectl's order, names and paths where they belong."""
    wanted = needs([Scope.parse("read pods,configmaps in web; patch,get pods:x in web; apply deployments.apps:web in web; get url:/metrics")], KINDS)
    assert policy_rules(wanted) == [
        {"apiGroups": [""], "resources": ["configmaps", "pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["x"], "verbs": ["patch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["web"], "verbs": ["get", "create", "patch"]},
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]


def rule(verbs: str, resources: str, names: str = "", group: str = "") -> dict[str, Any]:
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split(), **({"resourceNames": names.split()} if names else {})}


@pytest.mark.parametrize(("rules", "lacking"), [
    ([rule("get list", "pods"), rule("create", "pods/exec")], []),
    ([rule("*", "*", group="*")], []),
    ([rule("get list", "pods", names="other"), rule("create", "*/exec")], ["get pods in web", "list pods in web"]),
    ([rule("get list create", "pods")], ["create pods/exec in web"]),
    ([rule("get list", "pods", group="apps")], ["create pods/exec in web", "get pods in web", "list pods in web"]),
])
def test_too_narrow(rules: list[dict[str, Any]], lacking: list[str]) -> None:
    """`missing` has the needs that no rule of a SelfSubjectRulesReview covers."""
    wanted = [Need("web", "", "pods", "get"), Need("web", "", "pods", "list"), Need("web", "", "pods/exec", "create")]
    assert sorted(map(str, missing(rules, wanted))) == lacking


def test_too_wide() -> None:
    """`beyond` has the rights that nobody asked for, names and stars included, without those of every authenticated user."""
    wanted = [Need("web", "", "pods", "get"), Need("web", "", "secrets", "get", "tls"), Need(EVERYWHERE, "", "nodes", "get")]
    basic = rule("create", "selfsubjectreviews", group="authentication.k8s.io")
    everything = rule("*", "*", group="apps")
    rules = [rule("get delete patch", "pods nodes"), rule("get", "secrets", names="tls other"), basic, everything, rule("get", "pods", names="x")]
    assert beyond(rules, wanted, "web") == ["patch,delete nodes", "patch,delete pods", "get secrets:other", "* *.apps"]
    assert beyond([rule("get", "pods nodes")], wanted, "default") == ["get pods"]
    assert beyond([rule("get", "secrets")], wanted, "web") == ["get secrets"]


def test_a_rule_that_has_pods_deleted_needs_to_delete_them() -> None:
    """Where a command may run, and nowhere else."""
    plain, deletes = (rule_of("exec pods:box in web; read pods in other", deletes_pods=each) for each in (False, True))
    assert {str(need) for need in of_rules([deletes], KINDS) - of_rules([plain], KINDS)} == {"delete pods:box in web"}


def test_a_rule_with_an_ephemeral_container_for_looks_needs_to_put_it_there() -> None:
    """It reads the pod, as kubectl exec does, and patches that subresource."""
    plain, beside = (rule_of("exec pods:box in web", probe_image=each) for each in ("", "busybox"))
    assert {str(need) for need in of_rules([beside], KINDS) - of_rules([plain], KINDS)} == {"patch pods/ephemeralcontainers:box in web"}
    assert told_at_ends(plain) == []
    assert told_at_ends(beside) == [
        "probe: ephemeral-container needs in the cluster, beside what its scope needs: get pods:box in web, patch pods/ephemeralcontainers:box in web"]
    assert "get pods:box in web" in set(map(str, of_rules([beside], KINDS)))
