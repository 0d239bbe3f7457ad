"""Blocking work beside the loop."""

import asyncio
import threading
import time

import pytest

from jitui.clusters.eks.aside import Aside
from jitui.clusters.eks.said import AwsError


async def test_what_it_returns_and_raises_comes_back() -> None:
    """On a daemon thread of its own."""
    aside = Aside()
    assert await aside(lambda: (threading.current_thread().daemon, threading.current_thread() is threading.main_thread())) == (True, False)
    with pytest.raises(ValueError, match="none"):
        await aside(lambda: int("none"))


async def test_a_few_at_once() -> None:
    """The others wait for their turn."""
    aside, at_work, most = Aside(at_once=2), [0], [0]
    lock = threading.Lock()

    def work() -> None:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(0.02)
        with lock:
            at_work[0] -= 1

    await asyncio.gather(*(aside(work) for _ in range(8)))
    assert most == [2]


async def test_nobody_waits_for_what_nobody_wants() -> None:
    """Whoever is cancelled goes at once, and gives the turn back; the work ends by itself."""
    aside, over = Aside(at_once=1), threading.Event()
    began = time.monotonic()
    waiting = asyncio.ensure_future(aside(lambda: over.wait(5)))
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await aside(lambda: "next") == "next"
    assert time.monotonic() - began < 4
    over.set()


async def test_once_closed_nobody_waits() -> None:
    """Neither those that wait already nor whoever comes later; what the work says then is dropped."""
    aside, over = Aside(), threading.Event()
    waiting = asyncio.ensure_future(aside(lambda: over.wait(5)))
    await asyncio.sleep(0.02)
    aside.close()
    over.set()
    for asking in (waiting, aside(lambda: True)):
        with pytest.raises(AwsError, match="the gateway stops"):
            await asking


async def test_what_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fetches the gateway's credentials has no time limit of its own."""
    monkeypatch.setattr("jitui.clusters.eks.aside.WITHIN_S", 0.05)
    over = threading.Event()
    with pytest.raises(AwsError, match=r"did not come back within 0\.05 s"):
        await Aside()(over.wait)
    over.set()
