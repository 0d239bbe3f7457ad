"""Turns of the loop."""

import asyncio

from jitui.listeners.turnstile import Turnstile


async def test_so_many_a_turn_in_the_order_in_which_they_came() -> None:
    """Three at once, the others in the turns behind; who comes later does not overtake who waits."""
    turnstile, gone = Turnstile(3), list[int]()

    async def one(at: int) -> None:
        await turnstile.wait()
        gone.append(at)

    tasks = [asyncio.create_task(one(at)) for at in range(10)]
    seen = []
    while len(gone) < 10:
        await asyncio.sleep(0)
        seen.append(len(gone))
        if len(tasks) == 10:
            tasks.append(asyncio.create_task(one(10)))
    await asyncio.gather(*tasks)
    assert gone == list(range(11))
    steps = [after - before for before, after in zip([0, *seen], seen, strict=False)]
    assert max(steps) <= 3


async def test_an_idle_turnstile_is_open() -> None:
    """Whoever comes alone never waits, and nothing is scheduled when nobody comes."""
    turnstile = Turnstile(1)
    for _ in range(5):
        assert turnstile.through(lambda: None)
        await asyncio.sleep(0)


async def test_who_gave_up_waiting_holds_nobody_up() -> None:
    """A cancelled wait is passed over."""
    turnstile = Turnstile(1)
    await turnstile.wait()
    gone = asyncio.create_task(turnstile.wait())
    await asyncio.sleep(0)
    last = asyncio.create_task(turnstile.wait())
    gone.cancel()
    await asyncio.wait_for(last, 30)


async def test_who_comes_again_from_within_a_turn_is_not_forgotten() -> None:
    """Two substreams whose every piece of work asks for the next turn: all of it is done."""
    turnstile, done = Turnstile(3), list[int]()

    def work(left: int) -> None:
        while left:
            done.append(left)
            left -= 1
            if not turnstile.through(lambda left=left: work(left)):  # type: ignore[misc]
                return

    for _ in range(2):
        work(50)
    async with asyncio.timeout(30):
        while len(done) < 100:  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0)


async def test_a_mistake_in_one_holds_nobody_up() -> None:
    """Those behind it in the same turn come in the next one."""
    turnstile, done, told = Turnstile(3), list[int](), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context["exception"])))

    def fail() -> None:
        raise ValueError("a mistake")

    turnstile.later(fail)
    turnstile.later(lambda: done.append(1))
    assert (done, told) == ([], [])
    await asyncio.sleep(0.01)
    assert (done, told) == ([1], ["a mistake"])
