"""The program of that process by itself: what it reads of the library, and what it can't do."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jitui.tui import core
from jitui.tui.process import CoreError, Process


@pytest.fixture(scope="module")
def library() -> core.Library:
    return core.Library(b"x" * core.TOKEN)


def test_a_screen_is_read_as_runs_of_one_look(library: core.Library) -> None:
    """Plain characters together; a wide one, and one with marks, by itself; blanks at the end are left out unless they have a colour."""
    screen = core.Screen(library, 12, 3, newline=False)
    screen.feed("ab\x1b[1;31mc漢\x1b[me\u0301f\r\n\x1b[44m\x1b[2X\x1b[48;2;1;2;3m\x1b[2;5H\x1b[X\x1b[m".encode())
    found = json.loads(screen.read())
    looks = [tuple(look) for look in found["looks"]]
    lines = [[(text, width, looks[look]) for text, width, look in line] for line in found["lines"]]
    red = ("1", "", 1)
    assert lines[0] == [("ab", 0, ("", "", 0)), ("c", 0, red), ("漢", 2, red), ("e\u0301", 1, ("", "", 0)), ("f", 0, ("", "", 0))]
    assert [(text, look[1]) for text, _, look in lines[1]] == [(" ", "4"), (" ", "4"), ("  ", ""), (" ", "#010203")]
    assert lines[2] == []
    assert (found["cursor"], json.loads(screen.cursor())) == ([4, 1, 1], [4, 1, 1])
    screen.free()


def test_only_so_many_marks_of_a_cell_are_read(library: core.Library) -> None:
    """The library keeps them all; a pile of them would cover the lines above."""
    screen = core.Screen(library, 10, 2, newline=False)
    screen.feed(b"e" + "\u0301".encode() * 32_000)
    ((text, width, _),) = json.loads(screen.read())["lines"][0]
    assert (len(text), width) == (1 + core.MARKS, 1)
    screen.free()


def test_a_kept_terminal_goes_on_in_the_middle_of_a_sequence(library: core.Library) -> None:
    """With both its screens, margins, the saved cursor, and what scrolled off."""
    screen = core.Screen(library, 10, 3, newline=False)
    screen.feed(b"one\r\ntwo\r\nthree\r\nfour\x1b7\x1b[?1049halt\x1b[2;3r\x1b[3")
    kept = core.Screen.loaded(library, screen.keep(), newline=False)
    for each in (screen, kept):
        each.feed(b"1mred\x1b[?1049l\x1b8!")
        each.resize(10, 5)
    assert kept.read() == screen.read()
    assert [line[0][0] for line in json.loads(kept.read())["lines"] if line] == ["one", "two", "three", "four!"]
    screen.free()
    kept.free()


def test_a_sequence_that_goes_on_is_told(library: core.Library) -> None:
    """So that the parent need not remember all of it."""
    screen = core.Screen(library, 10, 2, newline=False)
    assert [screen.feed(piece) for piece in (b"a\x1b]0;", b"title", b"x" * 9999, b"\x07b", b"c")] == [b"", core.INSIDE, core.INSIDE, b"", b""]
    assert [screen.feed_undelivered(piece) for piece in (b"d\x1b[3", b"1", b"mred", b"e")] == [b"", core.INSIDE, b"", b""]
    screen.free()


def test_lines_below_the_cursor_go_first(library: core.Library) -> None:
    """As in xterm, also with margins and in origin mode, which stay."""
    screen = core.Screen(library, 10, 6, newline=False)
    screen.feed(b"1\r\n2\r\n3\r\n4\r\n5\r\n6\x1b[2;4r\x1b[?6h\x1b[1;2H")
    screen.resize(10, 4)
    screen.feed(b"X\x1b[1;1HY")
    assert [line[0][0] for line in json.loads(screen.read())["lines"] if line] == ["Y", "2X", "3", "4"]
    screen.free()


def test_a_resize_leaves_a_sequence_alone_that_has_begun(library: core.Library) -> None:
    """Its other half may come after the resize."""
    screen = core.Screen(library, 10, 6, newline=False)
    screen.feed(b"1\r\n2\r\n3\x1b[1;1H\x1b]0;ti")
    screen.resize(10, 2)
    screen.feed(b"tle\x07\x1b[3")
    screen.resize(10, 1)
    screen.feed(b"1mY")
    found = json.loads(screen.read())
    assert [(text, found["looks"][look]) for text, _, look in found["lines"][0]] == [("Y", ["1", "", 0])]
    screen.free()


def test_it_can_open_nothing_and_take_no_more_than_its_memory() -> None:
    """Neither files nor sockets nor processes; it holds nothing of its parent's but the search path."""
    at = Process()
    at.ask(core.NEW, 1, 10, 2)
    assert at._child is not None
    limits = {line[:26].strip(): line[26:].split()[:2] for line in Path(f"/proc/{at._child.pid}/limits").read_text().splitlines()}
    assert limits["Max open files"] == limits["Max processes"] == limits["Max core file size"] == limits["Max file size"] == ["0", "0"]
    assert limits["Max address space"] == [str(core.MEMORY)] * 2
    assert Path(f"/proc/{at._child.pid}/environ").read_bytes() == b""
    assert sorted(each.name for each in Path(f"/proc/{at._child.pid}/fd").iterdir()) == ["0", "1", "2"]
    at.stop()


CONFINED = """
import ctypes, os
from jitui.tui import core
library, other = ctypes.CDLL(None, use_errno=True), os.getppid()
def refused(said):
    return said < 0 and ctypes.get_errno() in {1, 13}
def tried():
    piece = (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
    return refused(library.process_vm_readv(other, piece, 1, piece, 1, 0)), refused(library.kill(other, 0))
before = tried()
core.confine()
print(*before, *tried(), core.shut_in())
"""


def test_it_reaches_no_other_process() -> None:
    """Of the same user, its parent above all: their memory on a Linux with Landlock, signals to them from its sixth version on."""
    *tried, version = subprocess.run([sys.executable, "-c", CONFINED], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    if version == "0":
        pytest.skip("this system has no Landlock")
    assert tried[2] == "True"
    assert tried[3] == str(int(version) >= core.SCOPED)


LOOPS = """
import json, sys
from jitui.tui import core
def loops(*args):
    while True:
        pass
core.LONGEST_S, core.Core.answer = 1, loops
core.main()
"""


def test_it_does_not_outlive_its_parent_over_a_request() -> None:
    """If the parent was killed while native code loops, nobody reads the end of its input, and nobody else would end it."""
    ours, theirs = socket.socketpair()
    environment = {**os.environ, "PYTHONPATH": str(Path(core.__file__).parents[2])}
    with theirs, ours:
        child = subprocess.Popen([sys.executable, "-c", LOOPS, json.dumps(sys.path)], stdin=theirs.fileno(), env=environment)
        ours.sendall(b"x" * core.TOKEN + core.HEAD.pack(core.READ, 1, 0, 0, 0))
        assert ours.recv(1) == core.OK
    try:
        assert child.wait(10) == -signal.SIGALRM
    finally:
        child.kill()


def test_it_refuses_without_ending() -> None:
    """Nonsense is answered with why."""
    at = Process()
    for op, body in ((core.READ, b""), (core.LOAD, b"\0nonsense"), (core.NEW, b"")):
        with pytest.raises(CoreError, match="refused"):
            at.ask(op, 7, body=body)
    assert at.generation == 1
    at.stop()
