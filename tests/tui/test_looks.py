"""--ascii, NO_COLOR, and the sizes."""

from pathlib import Path
from typing import cast

import pytest

from jitui.api.operations import Operations
from jitui.tui.app import TOO_SMALL, run
from tests.tui.gateway import working_day
from tests.tui.hand import at


async def test_ascii_lets_only_seven_bits_out(tmp_path: Path) -> None:
    """Glyphs have their plain counterparts; what others write in other letters becomes `?`, as wide as it was."""
    async with working_day(tmp_path, "漢字 ünïcode") as house, at(house, ascii=True) as hand:
        for keys in ((), ("enter",), ("question_mark",), ("escape",), ("2",), ("3",), ("enter",)):
            await hand.press(*keys)
            assert hand.screen.text.isascii()
            assert {len(line) for line in hand.screen.lines} == {100}


async def test_no_color_sends_no_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, glyphs and weight remain (no-color.org)."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with working_day(tmp_path) as house, at(house) as hand:
        for keys in ((), ("enter",), ("2",)):
            await hand.press(*keys)
            assert all(segment.style is None or (segment.style.color is None and segment.style.bgcolor is None) for segment in hand.screen.segments)
        assert "FROZEN" in hand.screen.text


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 60)])
async def test_every_screen_fills_its_terminal_exactly(tmp_path: Path, size: tuple[int, int]) -> None:
    """No line too long or too short, and the keys at the bottom."""
    async with working_day(tmp_path) as house, at(house, size) as hand:
        for keys, word in (((), "open"), (("enter",), "back"), (("2",), "back"), (("3",), "back")):
            await hand.press(*keys)
            assert {len(line) for line in hand.screen.lines} == {size[0]}
            assert len(hand.screen.lines) == size[1]
            assert word in hand.screen.keys


def test_a_terminal_too_small_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, nothing drawn."""
    monkeypatch.setenv("COLUMNS", "79")
    monkeypatch.setenv("LINES", "24")
    assert run(cast("Operations", None)) == 1  # it is not asked
    assert capsys.readouterr().err == f"{TOO_SMALL}\n"
