"""Whose turn it is to read long lists."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from jitui.api.service import readers
from jitui.api.service.readers import OF_AGENTS, WAITING, Readers
from jitui.policy.terms import Identity, Role
from jitui.values.errors import TooManyError

ANA = Identity("ana", frozenset({Role.AUDITOR}))


def agent(number: int) -> Identity:
    return Identity(f"agent-{number}", frozenset({Role.AGENT}), owner="ana")


class Gate:
    """Reads that are under way until it opens."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._open, self._guard = threading.Event(), threading.Lock()

    def read(self) -> str:
        with self._guard:
            self.now += 1
            self.most = max(self.most, self.now)
        self._open.wait(10)
        with self._guard:
            self.now -= 1
        return "read"

    def open(self) -> None:
        self._open.set()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0.005)


async def test_one_at_a_time_and_others_are_not_in_each_others_way() -> None:
    """Of each caller one; agents have two of the four threads, so people are answered whatever agents read; a proof is not in the way of a list."""
    all_of_them, gate = Readers(), Gate()
    tasks = [asyncio.ensure_future(all_of_them.read(agent(number % 6), "list", gate.read)) for number in range(30)]
    await until(lambda: gate.now == OF_AGENTS)
    await asyncio.sleep(0.05)
    assert gate.most == OF_AGENTS
    mine, proof = Gate(), Gate()
    more = [asyncio.ensure_future(all_of_them.read(ANA, "list", mine.read)) for _ in range(3)]
    more.append(asyncio.ensure_future(all_of_them.read(ANA, "verify", proof.read)))
    await until(lambda: (mine.now, proof.now) == (1, 1))
    for each in (mine, proof, gate):
        each.open()
    assert await asyncio.gather(*more, *tasks) == ["read"] * 34
    assert (mine.most, gate.most) == (1, OF_AGENTS)
    all_of_them.close()


async def test_who_asks_for_more_than_can_wait_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once if many wait, and after a while if none of them comes to an end; it is said whose limit it is, and goes on afterwards."""
    told: list[tuple[str, str]] = []
    all_of_them, gate = Readers(lambda limit, who, words: told.append((limit, who))), Gate()
    first = [asyncio.ensure_future(all_of_them.read(ANA, "list", gate.read)) for _ in range(WAITING + 1)]
    await until(lambda: gate.now == 1)
    with pytest.raises(TooManyError, match=r"ana has 9 long reads under way; one is answered at a time"):
        await all_of_them.read(ANA, "list", gate.read)
    monkeypatch.setattr(readers, "WAIT_S", 0.05)
    with pytest.raises(TooManyError, match="has waited 0 s for those before it"):
        await _late(all_of_them, gate)
    gate.open()
    assert await asyncio.gather(*first) == ["read"] * (WAITING + 1)
    assert await all_of_them.read(ANA, "list", gate.read) == "read"
    assert told[0] == ("reads", "ana")
    all_of_them.close()


async def _late(all_of_them: Readers, gate: Gate) -> str:
    """A second read of an agent whose first one does not end."""
    first = asyncio.ensure_future(all_of_them.read(agent(1), "list", gate.read))
    await asyncio.sleep(0.01)
    try:
        return await all_of_them.read(agent(1), "list", gate.read)
    finally:
        gate.open()
        await first


async def test_a_read_that_fails_gives_its_turn_back() -> None:
    """To whoever is next; so does one whose caller went away."""
    all_of_them, gate = Readers(), Gate()

    def fails() -> str:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await all_of_them.read(ANA, "list", fails)
    gone = asyncio.ensure_future(all_of_them.read(ANA, "list", gate.read))
    await until(lambda: gate.now == 1)
    gone.cancel()
    gate.open()
    assert await all_of_them.read(ANA, "list", gate.read) == "read"
    assert all_of_them._turns == {}
    all_of_them.close()
