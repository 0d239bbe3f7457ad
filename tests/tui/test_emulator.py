"""A recorded terminal is hostile input: whatever the bytes, no exception, bounded time, bounded memory, and nothing but text in the cells."""

import time
import unicodedata

import pytest
from hypothesis import given, settings, strategies as st

from jitui.tui.emulator import HIGHEST, MARKS, WIDEST, Emulator

SEQUENCES = (
    b"[", b"]", b"P", b"_", b"\\", b"(0", b"#8", b"[1;2;3H", b"[?1049h", b"[?1049l", b"[9999999999L", b"[38;2;999;;m", b"[38:5:300m", b"[;r", b"[5;2r",
    b"[?6h", b"[999J", b"[3g", b"[?3h", b"[6n", b"7", b"8", b"c", b"[4h", b"[20h", b"[100P", b"[S", b"[99T",
)  # fmt: skip
BYTES = (b"\x9b", b"\xc2\x9b31m", b"\r\n", b"\t", b"\xff\xfe", b"\x18", b"\x0e")
LETTERS = ("\u0301", "漢字", "👩‍👩", "\u202e")
ODD = st.sampled_from([b"\x1b" + sequence for sequence in SEQUENCES] + [*BYTES] + [text.encode() for text in LETTERS])
WORST = (b"\x1b[1;2;3H", "\u0301".encode(), b"\x1b[2J", b"\n", b"\x1b#8", b"\x1b[@", b"\x1b[L", b"\x1b[?1049hx\x1b[?1049l", b"\x1b7", b"\x1bPq", b"\x1b]0;",
         b"\x1b[41m\x1b[2J")  # fmt: skip


def sound(emulator: Emulator) -> None:
    """Every line has its cells, and they hold nothing that moves a cursor."""
    for y in range(emulator.lines):
        cells = emulator.cells(y)
        assert len(cells) == emulator.columns
        for cell in cells:
            assert len(cell.data) <= MARKS + 1
            assert all(unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in cell.data)
    if (cursor := emulator.cursor) is not None:
        assert 0 <= cursor[0] < emulator.columns
        assert 0 <= cursor[1] < emulator.lines


@given(st.lists(st.one_of(st.binary(max_size=40), ODD, st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass"))), max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_or_leave_anything_but_text(pieces: list[bytes]) -> None:
    """Random bytes, random text and every odd sequence we know, in any order."""
    emulator = Emulator(40, 10)
    for piece in pieces:
        emulator.feed(piece)
    sound(emulator)


@given(st.lists(st.one_of(st.binary(max_size=30), ODD), max_size=30), st.integers(1, 7))
@settings(max_examples=100, deadline=None)
def test_how_the_bytes_are_cut_does_not_matter(pieces: list[bytes], size: int) -> None:
    """Fed whole or in small pieces, the screen is the same."""
    data = b"".join(pieces)
    whole, parts = Emulator(30, 8), Emulator(30, 8)
    whole.feed(data)
    for start in range(0, len(data), size):
        parts.feed(data[start : start + size])
    assert parts.text() == whole.text()
    assert parts.cursor == whole.cursor


@given(st.lists(st.tuples(st.integers(-5, 10_000), st.integers(-5, 10_000), ODD), max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_resize_is_clamped(sizes: list[tuple[int, int, bytes]]) -> None:
    """500x200 is the largest, 1x1 the smallest, whatever a resize frame says."""
    emulator = Emulator()
    for columns, lines, data in sizes:
        emulator.resize(columns, lines)
        emulator.feed(data)
        assert 1 <= emulator.columns <= WIDEST
        assert 1 <= emulator.lines <= HIGHEST
    sound(emulator)


@pytest.mark.parametrize("chunk", WORST)
def test_time_stays_linear_on_the_largest_screen(chunk: bytes) -> None:
    """20 KB of the worst at 500x200 take a bounded time: at most a quarter of a millisecond a byte on a loaded machine."""
    emulator = Emulator(WIDEST, HIGHEST)
    for _ in range(HIGHEST):
        emulator.feed(b"x" * (WIDEST - 1) + b"\r\n")
    data = (chunk * (20_000 // len(chunk) + 1))[:20_000]
    before = time.process_time()
    emulator.feed(data)
    assert time.process_time() - before < 5


def test_memory_does_not_grow_with_saved_cursors_or_unfinished_strings() -> None:
    """DECSC without end and an OSC without end keep next to nothing."""
    emulator = Emulator()
    emulator.feed(b"\x1b7" * 10_000)
    assert len(emulator.screen.savepoints) <= 8
    emulator.feed(b"\x1b]52;c;" + b"A" * 1_000_000)
    assert emulator.text() == [""] * 24
    emulator.feed(b"\x07after")
    assert emulator.text()[0] == "after"


def test_strings_to_the_terminal_are_swallowed() -> None:
    """DCS, OSC, SOS, PM and APC print nothing; what follows them does."""
    emulator = Emulator()
    emulator.feed(b"a\x1bPq#0;2;0\x1b\\b\x1b]0;title\x07c\x1bXsos\x1b\\d\x1b^pm\x1b\\e\x1b_apc\x1b\\f")
    assert emulator.text()[0] == "abcdef"


def test_the_alternate_screen_gives_the_main_one_back() -> None:
    """An editor's screen is gone when it ends; the screen from before is there again, with the cursor."""
    emulator = Emulator(20, 4)
    emulator.feed(b"$ vi\r\n\x1b[?1049h\x1b[2J\x1b[Hfull screen")
    assert emulator.text()[0] == "full screen"
    emulator.feed(b"\x1b[?1049l$ done")
    assert emulator.text()[:2] == ["$ vi", "$ done"]


def test_an_ordinary_session_looks_as_it_did() -> None:
    """Colours, cursor moves, wrapping, erasing, line drawing."""
    emulator = Emulator(10, 4)
    emulator.feed(b"\x1b[31mred\x1b[0m ok\r\n0123456789ab\x1b[4;1H\x1b(0lqk\x1b(B\x1b[2;3H\x1b[K")
    assert emulator.text() == ["red ok", "01", "ab", "┌─┐"]
    assert emulator.cells(0)[0].fg == "red"
    assert emulator.cells(0)[4].fg == "default"


def test_a_line_feed_returns_where_no_tty_translated_it() -> None:
    """`kubectl exec` without -t and logs have bare line feeds."""
    emulator = Emulator(10, 3, newline=True)
    emulator.feed(b"one\ntwo\x1bc\nthree")
    assert emulator.text() == ["", "three", ""]


def test_what_was_not_delivered_is_marked_and_no_program_can_mark() -> None:
    """The mark is ours: SGR 5 does not set it, SGR 0 and 25 do not clear it."""
    emulator = Emulator(20, 2)
    emulator.feed(b"\x1b[5mA")
    emulator.feed(b"\x1b[25mB\x1b[0mC", delivered=False)
    emulator.feed(b"D")
    assert [cell.blink for cell in emulator.cells(0)[:4]] == [False, True, True, False]
