"""Text as a person reads it: without escape sequences and without the line ends of a full terminal line."""

import pytest
from hypothesis import given, strategies as st

from jitui.recording.masking.hit import column_at, flat
from tests.recording.masking import slowly


@pytest.mark.parametrize(("data", "columns", "text"), [
    (b"a\x1b[31mb\x1b[0mc", 0, b"abc"),
    (b"\x1b]0;title\x07x", 0, b"x"),
    (b"abcd\r\nef", 4, b"abcdef"),  # the line is full: the word goes on
    (b"abc\r\nef", 4, b"abc\r\nef"),  # it is not
    (b"abc\r\nef", 0, b"abc\r\nef"),
])
def test_what_is_taken_out(data: bytes, columns: int, text: bytes) -> None:
    assert flat(data, columns).text == text


@given(parts=st.lists(st.sampled_from((b"ab", b"\x1b[1m", b"\x1b]2;t\x07", b"c\r\n", b"\xc3\xa4")), max_size=12), columns=st.sampled_from((0, 2, 5)))
def test_each_byte_is_found_where_it_was(parts: list[bytes], columns: int) -> None:
    """The runs of the whole text are its bytes in the input, in order."""
    data = b"".join(parts)
    found = flat(data, columns)
    assert b"".join(data[start:end] for start, end in found.places(0, len(found.text))) == found.text
    assert all(data[found.before(at)] == found.text[at] for at in range(len(found.text)))


def test_columns_are_counted_in_characters() -> None:
    """Escape sequences have none, a character of two bytes has one, and a line begins with the first."""
    data = b"\x1b[1m\xc3\xa4b\nxyz"
    assert (column_at(data, 7, 10), column_at(data, len(data), 10)) == (12, 3)


@given(data=st.lists(st.sampled_from((b"ab", b"abcdefgh", b" ", b"\r", b"\n", b"\r\n", b"\x1b[1m", b"\x1b[", b"\x1b", b"\x1b]2;t\x07", b"\x1b[3 ",
                     b"\xc3\xa4")),
                     max_size=40).map(b"".join), columns=st.integers(0, 9), column=st.integers(0, 20))  # fmt: skip
def test_lines_that_are_told_apart_by_their_length(data: bytes, columns: int, column: int) -> None:
    """The text, and the place of each of its bytes, are those of a look at every byte of every line."""
    quick, slow = flat(data, columns, column if columns else 0), slowly.flat(data, columns, column if columns else 0)
    assert quick.text == slow.text
    assert [quick.before(at) for at in range(len(slow.text) + 1)] == [slow.before(at) for at in range(len(slow.text) + 1)]
