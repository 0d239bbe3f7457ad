"""Leaves: canonical, so that a leaf has one text alone."""

import contextlib
import json

import pytest
from hypothesis import given, strategies as st

from jitui.recording.tlog.leaf import FactsLeaf, SessionLeaf, leaf_of
from jitui.values.errors import InvalidError

FACTS = FactsLeaf(38, "ab" * 32, 7, 2, 3, 1, 1, 99)
SESSION = SessionLeaf(3, 12, "cd" * 32, 38)


def test_written_and_read() -> None:
    """Both kinds."""
    assert (leaf_of(FACTS.text), leaf_of(SESSION.text)) == (FACTS, SESSION)
    assert json.loads(SESSION.text) == {"leaf": "session", "session": 3, "frames": 12, "head": "cd" * 32, "fact": 38}


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", "{" * 5000, '{"leaf": "other"}', json.dumps(json.loads(SESSION.text), indent=1),
                                  SESSION.text.replace("12", "-12"),                                   SESSION.text.replace("12", "true"),
                                  SESSION.text.replace("12", "12.0"), SESSION.text.replace("cd", "CD"), SESSION.text + " ",
                                  SESSION.text.replace('"cdcd', '"cd'), SESSION.text.replace("12", str(1 << 62)), SESSION.text.replace("12", '"12"'),
                                  SESSION.text.replace('"leaf"', '"more":1,"leaf"'), FACTS.text.replace('"facts"', '"session"')])
def test_what_is_none(text: str) -> None:
    """One clear line."""
    with pytest.raises(InvalidError, match="is no leaf of a log"):
        leaf_of(text)


@given(st.text(max_size=200), st.integers(0, 120))
def test_any_text(text: str, at: int) -> None:
    """Nothing but InvalidError comes of any text; what is read is written as it was."""
    for each in (text, FACTS.text[:at] + text, FACTS.text[:at] + text + FACTS.text[at + len(text):]):
        with contextlib.suppress(InvalidError):
            assert leaf_of(each).text == each
