"""The meter and the totals that are kept."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from jitui.api.service.backend import CHANGES_US, Meter, TotalsCache
from jitui.policy.scope import Scope
from jitui.policy.terms import Grant, GrantState
from jitui.store import Store
from jitui.store.archive import Files
from jitui.store.rows import Totals
from jitui.values.clock import ManualClock
from tests.api.service.conftest import OPERATOR
from tests.fakes.house import house


async def test_the_meter_shows_what_is_written() -> None:
    """Bytes a second rise while it is written, and are nothing again afterwards; the lag is that of the loop."""
    store = SimpleNamespace(written_bytes=0)
    meter = Meter(cast("Store", store))
    meter.look()
    running = asyncio.ensure_future(meter.run())
    await asyncio.sleep(0.1)
    store.written_bytes = 1_000_000
    await asyncio.sleep(0.3)
    assert meter.bytes_s > 100_000
    assert meter.lag_ms >= 0
    running.cancel()


async def test_the_meter_is_read_four_times_a_second_while_somebody_looks_and_else_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading wakes a gateway that rests. The rate is that of the time between two readings, however long that is."""
    waits: list[float] = []
    store, loop = SimpleNamespace(written_bytes=0), asyncio.get_running_loop()
    now = loop.time()

    async def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds
        store.written_bytes += round(seconds * 1_000_000)
        if len(waits) == 100:
            meter.look()
        if len(waits) == 200:
            raise asyncio.CancelledError

    meter = Meter(cast("Store", store))
    monkeypatch.setattr(loop, "time", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await meter.run()
    assert max(waits[1:100]) == pytest.approx(min(waits[1:100])) == pytest.approx(1)
    assert max(waits[101:119]) == pytest.approx(min(waits[101:119])) == pytest.approx(0.25)
    assert waits[122:] == pytest.approx([1] * len(waits[122:]))
    assert meter.bytes_s == pytest.approx(1_000_000, rel=0.01)


class CountingFiles:
    """Totals of one byte each way, and how often they were looked up."""

    def __init__(self, *, over: bool) -> None:
        self.over, self.asked = over, list[int]()

    def sums(self, grants: dict[int, Grant]) -> dict[int, tuple[Totals, bool]]:
        self.asked += grants
        return {ident: (Totals(bytes_in=1, bytes_out=1), self.over) for ident in grants}

    def written(self, grants: list[int]) -> dict[int, tuple[int, int]]:
        return dict.fromkeys(grants, (2, 3))


def ended(ended_us: int) -> Grant:
    return Grant(7, 1, "agent-x", "prod", Scope.parse("read pods in web"), 60, ManualClock().now(), state=GrantState.EXPIRED, ended_us=ended_us)


def test_totals_are_looked_up_once_when_they_can_not_change() -> None:
    """Of a window that ended a minute ago and whose sessions are over; of any other each time."""
    for over, ended_us, times in ((True, 1, 1), (True, 0, 2), (False, 1, 2), (True, CHANGES_US * 2, 2)):
        files = CountingFiles(over=over)
        cache = TotalsCache(cast("Files", files))
        for _ in range(2):
            found = cache.of([ended(ended_us)], now_us=CHANGES_US * 2)[7]
            assert found == Totals(bytes_in=1, bytes_out=1, writes=2 * (ended_us > 0), secrets=3 * (ended_us > 0))
        assert len(files.asked) == times


async def test_a_window_nobody_used_adds_up_to_nothing(tmp_path: Path) -> None:
    """It has no session in the ledger."""
    async with house(tmp_path) as home:
        await home.window()
        (view,) = await home.desk(OPERATOR).grants()
        assert (view.bytes_in, view.bytes_out, view.cut, view.may_run_on) == (0, 0, 0, 0)
