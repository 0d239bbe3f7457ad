"""Lengths of time as people write them: 30m, 1h30m, 45s. Whole seconds inside."""

import re
from typing import Final

from jitui.values.errors import InvalidError

GRAMMAR: Final = r"^(?=\d)(\d{1,5}h)?(\d{1,5}m)?(\d{1,6}s)?$"
_GRAMMAR: Final = re.compile(GRAMMAR.replace("$", r"\Z"), re.ASCII)
LONGEST_S: Final = 31 * 86400  # a window of more than a month is standing access


def parse(text: str) -> int:
    """Seconds of `1h30m`, at least 1. Raises InvalidError."""
    found = _GRAMMAR.match(text)
    if found is None:
        raise InvalidError(f'a duration is hours, minutes, seconds as in 30m, 1h30m or 45s, not "{text[:40]}"')
    hours, minutes, seconds = (int(part[:-1]) if part else 0 for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if not 0 < total <= LONGEST_S:
        raise InvalidError(f"a duration lies between 1s and {show(LONGEST_S)}, not {text}")
    return total


def show(seconds: float) -> str:
    """The length in words: `1h30m` for 5400, `0s` for less than a second. The inverse of `parse` on whole seconds."""
    whole = max(0, int(seconds))
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
