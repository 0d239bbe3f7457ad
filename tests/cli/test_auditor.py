"""`actions` lists what was done, `explain` and `facts` tell why it was decided so."""

import re
from pathlib import Path

import pytest

from jitui.api.views import FactView
from jitui.cli import auditor
from jitui.policy.action import Action
from jitui.values.errors import InvalidError
from jitui.values.instant import named
from jitui.values.said import Said
from tests.cli.conftest import Front, jitui
from tests.fakes.desk import action_view


def test_actions(front: Front) -> None:
    """Each with its verdict; names from the cluster are clean."""
    assert front("actions").out == "nothing was attempted yet\n"
    front.house.actions += [action_view(name=Said("web\x1b[2J")), action_view(grant="g-2", verdict="denied", code=403, clause="no window", session="")]
    said = front("actions").out
    assert "web\N{REPLACEMENT CHARACTER}[2J" in said
    assert [one["verdict"] for one in front("actions", "--grant", "g-2", "--json").jsons] == ["denied"]


def test_actions_from_files(state: Path) -> None:
    """Without a gateway, from the folder."""
    (found,) = jitui("--data-dir", str(state), "actions", "--json").jsons
    assert found["verb"] == "list"


def test_the_action_behind_an_audit_id(front: Front) -> None:
    """An audit id of the cluster's log leads to the recorded action; an unknown one is an error."""
    front.house.actions += [action_view(audit_id="jitui-aa-1-0"), action_view(audit_id="jitui-aa-1-1", grant="g-2")]
    assert [one["grant"] for one in front("actions", "--audit-id", "jitui-aa-1-1", "--json").jsons] == ["g-2"]
    assert front("actions", "--audit-id", "jitui-aa-9-9").out == "no recorded action has the audit id jitui-aa-9-9\n"


@pytest.mark.parametrize(("text", "action"), [
    ("get pods:web in web", Action("get", resource="pods", name="web", namespace="web")),
    ("list deployments.apps in web", Action("list", group="apps", resource="deployments", namespace="web")),
    ("patch deployments.apps/scale:web in web", Action("patch", group="apps", resource="deployments", subresource="scale", name="web", namespace="web")),
    ("get nodes", Action("get", resource="nodes")),
    ("exec pods:web-7c in web", Action("create", resource="pods", subresource="exec", name="web-7c", namespace="web", argv=("id",))),
    ("exec pods:web-7c/app in web",
     Action("create", resource="pods", subresource="exec", name="web-7c", namespace="web", container="app", argv=("id",))),
    ("get url:/metrics", Action("get", path="/metrics")),
])
def test_an_action_in_words(text: str, action: Action) -> None:
    """The words of the scope grammar, one verb and one thing; exec is the creation of its subresource."""
    assert auditor.read_action(text, action.argv) == action


@pytest.mark.parametrize("text", ["read pods in web", "get pods,services in web", "get pods:web-* in web", "@view in web", "get pods in web; get nodes", "fly"])
def test_more_than_one_action(text: str) -> None:
    """A pattern or a union is no action."""
    with pytest.raises(InvalidError):
        auditor.read_action(text, ())


def test_explain(front: Front) -> None:
    """Verdict, rule, and the command that asks; `-n` as in kubectl."""
    said = front("explain", "prod", "get", "pods", "-n", "web", "--identity", "agent-a", by="ana").out
    assert said == "denied (READ): no window for get pods; rule: read pods in web; ask with: jitui request prod\n"
    assert front("explain", "prod", "exec", "pods:x", "-n", "web", "--json", "--", "sh", "--json").json["why"] == "no window for create pods/exec"
    assert front("explain", "prod", by="ana").code == 2


def test_facts(front: Front) -> None:
    """All pages, oldest first, each one line."""
    for at in range(3):
        front.do(front.house.happen("viewed", "ana\x1b", f"s-{at}", how="live", empty=""))
    lines = front("facts").out.splitlines()
    assert lines[0] == "     1  " + named("2026-11-23T16:04:11.000000Z", fraction=True) + '  viewed              ana\N{REPLACEMENT CHARACTER}  s-0  how="live"'
    assert [one["seq"] for one in front("facts", "--after", "1", "--json").jsons] == [2, 3]


def test_no_clause_of_a_fact_hides_behind_harmless_ones() -> None:
    """A long scope in the audit log shows its worst clause and counts the rest; what stands behind it is seen too."""
    scope = "; ".join([*(f"get configmaps:settings-of-number-{at:03} in web" for at in range(14)), "delete pods in payments"])
    fact = FactView(seq=1, at="2026-11-23T16:04:11.000000Z", kind="request.asked", who="agent-a", subject="r-1", hash="00",
                    what={"reason": "x" * 2000, "scope": scope, "token": "0a1b2c3d"})  # fmt: skip
    line = auditor.fact_line(fact)
    assert 'scope="CHANGE delete pods in payments; READ get configmaps' in line
    assert re.search(r' \+1[0-3] READ" token="0a1b2c3d"', line)
    assert len(line) < auditor.LINE
