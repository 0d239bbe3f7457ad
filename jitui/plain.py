"""Views as plain JSON data: what the API sends and `--json` prints. One line, ASCII only, so that nothing in it reaches a terminal raw."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from jitui.said import Said


def of(value: Any) -> Any:
    """Dicts, lists and scalars of a view; Said becomes its raw text."""
    if isinstance(value, Said):
        return value.raw
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # a field that nobody gives follows from the others: whoever reads the JSON makes it anew
        return {field.name: of(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init}
    if isinstance(value, Mapping):
        return {str(key): of(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [of(item) for item in value]
    return value


def text(value: Any) -> str:
    """One line of ASCII JSON."""
    return json.dumps(of(value), ensure_ascii=True, separators=(",", ":"))
