"""`jitui check` compares a role's rights with the rules, also where these name namespaces by pattern, or nobody promised anything."""

from typing import Any

import pytest

from jitui.admin import rights
from jitui.clusters import reviews
from jitui.policy import rbac
from jitui.policy.scope import Scope

READ = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
KINDS = {("", "configmaps"): True, ("", "secrets"): True}
EVERY = ["apps", "dev", "kube-public", "kube-system", "payments"]


async def said(monkeypatch: pytest.MonkeyPatch, there: dict[str, list[dict[str, Any]]], present: list[str] | None) -> list[str]:
    """Each line, of a role that has these rules in these namespaces."""

    async def namespaces(pool: object, upstream: object) -> list[str] | None:
        return present

    async def rules(pool: object, upstream: object, namespace: str) -> tuple[list[dict[str, Any]], bool]:
        return there.get(namespace, []), True

    async def may(pool: object, upstream: object, what: dict[str, str]) -> bool:
        return False

    monkeypatch.setattr(rights, "namespaces", namespaces)
    monkeypatch.setattr(reviews, "rules", rules)
    monkeypatch.setattr(reviews, "may", may)
    wanted = rbac.needs([Scope.parse("read configmaps in kube-*")], KINDS)
    return [found.said async for found in rights.compare("rights", "fix", None, None, wanted)]  # type: ignore[arg-type]


async def test_a_pattern_is_compared_in_each_namespace_it_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right in one, too narrow in the other; and what nobody promised is found wherever it is, said once if it is the same."""
    assert await said(monkeypatch, {"kube-system": [READ], "payments": [SECRETS], "dev": [SECRETS]}, EVERY) == [
        ("too narrow in kube-public, agents are promised and will not get: get configmaps in kube-public; list configmaps in kube-public; "
         "watch configmaps in kube-public; fix"),
        "the role may do all that the rules promise in kube-system (3 permissions)",
        "too wide in dev; payments, where no rule promises anything, no rule needs: get secrets; fix, and take away what gives it more",
    ]


async def test_where_namespaces_may_not_be_listed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called too wide that a pattern promises."""
    assert await said(monkeypatch, {"kube-system": [READ]}, None) == ["the role may not list namespaces, so what is promised in kube-* is not compared"]
