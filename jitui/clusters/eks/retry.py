"""Repeats a call that AWS throttled, or failed by itself: a few times, a little later each."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from jitui.clusters.eks.errors import AwsError, Fault

TRIES: Final = 3
PAUSE_S: Final = 0.5  # before the second try; then twice that

T = TypeVar("T")


async def retried(ask: Callable[[], Awaitable[T]], tries: int = TRIES) -> T:
    """The result of `ask`. Raises AwsError: the last one, or the first that another try would not change."""
    for number in range(1, tries):
        try:
            return await ask()
        except AwsError as error:
            if error.fault is not Fault.THROTTLED:
                raise
        await asyncio.sleep(jittered(PAUSE_S * 2 ** (number - 1)))
    return await ask()


def jittered(seconds: float) -> float:
    """Up to a fifth longer, so that many sessions do not ask at once."""
    return seconds * (1 + random.random() / 5)  # noqa: S311 - no secret
