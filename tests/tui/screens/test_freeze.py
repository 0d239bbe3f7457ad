"""`f`: at once, without a reason, on the desk and on Live; the mark says by whom and how much is held."""

from pathlib import Path

import pytest

from jitui.policy.terms import Role
from tests.tui.gateway import BO, BOT, gateway, rule
from tests.tui.hand import at
from tests.tui.screens.test_live import at_work, watch


async def test_f_on_the_desk_freezes_the_window_under_the_cursor_and_thaws_it(tmp_path: Path) -> None:
    """One key, no reason asked; the row carries the mark, who, and what is held, and the clock runs on."""
    async with gateway(tmp_path) as house:
        shell = await at_work(house)
        async with at(house, (120, 30)) as hand:
            assert "f freeze" in hand.screen.keys
            await hand.press("f")
            assert house.calls == [("freeze", "g-1")]
            assert "g-1 frozen: nothing passes" in hand.screen.text
            await shell.holds(b"x" * 12_345)
            await hand.passes(60)
            row = hand.screen.line("FROZEN")
            assert row.startswith("▸ = g-1")
            assert "28m59s" in row
            assert "FROZEN by ana, 12 KB held" in row
            assert "f thaw" in hand.screen.keys
            assert "f freeze" not in hand.screen.keys
            await hand.press("f")
            assert house.calls[1:] == [("thaw", "g-1")]
            assert "12.1 KiB held go on in order" in hand.screen.text
            assert "FROZEN" not in hand.screen.text


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 60)])
async def test_the_mark_is_read_whole_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    """The person and the held bytes are shown on the desk, and in the title of Live."""
    async with gateway(tmp_path) as house:
        shell = await at_work(house)
        await house.desk.freeze("g-1")
        await shell.holds(b"x" * 12_345)
        async with at(house, size) as hand:
            row = hand.screen.line("= g-1")
            assert "FROZEN by ana, 12 KB held" in row
            assert ("1 open" in row) is (size[0] > 80)
            await hand.press("2")
            assert "FROZEN by ana, 12 KB held" in hand.screen.text


async def test_f_is_offered_only_where_it_can_work(tmp_path: Path) -> None:
    """Not on a request, not on an ended window, not without the right, not while the gateway is silent."""
    async with gateway(tmp_path, rule(), rule("agent-sre"), rule("agent-old")) as house:
        old = await house.open_window("agent-old", duration_s=600)
        await house.of(BO).revoke(old.id, reason="done")
        await house.ask_for()
        await house.open_window("agent-sre")
        async with at(house) as hand:
            for keys, offered in (((), False), (("down",), True), (("down",), False)):
                await hand.press(*keys)
                assert ("f freeze" in hand.screen.keys) is offered
                assert "f thaw" not in hand.screen.keys
            await hand.press("f")
            assert house.calls == []
            await hand.press("up")
            house.give(Role.AUDITOR)
            await hand.settle()
            await hand.settle()
            assert "f freeze" not in hand.screen.keys
            house.give(Role.OPERATOR)
            await hand.settle()
            await hand.settle()
            assert "f freeze" in hand.screen.keys
            house.line.cut()
            await hand.settle()
            assert "f freeze" not in hand.screen.keys


async def test_too_late_is_said(tmp_path: Path) -> None:
    """Somebody else was quicker: the gateway's words, and nothing changes."""
    async with gateway(tmp_path) as house:
        await at_work(house)
        async with at(house, beat_s=3600) as hand:
            house.line.deaf = True  # no fact tells the screen
            await house.of(BO).freeze("g-1")
            await hand.pilot.press("f")
            await hand.until("g-1 was already frozen by bo; thaw or revoke it")


async def test_f_on_live_means_the_window_while_the_windows_have_the_focus(tmp_path: Path) -> None:
    """The title carries the mark; the window's streams can't be moved alone while it is frozen."""
    async with gateway(tmp_path) as house:
        shell = await at_work(house)
        async with at(house, (150, 40)) as hand:
            await hand.press("2")
            assert "f freeze " in hand.screen.keys
            await hand.press("f")
            assert house.calls == [("freeze", "g-1")]
            await shell.holds(b"x" * 2048)
            await hand.settle()
            assert "FROZEN by ana, 2.0 KB held" in hand.screen.text
            await hand.press("tab", "end")
            assert "stream" not in hand.screen.keys
            assert "f thaw " in hand.screen.keys
            await hand.press("f")
            assert house.calls[1:] == [("thaw", "g-1")]


