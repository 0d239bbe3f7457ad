"""The process in which terminals are emulated: it ends over nothing but itself, and its parent waits for nothing for long."""

import os
import signal
import time
from pathlib import Path

import pytest

from jitui.tui import core, process
from jitui.tui.process import CoreError, Process


def drawn(at: Process, ident: int) -> bytes:
    at.ask(core.NEW, ident, 10, 2)
    at.ask(core.FEED, ident, body=b"text")
    return at.ask(core.READ, ident)


def test_one_that_was_killed_is_told_and_replaced() -> None:
    """Whoever asks next hears of it once; the terminals of the new one are new."""
    at = Process()
    first = at.ident()
    assert b'"text"' in drawn(at, first)
    generation = at.generation
    assert at._child is not None
    os.kill(at._child.pid, signal.SIGKILL)
    with pytest.raises(CoreError, match="the terminal emulator ended"):
        at.ask(core.READ, first)
    with pytest.raises(CoreError, match="refused: KeyError"):
        at.ask(core.READ, first)
    assert at.generation == generation + 1
    assert b'"text"' in drawn(at, at.ident())
    at.stop()


def test_one_that_does_not_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many seconds; nothing of it is left."""
    monkeypatch.setattr(process, "PATIENCE_S", 0.3)
    (tmp_path / "silent.py").write_text("import socket, time; s = socket.socket(fileno=0); s.recv(32); s.sendall(b'+'); time.sleep(60)")
    at = Process(str(tmp_path / "silent.py"))
    at.start()
    child = at._child
    assert child is not None
    with pytest.raises(CoreError, match="the terminal emulator ended: timed out"):
        at.ask(core.READ, 1)
    assert child.returncode == -signal.SIGKILL


def test_one_that_drips_its_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seconds are for the whole of it: one that was taken over would else hold its parent with a byte now and then."""
    monkeypatch.setattr(process, "PATIENCE_S", 1.0)
    taken = "import socket, time; s = socket.socket(fileno=0); s.recv(32); s.sendall(b'+'); s.recv(17); s.sendall(b'\\x40\\0\\0\\0')\n"
    (tmp_path / "drips.py").write_text(taken + "for _ in range(64): time.sleep(0.1); s.sendall(b'+')")
    at = Process(str(tmp_path / "drips.py"))
    began = time.monotonic()
    with pytest.raises(CoreError, match="the terminal emulator ended: timed out"):
        at.ask(core.READ, 1)
    assert time.monotonic() - began < 4


def test_one_that_can_not_start_is_not_tried_for_ever(tmp_path: Path) -> None:
    """After a few times the error says what to look at."""
    (tmp_path / "none.py").write_text("raise SystemExit(1)")
    at = Process(str(tmp_path / "none.py"))
    for _ in range(process.STARTS):
        with pytest.raises(CoreError, match="ended"):
            at.ask(core.READ, 1)
    with pytest.raises(CoreError, match="is pyghostty installed"):
        at.ask(core.READ, 1)


def test_an_answer_without_measure_is_not_read(tmp_path: Path) -> None:
    """Of a process that was taken over: it may say that gigabytes follow."""
    taken = "import socket; s = socket.socket(fileno=0); s.recv(32); s.sendall(b'+'); s.recv(17); s.sendall(b'\\xff\\xff\\xff\\xff+x')"
    (tmp_path / "long.py").write_text(taken)
    at = Process(str(tmp_path / "long.py"))
    with pytest.raises(CoreError, match="ended: without an answer"):
        at.ask(core.READ, 1)


def test_terminals_that_nobody_needs_are_freed() -> None:
    """With the next thing that is asked."""
    at = Process()
    one, two = at.ident(), at.ident()
    drawn(at, one)
    at.free(one)
    drawn(at, two)
    with pytest.raises(CoreError, match="refused: KeyError"):
        at.ask(core.READ, one)
    at.stop()
