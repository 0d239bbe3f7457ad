"""Names with `*` and command lines with `*` and `...`."""

import re

import pytest
from hypothesis import given, strategies as st

from jitui.policy.grammar import parse
from jitui.policy.pattern import Wild, Word, argv_contains, argv_matches, argv_text, contains, matches

text = st.text("ab-", max_size=5)
pattern = st.text("ab-*", max_size=5).map(lambda some: re.sub(r"\*+", "*", some))
words = st.sampled_from(("a", "b", "*", "...", ""))
argv_pattern = st.builds(lambda some, rest: (*some, *rest), st.lists(words | st.just(Wild.ONE), max_size=3), st.just(()) | st.just((Wild.REST,)))


@pytest.mark.parametrize(("wanted", "name", "fits"), [
    ("web", "web", True), ("web", "web-1", False), ("web-*", "web-", True), ("web-*", "web-1-a", True), ("*", "anything", True),
    ("*-1", "web-1", True), ("a*c", "abbc", True), ("a*c", "abcd", False), ("web.*", "webx1", False), ("logs/*", "logs/a", True),
    ("logs/*", "logs/a/b", False), ("ab*ba", "aba", False), ("a*a", "a", False), ("a*b*b", "ab", False), ("a*b*b", "abb", True),
])  # fmt: skip
def test_a_star_is_any_run_within_one_segment(wanted: str, name: str, fits: bool) -> None:
    """It crosses no slash, and every other character is itself."""
    assert matches(wanted, name) is fits


@given(pattern, text)
def test_a_match_is_what_a_regular_expression_says(wanted: str, name: str) -> None:
    """The same answer, without its backtracking."""
    assert matches(wanted, name) is (re.fullmatch(wanted.replace("*", "[^/]*"), name) is not None)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    """An agent writes the pattern and the name; a backtracking matcher would never come back from this."""
    assert not matches("a*" * 120 + "b", "a" * 250)
    assert not contains("a*" * 120 + "b", "a" * 250)


@given(pattern, pattern, text)
def test_containment_is_sound(outer: str, inner: str, name: str) -> None:
    """The outer pattern matches everything that the inner one matches."""
    if contains(outer, inner) and matches(inner, name):
        assert matches(outer, name)


@given(pattern)
def test_containment_is_reflexive(some: str) -> None:
    assert contains(some, some)
    assert contains("*", some)


@pytest.mark.parametrize(("outer", "inner", "inside"), [
    ("web-*", "web-1", True), ("web-*", "web-1-*", True), ("web-*", "*", False), ("*-*", "web-*-a", True), ("web-1", "web-*", False),
    ("*b*", "*b", True), ("*b", "*b*", False),
])  # fmt: skip
def test_obvious_containments_are_proved(outer: str, inner: str, inside: bool) -> None:
    """A name in a pattern, a pattern in a wider one."""
    assert contains(outer, inner) is inside


@pytest.mark.parametrize(("wanted", "argv", "fits"), [
    (("ls",), ("ls",), True), (("ls",), ("ls", "-l"), False), (("ls", Wild.ONE), ("ls", "-l"), True), (("ls", Wild.ONE), ("ls",), False),
    (("ls", Wild.ONE), ("ls", "a", "b"), False), (("ls", Wild.REST), ("ls",), True), (("ls", Wild.REST), ("ls", "a", "b"), True),
    (("ls", Wild.REST), ("rm",), False), ((Wild.REST,), (), True), (("ls", "*"), ("ls", "x"), False), (("ls", "*"), ("ls", "*"), True),
    (("ls", "..."), ("ls", "a"), False), (("a", Wild.REST), (), False),
])  # fmt: skip
def test_a_command_line_fits_word_by_word(wanted: tuple[Word, ...], argv: tuple[str, ...], fits: bool) -> None:
    """`*` is one word, `...` the rest; quoted ones are themselves."""
    assert argv_matches(wanted, argv) is fits


@given(argv_pattern, argv_pattern, st.lists(words, max_size=4))
def test_argv_containment_is_sound(outer: tuple[Word, ...], inner: tuple[Word, ...], argv: list[str]) -> None:
    """The outer command pattern matches everything that the inner one matches."""
    if argv_contains(outer, inner) and argv_matches(inner, argv):
        assert argv_matches(outer, argv)


@given(argv_pattern)
def test_argv_containment_is_reflexive(some: tuple[Word, ...]) -> None:
    assert argv_contains(some, some)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6) | st.just(Wild.ONE), min_size=1, max_size=4))
def test_a_command_reads_back_as_it_was(some: list[Word]) -> None:
    """Whatever the words are: quotes, semicolons, newlines, stars."""
    assert parse(f"exec pods in web -- {argv_text(some)}")[0].argv == tuple(some)
