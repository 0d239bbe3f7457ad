"""One connection's timeouts: the one that runs last closes it."""

import asyncio
from dataclasses import replace

import pytest

from jitui.listeners import patience as module
from jitui.listeners.caps import at_kube
from jitui.listeners.patience import Patience
from jitui.listeners.visitors import Visitors
from jitui.values.descriptors import share
from jitui.values.limits import Limits

SOON = 0.05
CAPS = replace(at_kube(Limits(), share(4096, 256)), first_s=SOON)


class Wire(asyncio.Transport):
    """A transport that only notes how it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def close(self) -> None:
        self.said.append("close")

    def abort(self) -> None:
        self.said.append("abort")


def begun() -> tuple[Patience, Wire, Visitors]:
    visitors = Visitors(CAPS, lambda *_: None)
    wire = Wire()
    visitor = visitors.arrive("192.0.2.1", asyncio.get_running_loop().time(), wire.abort)
    patience = Patience(visitors, visitor)
    patience.begin(wire)
    return patience, wire, visitors


async def test_a_stranger_who_says_nothing_is_closed() -> None:
    """After the time for the first good request."""
    _, wire, _ = begun()
    await asyncio.sleep(4 * SOON)
    assert wire.said == ["abort"]


async def test_a_head_that_begins_must_end_in_time_and_a_whole_one_is_calm() -> None:
    patience, wire, _ = begun()
    patience.heading(10)
    patience.headed()
    await asyncio.sleep(4 * SOON)
    assert wire.said == []
    patience.expect(SOON)
    await asyncio.sleep(4 * SOON)
    assert wire.said == ["close"]


@pytest.mark.interpreted
async def test_the_last_bytes_are_not_waited_for_long() -> None:
    """DRAIN seconds, then the connection is cut."""
    patience, wire, _ = begun()
    before, module.DRAIN = module.DRAIN, SOON  # type: ignore[misc]
    try:
        patience.last(lambda: False, wire.abort)
    finally:
        module.DRAIN = before  # type: ignore[misc]
    await asyncio.sleep(4 * SOON)
    assert wire.said == ["abort"]


async def test_who_is_gone_is_forgotten() -> None:
    """No timer runs on, and nobody is counted."""
    patience, wire, visitors = begun()
    patience.gone()
    await asyncio.sleep(4 * SOON)
    assert (wire.said, list(visitors.strangers)) == ([], [])
