"""The ways to patch an object."""

import copy
from typing import Any

import pytest
from hypothesis import given, strategies as st

from jitui.demo.cluster import patch
from jitui.demo.cluster.status import StatusError

JSON_PATCH, MERGE, STRATEGIC = (f"application/{kind}-patch+json" for kind in ("json", "merge", "strategic-merge"))
KEYS = st.sampled_from(["a", "b", "metadata", "containers", "name", "ports"])
VALUES = st.recursive(st.none() | st.integers(0, 3) | st.text("xy", max_size=2),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    return value


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leaves_its_arguments_and_is_idempotent(current: dict[str, Any], change: dict[str, Any]) -> None:
    """RFC 7386: applying it twice is applying it once."""
    before = copy.deepcopy((current, change))
    once = patch.apply(current, change, MERGE)
    assert patch.apply(once, change, MERGE) == once
    assert (current, change) == before


@given(OBJECTS)
def test_a_merge_patch_makes_what_it_says(change: dict[str, Any]) -> None:
    """RFC 7386: on an empty object it gives itself, without nulls."""
    assert patch.apply({}, change, MERGE) == without_null(change)


@pytest.mark.parametrize(("current", "change", "expected"), [
    ({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}, {"containers": [{"name": "b", "image": "2"}]},
     {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}),
    ({"containers": [{"name": "a"}, {"name": "b"}]}, {"containers": [{"name": "a", "$patch": "delete"}]}, {"containers": [{"name": "b"}]}),
    ({"containers": [{"name": "a"}]}, {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "b"}]},
     {"containers": [{"name": "b"}, {"name": "a"}]}),
    ({"ports": [{"containerPort": 1}]}, {"ports": [{"containerPort": 2}]}, {"ports": [{"containerPort": 1}, {"containerPort": 2}]}),
    ({"command": ["a", "b"]}, {"command": ["c"]}, {"command": ["c"]}),
    ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    ({"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}},
     {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}, {"strategy": {"type": "Recreate"}}),
    ({"finalizers": ["a"]}, {"finalizers": ["b", "a"]}, {"finalizers": ["a", "b"]}),
    ({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
    ({"a": {"x": 1}}, {"a": {"$patch": "replace", "y": 2}}, {"a": {"y": 2}}),
])
def test_strategic(current: dict[str, Any], change: dict[str, Any], expected: dict[str, Any]) -> None:
    """Lists of things with a name merge by it; other lists are replaced."""
    assert patch.apply(current, change, STRATEGIC) == expected


@pytest.mark.parametrize(("steps", "expected"), [
    ([{"op": "add", "path": "/b", "value": 2}], {"a": [1, 2], "b": 2}),
    ([{"op": "add", "path": "/a/-", "value": 3}], {"a": [1, 2, 3]}),
    ([{"op": "add", "path": "/a/0", "value": 0}], {"a": [0, 1, 2]}),
    ([{"op": "replace", "path": "/a/1", "value": 9}], {"a": [1, 9]}),
    ([{"op": "remove", "path": "/a/0"}], {"a": [2]}),
    ([{"op": "move", "from": "/a", "path": "/c~1d"}], {"c/d": [1, 2]}),
    ([{"op": "copy", "from": "/a/0", "path": "/b"}], {"a": [1, 2], "b": 1}),
    ([{"op": "test", "path": "/a/0", "value": 1}], {"a": [1, 2]}),
])
def test_json_patch(steps: list[Any], expected: dict[str, Any]) -> None:
    """RFC 6902."""
    assert patch.apply({"a": [1, 2]}, steps, JSON_PATCH) == expected


@pytest.mark.parametrize("steps", [
    [{"op": "test", "path": "/a", "value": 2}],
    [{"op": "replace", "path": "/b", "value": 2}], [{"op": "remove", "path": "/a/7"}], [{"op": "?", "path": "/a"}], [{}], [7],
    [{"op": "add", "path": "a", "value": 2}]])
def test_json_patches_that_do_not_fit(steps: list[Any]) -> None:
    """422, as the API server answers."""
    with pytest.raises(StatusError) as refused:
        patch.apply({"a": [1]}, steps, JSON_PATCH)
    assert refused.value.status == 422


@pytest.mark.parametrize(("change", "content_type", "status"), [([], MERGE, 400), ({}, JSON_PATCH, 400), ({}, "text/plain", 415)])
def test_wrong_patches(change: Any, content_type: str, status: int) -> None:
    """The wrong shape is 400, the wrong kind 415."""
    with pytest.raises(StatusError) as refused:
        patch.apply({}, change, content_type)
    assert refused.value.status == status
