"""Beats, and the alarm of the boot clock and the wall clock."""

import asyncio
import os
import resource
from pathlib import Path

import pytest

from jitui.values.alarm import Alarm, to_beat


def armed() -> dict[str, str]:
    """The timers of this process that the kernel knows, by clock: their flags, in octal (proc_pid_fdinfo(5))."""
    found = {}
    for file in Path("/proc/self/fdinfo").iterdir():
        fields = dict(line.split(": ", 1) for line in file.read_text().splitlines() if ": " in line) if file.exists() else {}
        if "clockid" in fields:
            found[fields["clockid"]] = fields["settime flags"]
    return found


async def test_it_rings_in_time_and_the_kernel_knows_both_clocks() -> None:
    """The boot clock (7), which counts a suspend, and the wall clock (0), absolute and cancelled as that is set (flags 1 and 2)."""
    loop = asyncio.get_running_loop()
    with Alarm() as alarm:
        assert alarm.whole
        for seconds in (0.05, 0.0, 0.02):
            began = loop.time()
            await alarm.wait(seconds)
            assert seconds - 0.01 <= loop.time() - began < seconds + 2
        assert armed() == {"7": "00", "0": "03"}
    assert armed() == {}


async def test_the_kernels_timer_rings_where_that_of_the_loop_stands_still() -> None:
    """As behind a suspend: the loop's timer is far off, and the kernel's is due."""
    with Alarm() as alarm:
        waiting = asyncio.ensure_future(alarm.wait(3600))
        await asyncio.sleep(0)
        assert alarm._set(alarm._boot, 0, 0.01)
        async with asyncio.timeout(10):
            await waiting
        assert alarm.whole


async def test_without_the_kernels_timers_the_loops_is_left() -> None:
    """No file is left for them; in a sandbox they are refused in the same way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with Alarm() as alarm:
            assert not alarm.whole
            async with asyncio.timeout(10):
                await alarm.wait(0.01)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_all_meet_at_the_beats() -> None:
    """Whenever they begin to wait, and also if the loop's timer rang a millisecond early."""
    for now, every_s, left in ((10.0, 1.0, 1.0), (10.3, 1.0, 0.7), (10.3, 0.25, 0.2), (10.999, 1.0, 1.001), (11.001, 1.0, 0.999)):
        assert to_beat(now, every_s) == pytest.approx(left)
