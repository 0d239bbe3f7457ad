"""Reading discovery documents, new and old."""

import json

import pytest
from hypothesis import example, given, strategies as st

from jitui.clusters.served import Kind, is_aggregated, kinds_of, named, parse
from jitui.values.errors import UpstreamError
from tests.clusters.documents import SERVED, Table, aggregated, groups_of, resources, versions

PODS, NODES = Kind(True, frozenset({"log", "exec"})), Kind(False, frozenset())
NAMED = frozenset({("", "v1"), ("apps", "v1")})
KINDS = {("", "pods"): PODS, ("", "nodes"): NODES, ("apps", "deployments"): Kind(True, frozenset({"scale"}))}


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_an_aggregated_list_says_it_all(version: str) -> None:
    """Names, scopes and subresources in one document; core has no group name."""
    document = parse(aggregated(SERVED, version), "/apis")
    assert (is_aggregated(document), named(document), kinds_of([document])) == (True, NAMED, KINDS)


def test_the_old_documents_say_the_same() -> None:
    """Names at /api and /apis, the rest at each group-version."""
    core, groups = parse(versions(SERVED), "/api"), parse(groups_of(SERVED), "/apis")
    assert (is_aggregated(core), is_aggregated(groups), named(core) | named(groups)) == (False, False, NAMED)
    assert kinds_of(parse(resources(SERVED, group, "v1"), "/x") for group in SERVED) == KINDS


def test_versions_are_taken_together() -> None:
    """A subresource of any version counts; a kind that is namespaced in one is namespaced."""
    table: Table = {"x.io": {"v1": {"a": {"namespaced": True, "subresources": ["status"]}}, "v2": {"a": {"namespaced": False, "subresources": ["scale"]}}}}
    assert kinds_of([parse(aggregated(table), "/apis")]) == {("x.io", "a"): Kind(True, frozenset({"status", "scale"}))}


def test_a_group_that_can_not_answer_now() -> None:
    """freshness: Stale comes without resources: its names are known, its kinds are not."""
    stale = {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]}
    document = {"kind": "APIGroupDiscoveryList", "items": [stale]}
    assert (set(named(document)), len(kinds_of([document]))) == ({("metrics.k8s.io", "v1beta1")}, 0)


WORDS = ["kind", "items", "versions", "version", "resources", "resource", "scope", "metadata", "name", "groups", "groupVersion", "subresources"]
LEAVES = st.none() | st.booleans() | st.integers() | st.text() | st.just("APIGroupDiscoveryList")
LIKELY = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4), max_leaves=20)


@example({"kind": "APIGroupDiscoveryList", "items": ["x"]})
@example({"kind": "APIGroupDiscoveryList", "items": [{"metadata": "x", "versions": []}]})
@example({"kind": "APIGroupDiscoveryList", "items": [{"versions": [{"version": "v1", "resources": [{"resource": "a"}]}]}]})
@example({"groups": [{"name": "x", "versions": None}]})
@example({"resources": [{"name": "a"}]})
@example({"resources": 7})
@given(LIKELY)
def test_any_json_is_read_or_refused(document: object) -> None:
    """A document of another shape is a sentence, never a traceback."""
    try:
        read = parse(json.dumps(document).encode(), "/apis")
        for group, version in named(read):
            assert isinstance(group, str)
            assert isinstance(version, str)
        kinds_of([read])
    except UpstreamError:
        return


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"<html>"])
def test_what_is_no_document(body: bytes) -> None:
    """The path is named: a proxy's error page is a usual cause."""
    with pytest.raises(UpstreamError, match="the cluster's answer to /apis is not"):
        parse(body, "/apis")
