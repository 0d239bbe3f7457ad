"""The question for a moment."""

from textual.widgets import Input

from jitui.tui.screens.asof import AsOfScreen
from jitui.tui.theme import DARK, themes
from jitui.values.errors import InvalidError
from tests.tui.alone import Alone
from tests.tui.seeing import screenful


async def test_it_asks_until_it_is_a_moment() -> None:
    """What is none is said, and may be typed anew; escape is none."""
    said: list[str | None] = []

    def read(typed: str) -> str:
        if typed != "16:04":
            raise InvalidError(f"{typed!r} is no moment")
        return "2026-11-28T16:04:00Z"

    assert {theme.name for theme in themes()} >= {DARK}
    app = Alone()
    async with app.run_test(size=(100, 30)) as pilot:
        app.push_screen(AsOfScreen(read), said.append)
        await pilot.pause()
        await pilot.press(*"soon", "enter")
        await pilot.pause()
        assert "'soon' is no moment" in screenful(app).text
        app.screen.query_one(Input).value = "16:04"
        await pilot.press("enter")
        await pilot.pause()
        app.push_screen(AsOfScreen(read), said.append)
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
    assert said == ["2026-11-28T16:04:00Z", ""]
