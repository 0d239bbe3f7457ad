"""A list that holds its place."""

import asyncio
from functools import partial

import pytest
from textual.content import Content
from textual.pilot import Pilot

from jitui.tui.lines import FLEX, Cell, row
from jitui.tui.widgets.rows import Row, Rows
from tests.tui.alone import Alone
from tests.tui.seeing import screenful


class Listening(Alone):
    """Keeps the messages of the list."""

    def __init__(self, *rows: Rows) -> None:
        super().__init__(*rows)
        self.told: list[str] = []

    def on_rows_moved(self, message: Rows.Moved) -> None:
        self.told.append(f"moved {message.ident}")

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        self.told.append(f"chosen {message.ident}")


def said(text: str, width: int) -> Content:
    return row([Cell(text, FLEX)], width)


def of(*idents: str, head: str = "") -> list[Row]:
    return [*([Row(partial(said, head))] if head else []), *(Row(partial(said, f"line {ident}"), ident) for ident in idents)]


async def test_the_cursor_stays_on_its_id_while_the_list_changes() -> None:
    """Newcomers before it do not move it; if its line is gone it stands on the one that took its place, and an empty list has none."""
    rows = Rows()
    app = Listening(rows)
    async with app.run_test(size=(80, 10)) as pilot:
        seen = []
        rows.show(of("a", "b", "c"))
        rows.go("b")
        for idents in ("abc", "xabc", "bcx", "acx", "a", ""):
            rows.show(of(*idents))
            seen.append(rows.cursor)
        assert seen == ["b", "b", "b", "a", "a", ""]
        await pilot.pause()
        assert app.told == ["moved a", "moved b", "moved a", "moved "]


async def test_heads_and_notes_can_not_be_chosen() -> None:
    """Neither by the arrows nor by a click; enter on a list without ids says nothing."""
    rows = Rows()
    app = Listening(rows)
    async with app.run_test(size=(80, 10)) as pilot:
        rows.focus()
        rows.show([*of("a", head="first head"), *of("b", head="second head")])
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.click(offset=(5, 2))
        await pilot.click(offset=(5, 1))
        await pilot.press("end", "end", "enter", "home", "home")
        rows.show(of(head="nobody asks"))
        await pilot.press("enter")
        assert app.told == ["moved a", "moved b", "chosen b", "moved a", "moved b", "chosen b", "moved a", "moved "]


@pytest.mark.parametrize("width", [80, 200])
async def test_the_line_of_the_cursor_is_marked_and_each_line_has_the_width(width: int) -> None:
    """Also one that is far too long or empty; without `mark` no cells are kept for the glyph."""
    rows, bare = Rows(), Rows(mark=False)
    app = Alone(rows, bare)
    async with app.run_test(size=(width, 8)) as pilot:
        for each in (rows, bare):
            each.show([*of(head="head"), Row(partial(said, "漢字 [bold]x[/] " * 100), "a"), Row(partial(said, ""), "b"), *of("c")])
            each.go("c")
        await pilot.pause()
        marked, plain = screenful(app).lines[:4], screenful(app).lines[4:]
        assert [line[:6] for line in (marked[0], *marked[2:])] == ["head  ", "      ", "▸ line"]
        assert marked[1].startswith("  漢字 [bold]x[/] 漢字")
        assert [line[:6] for line in (plain[0], *plain[2:])] == ["head  ", "      ", "line c"]
        assert {Content(line).cell_length for line in (*marked, *plain)} == {width}


async def test_a_list_that_follows_stays_at_its_end_unless_somebody_moved_away() -> None:
    """As lines come; one that does not follow stays where it is. No line is wider than the list, so there is no bar below it."""
    rows, still = Rows(follow=True), Rows()
    app = Alone(rows, still)
    async with app.run_test(size=(80, 10)) as pilot:
        rows.show(of(*map(str, range(20))))
        still.show(of(*map(str, range(20))))
        await settled(pilot, rows)
        assert (rows.scroll_offset.y, still.scroll_offset.y) == (15, 0)
        assert not rows.show_horizontal_scrollbar
        rows.show(of(*map(str, range(30))))
        await settled(pilot, rows)
        assert rows.scroll_offset.y == 25
        rows.scroll_to(y=3, animate=False)
        await pilot.pause(0.1)
        rows.show(of(*map(str, range(40))))
        await pilot.pause(0.1)
        assert rows.scroll_offset.y == 3


async def settled(pilot: Pilot[None], rows: Rows) -> None:
    """Until the list stands at its end, which takes Textual some frames."""
    async with asyncio.timeout(10):
        while not 0 < rows.max_scroll_y <= rows.scroll_offset.y:
            await pilot.pause(0.01)


async def test_the_cursor_comes_into_view_with_the_list() -> None:
    """It was moved while the list was not displayed; once it is, the cursor's line is on the screen."""
    rows = Rows()
    app = Listening(rows)
    async with app.run_test(size=(80, 10)) as pilot:
        rows.show(of(*(f"n{at}" for at in range(99))))
        rows.display = False
        await pilot.pause()
        rows.go("n98")
        await pilot.pause()
        rows.display = True
        await pilot.pause()
        await pilot.pause()
        assert "line n98" in screenful(app).text
