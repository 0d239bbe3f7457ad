"""A recorded terminal in a widget that may be smaller than it."""

from jitui.tui.emulator import Emulator
from jitui.tui.widgets.terminal import HELD, Terminal
from tests.tui.alone import Alone
from tests.tui.seeing import screenful


def drawn(columns: int, lines: int, text: bytes) -> Emulator:
    emulator = Emulator(columns, lines)
    emulator.feed(text)
    return emulator


async def test_lines_that_go_on_beyond_the_widget_are_marked() -> None:
    """Also where a wide character stands across the edge; lines that end before it are not."""
    app = Alone(Terminal())
    async with app.run_test(size=(20, 5)) as pilot:
        terminal = app.query_one(Terminal)
        terminal.show(drawn(30, 5, b"x" * 25 + b"\r\nshort\r\n" + b"y" * 18 + "漢z".encode()))
        await pilot.pause()
        seen = screenful(app)
        assert seen.lines[0] == "x" * 19 + "…"
        assert seen.lines[1].rstrip() == "short"
        assert seen.lines[2].rstrip() == "y" * 18 + " …"
        assert terminal.shown() == "columns 1-20"
        terminal.show(drawn(20, 5, b"x" * 20))
        await pilot.pause()
        assert screenful(app).lines[0] == "x" * 20
        assert terminal.shown() == ""


async def test_the_cursor_stays_in_view() -> None:
    """Of more lines than fit, those around it; which they are is said."""
    app = Alone(Terminal())
    async with app.run_test(size=(20, 5)) as pilot:
        terminal = app.query_one(Terminal)
        terminal.show(drawn(20, 12, b"\r\n".join(b"line %d" % at for at in range(10))))
        await pilot.pause()
        assert [line.rstrip() for line in screenful(app).lines] == [f"line {at}" for at in range(5, 10)]
        assert terminal.shown() == "lines 6-10"


async def test_bytes_that_come_too_fast_are_left_out_and_counted() -> None:
    """The newest are shown, whatever was left out before them."""
    app = Alone(Terminal())
    async with app.run_test(size=(20, 5)) as pilot:
        terminal = app.query_one(Terminal)
        for _ in range(5):
            terminal.push(b"z" * (HELD // 2))
        assert terminal.lost == HELD // 2 * 3
        terminal.push(b"\r\nend")
        while terminal._waiting:
            terminal.work_off()
        await pilot.pause()
        assert "end" in screenful(app).text
