"""Finds the words that a secret may begin with, or stand behind: all words of a set in one pass over a text."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

SHORT: Final = 512  # bytes: a shorter text is searched for each word by itself, and commands that mask single lines don't load the library
PIECE: Final = 256 << 10  # bytes that are searched at once: so many places at most are there as objects

Places = Mapping[bytes, Iterable[int]]  # word -> where it begins, in order; overlapping ones, too


class Words:
    """A set of words, each of two bytes at least."""

    def __init__(self, *words: bytes) -> None:
        self._words = tuple(dict.fromkeys(words))
        self._longest = max(map(len, self._words))

    def within(self, text: bytes) -> Places:
        """Every place of every word that the text has."""
        return self.few(text) if len(text) < SHORT else self.many(text)

    def few(self, text: bytes) -> Places:
        return {word: list(_each(word, text)) for word in self._words if word in text}

    def many(self, text: bytes) -> Places:
        found: dict[bytes, array[int]] = {}
        for base in range(0, len(text), PIECE):
            piece = text[base : base + PIECE + self._longest - 1]
            for word, start, _ in self._automaton.find_matches_as_indexes(piece, overlapping=True):
                if start < PIECE:
                    found.setdefault(self._words[word], array("Q")).append(base + start)
        return found

    @cached_property
    def _automaton(self) -> "BytesAhoCorasick":
        from ahocorasick_rs import BytesAhoCorasick, Implementation  # noqa: PLC0415 - as SHORT says

        return BytesAhoCorasick(self._words, implementation=Implementation.DFA)


def _each(word: bytes, text: bytes) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)
