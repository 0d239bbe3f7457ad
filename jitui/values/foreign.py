"""Reads JSON of another party: a cluster, an agent, a plugin. Every kind of unreadable text raises the same error."""

import json
from typing import Any


def read(body: bytes | str) -> Any:
    """The document. Raises ValueError for text that is not JSON, or that is nested too deeply (where json itself raises RecursionError)."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply to be read") from None
