"""Recorded bytes show what xterm.js shows; and they are hostile: whatever they are, no exception, bounded time and memory, nothing but text in the cells."""

import json
import os
import signal
import time
import unicodedata
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings, strategies as st

from jitui.tui import core
from jitui.tui.emulator import HIGHEST, KEYFRAME, WIDEST, Emulator, Look, _read
from jitui.tui.process import CoreError, Process

CORPUS: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "xterm" / "corpus.json").read_text())
NAMES: Final = {"dim": "faint"}  # of styles, where xterm.js has another word
DIFFERS: Final = {  # where the screen is another one than that of xterm.js, and why
    "wrap waits, then erase": "EL takes the wrap back, as in xterm",
    "wrap waits, then save and restore": "DECSC saves that a wrap waits, as in xterm",
    "REP after a control": "REP repeats the last character, as in xterm; ECMA-48 leaves it open after a control",
    "REP after a colour": "as before",
    "REP twice": "as before",
    "insert characters, over a wide one": "of a wide character that is cut both halves go; xterm.js leaves a blank less",
    "alignment resets margins": "DECALN resets the margins, as in a VT510",
    "colours with colons": "48:2:R:G:B without a colour space, as xterm and kitty read it; xterm.js shifts the numbers",
    "colours that are cut short": "38;5 without a number is no colour, and what follows it counts by itself",
    "resize in the alternate screen, narrower, and back": "the lines are the same; the saved cursor goes to the start of a line that was broken anew",
    "resize in the alternate screen, there and back": "as before",
    "resize with wide characters": "all characters are kept; xterm.js loses those at the new edge",
    "combining at the start of a line": "a mark without a character has no cell",
    "combining after a move": "a mark joins the character in front of it, also after a move",
    "combining after a colour": "as before, after a colour",
    "combining, resized": "all of the second line is kept; xterm.js loses a part of it",
    "zero width": "characters without a width are not shown",
    "soft hyphen and blanks": "a soft hyphen is shown as a hyphen, since terminals differ about it",
    "osc links": "a link is not underlined: it leads nowhere here",
    "8-bit controls": "RI (8D) is done as well",
    "sequence with blanks": "SL is not known",
    "sequence with many numbers": "a sequence of more than 24 numbers is ignored",
    "cut characters": "bytes that are no UTF-8 show as U+FFFD; xterm.js leaves them out",
    "too long and surrogates": "as before",
}
SEQUENCES = (
    b"[", b"]", b"P", b"_", b"\\", b"(0", b"#8", b"[1;2;3H", b"[?1049h", b"[?1049l", b"[9999999999L", b"[38;2;999;;m", b"[38:5:300m", b"[;r", b"[5;2r",
    b"[?6h", b"[999J", b"[3g", b"[?3h", b"[6n", b"7", b"8", b"c", b"[4h", b"[20h", b"[100P", b"[S", b"[99T", b"[9b", b"[!p", b"[?69h", b"[?2027h",
    b"]8;;x\x07", b"_Gf=24,s=1,v=1,a=T;AAAA\x1b\\",
)  # fmt: skip
BYTES = (b"\x9b", b"\xc2\x9b31m", b"\r\n", b"\t", b"\xff\xfe", b"\x18", b"\x0e", b"\xc2", b"\x7f")
LETTERS = ("\u0301", "漢字", "👩‍👩", "\u202e", "ที่", "\u00ad")
ODD = st.sampled_from([b"\x1b" + sequence for sequence in SEQUENCES] + [*BYTES] + [text.encode() for text in LETTERS])
WORST = (b"\x1b[1;2;3H", "\u0301".encode(), b"\x1b[2J", b"\n", b"\x1b#8", b"\x1b[@", b"\x1b[L", b"\x1b[?1049hx\x1b[?1049l", b"\x1b7", b"\x1bPq", b"\x1b]0;",
         b"\x1b[41m\x1b[2J", b"\x1b[!p", b"\x1b[9999b", b"\x1b[99S")  # fmt: skip


def sound(emulator: Emulator) -> None:
    """No line has more cells than the screen, and they hold nothing that moves a cursor."""
    for y in range(emulator.lines):
        runs = emulator.line(y)
        assert sum(run.cells for run in runs) <= emulator.columns
        for run in runs:
            assert len(run.text) <= core.MARKS + 1 if run.width else run.text
            assert all(unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in run.text)
    if (cursor := emulator.cursor) is not None:
        assert 0 <= cursor[0] < emulator.columns
        assert 0 <= cursor[1] < emulator.lines
    assert emulator.lost == 0


