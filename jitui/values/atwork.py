"""A limit at work: how those who keep limits tell of a refusal, and what the broker knows of it and the screens show."""

from collections.abc import Callable
from dataclasses import dataclass

Told = Callable[[str, str, str], None]  # called at each refusal: the limit's key under `limits:`, whom it refused, and the words


def unheard(limit: str, who: str, words: str) -> None:
    """For limits of which nobody has to hear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """A limit that refused somebody within the last minute."""

    limit: str  # its key under `limits:` in the configuration
    who: str  # whose it is: those it refused most, by name; an address for who showed no token
    words: str  # what is refused, and what to do
    times: int  # since it came to work
