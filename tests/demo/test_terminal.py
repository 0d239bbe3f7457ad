"""A program on a terminal, typed at."""

import os
import time

import pytest

from jitui.demo.terminal import Terminal
from jitui.values.errors import UnavailableError


def test_typing() -> None:
    """Keys are echoed, answers are read, and the exit code is the program's."""
    with Terminal(["sh", "-c", 'read line; echo "got $line"; stty size; exit 4'], os.environ, rows=30, columns=90) as terminal:
        terminal.keys("hello\r")
        after = terminal.expect("got hello\r\n")
        terminal.expect("30 90", after=after)
        assert terminal.end(5) == 4


def test_what_never_comes() -> None:
    """Is said with the last words there were, once the program has gone or the time is over."""
    with Terminal(["sh", "-c", "echo only this"], os.environ) as terminal, pytest.raises(UnavailableError, match="only this"):
        terminal.expect("something else")
    with Terminal(["sleep", "100"], os.environ) as terminal, pytest.raises(UnavailableError):
        terminal.expect("something", timeout=0.3)


def test_closing_ends_the_program() -> None:
    """A program that still runs has no exit code yet, and does not outlive its terminal."""
    before = time.monotonic()
    with Terminal(["sh", "-c", "trap '' HUP; sleep 100"], os.environ) as terminal:
        assert terminal.end(0.3) is None
    assert time.monotonic() - before < 5


def test_what_a_program_says_last_is_told_from_its_end() -> None:
    """It may take its time to go away."""
    with Terminal(["sh", "-c", "echo over; exec >&- 2>&- <&-; sleep 0.5"], os.environ) as terminal:
        terminal.expect("over")
        assert terminal.end(5) == 0
        assert time.monotonic() - terminal.heard > 0.4
