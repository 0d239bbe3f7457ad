"""`f`: at once, without a reason, on the desk and on Live; the mark says by whom and how much is held."""

from dataclasses import replace

import pytest

from tests.fakes.tui_desk import FakeDesk
from tests.tui.hand import at
from tests.tui.test_live import at_work, watch


async def test_f_on_the_desk_freezes_the_window_under_the_cursor_and_thaws_it() -> None:
    """One key, no reason asked; the row carries the mark, who, and what is held, and the clock runs on."""
    desk = at_work()
    async with at(desk, (120, 30)) as hand:
        assert "f freeze" in hand.screen.keys
        await hand.press("f")
        assert desk.calls == [("freeze", "g-17")]
        assert "g-17 frozen: nothing passes" in hand.screen.text
        desk.hold("s-204", 12_345)
        await hand.passes(60)
        row = hand.screen.line("FROZEN")
        assert row.startswith("▸ = g-17")
        assert "28m59s" in row
        assert "FROZEN by ana, 12 KB held" in row
        assert "f thaw" in hand.screen.keys
        assert "f freeze" not in hand.screen.keys
        await hand.press("f")
        assert desk.calls[1:] == [("thaw", "g-17")]
        assert "12345 B held go on in order" in hand.screen.text
        assert "FROZEN" not in hand.screen.text


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 60)])
async def test_the_mark_is_read_whole_at_every_size(size: tuple[int, int]) -> None:
    """Who, and how much: on the desk, and in the title of Live."""
    desk = FakeDesk()
    desk.open_window("agent-deploybot", frozen_by="ana", held=12_345, open_streams=3)
    async with at(desk, size) as hand:
        row = hand.screen.line("= g-17")
        assert "FROZEN by ana, 12 KB held" in row
        assert ("3 open" in row) is (size[0] > 80)
        await hand.press("2")
        assert "FROZEN by ana, 12 KB held" in hand.screen.text


async def test_f_is_offered_only_where_it_can_work() -> None:
    """Not on a request, not on an ended window, not without the right, not while the gateway is silent."""
    desk = FakeDesk()
    desk.ask_for()
    mine = desk.open_window(you_may=("revoke",))
    desk.advance(1)
    desk.open_window("agent-sre", duration_s=3600)
    async with at(desk) as hand:
        for keys, offered in (((), False), (("down",), False), (("down",), True)):
            await hand.press(*keys)
            assert ("f freeze" in hand.screen.keys) is offered
            assert "f thaw" not in hand.screen.keys
        await hand.press("up", "f")
        assert desk.calls == []
        assert mine.id in hand.screen.text
        await hand.press("down")
        desk.up = False
        await hand.look()
        await hand.pilot.pause(0.3)
        assert "f freeze" not in hand.screen.keys


async def test_too_late_is_said() -> None:
    """Somebody else was quicker: the gateway's words, and nothing changes."""
    desk = at_work()
    async with at(desk, beat_s=3600) as hand:
        view, since = desk._grants["g-17"]
        desk._grants["g-17"] = (replace(view, frozen_by="bo"), since)  # and no fact tells the screen
        await hand.pilot.press("f")
        await hand.settle()
        assert "g-17 was already frozen by bo; thaw or revoke it" in hand.screen.text


async def test_f_on_live_means_the_window_while_the_windows_have_the_focus() -> None:
    """The title carries the mark; the window's streams can't be moved alone while it is frozen."""
    desk = at_work()
    async with at(desk, (150, 40)) as hand:
        await hand.press("2")
        assert "f freeze " in hand.screen.keys
        await hand.press("f")
        assert desk.calls == [("freeze", "g-17")]
        desk.hold("s-204", 2048)
        await hand.settle()
        assert "FROZEN by ana, 2.0 KB held" in hand.screen.text
        await hand.press("tab", "end")
        assert "stream" not in hand.screen.keys
        assert "f thaw " in hand.screen.keys
        await hand.press("f")
        assert desk.calls[1:] == [("thaw", "g-17")]


async def test_f_on_a_stream_freezes_that_stream() -> None:
    """What is on the terminal, or under the cursor of the list; the footer says so, and the window goes on."""
    desk = at_work()
    async with at(desk, (120, 36)) as hand:
        await watch(hand)
        assert "f freeze stream" in hand.screen.keys
        await hand.press("f")
        assert desk.calls == [("freeze", "s-204")]
        desk.hold("s-204", 4096)
        await hand.settle()
        assert "s-204 web/web-7c [sh] FROZEN by ana, 4.0 KB held" in hand.screen.text
        assert "f thaw stream" in hand.screen.keys
        await hand.press("escape")
        assert hand.screen.line("web-7c [sh]").split()[-3:-2] == ["FROZEN"]
        await hand.press("f")
        assert desk.calls[1:] == [("thaw", "s-204")]
        assert "FROZEN" not in hand.screen.text


async def test_help_names_the_key_and_what_it_does() -> None:
    """From the binding, as every key; what works now comes first."""
    async with at(at_work(), (100, 40)) as hand:
        await hand.press("question_mark")
        assert "freeze: nothing passes in the window until it is thawed" in hand.screen.text


async def test_capital_f_freezes_everything_and_thaws_everything() -> None:
    """Wherever the cursor is: all that is not frozen yet, and once nothing is left to freeze, all is thawed."""
    desk = FakeDesk()
    desk.ask_for()
    for name in ("agent-deploybot", "agent-sre"):
        desk.open_window(name, duration_s=3600)
    desk.open_window("ci", frozen_by="bo", you_may=("revoke", "thaw"))
    async with at(desk, (140, 30)) as hand:
        assert "F freeze all" in hand.screen.keys
        assert "F thaw all" not in hand.screen.keys
        await hand.press("F")
        assert desk.calls == [("freeze", "all")]
        assert "2 windows frozen: nothing passes" in hand.screen.text
        assert hand.screen.text.count("FROZEN by ana") == 2
        assert "F freeze all" not in hand.screen.keys
        await hand.press("F")
        assert desk.calls[1:] == [("thaw", "all")]
        assert "FROZEN" not in hand.screen.text
        assert "F freeze all" in hand.screen.keys


async def test_capital_f_needs_a_window_and_the_right() -> None:
    """It is not offered to who may only look, nor where nothing is open."""
    desk = FakeDesk()
    async with at(desk, (140, 30)) as hand:
        assert "F " not in hand.screen.keys
        desk.open_window(you_may=())
        await hand.look()
        await hand.press("F")
        assert "F " not in hand.screen.keys
        assert desk.calls == []
