"""What the JSON of a request may say for an argument, and what it becomes."""

from dataclasses import fields
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from jitui.api.inputs import ARGV, ActionBody, Approval, NewName, RoleName, ScopeText, Seconds
from jitui.policy.action import Action


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value, strict=True)


def test_lengths_of_time() -> None:
    """Seconds, or as people write them; at most a month, and never another type."""
    assert [read(Seconds, value) for value in (0, 90, "30m", "1h30m")] == [0, 90, 1800, 5400]
    for wrong in (-1, 60.5, True, "soon", "-1m", 32 * 86400, None):
        with pytest.raises(ValidationError):
            read(Seconds, wrong)


def test_a_scope_is_a_text_or_a_list_of_clauses() -> None:
    """The file of `jitui request -f` has a list."""
    assert read(ScopeText, ["read pods in web", "exec pods in web"]) == read(ScopeText, "read pods in web; exec pods in web")
    for wrong in (["read", 7], 7, "x" * 16385):
        with pytest.raises(ValidationError):
            read(ScopeText, wrong)


def test_words_are_of_a_list() -> None:
    """An admin is made by no request."""
    assert (read(Approval, ""), read(RoleName, "unmask"), read(NewName, "agent-b")) == ("", "unmask", "agent-b")
    for kind, wrong in ((Approval, "maybe"), (RoleName, "admin"), (RoleName, ""), (NewName, "../x"), (NewName, "Ana"), (NewName, "")):
        with pytest.raises(ValidationError):
            read(kind, wrong)


def test_an_action_is_read_whole() -> None:
    """Each field of an Action has its key, and no other key is taken."""
    whole = Action("create", "", "v1", "pods", "exec", "web", "web-1", "/api", ("sh", "-c", "x"), "main", True, True, True, True, True, True)
    body = ActionBody(**{name: getattr(whole, name) for name in ActionBody.model_fields} | {"argv": list(whole.argv)})
    assert ActionBody.value(body.model_dump()) == whole
    assert set(ActionBody.model_fields) == {field.name for field in fields(Action) if field.init}
    with pytest.raises(ValidationError, match="extra_forbidden"):
        ActionBody(verb="get", verbs="get")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="too_long"):
        ActionBody(verb="create", argv=["x"] * (ARGV + 1))
