"""Facts as the ledger writes them."""

import json
import re

from hypothesis import given, settings, strategies as st

from jitui.recording.facts import Kind, canonical

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
    assert all(re.fullmatch(r"[a-z]+(\.[a-z-]+)?", str(kind)) for kind in Kind)