def painted(emulator: Emulator) -> list[list[list[str]]]:
    """The screen as the corpus has it."""
    lines = []
    for y in range(emulator.lines):
        runs: list[list[str]] = []
        for run in emulator.line(y):
            look = [run.look.foreground, run.look.background, *sorted(run.look.styles)]
            if runs and runs[-1][1:] == look:
                runs[-1][0] += run.text
            else:
                runs.append([run.text, *look])
        if runs and not "".join(runs[-1][1:]):
            runs[-1][0] = runs[-1][0].rstrip()
        lines.append([run for run in runs if run[0]])
    return lines


def played(case: dict[str, Any], size: int = 1 << 20) -> Emulator:
    """An emulator after the steps of a case, its bytes in pieces of that size."""
    emulator = Emulator(*case["size"])
    for step in case["steps"]:
        if isinstance(step, list):
            emulator.resize(*step)
            continue
        data = step.encode("latin-1")
        for start in range(0, len(data), size):
            emulator.feed(data[start : start + size])
    return emulator


@pytest.mark.parametrize("name", CORPUS["cases"])
def test_the_screen_is_that_of_xterm(name: str) -> None:
    """Text, colours, styles and cursor, as xterm.js shows them; where they differ, `DIFFERS` says why, and holds no case that does not."""
    case = CORPUS["cases"][name]
    emulator = played(case)
    sound(emulator)
    expected = [[[*run[:3], *sorted(NAMES.get(style, style) for style in run[3:])] for run in line] for line in case["lines"]]
    same = (painted(emulator), emulator.cursor) == (expected, tuple(case["cursor"]) if case["shown"] else None)
    if name in DIFFERS:
        assert not same
    else:
        assert (painted(emulator), emulator.cursor) == (expected, tuple(case["cursor"]) if case["shown"] else None)


def test_how_the_cases_are_cut_does_not_matter() -> None:
    """Byte by byte, each case ends with the same screen."""
    for name, case in CORPUS["cases"].items():
        whole, parts = played(case), played(case, 1)
        assert (name, painted(parts), parts.cursor) == (name, painted(whole), whole.cursor)


