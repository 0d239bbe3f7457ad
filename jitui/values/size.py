"""Amounts of bytes as people write them: 500MB, 2GiB. Whole bytes inside."""

import re
from typing import Final

from jitui.values.errors import InvalidError

UNITS: Final = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
GRAMMAR: Final = r"^\d{1,9}(B|[KMGT]i?B)$"
LARGEST: Final = 1 << 50  # bytes
_GRAMMAR: Final = re.compile(r"(\d{1,9})(B|[KMGT]i?B)", re.ASCII)


def parse(text: str) -> int:
    """Bytes of `500MB` (powers of ten) or `2GiB` (powers of two), at least 1. Raises InvalidError."""
    found = _GRAMMAR.fullmatch(text)
    if found is None:
        raise InvalidError(f'a size is a whole number and its unit, as in 500MB or 2GiB, not "{text[:40]}"')
    total = int(found[1]) * UNITS[found[2]]
    if not 0 < total <= LARGEST:
        raise InvalidError(f"a size lies between 1B and {LARGEST >> 40}TiB, not {text}")
    return total


def show(count: int) -> str:
    """The size in words, as `2 GiB`, `1.5 MiB`, `12 B`: one decimal at most, in powers of two, or of ten where those are whole."""
    if count and count % 10**6 == 0:
        unit = next(name for name in ("TB", "GB", "MB") if count % UNITS[name] == 0)
        return f"{count // UNITS[unit]} {unit}"
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if count >= UNITS[unit]:
            return f"{count / UNITS[unit]:.1f}".removesuffix(".0") + f" {unit}"
    return f"{max(0, count)} B"
