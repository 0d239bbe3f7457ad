"""A command that is forked by a process that has imported jitui runs as one that was started anew."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.processes import Program, Result, run
from tests.support.warm import Process, Warm

ENV = {"PATH": os.environ["PATH"], **{name: value for name, value in os.environ.items() if name.startswith(("LANG", "LC_", "LD_", "PYTHON"))}}
JITUI = (sys.executable, "-m", "jitui")


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """One that forks whatever the other tests use."""
    before, processes.warm = processes.warm, Warm()
    yield processes.warm
    processes.warm = before


@pytest.mark.parametrize("args", [("grants",), ("verify", "/nonexistent")])
def test_output_and_exit_code(warm: Warm, tmp_path: Path, args: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte; environment and working folder are the given ones."""
    def seen(result: Result) -> tuple[int, bytes, bytes]:
        return result.code, result.out, result.err

    forked = Program([*JITUI, *args], env={**ENV, "HOME": str(tmp_path)}, cwd=tmp_path)
    assert isinstance(forked._process, Process)
    monkeypatch.setattr(processes, "warm", None)
    assert seen(forked.end()) == seen(run([*JITUI, *args], env={**ENV, "HOME": str(tmp_path)}, cwd=tmp_path))


def test_its_terminal_is_its_own(warm: Warm, tmp_path: Path) -> None:
    """It leads a session on it, so Ctrl-C reaches it; without colours unless it may."""
    with Program([*JITUI, "demo", "--help"], env=ENV, tty=(30, 100)) as anew, Program([*JITUI, "facts", "--help"], env=ENV, tty=(30, 100)) as forked:
        assert not isinstance(anew._process, Process)
        assert isinstance(forked._process, Process)
        assert (anew.end().code, forked.end().code) == (0, 0)
        assert b"Usage: jitui facts" in forked.out


def test_a_signal_ends_it(warm: Warm, tmp_path: Path) -> None:
    """It leads a group of its own, and the signal is its exit code."""
    with Program([sys.executable, "-m", "jitui.demo.cluster", str(tmp_path)], env=ENV) as cluster:
        cluster.expect("kubeconfig")
        assert (os.getpgid(cluster.pid), os.getsid(cluster.pid)) == (cluster.pid, cluster.pid)
        assert sorted(int(each.name) for each in Path(f"/proc/{cluster.pid}/fd").iterdir())[:3] == [0, 1, 2]
        cluster.signal(signal.SIGKILL)
        assert (cluster.end().code, cluster.running) == (-signal.SIGKILL, False)


def test_what_must_be_started_anew(warm: Warm) -> None:
    """Other programs, and what depends on a variable that is read before the command is."""
    assert warm.takes([*JITUI, "grants"], ENV)
    assert not warm.takes([*JITUI, "grants"], {**ENV, "JITUI_DEBUG": "1"})
    assert not warm.takes([*JITUI, "grants"], {**ENV, "LC_ALL": "other"})
    assert not warm.takes([sys.executable, "-m", "timeit"], ENV)
    assert not warm.takes(["kubectl", "get", "pods"], ENV)
