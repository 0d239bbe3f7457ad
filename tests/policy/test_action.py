"""The value that everything judges."""

from jitui.policy.action import Action, Hazard


def test_hazards_rise() -> None:
    """In the order in which they can hurt."""
    assert sorted(Hazard, key=lambda hazard: hazard.rank) == [Hazard.READ, Hazard.SECRET, Hazard.EXEC, Hazard.CHANGE, Hazard.SPAWN, Hazard.ESCAPE]


def test_a_kind_is_written_as_in_the_scope_grammar() -> None:
    """resource, group, subresource."""
    assert Action("patch", "apps", "v1", "deployments", "scale").kind == "deployments.apps/scale"
    assert Action("get", "", "v1", "pods").kind == "pods"
