"""Finding a text in the record, over a real gateway."""

from pathlib import Path

from jitui.policy.terms import Identity, Role
from jitui.tui.screens.find import FindScreen
from jitui.tui.screens.history import HistoryScreen
from jitui.tui.screens.replay import ReplayScreen
from tests.store.index.shelf import build
from tests.tui.gateway import gateway
from tests.tui.hand import Hand, at


def screen(hand: Hand) -> type:
    return type(hand.app.screen)


async def test_hits_appear_as_one_types_and_enter_replays_there(tmp_path: Path) -> None:
    """Printed lines and the words of actions; the screen stands where the line was."""
    async with gateway(tmp_path) as house:
        await house.open_window()
        assert await house.get() == 200
        shell = await house.shell("psql", "-c", "select 1")
        await shell.prints(b"\x1b[32mfirst\x1b[0m row of it\r\n")
        house.advance(60)
        await shell.prints(b"second row of it\r\nSecond thoughts\r\n")
        await house.of(house.person.who).kill(shell.id, reason="enough")
        build(tmp_path / "state")
        async with at(house, (140, 30)) as hand:
            await hand.press("3")
            await hand.until("Recorded sessions (2)")
            assert "/ find" in hand.screen.keys
            await hand.press("slash")
            await hand.until("find: a text")
            assert screen(hand) is FindScreen
            await hand.press(*"row of")
            await hand.until("2 lines")
            assert "stdout" in hand.screen.line("second row of it")
            assert hand.screen.text.index("second row") < hand.screen.text.index("first row")
            await hand.press("down", "enter")
            await hand.until("first row of it")
            assert screen(hand) is ReplayScreen
            assert "second row" not in hand.screen.text
            await hand.press("escape")
            assert screen(hand) is FindScreen
            await hand.press(*" nothing")
            await hand.until("It stands nowhere")
            assert "enter" not in hand.screen.keys
            await hand.press("escape")
            assert screen(hand) is HistoryScreen


async def test_who_may_not_read_recordings_cannot_search_them(tmp_path: Path) -> None:
    """The key is not there."""
    async with gateway(tmp_path, person=Identity("root2", frozenset({Role.ADMIN}))) as house, at(house) as hand:
        await hand.press("3")
        await hand.until("Recorded sessions (0)")
        assert "/ find" not in hand.screen.keys
        await hand.press("slash")
        assert screen(hand) is HistoryScreen
