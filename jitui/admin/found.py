"""One finding of `jitui check`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Found:
    verdict: Literal["ok", "note", "wrong"]
    what: str
    said: str
