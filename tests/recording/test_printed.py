"""Recorded output as lines to read and search."""

import random
import time

import pytest

from jitui.recording.printed import BLANKS, BROADEST, HELD, Printed


def printed(data: bytes, columns: int = 0, piece: int = 0) -> str:
    """The whole text of a stream that comes in pieces of so many bytes."""
    stream = Printed(columns)
    step = piece or len(data) or 1
    return "".join(stream.feed(data[at : at + step]) for at in range(0, len(data), step)) + stream.end()


LINES = [
    (b"10%\r100%\n\x1b[31mred\x1b[0m", 0, "100%\nred\n"),
    (b"abc\b\bX\n", 0, "aXc\n"),
    (b"a\tb\n", 80, "a       b\n"),
    (b"-\x1b[5b|", 80, "------|\n"),
    (b"hello\x1b[3D\x1b[K\n", 0, "he\n"),
    (b"abcdef\x1b[4D\x1b[2P\x1b[1@-\n", 80, "ab-ef\n"),
    (b"x\x1b[9999Cy\r\n", 10, "x        y\n"),
    (b"caf\xc3\xa9 e\xcc\x81\xe4\xb8\xad\rX\n", 0, "Xaf\xe9 e\u0301\u4e2d\n"),
    (b"\n\na\n\n\nb\n\n\n", 0, "\n\na\n\n\nb\n"),
    (b"\x1b]0;title\x07hi \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", 0, "hi link\n"),
    (b"a\x1b]0;never ended\nnext\n", 0, "a\nnext\n"),
    (b"\x1b(0q\x1b(B\x1b=\x0e\x0f\x07\x00\x7f\n", 0, "q\n"),
]


@pytest.mark.parametrize(("data", "columns", "text"), LINES)
def test_a_line_shows_how_it_stood_when_it_ended(data: bytes, columns: int, text: str) -> None:
    """As a terminal of that width leaves it, whole and byte by byte."""
    assert printed(data, columns) == printed(data, columns, 1) == text


def test_a_long_line_is_one_line() -> None:
    """However narrow the terminal was: nobody searches across line ends. What readline does at the edge, and going up a row, stays in the line."""
    assert printed(b"x" * 2000 + b" token=abc\r\ny\r\n", 80) == "x" * 2000 + " token=abc\ny\n"
    assert printed(b"$ aaaaaaaa \rbcd\x1b[A\r# A\r\nE\r\nz", 10) == "# AaaaaaaaEcd\nz\n"
    assert printed(b"y" * 10 + b"\rz\r\n", 10) == "z" + "y" * 9 + "\n"


def test_a_line_without_end_is_given_out_as_it_comes() -> None:
    """It stays one line, and its beginning is not kept."""
    stream = Printed()
    parts = [stream.feed(b"x" * HELD) for _ in range(8)]
    assert len("".join(parts)) >= 6 * HELD
    assert "".join([*parts, stream.feed(b" end\nnext"), stream.end()]) == "x" * 8 * HELD + " end\nnext\n"


def test_what_is_painted_on_a_screen_is_there() -> None:
    """Each place of it as a piece; what stands in one row is one line; a screen that is wiped was there."""
    said = b"one\x1b[2J\x1b[Htop\x1b[5;10Hfoo\x1b[5;20Hbar\r\nz\x1b[?1049hinside\x1b[?1049lafter\x1b[2Aup"
    assert printed(said, 80) == printed(said, 80, 1) == "one\ntop\n         foo       bar\nz\ninside\nafter\n     up\n"


def test_a_row_that_is_painted_in_pieces() -> None:
    """It is there as it stood each time that the cursor left it with something new, and a saved line goes on where it was."""
    for data, text in (
        (b"\x1b[5;5Hnee\x1b[6;5Hxx\x1b[5;8Hdle\x1b[7;1Hend\n", "    nee\n    xx\n    needle\nend\n"),
        (b"\x1b[H\x1b[2;1Hload 0.15\x1b[3;1Hx\x1b[2;8H2\x1b[3;1H\x1b[2;1H\x1b[4;1H", "load 0.15\nx\nload 0.25\n"),
        (b"ab\x1b7\x1b[10;3Hstatus\x1b8cd\n", "ab\n  status\nabcd\n"),
        (b"x" * 80 + b"\x1b7y\x1b8z\n", "x" * 80 + "z\n"),
        (b"\x1b[2;1Hone\x1b[s\x1b[9;1Htwo\x1b[u, too\x1b[9;1H", "one\ntwo\none, too\n"),
        (b"\x1b[5;1Hold\x1b[6;1Hlast\n\x1b[5;5Hnew\n", "old\nlast\n    new\n"),  # a line feed may have moved the rows
        (b"\x1b[5;1Hold\x1b[6;1Hlast\x1b[2J\x1b[5;5Hnew\n", "old\nlast\n    new\n"),
        (b"\x1b[5;1Hold\x1b[4;1Hx\x1b[J\x1b[5;5Hnew\n", "old\nx\n    new\n"),
        (b"\x1b[5;1Hold\x1b[2K\x1b[4;1Hx\x1b[5;5Hnew\n", "x\n    new\n"),
        (b"\x1b[999;1Hlast\x1b[24;6Hrow\n", "last\n     row\n"),  # perhaps the same row
    ):  # fmt: skip
        assert printed(data, 80) == text
        assert printed(data, 80, 1) == text


