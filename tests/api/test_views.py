"""Views are what the API sends: every field survives the JSON, and no secret is in a repr."""

from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import TypeAdapter

from jitui.api import views
from jitui.api.views import IdentityView, Issued
from jitui.recording.masking.spans import Span
from jitui.values import plain
from jitui.values.atwork import AtWork
from jitui.values.said import Said

SHOWN = [view for view in vars(views).values() if isinstance(view, type) and is_dataclass(view) and view.__module__ == views.__name__]


def some(kind: Any) -> Any:
    """A value of a field's type that is not its usual default."""
    if kind is Said:
        return Said("\x1b[2J\u202e")
    if kind in {str, int, float, bool}:
        return {str: "x", int: 7, float: 0.5, bool: True}[kind]
    if kind in {AtWork, Span} or is_dataclass(kind):
        return kind(**{field.name: some(get_type_hints(kind)[field.name]) for field in fields(kind)})
    if kind is Any:
        return {"a": [1, None, "b"]}
    if getattr(kind, "__origin__", None) is tuple:
        return (some(get_args(kind)[0]),)
    if "Mapping" in str(kind):
        of = get_args(kind)[1:]
        return {"a": some(of[0]) if of in {(str,), (int,)} else [1, None, "b"]}
    first = next(one for one in get_args(kind) if one is not type(None))
    return first if isinstance(first, str) else some(first)


@pytest.mark.parametrize("view", SHOWN, ids=[view.__name__ for view in SHOWN])
def test_every_view_survives_json(view: type) -> None:
    """Text of others is Said on the other side too, whatever is in it."""
    made = some(view)
    assert TypeAdapter(view).validate_json(plain.text(made)) == made


def test_a_token_is_in_no_repr() -> None:
    """It is shown once, where it is asked for, and in no log."""
    who = IdentityView(name="agent-b", roles=("agent",), owner="bo", created_by="root", disabled=False)
    made = Issued(identity=who, token="jt_secret", expires="")
    assert "jt_secret" not in repr(made)
    assert plain.of(made)["token"] == "jt_secret"
