"""Identities, rules, requests and grants as values."""

from dataclasses import fields, replace
from typing import Any

import pytest

from jitui.policy.scope import Scope
from jitui.policy.terms import GrantState
from tests.policy.world import agent, grant, person, rule

CHANGES: dict[str, Any] = {
    "identity": "other", "connection": "other", "duration_s": 60, "scope": Scope.parse("read nodes"), "approvals": 2, "automatic": True,
    "automatic_for": frozenset({"READ", "EXEC"}), "on_first_use": True, "use_within_s": 1, "pending_s": 1, "owner_may_approve": True,
    "budget": 1, "guarded": ("vault",), "ends_processes": False, "deletes_pods": True, "probe_image": "busybox",
}  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in fields(rule())])
def test_a_rules_version_changes_with_everything_in_it(name: str) -> None:
    """A decision is bound to it, so nothing of a rule may change unseen."""
    assert replace(rule(), **{name: CHANGES[name]}).version != rule().version


def test_a_rules_version_is_stable() -> None:
    assert rule().version == rule().version


@pytest.mark.parametrize("state", GrantState)
def test_a_grant_is_live_until_it_ends(state: GrantState) -> None:
    """Waiting and active."""
    assert grant(state=state).live is (state in {GrantState.WAITING, GrantState.ACTIVE})


def test_labels_and_roles() -> None:
    assert grant(ident=17).label == "g-17"
    assert agent().is_agent
    assert not person("ana").is_agent


def test_what_a_rule_does_at_the_end_is_a_sentence() -> None:
    """Of rules that let a command run; the deletion of a pod stands out."""
    execs = replace(rule(), scope=Scope.parse("@debug in web"))
    assert execs.at_end == "processes of its commands are ended in the pods; others are listed, and left"
    assert replace(execs, ends_processes=False).at_end == "processes of its commands run on, and are listed"
    assert "the pod is DELETED where" in replace(execs, deletes_pods=True).at_end
    assert replace(execs, probe_image="busybox").at_end.endswith("beside a container without a shell an ephemeral container of busybox is STARTED")
    assert replace(execs, scope=Scope.parse("read pods in web"), probe_image="busybox").at_end == ""
