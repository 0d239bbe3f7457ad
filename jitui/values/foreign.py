"""JSON that somebody else wrote: a cluster, an agent, a plugin. What can't be read is one kind of error, however it is made."""

import json
from typing import Any


def read(body: bytes | str) -> Any:
    """The document. Raises ValueError: not JSON, or nested deeper than Python follows, which json tells by a RecursionError."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply to be read") from None
