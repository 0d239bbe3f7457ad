"""Runs a blocking call on a thread of its own, which no end of the process waits for: for calls to others, who may never come back."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from jitui.values.errors import UnavailableError

T = TypeVar("T")


def aside(work: Callable[[], T], name: str) -> "asyncio.Future[T]":
    """Start the call. A caller who stops waiting leaves it to end by itself; its result is dropped. Raises UnavailableError if there is no thread for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    try:
        threading.Thread(target=_run, args=(work, loop, done), name=name, daemon=True).start()
    except RuntimeError as error:
        raise UnavailableError(f"no thread can be started: {error}") from None
    return done


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

    with suppress(RuntimeError):  # the loop has been closed meanwhile
        loop.call_soon_threadsafe(settle)
