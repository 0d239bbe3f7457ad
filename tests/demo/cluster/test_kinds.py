"""The table of kinds, from which paths, discovery and Tables are made."""

from jitui.demo.cluster.kinds import DEPLOYMENTS, GROUPS, KINDS, PODS, REVIEWS, kind_of


def test_each_row_is_found_by_its_path() -> None:
    """Group, version and plural name one kind, and nothing else does."""
    for kind in (*KINDS, *REVIEWS):
        assert kind_of(kind.group, kind.version, kind.plural) is kind
    assert kind_of("", "v1", "deployments") is None
    assert kind_of("apps", "v1beta1", "deployments") is None


def test_words_of_a_kind() -> None:
    assert (DEPLOYMENTS.api_version, DEPLOYMENTS.qualified, DEPLOYMENTS.singular) == ("apps/v1", "deployments.apps", "deployment")
    assert (PODS.api_version, PODS.qualified, PODS.has("exec"), PODS.has("scale")) == ("v1", "pods", True, False)


def test_every_group_is_listed() -> None:
    assert {kind.group for kind in (*KINDS, *REVIEWS)} == {"", *GROUPS}
