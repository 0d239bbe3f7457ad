"""Runs blocking calls beside the loop, each on a thread of its own, a few at once. The threads are daemons: no end of the gateway waits for AWS."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from jitui.clusters.eks.errors import AwsError, Fault
from jitui.values.aside import aside
from jitui.values.errors import UnavailableError

T = TypeVar("T")

AT_ONCE: Final = 8
WITHIN_S: Final = 30.0  # a call has timeouts of its own, but not what fetches the gateway's credentials before it
STOPS: Final = "the gateway stops, and asks AWS nothing any more"


class Threads:
    """Runs blocking work beside the loop. A caller that is cancelled leaves the work to end by itself; its result is dropped."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turn = asyncio.Semaphore(at_once)
        self._waiting: set[asyncio.Future[Any]] = set()
        self.closed = False

    async def __call__(self, work: Callable[[], T]) -> T:
        """The result of `work`, or its error. Raises AwsError if that takes too long, and once this is closed."""
        async with self._turn:
            if self.closed:
                raise AwsError(STOPS, Fault.UNREACHABLE)
            try:
                done = aside(work, "aws")
            except UnavailableError as error:
                raise AwsError(f"AWS can't be asked: {error}", Fault.UNREACHABLE) from None
            self._waiting.add(done)
            try:
                async with asyncio.timeout(WITHIN_S):
                    return await done
            except TimeoutError:
                raise AwsError(f"AWS, or what fetches the gateway's own credentials, did not come back within {WITHIN_S:g} s", Fault.UNREACHABLE) from None
            finally:
                self._waiting.discard(done)

    def close(self) -> None:
        """End every wait with an AwsError, and take no more work."""
        self.closed = True
        for done in self._waiting:
            if not done.done():
                done.set_exception(AwsError(STOPS, Fault.UNREACHABLE))
