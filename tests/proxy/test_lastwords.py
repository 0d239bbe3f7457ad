"""How the legs of a session end."""

import asyncio
from typing import Any

from jitui.policy.action import Action
from jitui.proxy.ends import End, Why
from jitui.proxy.gate import Gate
from jitui.proxy.lastwords import LastWords
from jitui.values.clock import ManualClock
from jitui.values.instant import Instant

END = End(Why.KILLED, "ana", "jitui: killed by ana: odd")


class Open:
    def open_at(self, now: Instant) -> bool:
        return True


class Told:
    """A leg that notes what it is told; one with `broken` can't be cut."""

    def __init__(self, *, broken: bool = False) -> None:
        self.action: Action | None = None
        self.ends: list[End] = []
        self.frozen: list[bool] = []
        self.broken = broken

    def cut(self, end: End) -> None:
        if self.broken:
            raise ValueError("can't be cut")
        self.ends.append(end)

    def freeze(self, on: bool) -> None:
        self.frozen.append(on)


async def test_a_session_is_quiet_once_every_leg_has_spoken() -> None:
    """Each open leg is told the end, once; the one that can't be cut does not keep the others from it, and is said in the log."""
    gate = Gate(Open(), ManualClock(), lambda: None)
    words, legs, said = LastWords("s-1", gate), [Told(), Told(broken=True), Told()], list[dict[str, Any]]()
    words.legs.update(legs)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    gate.muted = True
    assert words.cut(END) == 3
    assert [leg.ends for leg in legs] == [[END], [], [END]]
    assert [context["message"] for context in said] == ["a leg of s-1 could not be cut"]
    assert words.legs == set()
    quiet = asyncio.ensure_future(words.quiet())
    words.spoke()
    await asyncio.sleep(0)
    assert not quiet.done()
    words.spoke()
    await asyncio.wait_for(quiet, 30)


async def test_a_session_without_a_leg_is_quiet_at_once() -> None:
    """There is nobody to say anything to."""
    gate = Gate(Open(), ManualClock(), lambda: None)
    words = LastWords("s-1", gate)
    gate.muted = True
    assert words.cut(END) == 0
    await asyncio.wait_for(words.quiet(), 30)


async def test_some_legs_end_in_a_session_that_goes_on() -> None:
    """Those that have an end of their own; it is not quiet by that, and a freeze is told to those that are left."""
    words, ends, stays = LastWords("s-1", Gate(Open(), ManualClock(), lambda: None)), Told(), Told()
    words.legs.update((ends, stays))
    words.cut_those(lambda leg: END if leg is ends else None)
    words.spoke()
    words.freeze(True)
    assert (ends.ends, ends.frozen, stays.ends, stays.frozen, words.legs) == ([END], [], [], [True], {stays})
    quiet = asyncio.ensure_future(words.quiet())
    await asyncio.sleep(0)
    assert not quiet.done()
    quiet.cancel()
