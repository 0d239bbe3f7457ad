"""The one table of colours and glyphs."""

from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import Theme

from jitui.policy.action import Hazard
from jitui.tui.filters import to_ascii
from jitui.tui.theme import GLYPHS, LIGHT, STATES, badge, state, themes
from tests.tui.gateway import gateway
from tests.tui.hand import at

NEVER_TEXT = {"faint", "cursor", "cursor-blurred", "bar"}


async def test_both_themes_come_from_one_table_and_one_key_changes_them(tmp_path: Path) -> None:
    """Every state has a colour in both."""
    dark, light = themes()
    assert {f"state-{name}" for name in STATES} <= set(dark.variables)
    assert set(dark.variables) == set(light.variables)
    async with gateway(tmp_path) as house, at(house) as hand:
        await hand.press("ctrl+t")
        assert hand.app.theme == LIGHT


def test_a_word_of_the_views_has_its_colour_and_any_other_is_quiet() -> None:
    """Each hazard has one of its own; no word of others becomes a style."""
    assert len({state(hazard) for hazard in Hazard}) == len(Hazard)
    assert [state(name) for name in ("active", "waiting", "denied", "frozen", "revoked")] == [
        "$state-live", "$state-waiting", "$state-denied", "$state-frozen", "$state-ended",
    ]  # fmt: skip
    assert {state(name) for name in GLYPHS} <= {f"$state-{name}" for name in STATES}
    for name in ("", "red", "EXEC on red", "[bold]", "x" * 1000, "\x1b[31m"):
        assert state(name) == "$state-quiet"
        assert badge(name) == "bold $background on $state-quiet"


def test_each_glyph_has_a_seven_bit_one_that_still_tells_a_good_end_from_a_bad_one() -> None:
    """One cell for one cell; none of them is the question mark of a letter without a counterpart."""
    plain = {name: to_ascii(glyph) for name, glyph in GLYPHS.items()}
    assert all(len(glyph) == 1 and glyph.isascii() for glyph in plain.values())
    assert [name for name, glyph in plain.items() if glyph == "?"] == ["pending"]
    assert len({plain[name] for name in ("approved", "denied", "active", "waiting", "frozen", "expired")}) == 6


@pytest.mark.parametrize("theme", themes(), ids=lambda theme: theme.name)
def test_words_in_each_colour_can_be_read(theme: Theme) -> None:
    """A contrast of at least 3 to the background (WCAG 2 for bold text)."""
    paper = _luminance(str(theme.background))
    for name in set(STATES) - NEVER_TEXT:
        ink = _luminance(theme.variables[f"state-{name}"])
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 3, name


def _luminance(colour: str) -> float:
    parts = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in Color.parse(colour).normalized)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
