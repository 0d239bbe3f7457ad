"""An agent that asks in vain waits before it may ask again, longer each time."""

from pathlib import Path

import pytest

from jitui.access.cooling import FIRST_S, FREE, LONGEST_S, Cooling, CoolingError
from jitui.policy.terms import RequestState
from jitui.values.clock import ManualClock
from jitui.values.errors import ConflictError, InvalidError, RefusedError
from tests.access.test_requests import agent, ask
from tests.fakes.house import ANA, house

PAIR = ("agent-x", "prod")


def waits(cooling: Cooling, clock: ManualClock) -> float:
    """Seconds, by trying."""
    seconds = 0.0
    while True:
        try:
            cooling.check(PAIR, clock.now())
        except CoolingError:
            clock.advance(1)
            seconds += 1
        else:
            return seconds


def test_several_slips_are_free_and_then_each_doubles_the_wait() -> None:
    """Up to an hour; an hour without one starts it anew, and a denial counts on from where the wait stands."""
    clock, cooling = ManualClock(), Cooling()
    found = []
    for _ in range(FREE + 8):
        cooling.slipped(PAIR, clock.now())
        found.append(waits(cooling, clock))
    assert found == [0] * FREE + [60, 120, 240, 480, 960, 1920, LONGEST_S, LONGEST_S]
    cooling.denied(PAIR, clock.now())
    assert waits(cooling, clock) == LONGEST_S
    clock.advance(LONGEST_S + 1)
    cooling.slipped(PAIR, clock.now())
    assert waits(cooling, clock) == 0
    cooling.denied(PAIR, clock.now())
    assert waits(cooling, clock) == FIRST_S


def test_it_says_how_long_and_why_and_for_whom() -> None:
    """Another identity, and the same one elsewhere, don't wait."""
    clock, cooling = ManualClock(), Cooling()
    cooling.denied(PAIR, clock.now())
    with pytest.raises(CoolingError, match=r"agent-x was denied, and cools down for 1m on prod; it may ask again in 60 s"):
        cooling.check(PAIR, clock.now())
    cooling.check(("agent-x", "other"), clock.now())
    cooling.check(("agent-y", "prod"), clock.now())
    cooling.forgive(PAIR)
    cooling.check(PAIR, clock.now())


async def test_who_asks_and_withdraws_again_and_again_waits(tmp_path: Path) -> None:
    """So do refused asks: of a thousand a handful is written, and a decision about the pending request is written with them, not behind them."""
    async with house(tmp_path) as home:
        for _ in range(FREE + 1):
            await home.broker.requests.withdraw(agent(home), (await ask(home)).id)
        with pytest.raises(RefusedError, match=r"withdrew or was refused 4 times.*again in 60 s"):
            await ask(home)
        for _ in range(1000):
            with pytest.raises((RefusedError, InvalidError)):
                await ask(home, scope="delete * in *", reason="x" * 2000)
        assert len(await home.facts()) < 20
        home.clock.advance(60)
        assert (await ask(home)).state is RequestState.PENDING


async def test_the_same_ask_is_the_same_request_while_it_cools(tmp_path: Path) -> None:
    """Other ones meanwhile are refused, and soon counted only; the one that waits can be looked for at any time."""
    async with house(tmp_path) as home:
        made = await ask(home)
        for number in range(FREE + 1):
            with pytest.raises(ConflictError):
                await ask(home, reason=f"else {number}")
        with pytest.raises(CoolingError):
            await ask(home, reason="else")
        assert (await ask(home)).id == made.id
        await home.broker.requests.deny(ANA, made.id, reason="no")
        with pytest.raises(CoolingError):
            await ask(home)


async def test_connections_without_a_rule_cool_down_together(tmp_path: Path) -> None:
    """Their names are the agent's own words: however many it makes up, one wait is remembered for all of them."""
    async with house(tmp_path) as home:
        for number in range(FREE + 1):
            with pytest.raises(RefusedError, match="no rule"):
                await ask(home, connection=f"made-up-{number}")
        with pytest.raises(CoolingError, match="on connections that no rule lets it use"):
            await ask(home, connection="made-up-too")
        assert (await ask(home)).state is RequestState.PENDING
