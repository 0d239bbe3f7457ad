"""Blocking work beside the loop."""

import asyncio
import threading
import time

import pytest

from jitui.clusters.eks.errors import AwsError
from jitui.clusters.eks.threads import Threads


async def test_what_it_returns_and_raises_comes_back() -> None:
    """On a daemon thread of its own."""
    threads = Threads()
    assert await threads(lambda: (threading.current_thread().daemon, threading.current_thread() is threading.main_thread())) == (True, False)
    with pytest.raises(ValueError, match="none"):
        await threads(lambda: int("none"))


async def test_a_few_at_once() -> None:
    """The others wait for their turn."""
    threads, at_work, most = Threads(at_once=2), [0], [0]
    lock = threading.Lock()

    def work() -> None:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(0.02)
        with lock:
            at_work[0] -= 1

    await asyncio.gather(*(threads(work) for _ in range(8)))
    assert most == [2]


async def test_nobody_waits_for_what_nobody_wants() -> None:
    """Whoever is cancelled goes at once, and gives the turn back; the work ends by itself."""
    threads, over = Threads(at_once=1), threading.Event()
    began = time.monotonic()
    waiting = asyncio.ensure_future(threads(lambda: over.wait(5)))
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await threads(lambda: "next") == "next"
    assert time.monotonic() - began < 4
    over.set()


async def test_once_closed_nobody_waits() -> None:
    """Neither those that wait already nor whoever comes later; what the work says then is dropped."""
    threads, over = Threads(), threading.Event()
    waiting = asyncio.ensure_future(threads(lambda: over.wait(5)))
    await asyncio.sleep(0.02)
    threads.close()
    over.set()
    for asking in (waiting, threads(lambda: True)):
        with pytest.raises(AwsError, match="the gateway stops"):
            await asking


async def test_what_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code that fetches the gateway's credentials has no time limit of its own."""
    monkeypatch.setattr("jitui.clusters.eks.threads.WITHIN_S", 0.05)
    over = threading.Event()
    with pytest.raises(AwsError, match=r"did not come back within 0\.05 s"):
        await Threads()(over.wait)
    over.set()
