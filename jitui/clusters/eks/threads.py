"""Runs blocking calls beside the loop, each on a thread of its own, a few at once. The threads are daemons: no end of the gateway waits for AWS."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from jitui.clusters.eks.errors import AwsError, Fault

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
            loop = asyncio.get_running_loop()
            done: asyncio.Future[T] = loop.create_future()
            self._waiting.add(done)
            try:
                threading.Thread(target=_run, args=(work, loop, done), name="aws", daemon=True).start()
            except RuntimeError as error:
                self._waiting.discard(done)
                raise AwsError(f"AWS can't be asked: {error}", Fault.UNREACHABLE) from None
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


def _run(work: Callable[[], T], loop: asyncio.AbstractEventLoop, done: "asyncio.Future[T]") -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - carried over to the loop, whatever it is
        _hand_over(loop, done, error)
    else:
        _hand_over(loop, done, None, result)


def _hand_over(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[T]", error: BaseException | None, *result: T) -> None:
    def settle() -> None:
        if done.done():  # nobody waits any more
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result[0])

    with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
        loop.call_soon_threadsafe(settle)