async def test_f_on_a_stream_freezes_that_stream(tmp_path: Path) -> None:
    """It freezes the stream on the terminal, or under the cursor of the list; the footer says so, and the window goes on."""
    async with gateway(tmp_path) as house:
        shell = await at_work(house)
        async with at(house, (120, 36)) as hand:
            await watch(hand)
            assert "f freeze stream" in hand.screen.keys
            await hand.press("f")
            assert house.calls == [("freeze", "s-2")]
            await shell.holds(b"x" * 4096)
            await hand.settle()
            assert "s-2 web/web-1 [sh] FROZEN by ana, 4.0 KB held" in hand.screen.text
            assert "f thaw stream" in hand.screen.keys
            await hand.press("escape")
            assert hand.screen.line("web-1 [sh]").split()[-3:-2] == ["FROZEN"]
            await hand.press("f")
            assert house.calls[1:] == [("thaw", "s-2")]
            assert "FROZEN" not in hand.screen.text


async def test_help_names_the_key_and_what_it_does(tmp_path: Path) -> None:
    """From the binding, as every key; what works now comes first."""
    async with gateway(tmp_path) as house:
        await at_work(house)
        async with at(house, (100, 40)) as hand:
            await hand.press("question_mark")
            assert "freeze: nothing passes in the window until it is thawed" in hand.screen.text


async def test_capital_f_freezes_everything_and_thaws_what_is_ones_own(tmp_path: Path) -> None:
    """Wherever the cursor is: all that is not frozen yet, and once nothing is left to freeze, what one froze oneself; what others froze has its own line."""
    async with gateway(tmp_path, rule("asks"), rule(), rule("agent-sre"), rule("ci")) as house:
        await house.ask_for("asks")
        for name in (BOT, "agent-sre", "ci"):
            await house.open_window(name)
        await house.of(BO).freeze("g-3")
        async with at(house, (140, 30)) as hand:
            assert "F freeze all" in hand.screen.keys
            assert "F thaw all" not in hand.screen.keys
            await hand.press("F")
            assert house.calls == [("freeze", "all")]
            assert "2 windows frozen: nothing passes" in hand.screen.text
            assert hand.screen.text.count("FROZEN by ana") == 2
            assert "F freeze all" not in hand.screen.keys
            assert "F thaw yours" in hand.screen.keys
            await hand.press("F")
            assert sorted(house.calls[1:]) == [("thaw", "g-1"), ("thaw", "g-2")]
            assert "2 windows thawed; g-3 stay frozen by others: thaw each with f" in hand.screen.text
            assert (hand.screen.text.count("FROZEN"), "FROZEN by bo" in hand.screen.text) == (1, True)
            assert "F freeze all" in hand.screen.keys


async def test_capital_f_thaws_nothing_where_all_that_is_frozen_is_others(tmp_path: Path) -> None:
    """It is not offered; f on the line of the window is."""
    async with gateway(tmp_path) as house:
        await house.open_window()
        await house.of(BO).freeze("g-1")
        async with at(house, (140, 30)) as hand:
            assert ("F thaw" in hand.screen.keys, "f thaw" in hand.screen.keys) == (False, True)
            await hand.press("F")
            assert house.calls == []
            await hand.press("f")
            assert house.calls == [("thaw", "g-1")]


async def test_capital_f_needs_a_window_and_the_right(tmp_path: Path) -> None:
    """It is not offered to who may only look, nor where nothing is open."""
    async with gateway(tmp_path) as house, at(house, (140, 30)) as hand:
        assert "F " not in hand.screen.keys
        house.give(Role.AUDITOR)
        await house.open_window()
        await hand.settle()
        assert "g-1" in hand.screen.text
        await hand.press("F")
        assert "F " not in hand.screen.keys
        assert house.calls == []
