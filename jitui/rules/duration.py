"""Durations as people write them: 30m, 1h30m, 90s."""

import re
from typing import Final

from jitui.errors import InvalidError

UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
WRITTEN: Final = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?")


def seconds(text: str) -> int:
    """Seconds of `30m`, `1h30m`, `2d`. Raises InvalidError, also for nothing and for zero."""
    match = WRITTEN.fullmatch(text.strip())
    total = sum(int(count) * size for count, (_, size) in zip(match.groups(default="0"), UNITS, strict=True)) if match else 0
    if total <= 0:
        raise InvalidError(f"duration {text!r} is not one: write for instance 30m, 1h30m or 90s")
    return total


def duration(total_s: int) -> str:
    """`30m`, `1h30m`; `0s` for nothing."""
    words, left = "", max(total_s, 0)
    for unit, size in UNITS[1:]:
        count, left = divmod(left, size)
        words += f"{count}{unit}" if count else ""
    return words or "0s"
