"""Views as plain JSON."""

import json

from hypothesis import given, strategies as st

from jitui.api.views import ClauseView, FactView
from jitui.policy.action import Action
from jitui.values import plain
from jitui.values.said import Said


def test_of() -> None:
    """Nested views, tuples and mappings; Said as its raw text."""
    fact = FactView(seq=1, at="t", kind="k", who="w", subject="s", what={"a": (1, Said("\x1b"))}, hash="h")
    assert plain.of((fact, ClauseView(text="x", hazard="READ"))) == [
        {"seq": 1, "at": "t", "kind": "k", "who": "w", "subject": "s", "what": {"a": [1, "\x1b"]}, "hash": "h"}, {"text": "x", "hazard": "READ"}]


def test_a_derived_field_is_not_written() -> None:
    """An action comes back from its JSON as what it was: the other side makes what follows from its words anew."""
    action = Action("get", resource="pods", argv=("ls",))
    written = plain.of(action)
    assert "length" not in written
    assert Action(**{**written, "argv": tuple(written["argv"])}) == action


@given(st.text())
def test_text_is_one_line_of_ascii(raw: str) -> None:
    """Whatever somebody said: printable ASCII without a line end, and the same text again when it is read."""
    line = plain.text({"said": Said(raw)})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"said": raw}
