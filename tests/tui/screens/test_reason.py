"""The line of reason, and the agent's name, on screens of their own."""

import pytest
from textual.app import App
from textual.widgets import Input

from jitui.tui.screens.reason import DENY, KILL, LIFT, LOCKDOWN, REVOKE, NameScreen, ReasonScreen
from tests.tui.alone import Alone
from tests.tui.seeing import screenful

HOSTILE = "agent-\x1b[31mx\u202e [bold]loud[/] [@click=app.quit]" + "y" * 500


def line(app: App[None]) -> str:
    return app.screen.query_one("#reason-line", Input).value


@pytest.mark.parametrize("stock", [DENY, KILL, REVOKE, LOCKDOWN, LIFT], ids=["deny", "kill", "revoke", "lockdown", "lift"])
async def test_a_stock_reason_is_put_into_the_line_and_given_only_on_enter(stock: tuple[str, ...]) -> None:
    """By its number or the arrows, which go round; it fits the screen of 80 columns uncut."""
    given: list[str | None] = []
    app = Alone()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(ReasonScreen("x", "x", stock, "deny"), given.append)
        await pilot.press("2")
        assert line(app) == stock[1]
        assert all(reason in screenful(app).text for reason in stock)
        await pilot.press("down", "down")
        assert line(app) == stock[0]
        await pilot.press("up")
        assert line(app) == stock[-1]
        assert given == []
        await pilot.press("enter")
        assert given == [stock[-1]]


async def test_words_of_ones_own_are_given_without_the_blanks_around_them() -> None:
    """Blanks alone are no reason: the screen stays and says why; a number that is no stock reason's is a word."""
    given: list[str | None] = []
    app = Alone()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(ReasonScreen("deny r-1", "agent-x is told this", DENY, "deny"), given.append)
        await pilot.press("space", "space", "enter")
        assert given == []
        assert "a reason is needed: it goes on record" in screenful(app).text
        await pilot.press("4", "space", "enter")
        assert given == ["4"]


async def test_leaving_gives_no_reason_whatever_stands_in_the_line() -> None:
    """Esc."""
    given: list[str | None] = []
    app = Alone()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(ReasonScreen("deny r-1", "agent-x is told this", DENY, "deny"), given.append)
        await pilot.press("1", "escape")
        assert given == [""]


async def test_only_the_whole_name_approves() -> None:
    """Neither a part of it nor another case of it; the screen says so and asks again. Esc approves nothing."""
    given: list[bool | None] = []
    app = Alone()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(NameScreen("approve r-1", "it can leave its window", "bot-7"), given.append)
        await pilot.pause()
        for wrong in ("", "bot", "BOT-7", "bot-77"):
            app.screen.query_one("#reason-line", Input).value = wrong
            await pilot.press("enter")
            assert "that is not its name" in screenful(app).text
        assert given == []
        app.screen.query_one("#reason-line", Input).value = " bot-7 "
        await pilot.press("enter")
        app.push_screen(NameScreen("approve r-1", "it can leave its window", "bot-7"), given.append)
        await pilot.press(*"bot-7")
        await pilot.press("escape")
        assert given == [True, False]


@pytest.mark.parametrize("width", [80, 200])
async def test_names_of_others_are_plain_text(width: int) -> None:
    """In the title, the sentence and the name, of both screens."""
    app = Alone()
    async with app.run_test(size=(width, 24)) as pilot:
        for screen in (ReasonScreen(HOSTILE, HOSTILE, (HOSTILE,), "deny"), NameScreen(HOSTILE, HOSTILE, HOSTILE)):
            app.push_screen(screen)
            await pilot.pause()
            seen = screenful(app)
            assert "[bold]loud[/] [@click=app.quit]" in " ".join(seen.text.split())
            assert not {"\x1b", "\u202e"} & set(seen.text)
            assert {len(each) for each in seen.lines} == {width}
            assert not any(segment.style and "@click" in segment.style.meta for segment in seen.segments)
