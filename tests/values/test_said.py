"""Text of others, before a person sees it."""

import unicodedata

from hypothesis import given, settings, strategies as st

from jitui.values.said import BANNED, Said, clean


@settings(deadline=None)
@given(st.text(max_size=600), st.integers(1, 300))
def test_what_is_shown_is_one_printable_line(raw: str, limit: int) -> None:
    """At most `limit` characters, none of them a control, bidi, zero-width or private one; and cleaning it again changes nothing."""
    shown = clean(raw, limit)
    assert len(shown) <= limit
    assert not {unicodedata.category(char) for char in shown} & BANNED
    assert clean(shown, limit) == shown


def test_escapes_bidi_and_piles_of_marks_are_gone() -> None:
    """Lines become spaces, the rest a replacement character, and two marks on a letter are enough."""
    assert clean("a\x1b[31mb\nc\u202ed") == "a\ufffd[31mb c\ufffdd"
    assert clean("a" + "\u0301" * 50) == "a\u0301\u0301"


def test_said_is_never_raw_by_accident() -> None:
    """Neither str nor a format shows what was said as it was."""
    said = Said("a\x07b")
    assert (str(said), f"{said}", f"{said:>5}") == ("a\ufffdb", "a\ufffdb", "  a\ufffdb")
    assert str not in Said.__mro__