@given(st.lists(st.one_of(st.binary(max_size=40), ODD, st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass"))), max_size=60))
@settings(max_examples=100, deadline=None)
def test_no_bytes_raise_or_leave_anything_but_text(pieces: list[bytes]) -> None:
    """Random bytes, random text and every odd sequence we know, in any order."""
    emulator = Emulator(40, 10)
    for piece in pieces:
        emulator.feed(piece)
    sound(emulator)


@given(st.lists(st.one_of(st.binary(max_size=30), ODD), max_size=30), st.integers(1, 7), st.integers(0, 29))
@settings(max_examples=60, deadline=None)
def test_neither_cuts_nor_keyframes_matter(pieces: list[bytes], size: int, at: int) -> None:
    """Fed whole or in small pieces, or gone on with from a keyframe somewhere, the screen is the same."""
    data = b"".join(pieces)
    whole, parts = Emulator(30, 8), Emulator(30, 8)
    whole.feed(data)
    for start in range(0, len(data), size):
        parts.feed(data[start : start + size])
        if start // size == at:
            parts._keyframe()
            parts = Emulator.of(parts.keep())
    assert parts.text() == whole.text()
    assert parts.cursor == whole.cursor
    assert painted(parts) == painted(whole)


@given(st.lists(st.tuples(st.integers(-5, 10_000), st.integers(-5, 10_000), ODD), max_size=12))
@settings(max_examples=40, deadline=None)
def test_any_resize_is_clamped(sizes: list[tuple[int, int, bytes]]) -> None:
    """500x200 is the largest, 2x1 the smallest, whatever a resize frame says."""
    emulator = Emulator()
    for columns, lines, data in sizes:
        emulator.resize(columns, lines)
        emulator.feed(data)
        assert 2 <= emulator.columns <= WIDEST
        assert 1 <= emulator.lines <= HIGHEST
    sound(emulator)


def test_time_stays_linear_on_the_largest_screen() -> None:
    """20 KB of each of the worst at 500x200 take a bounded time: a quarter of a millisecond a byte on a loaded machine at most."""
    for chunk in WORST:
        emulator = Emulator(WIDEST, HIGHEST)
        for _ in range(HIGHEST):
            emulator.feed(b"x" * (WIDEST - 1) + b"\r\n")
        data = (chunk * (20_000 // len(chunk) + 1))[:20_000]
        before = time.monotonic()
        emulator.feed(data)
        assert time.monotonic() - before < 5, chunk
        assert emulator.lost == 0


def test_memory_does_not_grow() -> None:
    """Neither with saved cursors, strings without end, links, pictures, piles of marks, nor sizes: the process stays where it was after a first round."""
    process = Process()
    grown: list[int] = []
    for _ in range(3):
        emulator = Emulator(process=process)
        for data in (
            b"\x1b7" * 30_000, b"\x1b]52;c;" + b"A" * 1_000_000 + b"\x07", b"\x1bP" + b"q" * 1_000_000 + b"\x1b\\", b"e" + "\u0301".encode() * 32_000,
            b"".join(b"\x1b]8;;http://%d\x07x" % number for number in range(20_000)), b"\x1b[22;0t\x1b]0;title\x07" * 10_000,
            b"\x1b_Gf=24,s=10,v=10,a=T;" + b"A" * 400 + b"\x1b\\" + b"\x1b_Gm=1;" + b"A" * 1_000_000 + b"\x1b\\",
        ):  # fmt: skip
            emulator.feed(data)
        for size in (5000, 1, 80) * 10:
            emulator.resize(size, size)
            emulator.feed(b"x" * 2000)
        emulator.feed(b"\x1bcafter")
        assert emulator.text()[0] == "after"
        assert emulator.lost == 0
        assert process._child is not None
        grown.append(int(Path(f"/proc/{process._child.pid}/statm").read_text().split()[1]) * 4096)
    process.stop()
    assert grown[2] - grown[0] < 8 << 20
    assert grown[2] < 256 << 20


def test_a_line_feed_returns_where_no_tty_translated_it() -> None:
    """`kubectl exec` without -t and logs have bare line feeds; no reset changes that."""
    emulator = Emulator(10, 3, newline=True)
    emulator.feed(b"one\ntwo\x1bc\nthree")
    assert emulator.text() == ["", "three", ""]
    emulator._keyframe()
    again = Emulator.of(emulator.keep())
    again.feed(b"\x1b[!p\nx")
    assert again.text() == ["", "three", "x"]


def lost_text(emulator: Emulator, y: int = 0) -> str:
    """The characters of a line that are marked as not delivered."""
    return "".join(run.text for run in emulator.line(y) if run.look.undelivered)


def test_what_was_not_delivered_is_marked_and_no_program_can_mark() -> None:
    """The mark is ours: colours, links, resets and a sequence that the end of delivery cuts neither set nor clear it; it scrolls and is kept with the text."""
    emulator = Emulator(20, 2)
    emulator.feed(b"\x1b[5m\x1b]8;;jitui:undelivered\x07A\x1b[3")
    emulator.feed(b"1mB\x1b[0mC\x1b]8;;\x07D\x1b[!pE\x1b]8;;x\x07F\x1b7\x1b8G\x1b[3", delivered=False)
    emulator.feed(b"2mH")
    assert emulator.text()[0] == "ABCDEFGH"
    assert lost_text(emulator) == "BCDEFG"
    assert [run.look.foreground for run in emulator.line(0)][-1] == "2"
    emulator._keyframe()
    again = Emulator.of(emulator.keep())
    again.feed(b"\r\nnext")
    again.feed(b"\x1bclost", delivered=False)
    again.feed(b"\r\nfound")
    assert (again.text(), lost_text(again), lost_text(again, 1)) == (["lost", "found"], "lost", "")


def test_a_whole_screen_is_read_at_once() -> None:
    """With its colours and styles in 2 ms, at best: other processes may be running here."""
    emulator = Emulator()
    for y in range(23):
        emulator.feed(b"\x1b[%dm2026-11-29\x1b[0m words of a \x1b[1mlog\x1b[0m line, and \x1b[38;5;%dmtext\x1b[0m, and more\r\n" % (31 + y % 6, y))
    best = 1.0
    for _ in range(200):
        emulator._seen = None
        before = time.perf_counter()
        emulator.line(0)
        best = min(best, time.perf_counter() - before)
    assert emulator.line(0)[0].look == Look(foreground="1")
    assert best < 0.002


DYING = """
import os, sys
sys.path.insert(0, {here!r})
import core
feed = core.Screen.feed
def dies(self, data):
    if b"BOOM" in data:
        os.abort()
    return feed(self, data)
core.Screen.feed = dies
core.main()
"""


@pytest.fixture
def frail(tmp_path: Path) -> Process:
    """A process that breaks over the word BOOM, as native code breaks over bytes that nobody thought of."""
    (tmp_path / "frail.py").write_text(DYING.format(here=str(Path(core.__file__).parent)))
    return Process(str(tmp_path / "frail.py"))


def test_a_piece_that_breaks_the_library_is_left_out_and_counted(frail: Process) -> None:
    """What was on the screen is there again, other terminals lose nothing, what follows is drawn, and a keyframe remembers the loss."""
    one, other = Emulator(30, 3, process=frail), Emulator(10, 2, process=frail)
    other.feed(b"\x1b[32mother")
    one.feed(b"\x1b[31mbefore ")
    one.resize(20, 3)
    one._keyframe()
    one.feed(b"and ")
    one.feed(b"BOOM")
    one.feed(b"after")
    assert (one.text()[0], one.lost, one.columns) == ("before and after", 4, 20)
    assert {run.look.foreground for run in one.line(0)} == {"1"}
    assert (other.text()[0], other.line(0)[0].look.foreground, other.lost) == ("other", "2", 0)
    assert Emulator.of(one.keep(), frail).lost == 4
    frail.stop()


def answer(*, cursor: object = (0, 0, 1), looks: object = (("", "", 0),), lines: object = ((("a", 0, 0),),)) -> bytes:
    return json.dumps({"cursor": cursor, "looks": looks, "lines": lines}).encode()


@pytest.mark.parametrize("said", [
    b"", b"\xff", b"[" * 100_000, b"[]", b"null", b"{}", answer(cursor=(10, 0, 1)), answer(cursor=(0, -1, 1)), answer(cursor="abc"), answer(cursor=()),
    answer(looks=(("red", "", 0),)), answer(looks=(("", "#12345\x1b", 0),)), answer(looks=(("", "", "b"),)), answer(looks=()), answer(looks=5),
    answer(lines=((("a" * 11, 0, 0),),)), answer(lines=((("a", 3, 0),),)), answer(lines=((("a", -1, 0),),)), answer(lines=((("", 0, 0),),)),
    answer(lines=(((["a"], 0, 0),),)), answer(lines=(((7, 0, 0),),)), answer(lines=((("a" * 99, 1, 0),),)), answer(lines=((("a", 0, 9),),)), answer(lines=7),
])  # fmt: skip
def test_no_answer_of_the_process_is_trusted(said: bytes) -> None:
    """It may have been taken over by what it drew: an answer that no screen has is refused."""
    with pytest.raises(CoreError):
        _read(said, 10, 2)


def test_characters_of_an_answer_that_move_cursors_are_not_shown() -> None:
    """Alone or in a cell with others; more lines than the screen has are left out."""
    seen = _read(answer(lines=([["a\x1b[2J", 0, 0], ["e\u202e", 1, 0], ["\x9b", 2, 0]], [], [["x", 0, 0]])), 10, 2)
    assert [[run.text for run in line] for line in seen.lines] == [["a\N{REPLACEMENT CHARACTER}[2J", "e", "\N{REPLACEMENT CHARACTER}"], []]


def test_a_process_that_was_killed_costs_nothing() -> None:
    """Whether a screen is read next, or output follows."""
    process = Process()
    emulator = Emulator(10, 2, process=process)
    emulator.feed(b"text")
    for expected in ("text", "text more"):
        assert process._child is not None
        os.kill(process._child.pid, signal.SIGKILL)
        process._child.wait()
        if expected != "text":
            emulator.feed(b" more")
        assert (emulator.text()[0], emulator.lost, emulator.drawn) == (expected, 0, True)
        emulator._seen = None
    process.stop()


def test_an_emulator_that_can_not_be_started_raises_nothing(tmp_path: Path) -> None:
    """The screen stays empty, and all that was fed counts as not drawn."""
    (tmp_path / "none.py").write_text("raise SystemExit(1)")
    emulator = Emulator(10, 2, process=Process(str(tmp_path / "none.py")))
    emulator.feed(b"text")
    emulator.resize(20, 5)
    emulator.feed(b"more")
    assert (emulator.text(), emulator.cursor, emulator.lost, emulator.drawn) == ([""] * 5, None, 8, False)


def test_long_output_is_kept_in_keyframes() -> None:
    """An emulator remembers at most so many bytes, and its state for those before; also in the middle of a string without end."""
    emulator = Emulator()
    for _ in range(KEYFRAME * 3 // 8192):
        emulator.feed(b"a line\r\n" * 1024)
    assert emulator._size < KEYFRAME
    emulator.feed(b"\x1b]0;")
    for _ in range(1 << 20 >> 13):
        emulator.feed(b"title   " * 1024)
    assert emulator._size < KEYFRAME
    again = Emulator.of(emulator.keep())
    again.feed(b"\x1b\\end")
    assert (again.text()[-2:], again.lost) == (["a line", "end"], 0)
