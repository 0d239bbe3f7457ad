"""What begins a request waits for its turn of the loop, and comes whole and in order."""

import asyncio

import pytest

from jitui.listeners.kube import inlet as module
from jitui.listeners.kube.inlet import Inlet
from jitui.listeners.turnstile import Turnstile


class Connection:
    """What the inlet tells its connection."""

    def __init__(self, turnstile: Turnstile) -> None:
        self.said: list[object] = []
        self.inlet = Inlet(turnstile, self.said.append, lambda: self.said.append("pause"), lambda: self.said.append("resume"))


async def test_one_too_many_waits_for_the_next_turn() -> None:
    """What it sent is handed over then, in one piece; a second read holds its client back until that."""
    turnstile = Turnstile(1)
    first, second = Connection(turnstile), Connection(turnstile)
    assert first.inlet.open(b"GET /")
    assert not second.inlet.open(b"GET ")
    assert not second.inlet.open(b"/x")
    assert (second.inlet.waits, second.said) == (True, ["pause"])
    await asyncio.sleep(0.01)
    assert (second.inlet.waits, second.said) == (False, ["pause", "resume", b"GET /x"])
    assert first.said == []


async def test_nothing_goes_on_behind_a_close() -> None:
    """A connection that was lost while it waited is not called."""
    turnstile = Turnstile(1)
    first, second = Connection(turnstile), Connection(turnstile)
    first.inlet.open()
    second.inlet.open(b"GET /")
    second.inlet.close()
    await asyncio.sleep(0.01)
    assert second.said == []


async def test_who_was_refused_for_too_many_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a moment nothing begins on that connection, whatever it sends."""
    monkeypatch.setattr(module, "SLOWED", 0.05)
    one = Connection(Turnstile(8))
    one.inlet.rest()
    assert not one.inlet.open(b"GET /")
    await asyncio.sleep(0.01)
    assert one.said == []
    await asyncio.sleep(0.1)
    assert one.said == [b"GET /"]
