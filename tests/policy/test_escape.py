"""The denial of an escape says what the escape would give."""

import pytest

from jitui.policy.action import Action, Hazard
from jitui.policy.escape import gives, is_written_out
from jitui.policy.policy import Deny, decide
from jitui.policy.scope import Scope
from jitui.policy.table import TABLE, Kind
from tests.policy.test_hazard import Everything
from tests.policy.world import NOW, grant, rule

OUT = [(kind, verb) for kind, verbs, hazard, _ in TABLE if hazard in {Hazard.ESCAPE, Hazard.SECRET} for verb in sorted(verbs - {"apply", "head", "options"})]


@pytest.mark.parametrize(("kind", "verb"), OUT, ids=lambda part: part if isinstance(part, str) else ".".join(part))
def test_each_way_out_has_a_sentence_of_its_own(kind: Kind, verb: str) -> None:
    """The denial names the gain and the clause that a rule must write out; that clause, in rule and grant, lets the action pass."""
    group, resource, subresource = kind
    action = Action(verb, group, "v1", resource, subresource, name="x")
    served = Everything(False)
    found = decide(action, agent="agent-x", connection="prod", rule=rule("* *; * * in *"), grants=[grant("* *")], now=NOW, kinds=served)
    assert isinstance(found, Deny)
    if gives(action):
        assert found.why.partition(" gives ")[2].startswith(gives(action))
    assert "does not write it out" in found.why
    clause = found.how.removeprefix("to allow it, whoever writes the rule adds: ")
    assert Scope.parse(clause).allows(action, served)
    asked = decide(action, agent="agent-x", connection="prod", rule=rule(clause), grants=[grant("* *")], now=NOW, kinds=served)
    assert isinstance(asked, Deny)
    assert asked.how.endswith(f'--scope "{clause}"'), "the rule allows it: ask for it, as for anything else"
    assert not isinstance(decide(action, agent="agent-x", connection="prod", rule=rule(clause), grants=[grant(clause)], now=NOW, kinds=served), Deny)


@pytest.mark.parametrize(("action", "says"), [
    (Action("create", "batch", "v1", "jobs", namespace="kube-system"), "a way to the rights of the cluster's own programs"),
    (Action("create", "", "v1", "pods", "exec", "kube-system", "x"), "the cluster's own programs, whose service accounts are in kube-system"),
    (Action("patch", "", "v1", "configmaps", namespace="kube-system", name="aws-auth"), "the map of IAM roles to the cluster's users"),
    (Action("create", "", "v1", "configmaps", namespace="vault"), "a say in vault, which the rule guards"),
    (Action("create", "", "v1", "persistentvolumes"), "any directory of a node"),
    (Action("patch", "", "v1", "namespaces", name="kube-system"), "Pod Security"),
    (Action("get", "example.io", "v1", "secrets", namespace="web"), "passwords, keys and tokens"),
    (Action("create", "authorization.openshift.io", "v1", "rolebindings", namespace="web"), "rights that stay when the window ends"),
    (Action("get", path="/logs/x"), "the control plane's own log files"),
    (Action("get", path="/metrics"), "what the server says of its inside"),
    (Action("get", "cluster.karmada.io", "v1", "clusters", "proxy", name="x"), "whatever stands behind it"),
])  # fmt: skip
def test_a_denial_says_what_would_be_gained(action: Action, says: str) -> None:
    """Of a guarded namespace too, and of paths; the namespace that the rule guards besides is not the cluster's."""
    assert is_written_out(action, ("vault",))
    assert says in gives(action, ("vault",))
    found = decide(action, agent="agent-x", connection="prod", rule=rule("@deploy in *; @debug in *; * * in *; * *", guarded=("vault",)), grants=[grant("* *")],
                   now=NOW, kinds=Everything(bool(action.namespace)))  # fmt: skip
    assert isinstance(found, Deny)
    assert says in found.why
    assert found.how.startswith("to allow it, whoever writes the rule adds: ")


@pytest.mark.parametrize("verb", ["bind", "escalate", "impersonate"])
def test_wider_rights_are_written_out(verb: str) -> None:
    """No request bears these verbs; kubectl auth can-i asks about them."""
    action = Action(verb, "rbac.authorization.k8s.io", "v1", "clusterroles", name="admin")
    assert is_written_out(action)
    assert gives(action) == "rights that stay when the window ends"


def test_an_ordinary_action_is_not_written_out() -> None:
    assert not is_written_out(Action("get", "", "v1", "pods", namespace="web"))
    assert not is_written_out(Action("get", "", "v1", "nodes"))
