"""Views as plain JSON."""

import json

from hypothesis import given, strategies as st

from jitui.api.views import ClauseView, FactView
from jitui.values import plain
from jitui.values.said import Said


def test_of() -> None:
    """Nested views, tuples and mappings; Said as its raw text."""
    fact = FactView(seq=1, at="t", kind="k", who="w", subject="s", what={"a": (1, Said("\x1b"))}, hash="h")
    assert plain.of((fact, ClauseView(text="x", hazard="READ"))) == [
        {"seq": 1, "at": "t", "kind": "k", "who": "w", "subject": "s", "what": {"a": [1, "\x1b"]}, "hash": "h"}, {"text": "x", "hazard": "READ"}]


@given(st.text())
def test_text_is_one_line_of_ascii(raw: str) -> None:
    """Whatever somebody said: printable ASCII without a line end, and the same text again when it is read."""
    line = plain.text({"said": Said(raw)})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"said": raw}
