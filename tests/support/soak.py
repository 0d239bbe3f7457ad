"""How long the long tests run: in every run of the tests a short while, under `make soak` until chance has been given its time."""

import os
from typing import Final

SOAKING: Final = os.environ.get("JITUI_SOAK") == "1"


def soak(short: int, long: int) -> int:
    """How often, or for how many seconds."""
    return long if SOAKING else short
