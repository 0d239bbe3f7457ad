"""A recorded terminal in a widget that may be smaller than it."""

from pathlib import Path

from jitui.tui.emulator import Emulator
from jitui.tui.process import Process
from jitui.tui.theme import ANSI
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


async def test_a_wide_recording_can_be_panned() -> None:
    """To every column and line and no further; what goes on is marked at either side; the cursor is followed again when that is asked."""
    app = Alone(Terminal())
    async with app.run_test(size=(20, 5)) as pilot:
        terminal = app.query_one(Terminal)
        terminal.show(drawn(50, 9, b"".join(b"%d" % (at % 10) for at in range(50)) + b"\r\nab" + "漢".encode() * 20 + b"\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8"))
        assert (terminal.larger, terminal.panned, terminal.shown()) == (True, False, "columns 1-20, lines 4-8")
        terminal.pan(11, -9)
        await pilot.pause()
        lines = screenful(app).lines
        assert lines[0] == "…" + "".join(str(at % 10) for at in range(12, 30)) + "…"
        assert [lines[1][0], lines[1][-1]] == ["…", "…"]
        assert "漢" * 8 in lines[1]
        assert terminal.shown() == "columns 12-31, lines 1-5"
        terminal.pan(999, 999)
        await pilot.pause()
        assert terminal.shown() == "columns 31-50, lines 5-9"
        terminal.follow()
        await pilot.pause()
        assert (terminal.panned, terminal.shown()) == (False, "columns 1-20, lines 4-8")
        terminal.show(drawn(20, 5, b"x"))
        assert not terminal.larger


async def test_a_narrow_recording_is_framed() -> None:
    """One sees where its screen ends."""
    app = Alone(Terminal())
    async with app.run_test(size=(20, 6)) as pilot:
        terminal = app.query_one(Terminal)
        terminal.show(drawn(8, 3, b"0123456789ab\r\n\x1b[44mx\x1b[K"))
        await pilot.pause()
        assert [line.rstrip() for line in screenful(app).lines] == ["01234567│", "89ab    │", "x       │", "────────╯", "", ""]


async def test_every_cell_is_as_wide_as_the_recorded_one() -> None:
    """Marks stand over their characters, and what comes after them is where it was, also where libraries differ about a character."""
    app = Alone(Terminal())
    async with app.run_test(size=(30, 3)) as pilot:
        terminal = app.query_one(Terminal)
        for text in (  # one script after the other, then what libraries differ about
            "สวัสดีที่นี่", "ភាសាខ្មែរ", "မြန်မာဘာသာ", "தமிழ் மொழி", "हिन्दी क्षि", "বাংলা কি", "ສະບາຍດີ",
            "漢e\u0301", "👩\u200d👩\u200d👧", "\u1112\u1161\u11ab", "❤\ufe0f", "\ue0b0",
        ):  # fmt: skip
            emulator = drawn(30, 3, f"{text}|".encode())
            cursor = emulator.cursor
            terminal.show(emulator)
            await pilot.pause()
            strip = terminal.render_line(0)
            assert cursor is not None
            assert strip.crop(cursor[0] - 1, cursor[0]).text == "|", text
            assert strip.cell_length == 30


async def test_colours_and_styles_are_those_of_the_recording() -> None:
    """The first sixteen are the app's, the others the palette's; what was not delivered is dim."""
    app = Alone(Terminal())
    async with app.run_test(size=(20, 3)) as pilot:
        emulator = drawn(20, 3, b"\x1b[1;31ma\x1b[0;38;5;208;48;5;235mb\x1b[0;38;2;1;2;3;3mc\x1b[0;4;7;9md\x1b[me\x1b[5mf")
        emulator.feed(b"g", delivered=False)
        app.query_one(Terminal).show(emulator)
        await pilot.pause()
        styles = {segment.text: segment.style for segment in app.query_one(Terminal).render_line(0) if segment.style}
        assert [style.color.name for name in "abc" if (style := styles[name]) and style.color] == [ANSI[1], "#ff8700", "#010203"]
        assert (styles["a"].bold, styles["b"].bgcolor and styles["b"].bgcolor.name, styles["c"].italic) == (True, "#262626", True)
        assert (styles["d"].underline, styles["d"].reverse, styles["d"].strike) == (True, True, True)
        assert (styles["f"].dim, styles["g"].dim) == (False, True)


async def test_what_could_not_be_drawn_is_said(tmp_path: Path) -> None:
    """With its size, in the words under the terminal."""
    (tmp_path / "none.py").write_text("raise SystemExit(1)")
    emulator = Emulator(20, 3, process=Process(str(tmp_path / "none.py")))
    app = Alone(Terminal())
    async with app.run_test(size=(20, 3)):
        app.query_one(Terminal).show(emulator)
        for _ in range(3):
            app.query_one(Terminal).push(b"x" * 1000)
            app.query_one(Terminal).work_off()
        why = "the terminal emulator can't be started; is pyghostty installed? see: python -m pip check"
        assert app.query_one(Terminal).says() == f"20x3, 2.9 KB of output are recorded and not drawn: {why}"


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