def test_drawn_over_lines_are_counted() -> None:
    """A line that does not show all that was printed in it; not one that was written twice the same, or whose blanks were filled."""
    stream = Printed(80)
    stream.feed(b"rm -rf /\rls      \r\nsame\rsame\r\n    \rx\r\nplain\r\nab\x1b[2Kc\r\ngone\b\b\b\b\x1b[K\n")
    assert stream.drawn_over == 3


def test_any_bytes_in_any_pieces_give_the_same_text() -> None:
    """No control character is left in it, and no piece takes long."""
    chance = random.Random(12)
    parts = [b"\x1b[", b"\x1b]", b"\x1b", b"\r", b"\n", b"\b", b"\t", b"a", b"bc def", b"1", b";", b"\xe4\xb8\xad", b"\xcc\x81", b"\x07", b"\x9b", b"\x0e",
             b"\xc2\x9b", b"\x00", *(bytes([letter]) for letter in b"ABCDEFGHIJKLMPSTXZ@`abdefhmr")]  # fmt: skip
    for _ in range(150):
        data, columns = b"".join(chance.choices(parts, k=80)), chance.choice([0, 5, 10, 80])
        text = printed(data, columns)
        assert text == printed(data, columns, 1) == printed(data, columns, 7), data
        assert text.replace("\n", "").isprintable(), data


@pytest.mark.parametrize("data", [b"\x1b[9999C\x1b[1D", b"a\x1b[9999@", b"a\x1b[9999b", b"\x1b]", b"\x1b[1", "\u0301".encode(), b"\t", b"a\r", b"\n"])
def test_hostile_output_takes_no_more_than_its_size(data: bytes) -> None:
    """Time and memory of each piece are bounded."""
    began = time.process_time()
    stream = Printed(80)
    said = sum(len(stream.feed(data * (20_000 // len(data)))) for _ in range(5)) + len(stream.end())
    assert time.process_time() - began < 4
    assert said < 100_000 * 80


LONG = b"x" * 250_000  # without a line end
AGAIN = [(b"\x1b[1K", 50_000), (b"x\x1b[1K", 20_000), (b"\x1b[2Kx", 20_000), (b"\x1b[1K\rx\x1b[500C", 10_000), ("\u0301\x1b[1K".encode(), 10_000),
         (b"\x1b[X", 10_000), (b"x\x1b[B", 10_000), (b"x\x1b[2J", 10_000), (b"\x1b[1dx\x1b[2dx", 5_000),
        (b"\x1b[1;9999Hx\x1b[1K\x1b[1;1Hx", 5_000)]  # fmt: skip


@pytest.mark.parametrize("columns", [0, 65_535])
@pytest.mark.parametrize(("data", "times"), AGAIN)
def test_no_sequence_costs_as_much_as_a_long_line(data: bytes, times: int, columns: int) -> None:
    """Neither in time nor in output: what was erased is not erased again, and a new line does not begin behind so many blanks."""
    stream = Printed(columns)
    said = len(stream.feed(LONG))
    began = time.process_time()
    said += sum(len(stream.feed(data * (times // 5))) for _ in range(5)) + len(stream.end())
    assert time.process_time() - began < 6
    assert said < len(LONG) + times * 2 * (BROADEST + 2)


@pytest.mark.parametrize("columns", [0, 65_535])
@pytest.mark.parametrize("data", [b"\x1b[1@", b"\x1b[500@", b"\x1b[P", b"\x1b[4ha\0"])
def test_shifts_move_no_more_than_what_is_held(data: bytes, columns: int) -> None:
    """Of a line without end, at its beginning: while the piece is read, too."""
    stream = Printed(columns)
    stream.feed(LONG + b"\r")
    began = time.process_time()
    for at in range(0, 10_000, 100):
        stream.feed(data * 100)
        assert len(stream._cells) <= 2 * HELD + BROADEST, at
    assert time.process_time() - began < 4


def test_what_is_erased_again_is_blank() -> None:
    """Text and marks between two erasures are erased, too, and what is behind them stays."""
    assert printed(b"abcdef\x1b[3D\x1b[1K\rx\x1b[1K\x1b[2Cy\x1b[1K!\n") == "    !f\n"
    assert printed(b"abcdef\x1b[3D\x1b[1K\b\xcc\x81\x1b[3C\x1b[1K!\n") == printed(b"abcdef\x1b[1K\b!\n")
    assert printed(b"abcdef\x1b[2K!\n") == printed(b"abcdef\x1b[2K\x1b[1K\x1b[2K!\n") == "      !\n"
    assert printed(b"abcdef\x1b[1K\x1b[3D\x1b[Kx\x1b[3Dy\x1b[1P\x1b[1K\n") == ""
    stream = Printed()
    stream.feed(b"gone\x1b[2K")
    assert (stream.end(), stream.drawn_over) == ("", 1)


def test_blank_lines_at_the_end_are_none() -> None:
    """So many are kept back that nobody scrolls for ever, and no more."""
    assert printed(b"a\n" + b"\n" * 50) == "a\n"
    assert printed(b"a\n" + b"\n" * (BLANKS + 50)) == "a\n" + "\n" * 50
