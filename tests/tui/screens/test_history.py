"""The list of recorded sessions over a real gateway."""

from pathlib import Path

from jitui.policy.terms import Identity, Role
from jitui.tui.screens.history import HistoryScreen
from jitui.tui.screens.replay import ReplayScreen
from tests.tui.gateway import gateway
from tests.tui.hand import at


async def test_sessions_are_listed_newest_first_and_enter_replays_one(tmp_path: Path) -> None:
    """With what ran, how it ended and how much passed; those of plain requests too."""
    async with gateway(tmp_path) as house:
        await house.open_window()
        assert await house.get() == 200
        house.advance(1)
        shell = await house.shell("psql", "-c", "select 1")
        await shell.prints(b"one row\r\n")
        await house.of(house.person.who).kill(shell.id, reason="enough")
        async with at(house, (140, 30)) as hand:
            await hand.press("3")
            await hand.until("Recorded sessions (2)")
            assert isinstance(hand.app.screen, HistoryScreen)
            assert hand.screen.text.index("s-2") < hand.screen.text.index("s-1")
            line = hand.screen.line("s-2")
            assert "web/web-1 [psql -c select 1]" in line
            assert "killed" in line
            assert "open" in hand.screen.line("s-1")
            await hand.press("enter")
            assert isinstance(hand.app.screen, ReplayScreen)
            await hand.press("end")
            await hand.until("one row")
            await hand.press("escape")
            assert isinstance(hand.app.screen, HistoryScreen)


async def test_a_newer_session_joins_at_the_end_until_somebody_sorts(tmp_path: Path) -> None:
    """The list does not move under the cursor."""
    async with gateway(tmp_path) as house:
        await house.open_window()
        await house.shell("sh")
        async with at(house) as hand:
            await hand.press("3")
            await hand.until("Recorded sessions (1)")
            house.advance(1)
            await house.shell("top")
            await hand.until("Recorded sessions (2)")
            assert hand.screen.text.index("s-1") < hand.screen.text.index("s-2")
            await hand.press("s")
            assert hand.screen.text.index("s-2") < hand.screen.text.index("s-1")


async def test_who_may_not_read_recordings_can_open_none(tmp_path: Path) -> None:
    """They see that there was a session, and nothing of what was said in it."""
    async with gateway(tmp_path, person=Identity("root2", frozenset({Role.ADMIN}))) as house:
        await house.open_window()
        await house.shell("sh")
        async with at(house) as hand:
            await hand.press("3")
            await hand.until("Recorded sessions (1)")
            assert "enter open" not in hand.screen.keys
            await hand.press("enter")
            assert isinstance(hand.app.screen, HistoryScreen)
