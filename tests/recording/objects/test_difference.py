"""Two states of an object as fields."""

from typing import Any, Final

from jitui.recording.objects.difference import asked, difference

WEB: Final[dict[str, Any]] = {
    "kind": "Deployment", "apiVersion": "apps/v1",
    "metadata": {"name": "web", "resourceVersion": "1", "generation": 1, "managedFields": [{"manager": "x"}], "annotations": {"a": "1"}},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [
        {"name": "app", "image": "web:1.5", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["x", "y"],
         "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}]}]}}},
    "status": {"replicas": 2},
}  # fmt: skip


def changed(**container: Any) -> dict[str, Any]:
    (app,) = WEB["spec"]["template"]["spec"]["containers"]
    return {**WEB, "spec": {**WEB["spec"], "template": {"spec": {"containers": [{"name": "proxy", "image": "p"}, {**app, **container}]}}}}


def said(before: Any, after: Any, **more: bool) -> dict[str, tuple[Any, Any]]:
    return {each.path: (each.before, each.after) for each in difference(before, after, **more)}


def test_lists_are_compared_by_name() -> None:
    """A container that comes first moves none of the others; ports have two fields for a name."""
    assert said(WEB, changed(image="web:1.4", env=[{"name": "B", "value": "2"}, {"name": "A", "value": "0"}],
                             ports=[{"containerPort": 80, "protocol": "UDP"}, {"containerPort": 80, "protocol": "TCP", "hostPort": 8}])) == {
        "spec.template.spec.containers[proxy].name": (None, "proxy"),
        "spec.template.spec.containers[proxy].image": (None, "p"),
        "spec.template.spec.containers[app].image": ("web:1.5", "web:1.4"),
        "spec.template.spec.containers[app].env[A].value": ("1", "0"),
        "spec.template.spec.containers[app].ports[80/TCP].hostPort": (None, 8),
    }  # fmt: skip


def test_a_list_of_words_is_one_value() -> None:
    """Which of them moved is a matter of taste."""
    path = "spec.template.spec.containers[app].args"
    assert said(WEB, changed(args=["y"]))[path] == (["x", "y"], ["y"])


def test_fields_of_the_server_are_left_out() -> None:
    """And the status, unless it was written; kubectl's copy of the manifest too."""
    after = {**WEB, "apiVersion": "v2", "metadata": {**WEB["metadata"], "resourceVersion": "2", "generation": 2, "managedFields": [], "annotations": {
        "a": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}"}}, "status": {"replicas": 1}}  # fmt: skip
    assert said(WEB, after) == {}
    assert said(WEB, after, status=True) == {"status.replicas": (2, 1)}


def test_nothing_is_as_good_as_an_empty_list_or_null() -> None:
    """Protobuf has neither; an empty object says something."""
    assert said({"a": None, "b": []}, {}) == {}
    assert said({}, {"emptyDir": {}}) == {"emptyDir": (None, {})}


def test_names_with_dots_are_in_brackets() -> None:
    """So that a path has one meaning."""
    assert list(said({}, {"data": {"app.conf": "x", "plain": "y"}})) == ["data[app.conf]", "data.plain"]


def test_items_without_names_go_by_their_order() -> None:
    """The rules of a role, for instance."""
    assert said({"rules": [{"verbs": ["get"]}]}, {"rules": [{"verbs": ["get", "list"]}, {"verbs": ["get"]}]}) == {
        "rules[0].verbs": (["get"], ["get", "list"]), "rules[1].verbs": (None, ["get"])}  # fmt: skip


def test_places_lead_to_the_values() -> None:
    """In each of the two documents, wherever an item stands there."""
    before, after = WEB, changed(image="web:1.4")
    found = next(each for each in difference(before, after) if each.path.endswith("[app].image"))
    for document, place, value in ((before, found.was, "web:1.5"), (after, found.now, "web:1.4")):
        tree: Any = document
        for part in place or ():
            tree = tree[part]
        assert tree == value


def test_what_was_asked_for() -> None:
    """The leaves of a patch; a JSON Patch by its steps; the value before where it is plain which one is meant."""
    patch = {"spec": {"replicas": 5, "template": {"spec": {"containers": [{"name": "app", "image": "web:1.4"}]}}}}
    assert [(each.path, each.before, each.after) for each in asked(patch, WEB)] == [
        ("spec.replicas", 2, 5), ("spec.template.spec.containers[app].name", None, "app"), ("spec.template.spec.containers[app].image", None, "web:1.4")]
    steps = [{"op": "replace", "path": "/spec/replicas", "value": 5}, {"op": "remove", "path": "/metadata/annotations/a~1b"}]
    assert [(each.path, each.before, each.after) for each in asked(steps, WEB)] == [("spec.replicas", 2, 5), ("metadata.annotations[a/b]", None, None)]
    assert asked("x") == asked(None) == []
