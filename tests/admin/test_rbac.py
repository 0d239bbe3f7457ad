"""The documents for an administrator, as values."""

from pathlib import Path

import pytest

from jitui import config
from jitui.admin.rbac import impersonation, least, manifests
from jitui.policy import rbac
from jitui.policy.scope import Scope
from jitui.values.errors import NotFoundError

NOWHERE = """\
connections: {c: {kind: kubernetes, kubeconfig: none.yaml}}
rules: [{identity: a, connection: c, duration: 5m, scope: 'exec pods:x in web -- ls'}]
"""


def test_impersonation_names_each_agent() -> None:
    """RBAC knows no patterns: the gateway may act as its agents and nobody else."""
    role, binding = impersonation("jitui-x", "gateway", {"b", "a"})
    assert role["rules"][0] == {"apiGroups": [""], "resources": ["users"], "resourceNames": ["jitui:a", "jitui:b"], "verbs": ["impersonate"]}
    assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "gateway"}]


def test_a_role_for_each_namespace_and_one_for_the_cluster() -> None:
    """Each with its binding to the same subject."""
    made = manifests("jitui-x", {"kind": "Group", "name": "g"}, rbac.needs([Scope.parse("get pods in a,b; get nodes")], {}))
    assert [(one["kind"], one["metadata"].get("namespace")) for one in made] == [
        ("ClusterRole", None), ("ClusterRoleBinding", None), ("Role", "a"), ("RoleBinding", "a"), ("Role", "b"), ("RoleBinding", "b")]  # fmt: skip
    assert {one["subjects"][0]["name"] for one in made if "subjects" in one} == {"g"}


async def test_what_could_not_be_known_is_noted_as_it_is_found(tmp_path: Path) -> None:
    """A cluster that can't be asked is no reason to print nothing; its user's name is left to be filled in."""
    notes: list[str] = []
    found = await least(config.read(NOWHERE, tmp_path / "c.yaml"), "c", notes.append)
    assert [note.split(":")[0] for note in notes] == [
        "the cluster can't be asked", "RBAC knows neither containers nor commands", "the cluster could not be asked who the kubeconfig's user is"]  # fmt: skip
    assert found.manifests[1]["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "USER-OF-c"}]
    assert found.beside == {}


async def test_a_named_group_is_bound_without_asking(tmp_path: Path) -> None:
    """Nothing that only the cluster knows is needed then."""
    notes: list[str] = []
    found = await least(config.read(NOWHERE, tmp_path / "c.yaml"), "c", notes.append, group="others")
    assert [note.split(":")[0] for note in notes] == ["RBAC knows neither containers nor commands"]
    assert found.manifests[1]["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "others"}]


async def test_a_connection_that_is_not_there(tmp_path: Path) -> None:
    """The error names those that are."""
    with pytest.raises(NotFoundError, match=r"no connection d in .*; known: c$"):
        await least(config.read(NOWHERE, tmp_path / "c.yaml"), "d", print)
