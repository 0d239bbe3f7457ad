"""The kinds of Kubernetes itself, for when no cluster can be asked."""

from jitui.policy import builtin


def test_built_in_kinds() -> None:
    """For a cluster that can't be asked: what everybody knows is among them."""
    assert (builtin.KINDS["", "pods"], builtin.KINDS["", "nodes"], builtin.KINDS["apps", "deployments"]) == (True, False, True)
    assert builtin.KINDS["rbac.authorization.k8s.io", "clusterroles"] is False
    assert len(builtin.KINDS) == len(builtin.NAMESPACED.split()) + len(builtin.CLUSTER_SCOPED.split()) > 60
