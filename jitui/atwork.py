"""A limit at work, as the broker knows it and the screens show it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """A limit that refused somebody within the last minute."""

    limit: str  # its key under `limits:` in the configuration
    who: str  # whose it is: those it refused most, by name; an address for who showed no token
    words: str  # what is refused, and what to do
    times: int  # since it came to work
