"""Blocking calls beside the loop."""

import asyncio
import threading

import pytest

from jitui.values.aside import aside
from jitui.values.errors import UnavailableError


def test_the_loop_ends_while_a_call_does_not() -> None:
    """A result or an error comes back; who stops waiting leaves a call behind, and the end of the loop does not wait for it."""
    never, started = threading.Event(), threading.Event()

    def hangs() -> None:
        started.set()
        never.wait(60)

    async def calls() -> None:
        assert await aside(lambda: 7, "seven") == 7
        with pytest.raises(ValueError, match="no"):
            await aside(lambda: int("no"), "fails")
        waiting = aside(hangs, "hangs")
        assert await asyncio.to_thread(started.wait, 30)
        waiting.cancel()

    asyncio.run(calls())
    (left,) = [thread for thread in threading.enumerate() if thread.name == "hangs"]
    assert left.daemon
    never.set()
    left.join(30)


async def test_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error that says so."""
    def refuses(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuses)
    with pytest.raises(UnavailableError, match="no thread can be started: can't start new thread"):
        aside(lambda: 7, "seven")
