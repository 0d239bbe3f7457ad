"""`jitui demo` leaves nothing behind, however it ends."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from jitui.demo import play
from jitui.demo.cluster import nurse
from jitui.values.errors import InvalidError, RefusedError
from tests.support.processes import Program, until
from tests.support.soak import SOAKING


def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "LANG": "C.UTF-8", "TERM": "xterm-256color"}


def running(tmp_path: Path) -> list[int]:
    """Processes of a demo whose folder is below `tmp_path`."""
    return [pid for pid in nurse.marked("JITUI_DEMO=") if str(tmp_path).encode() in Path(f"/proc/{pid}/environ").read_bytes()]


def over(tmp_path: Path) -> bool:
    try:
        return not running(tmp_path) and not list(tmp_path.glob("jitui-demo-*"))
    except OSError:
        return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGKILL, -9), *([(signal.SIGINT, 130), (signal.SIGTERM, 143)] if SOAKING else [])])
def test_signals(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Cluster, gateway, agent and folder go with it, also when it is killed."""
    with Program([sys.executable, "-m", "jitui", "demo", "--script"], env=environment(tmp_path)) as program:
        program.expect("denied")
        assert len(running(tmp_path)) >= 2
        program.signal(number)
        assert program.end().code == code
        until(lambda: over(tmp_path), "end of everything")


def test_the_screens(tmp_path: Path) -> None:
    """The agent's request stands on the desk; a person approves it with two keys; the terminal is given back as it was."""
    with Program([sys.executable, "-m", "jitui", "demo", "--window", "20s"], env=environment(tmp_path), tty=(40, 120)) as screen:
        at = screen.expect("r-1")
        screen.write(b"\r")
        at = screen.expect("not checked", after=at)
        time.sleep(2)  # a key that comes as the screen changes decides nothing
        screen.write(b"A")
        screen.expect("g-1", after=at)
        screen.write(b"q")
        result = screen.end()
        assert (result.code, b"\x1b[?1049l" in result.out) == (0, True)
        until(lambda: over(tmp_path), "end of everything")


def test_a_window_that_is_too_short() -> None:
    """Is refused before anything is started."""
    with pytest.raises(InvalidError, match="at least 10s"):
        play(script=True, window_s=3)


def test_the_screens_need_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one it says how to go on."""
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123
    with pytest.raises(RefusedError, match="--script"):
        play(script=False, window_s=20)
