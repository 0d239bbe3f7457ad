"""A credential that can't be renewed, said to whoever runs the gateway while what is at hand still serves."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """Of one credential: it begins, changes, or is over."""

    holder: str  # g-17, "gateway" for its own requests, "cluster" for where it listens
    why: str  # empty: it is over
    left_s: float = 0.0  # so long what is at hand serves on; 0: requests fail now
    gone: bool = False  # it is over because nobody needs the credential any more


Tell = Callable[[Trouble], None]
