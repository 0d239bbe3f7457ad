"""A limit at work: the owner of a limit reports each refusal, the broker counts them, and the screens show the limit."""

from collections.abc import Callable
from dataclasses import dataclass

Told = Callable[[str, str, str], None]  # called at each refusal: the limit's key under `limits:`, whom it refused, and the words


def unheard(limit: str, who: str, words: str) -> None:
    """A reporter that drops every refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """A limit that refused a caller within the last minute."""

    limit: str  # its key under `limits:` in the configuration
    who: str  # the name of the caller that it refused most often; an address for callers without a token
    words: str  # the sentence that says what is refused, and what to do
    times: int  # refusals since it came to work
