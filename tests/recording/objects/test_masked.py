"""Values of fields, masked as the recorded bodies are."""

import json
from typing import Any

from jitui.recording.objects import masked
from jitui.recording.objects.difference import asked, difference

SECRET = {"kind": "Secret", "metadata": {"name": "s", "labels": {"a": "b"}}, "data": {"password": "aHVudGVyMg==", "n": 5}, "type": "Opaque"}


def shown(before: Any, after: Any, *, secret: bool) -> dict[str, tuple[Any, Any]]:
    return {each.path: (each.before, each.after) for each in masked.shown(difference(before, after), before, after, secret=secret)}


def test_a_secret_shows_its_names() -> None:
    """Its values go, also numbers; that one changed is seen all the same."""
    found = shown(SECRET, {**SECRET, "data": {"password": "aHVudGVyMw==", "n": 6}, "type": "x"}, secret=True)
    assert set(found) == {"data.password", "data.n", "type"}
    assert found["type"] == ("Opaque", "x")
    assert "aHVudGVy" not in json.dumps(found)
    assert "masked" in found["data.password"][0]


def test_other_kinds_are_searched_by_pattern() -> None:
    """A value beside the name of a password, in an environment for instance; its neighbours stay."""
    def pod(word: str, plain: str) -> dict[str, Any]:
        return {"spec": {"containers": [{"name": "c", "env": [{"name": "DB_PASSWORD", "value": word}, {"name": "MODE", "value": plain}]}]}}

    found = shown(pod("hunter2-old", "a"), pod("hunter2-new", "b"), secret=False)
    assert found["spec.containers[c].env[MODE].value"] == ("a", "b")
    assert "hunter2" not in json.dumps(found)
    assert len(found) == 2


def test_a_patch_is_masked_as_the_object_is() -> None:
    """Also the steps of a JSON Patch, of which no table knows the value."""
    steps = [{"op": "replace", "path": "/data/password", "value": "aHVudGVyMg=="}]
    (found,) = masked.shown(asked(steps), None, steps, secret=True)
    assert found.path == "data.password"
    assert "aHVud" not in str(found.after)


def test_a_very_long_document_is_masked_whole() -> None:
    """Rather than searched for minutes."""
    (found,) = masked.shown(difference({}, {"data": {"a": "x" * (5 << 20)}}), {}, {"data": {"a": "x" * (5 << 20)}}, secret=False)
    assert found.after == masked.HIDDEN
