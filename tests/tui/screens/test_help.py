"""Help over a real gateway's screens."""

from pathlib import Path

import pytest

from jitui.tui.screens.desk import DeskScreen
from jitui.tui.screens.help import KEYS, WORDS, HelpScreen
from tests.tui.gateway import gateway, working_day
from tests.tui.hand import at


async def test_help_lists_the_keys_of_the_screen_from_its_bindings(tmp_path: Path) -> None:
    """Those that work now first."""
    async with gateway(tmp_path) as house:
        await house.ask_for()
        async with at(house) as hand:
            await hand.press("enter")
            await hand.passes(1)
            await hand.press("question_mark")
            assert "keys of decide" in hand.screen.text
            assert "approve: what is read only" in hand.screen.text
            assert "with a reason that the agent is told" in hand.screen.text


async def test_help_cuts_no_word_at_80_columns(tmp_path: Path) -> None:
    """Long ones are folded; keys that do nothing here are left out."""
    async with working_day(tmp_path) as house, at(house, (80, 60)) as hand:
        await hand.press("2", "question_mark")
        assert "an admin lifts it" in " ".join(hand.screen.text.replace("│", " ").split())
        assert "…" not in "".join(line for line in hand.screen.text.splitlines() if "│" in line)
        assert "Scroll Left" not in hand.screen.text


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
async def test_keys_that_do_not_work_now_stand_last_and_each_of_its_own_keys_closes_it(tmp_path: Path, size: tuple[int, int]) -> None:
    """`q` closes help and not the app."""
    async with gateway(tmp_path) as house, at(house, size) as hand:
        for key in ("escape", "question_mark", "q"):
            await hand.tap("question_mark")
            help_screen = hand.app.screen
            assert isinstance(help_screen, HelpScreen)
            lines = help_screen._lines()
            assert {len(line) for line in lines.plain.split("\n")} == {KEYS + 1 + WORDS}
            bright = [span.start for span in lines.spans if span.style == "bold $primary"]
            dimmed = [span.start for span in lines.spans if span.style == "$state-faint"]
            assert max(bright) < min(dimmed)
            await hand.tap(key)
            assert isinstance(hand.app.screen, DeskScreen)
