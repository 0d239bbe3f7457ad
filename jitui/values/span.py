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


LONG: Final = r"^\d{1,5}[hdwy]$|^(?=\d)(\d{1,5}h)?(\d{1,5}m)?(\d{1,6}s)?$"
_UNITS: Final = {"d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
MOST_S: Final = 100 * _UNITS["y"]


def parse_long(text: str) -> int:
    """Seconds of `90d`, `12w`, `7y` (of 365 days), or of whatever `parse` takes, up to a hundred years. Raises InvalidError."""
    count = text[:-1]
    if text[-1:] not in _UNITS or not (count.isascii() and count.isdecimal() and len(count) <= 5):
        if _GRAMMAR.match(text):
            return parse(text)
        raise InvalidError(f'a length of time is days, weeks or years as in 90d, 12w or 7y, or hours and minutes as in 36h, not "{text[:40]}"')
    total = int(count) * _UNITS[text[-1]]
    if not 0 < total <= MOST_S:
        raise InvalidError(f"a length of time lies between 1s and 100y, not {text}")
    return total


def show_long(seconds: int) -> str:
    """The inverse of `parse_long`, in the largest unit that is whole: `90d`."""
    unit = next((name for name in ("y", "d") if seconds and seconds % _UNITS[name] == 0), "")
    return f"{seconds // _UNITS[unit]}{unit}" if unit else show(seconds)


def show(seconds: float) -> str:
    """The length in words: `1h30m` for 5400, `0s` for less than a second. The inverse of `parse` on whole seconds."""
    whole = max(0, int(seconds))
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
