"""Facts as the ledger writes them."""

import json
import re

import pytest
from hypothesis import given, settings, strategies as st

from jitui.recording.facts.fact import Draft, Fact, Kind, canonical
from jitui.values.errors import InvalidError

values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(deadline=None)
@given(st.dictionaries(st.text(), values))
def test_a_value_has_one_text(what: dict[str, object]) -> None:
    """ASCII, sorted, without spaces; the order of the keys does not matter, and it reads back."""
    text = canonical(what)
    assert text.isascii()
    assert text == canonical(dict(reversed(what.items())))
    assert json.loads(text) == what


def test_kinds_are_said_once() -> None:
    """A word each, in lower case, with dots and dashes."""
    assert len({str(kind) for kind in Kind}) == len(Kind)
    assert all(re.fullmatch(r"[a-z-]+(\.[a-z-]+)?", str(kind)) for kind in Kind)


def test_the_subject_has_a_number() -> None:
    """A label of the right letter; anything else is an error that names the fact."""
    fact = Fact(7, 1, Kind.GRANT_THAWED, "ana", "g-17", {}, b"")
    assert fact.number("g") == 17
    with pytest.raises(InvalidError, match=r"^fact 7 can't be read: grant.thawed has the subject 'g-17', which is no s-N$"):
        fact.number("s")


def test_a_fact_says_whom_it_is_about_and_a_draft_whose_window() -> None:
    """By the keys `identity` and `grant`, of whatever kind; nothing if it names none, or something that is no name."""
    assert [Fact(1, 1, Kind.GRANT_THAWED, "ana", "g-1", what, b"").identity for what in ({"identity": "bot"}, {}, {"identity": 5})] == ["bot", "", ""]
    assert [Draft(Kind.SESSION_FROZEN, "s-1", "ana", what).grant for what in ({"grant": 4}, {})] == ["g-4", ""]
