"""Words are found in one pass where a search for each of them by itself finds them."""

import pytest
from hypothesis import given, strategies as st

from jitui.recording.masking import words
from jitui.recording.masking.text import LOWER, PLAIN
from jitui.recording.masking.words import Words
from tests.recording.masking.slowly import places

PARTS = st.sampled_from([word[:end] for word in (*PLAIN._words, *LOWER._words) for end in (1, 2, len(word) - 1, len(word))]) | st.binary(max_size=3)


@given(text=st.lists(PARTS, max_size=40).map(b"".join))
@pytest.mark.parametrize("several", [PLAIN, LOWER], ids=["plain", "lower"])
def test_in_one_pass_and_one_by_one(several: Words, text: bytes) -> None:
    expected = {word: found for word in several._words if (found := places(word, text))}
    assert {word: list(found) for word, found in several.many(text).items()} == expected
    assert {word: list(found) for word, found in several.few(text).items()} == expected


@pytest.mark.parametrize("piece", range(1, 9))
def test_across_the_pieces_of_a_search(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place is found once, wherever a text is cut for the search."""
    text = b"keykey tokey://to" * 3
    monkeypatch.setattr(words, "PIECE", piece)
    found = Words(b"key", b"token", b"://", b"yke").many(text)
    assert {word: list(each) for word, each in found.items()} == {word: places(word, text) for word in (b"key", b"://", b"yke")}
