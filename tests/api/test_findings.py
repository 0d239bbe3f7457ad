"""Views of findings survive the JSON, whatever values a cluster's fields have."""

import json

import pytest
from pydantic import TypeAdapter

from jitui.api.client import shapes
from jitui.api.findings import ChangesView, ChangeView, FieldView, LeftView, ObjectView, ResidueView
from jitui.values import plain
from jitui.values.said import Said

WEB = ObjectView(group="apps", resource="deployments", namespace=Said("web"), name=Said("web\x1b[2J"), uid="u-1")
VALUES = (None, True, 1, 0.5, "x\x1b[2J", [1, {"a": None}], {"a": ["b"]})
CHANGE = ChangeView(
    object=WEB, effect="changed", verb="patch", at="2026-11-23T16:04:07Z", session="s-1", conn=3, code=None, subresource="", identity="bot", connection="prod",
    grant="g-1", seen="", seen_in="", asked=True, notes=("others",), fields=tuple(FieldView(path=Said("a.b"), before=one, after=one) for one in VALUES),
)  # fmt: skip
LEFT = LeftView(kind="object", said=Said("x"), ends=Said("kubectl delete x"), session="s-1", at="", object=WEB, effect="created", exists=None, why="403",
                owner=Said("y"), owns={"pods": 2}, argv=(Said("sh"),), keys=(Said("k"),), bytes=9)  # fmt: skip


@pytest.mark.parametrize("view", [ChangesView(changes=(CHANGE,), notes=("n",)), LEFT, LeftView(kind="copy", said=Said(""), ends=Said(""), session="", at=""),
                                  ResidueView(grant="g-1", identity="bot", connection="prod", looked="", left=(LEFT,))])  # fmt: skip
def test_json_says_it_all(view: object) -> None:
    """The client and the server read the same out of it; nothing of it reaches a terminal raw."""
    text = plain.text(view)
    assert text.isascii()
    assert "\x1b" not in text
    assert shapes.read(type(view), json.loads(text)) == view
    assert TypeAdapter(type(view)).validate_json(text) == view
