"""What each way out of a window would give, in the denial."""

import pytest

from jitui.rules.action import Action, Hazard
from jitui.rules.escape import GIVES, gives, is_written_out
from jitui.rules.hazard import TABLE, Kind
from jitui.rules.policy import Deny, decide
from jitui.rules.scope import Scope
from tests.rules.test_hazard import Everything
from tests.rules.world import NOW, grant, rule

OUT = [(kind, verb) for kind, verbs, hazard in TABLE if hazard in {Hazard.ESCAPE, Hazard.SECRET} for verb in sorted(verbs - {"apply", "head"})]


@pytest.mark.parametrize(("kind", "verb"), OUT, ids=lambda part: part if isinstance(part, str) else ".".join(part))
def test_each_way_out_has_a_sentence_of_its_own(kind: Kind, verb: str) -> None:
    """What it gives, that a rule must write it out, and the clause; that clause, in rule and grant, lets it pass."""
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


def test_every_way_out_says_what_it_gives() -> None:
    """One phrase for each kind of the table, and none for another; what one only reads there is written out without a phrase."""
    kinds = {kind for kind, _, hazard in TABLE if hazard in {Hazard.ESCAPE, Hazard.SECRET}}
    assert set(GIVES) == kinds
    silent = {(kind, verb) for kind, verb in OUT if not gives(Action(verb, kind[0], "v1", kind[1], kind[2]))}
    assert silent == {(("", "serviceaccounts", "token"), verb) for verb in ("get", "list", "watch")}


@pytest.mark.parametrize("verb", ["bind", "escalate", "impersonate"])
def test_wider_rights_are_written_out(verb: str) -> None:
    """No request bears these verbs; kubectl auth can-i asks about them."""
    action = Action(verb, "rbac.authorization.k8s.io", "v1", "clusterroles", name="admin")
    assert is_written_out(action)
    assert gives(action) == "rights that stay when the window ends"


def test_an_ordinary_action_is_not_written_out() -> None:
    assert not is_written_out(Action("get", "", "v1", "pods", namespace="web"))
    assert not is_written_out(Action("get", "", "v1", "nodes"))
