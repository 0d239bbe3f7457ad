"""Desk and Live at a past moment, over a real gateway: as they stood, read only."""

import re
from pathlib import Path

import pytest

from jitui.tui.past import PastDesk, moment
from jitui.tui.widgets.terminal import Terminal
from jitui.values.errors import InvalidError, NotFoundError, RefusedError
from jitui.values.instant import rfc3339
from tests.tui.gateway import PERSON, gateway
from tests.tui.hand import at


def test_a_moment_that_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time of day is the newest such one; one that is to come is none."""
    now = "2026-11-28T16:04:00.000000Z"
    assert moment("16:03Z", now) == "2026-11-28T16:03:00.000000Z"
    assert moment("17:00Z", now) == "2026-11-27T17:00:00.000000Z"
    assert moment("2026-11-20T10:00Z", now) == "2026-11-20T10:00:00.000000Z"
    for typed in ("2027-01-01T00:00Z", "soon"):
        with pytest.raises(InvalidError):
            moment(typed, now)


async def test_the_screens_as_they_stood(tmp_path: Path) -> None:
    """`@` asks for a moment: windows, requests, streams and countdowns are those of then and stand still; every key that decides is refused with a word;
    `@` leads back to now."""  # fmt: skip
    async with gateway(tmp_path) as house:
        await house.open_window()
        asked = await house.ask_for(reason="later denied")
        shell = await house.shell("sh")
        await shell.prints(b"then\r\n")
        house.advance(60)
        then = rfc3339(house.home.clock.wall_us)
        house.advance(60)
        await shell.prints(b"now\r\n")
        await house.of(PERSON).deny(asked.id, reason="no")
        await house.of(PERSON).freeze("g-1")
        async with at(house, (120, 36)) as hand:
            await hand.until("FROZEN")
            await hand.pilot.press("at", *then[:19], "Z", "enter")
            await hand.until("AS OF")
            await hand.until("Waiting for a decision (1)")
            assert "29m00s" in hand.screen.text
            assert "FROZEN" not in hand.screen.text
            hand.stage.advance(5)
            await hand.look()
            assert "29m00s" in hand.screen.text
            for key in ("x", "f", "F", "exclamation_mark", "d"):
                await hand.pilot.press(key)
                await hand.until("read only: nothing can be decided or ended there; @ leads to now")
            acts = len(house.calls)
            await hand.pilot.press("enter")
            await hand.pilot.pause(0.2)
            await hand.pilot.press("A", "d", "escape", "2", "enter", "end", "enter")
            await hand.until("then")
            assert "now" not in "\n".join(hand.app.screen.query_one(Terminal).emulator.text())
            assert len(house.calls) == acts
            await hand.pilot.press("at")
            await hand.until("FROZEN")
            assert "AS OF" not in hand.screen.text


async def test_nothing_is_done_at_a_past_desk(tmp_path: Path) -> None:
    """Every operation that is no reading is refused, by its own name or not; what was not there then is not found."""
    async with gateway(tmp_path) as house:
        await house.open_window()
        desk = PastDesk(house.desk, rfc3339(house.home.clock.wall_us))
        for call in (desk.revoke("g-1", reason="x"), desk.freeze("all"), desk.thaw("g-1"), desk.kill("s-1", reason="x"), desk.approve("r-1"),
                     desk.deny("r-1", reason="x"), desk.lockdown(True, reason="x"), desk.stop(), desk.reload(), desk.ask("prod"), desk.identities()):
            with pytest.raises(RefusedError, match="read only: nothing can be decided"):
                await call
        with pytest.raises(NotFoundError, match="r-1 did not wait for a decision then"):
            await desk.request("r-1")
        assert (await desk.grant("g-1")).you_may == ()
        assert not {"stop", "decide", "admin"} & set((await desk.hello()).rights)
        assert house.calls == []


@pytest.mark.parametrize("typed", ["soon", "+3:41", ""])
def test_what_is_no_moment_of_the_past(typed: str) -> None:
    """There is no beginning to count from, so the words do not speak of one."""
    with pytest.raises(InvalidError, match=re.escape(f"{typed!r} is no moment: write a time as 16:07:52, or 2026-11-23T16:07") + "$"):
        moment(typed, "2026-11-28T16:04:00Z")
