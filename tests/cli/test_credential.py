"""The kubectl credential plugin: quick, and one line when it can't."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from jitui.cli.credential import plugin, read_token

TOKEN = "jt_00000000_" + "x" * 43


def test_the_quick_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An ExecCredential of the configured version, and nothing else on stdout."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    for args, env in (([], {"JITUI_TOKEN": TOKEN}), ([], {"JITUI_TOKEN": str(tmp_path / "token")}), (["--token-file", str(tmp_path / "token")], {})):
        assert plugin(args, env) == 0
        made = json.loads(capsys.readouterr().out)
        assert made == {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": TOKEN}}


def test_what_it_can_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No token, no such file, a file with something else: one line, exit code 1, nothing on stdout. Other options are click's."""
    (tmp_path / "other").write_text("a b")
    file = "--token-file"
    for args, says in (([], "no token"), ([file, str(tmp_path / "none")], "No such file"), ([file, str(tmp_path / "other")], "holds no token")):
        assert plugin(args, {}) == 1
        out, err = capsys.readouterr()
        assert (out, err.count("\n"), says in err) == ("", 1, True)
    assert plugin(["--ask", "prod"], {}) is None
    assert plugin(["--help"], {}) is None


def test_a_file_beats_the_variable(tmp_path: Path) -> None:
    """The command line goes before the environment."""
    (tmp_path / "token").write_text(TOKEN)
    assert read_token(str(tmp_path / "token"), {"JITUI_TOKEN": "jt_other"}) == TOKEN
    assert read_token("", {}) == ""


def test_it_starts_quickly() -> None:
    """kubectl runs it on every call: it costs less than 100 ms of CPU over Python's own start, the best of several."""
    def used() -> float:
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent.ru_utime + spent.ru_stime

    def best(*args: str) -> float:
        times = []
        for _ in range(5):
            before = used()
            subprocess.run([sys.executable, *args], env={"JITUI_TOKEN": TOKEN}, check=True, capture_output=True)
            times.append(used() - before)
        return min(times)

    assert best("-m", "jitui", "credential") - best("-c", "pass") < 0.1


def test_it_loads_no_click() -> None:
    """The quick way needs the standard library alone."""
    look = "import sys; sys.argv = ['jitui', 'credential']; from jitui.cli import main; main(); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", look], env={"JITUI_TOKEN": TOKEN}, capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stderr.split()} & {"click", "httpx", "pydantic", "asyncio", "yaml"}
