"""The top line, over a real gateway and by itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jitui.api.views import Hello, Status
from jitui.tui.feed import Seen
from jitui.tui.figures import date, hour
from jitui.tui.screens.decide import DecideScreen
from jitui.tui.widgets.header import LOW_DISK, SLOW_MS, Header
from jitui.values.atwork import AtWork
from tests.tui.alone import Alone
from tests.tui.gateway import gateway
from tests.tui.hand import at
from tests.tui.seeing import screenful

WELL = Seen(
    Hello(version="1", api=1, gateway_id="gw-1", you="ana", roles=(), rights=(), solo=False, connections=("prod",)),
    Status(at="2026-11-23T16:04:11.000000Z", recording=True, recorder_error="", record_bytes_s=1.2e6, disk_free=LOW_DISK, lag_ms=SLOW_MS, waiting=2, live=3,
           open_streams=1, lockdown=False, facts=7),
)  # fmt: skip
LIMIT = AtWork(limit="streams_per_grant", who="agent-x", words="", times=3)
FULL = "no space left on device, while writing "
ILL: dict[str, dict[str, Any]] = {
    "LOCKDOWN": {"lockdown": True},
    "NOT RECORDING, nothing passes: no space left on device, while writing": {"recording": False, "recorder_error": FULL * 3},
    "prod-eks g-17 goes on for 4m": {"trouble": "prod-eks g-17 goes on for 4m: sts said no " * 9},
    "LIMIT streams_per_grant: agent-x": {"limits": (LIMIT, replace(LIMIT, limit="older"))},
    "disk 4.0 GB": {"disk_free": LOW_DISK - 1},
    "lag 101 ms": {"lag_ms": SLOW_MS + 1},
}


async def drawn(seen: Seen | None, width: int, *, now: float = 0.0, silent: str = "", alone: bool = False) -> str:
    """The line at so many columns."""
    header = Header()
    app = Alone(header)
    async with app.run_test(size=(width, 2)) as pilot:
        header.show(seen, now, silent, alone=alone)
        await pilot.pause()
        return screenful(app).lines[0]


async def test_a_credential_that_can_not_be_renewed_is_on_every_header(tmp_path: Path) -> None:
    """With how long it serves on; a control character in the reason is not; gone when it is over."""
    async with gateway(tmp_path) as house:
        await house.ask_for()
        async with at(house) as hand:
            house.home.trouble = "prod-eks g-17 goes on for 4m: sts:\x1b[2J not allowed"
            await hand.settle()
            for _ in range(2):
                assert "prod-eks g-17 goes on for 4m: sts:" in hand.screen.text
                await hand.press("enter")
                await hand.passes(1)
            assert isinstance(hand.app.screen, DecideScreen)
            assert "\x1b" not in hand.screen.text
            house.home.trouble = ""
            await hand.settle()
            assert "goes on for" not in hand.screen.text


async def test_a_limit_at_work_is_on_the_header_with_whose_it_is(tmp_path: Path) -> None:
    """The newest; a control character in a name is not; gone when it is over."""
    async with gateway(tmp_path) as house, at(house) as hand:
        house.home.broker.pressure.at_work("strangers", "192.0.2.7", "no room")
        house.advance(1)
        house.home.broker.pressure.at_work("streams_per_grant", "agent-x\x1b[2J", "agent-x has 64 streams open in g-17")
        await hand.settle()
        assert "LIMIT streams_per_grant: agent-x" in hand.screen.text
        assert "\x1b" not in hand.screen.text
        await hand.passes(62)
        assert "LIMIT" not in hand.screen.text


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("words", ILL)
async def test_a_light_that_is_not_well_is_never_left_out(words: str, width: int) -> None:
    """Whatever else there is to say; one that is well gives way."""
    changes = ILL[words]
    line = await drawn(replace(WELL, status=replace(WELL.status, **changes), hello=replace(WELL.hello, solo=True, you="somebody with a long name")), width)
    assert words in line
    assert len(line) == width


async def test_lights_that_are_not_well_are_cut_at_the_end_of_the_line_and_never_left_out() -> None:
    """Of a limit with a long name, a full disk and a slow gateway at once, at 80 columns: what is well is gone, and the line ends with an ellipsis."""
    limit = replace(LIMIT, who="agent-with-a-rather-long-name")
    status = replace(WELL.status, limits=(limit,), disk_free=1, lag_ms=900.0)
    line = await drawn(replace(WELL, status=status, hello=replace(WELL.hello, solo=True)), 80)
    assert "LIMIT streams_per_grant: agent-with-a-rather-long-name" in line
    assert "disk" in line
    assert "…" in line
    assert "waiting" not in line


async def test_all_is_said_where_there_is_room_and_what_waits_stays_longest() -> None:
    """Of a gateway that is well, at 200 and at 40 columns; its clock goes on by the seconds that passed here."""
    wide = await drawn(WELL, 200, now=9.5)
    clock = f"{date(WELL.status.at)}  {hour(WELL.status.at, 9.5)}  "
    for words in ("jitui  gateway ok  rec 1.1 MB/s  disk 4.0 GB  lag 100 ms  1 stream  ", f"2 waiting  3 live  ana  {clock}"):
        assert words in wide
    narrow = await drawn(WELL, 40)
    assert "2 waiting  3 live" in narrow
    assert "gateway ok" not in narrow


async def test_a_gateway_that_is_silent_says_nothing_else_of_its_health() -> None:
    """Its last lights are not taken for today's, and its clock stands; before the first look it says so, and a replay without a desk that it is one."""
    line = await drawn(WELL, 200, now=60.0, silent="no answer since noon")
    assert "no answer since noon" in line
    assert not [words for words in ("gateway ok", "rec ", "disk", "lag") if words in line]
    assert f"ana  {date(WELL.status.at)}  {hour(WELL.status.at)}  " in line
    assert (await drawn(None, 80)).split() == ["jitui", "connecting"]
    assert (await drawn(None, 80, alone=True)).split() == ["jitui", "recorded"]
