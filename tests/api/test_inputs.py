"""What the JSON of a request may say for an argument, and what it becomes."""

from dataclasses import fields
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from jitui.api.inputs import ARGV, ActionBody, Approval, NewName, RoleName, ScopeText, Seconds, Spread
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
    """Each field of an Action has its key, with a type and a limit; the fields make the action again."""
    whole = Action("create", "", "v1", "pods", "exec", "web", "web-1", "/api", ("sh", "-c", "x"), "main", True, True, True, True, True, True)
    known = Spread(ActionBody).fields()
    assert ActionBody.value({name: getattr(whole, name) for name in known}) == whole
    assert known.keys() == {field.name for field in fields(Action) if field.init}
    assert [name for name, (_, default) in known.items() if default is ...] == ["verb"]
    assert read(known["argv"][0], ["x"] * ARGV) == ["x"] * ARGV
    for name, wrong in (("argv", ["x"] * (ARGV + 1)), ("argv", ["x" * 4097]), ("verb", "x" * 254), ("stdin", 1)):
        with pytest.raises(ValidationError):
            read(known[name][0], wrong)
