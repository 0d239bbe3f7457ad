"""Work in turns of the loop."""

import asyncio

import pytest

from jitui.proxy import turns as module
from jitui.proxy.outlet import WINDOW
from jitui.proxy.turns import KEYSTROKE, WIDE, WIDE_AT_ONCE, Turns


async def test_one_piece_a_turn_whoever_has_how_much() -> None:
    """Two that have more to do go on one after the other, each in a turn of the loop of its own."""
    turns, done = Turns(), list[tuple[str, int]]()
    loop, turn = asyncio.get_running_loop(), 0

    def tick() -> None:
        nonlocal turn
        turn += 1
        loop.call_soon(tick)

    def work(name: str, left: int) -> None:
        done.append((name, turn))
        if left:
            turns.wait(lambda: work(name, left - 1))

    tick()
    turns.wait(lambda: work("a", 2))
    turns.wait(lambda: work("b", 1))
    await asyncio.sleep(0.05)
    assert "".join(name for name, _ in done) == "ababa"
    assert len({turn for _, turn in done}) == 5


async def test_a_mistake_is_not_the_others() -> None:
    """Work behind work that fails has its turn, too."""
    turns, done, failed = Turns(), asyncio.Event(), list[str]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failed.append(str(context["exception"])))

    def fail() -> None:
        raise ValueError("mine")

    turns.wait(fail)
    turns.wait(done.set)
    await asyncio.wait_for(done.wait(), 30)
    assert failed == ["mine"]


@pytest.mark.interpreted
async def test_bulk_is_wide_while_nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keystroke makes every direction narrow for a while; a long message is bulk itself."""
    monkeypatch.setattr(module, "CALM_S", 1.0)
    turns = Turns()
    assert turns.window("a") == WIDE
    turns.heard(KEYSTROKE + 1)
    assert turns.window("a") == WIDE
    turns.heard(KEYSTROKE)
    assert (turns.window("a"), turns.window("b")) == (WINDOW, WINDOW)
    await asyncio.sleep(1.1)
    assert turns.window("a") == WIDE


async def test_only_so_many_are_wide() -> None:
    """The next one is, once one of them holds little again."""
    turns = Turns()
    many = [turns.window(number) for number in range(WIDE_AT_ONCE + 2)]
    assert many == [WIDE] * WIDE_AT_ONCE + [WINDOW] * 2
    assert turns.window(0) == WIDE
    turns.narrow(0)
    turns.narrow("never")
    assert [turns.window(number) for number in (WIDE_AT_ONCE, 0)] == [WIDE, WINDOW]
