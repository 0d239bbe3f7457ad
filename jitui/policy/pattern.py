"""Names with `*`, and command lines with `*` and `...`: does one match, and does one lie inside another."""

import shlex
from collections.abc import Sequence
from enum import Enum
from typing import Final


class Wild(Enum):
    """A word of an argv pattern that is not exact."""

    ONE = "*"  # one word, any
    REST = "..."  # no word or more, up to the end; always the last


Word = str | Wild  # a str is exact, also "*" and "..." when they were quoted

EVERY: Final = "*"


def matches(pattern: str, text: str) -> bool:
    """`*` is any run of characters within one segment; everything else is itself.

    Linear in the text but for the stars' parts: patterns come from agents, so nothing here may backtrack.
    """
    if pattern == text:
        return True
    if "*" not in pattern:
        return False
    if "/" in pattern or "/" in text:
        wanted, parts = pattern.split("/"), text.split("/")
        return len(wanted) == len(parts) and all(map(matches, wanted, parts))
    first, *middle, last = pattern.split("*")
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def contains(outer: str, inner: str) -> bool:
    """Whether everything that `inner` matches is matched by `outer`.

    No name holds a `*`, so a `*` of `inner` can be taken as a character that only a `*` of `outer` consumes. That is sound: whatever
    replaces the inner star falls to the same outer star.
    """
    return matches(outer, inner)


def argv_matches(pattern: Sequence[Word], argv: Sequence[str]) -> bool:
    if pattern and pattern[-1] is Wild.REST:
        pattern = pattern[:-1]
        argv = argv[: len(pattern)]
    return len(pattern) == len(argv) and all(want is Wild.ONE or want == word for want, word in zip(pattern, argv, strict=True))


def argv_contains(outer: Sequence[Word], inner: Sequence[Word]) -> bool:
    """Whether every command line that `inner` matches is matched by `outer`."""
    if outer and outer[-1] is Wild.REST:
        outer = outer[:-1]
        if len(inner) < len(outer):
            return False
        inner = inner[: len(outer)]
    if len(outer) != len(inner) or Wild.REST in inner:
        return False
    return all(want is Wild.ONE or want == word for want, word in zip(outer, inner, strict=True))


def argv_text(pattern: Sequence[Word]) -> str:
    """The pattern as it is written after `--`: exact words quoted as in sh."""
    return " ".join(word.value if isinstance(word, Wild) else "'...'" if word == "..." else shlex.quote(word) for word in pattern)
