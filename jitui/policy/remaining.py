"""The warning that a client gets in the last part of its window: `access ends in 4m`.

The time is rounded, and never up: kubectl prints each sentence once a process, so a few different ones make a countdown.
"""

from typing import Final

from jitui.policy.terms import Grant, GrantState
from jitui.values import span
from jitui.values.instant import Instant

LAST_S: Final = 300  # the last part of a window in seconds; of a short one it is the last quarter
SHARE: Final = 4
MINUTE: Final = 60
HALF: Final = 30
STEP: Final = 10


def ending(grant: Grant, now: Instant) -> str:
    """The warning, `access ends in 4m`; empty while there is time, and for a window that has not begun or is over."""
    if grant.state is not GrantState.ACTIVE or grant.deadline is None:
        return ""
    left_us = grant.deadline.remaining_us(now)
    if left_us <= 0 or left_us > min(LAST_S, grant.duration_s / SHARE) * 1e6:
        return ""
    return f"access ends in {rounded(left_us // 1_000_000)}"


def rounded(seconds: int) -> str:
    """The time in words: whole minutes; below one minute 30s, 20s, 10s; then `less than 10s`."""
    if seconds >= MINUTE:
        return span.show(seconds // MINUTE * MINUTE)
    if seconds >= HALF:
        return span.show(HALF)
    if seconds >= STEP:
        return span.show(seconds // STEP * STEP)
    return f"less than {span.show(STEP)}"
