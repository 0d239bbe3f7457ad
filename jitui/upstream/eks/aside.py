"""A blocking call on a thread of its own, a few at once. The threads are daemons: no end of the gateway waits for AWS."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

AT_ONCE: Final = 8


class Aside:
    """Runs blocking work beside the loop. Whoever is cancelled leaves the work to end by itself; its result is dropped."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turn = asyncio.Semaphore(at_once)

    async def __call__(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[T] = loop.create_future()
            threading.Thread(target=_run, args=(work, loop, done), name="aws", daemon=True).start()
            return await done


def _run(work: Callable[[], T], loop: asyncio.AbstractEventLoop, done: "asyncio.Future[T]") -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - carried over to the loop, whatever it is
        _hand_over(loop, done, error)
    else:
        _hand_over(loop, done, None, result)


def _hand_over(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[T]", error: BaseException | None, *result: T) -> None:
    def settle() -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result[0])

    with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
        loop.call_soon_threadsafe(settle)
