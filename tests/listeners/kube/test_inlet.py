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


async def test_what_came_begins_in_the_next_turn() -> None:
    """It is handed over in one piece; a second read holds its client back until that."""
    one = Connection(Turnstile(8))
    one.inlet.take(b"GET ")
    assert (one.inlet.waits, one.said) == (True, [])
    one.inlet.take(b"/x")
    assert one.said == ["pause"]
    await asyncio.sleep(0.01)
    assert (one.inlet.waits, one.said) == (False, ["pause", "resume", b"GET /x"])


async def test_one_too_many_waits_for_another_turn() -> None:
    """In the order in which they came; what is there already may begin at once, unless others wait."""
    turnstile = Turnstile(1)
    first, second, third = Connection(turnstile), Connection(turnstile), Connection(turnstile)
    assert first.inlet.open()
    for one, data in ((second, b"second"), (third, b"third")):
        one.said = first.said
        one.inlet = Inlet(turnstile, first.said.append, lambda: None, lambda: None)
        one.inlet.take(data)
    assert not first.inlet.open()
    await asyncio.sleep(0.01)
    assert first.said == [b"second", b"third", b""]


async def test_nothing_goes_on_behind_a_close() -> None:
    """A connection that was lost while it waited is not called."""
    one = Connection(Turnstile(1))
    one.inlet.take(b"GET /")
    one.inlet.close()
    await asyncio.sleep(0.01)
    assert one.said == []


async def test_who_was_refused_for_too_many_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a moment nothing begins on that connection, whatever it sends."""
    monkeypatch.setattr(module, "SLOWED", 0.05)
    one = Connection(Turnstile(8))
    one.inlet.rest()
    one.inlet.take(b"GET /")
    await asyncio.sleep(0.01)
    assert one.said == []
    await asyncio.sleep(0.1)
    assert one.said == [b"GET /"]
