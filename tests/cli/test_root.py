"""The commands, and errors as one line."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import click
import pytest
from click.testing import CliRunner

from jitui import __version__
from jitui.cli import root
from jitui.values.errors import RefusedError
from tests.cli.conftest import Front, jitui


def test_every_command_is_there() -> None:
    """Help names each with a line about it; each has its own help."""
    said = jitui("--help").out
    for name in root.homes():
        assert f"  {name} " in said, name
        assert CliRunner().invoke(root.cli, [name, "--help"]).exit_code == 0
    assert jitui("--version").out in {f"jitui, version {__version__} ({form})\n" for form in ("interpreted", "compiled")}  # tests/test_compiled.py knows which


WEIGHTY = frozenset({
    "boto3", "botocore", "cryptography", "httpx", "kubernetes", "pydantic", "pyghostty", "rich", "sqlite3", "starlette", "textual", "uvicorn", "yaml",
    "jitui.access", "jitui.config", "jitui.demo", "jitui.serve", "jitui.store", "jitui.tui",
})
MODULES = {  # of them, by module
    "jitui.cli.credential": {""}, "jitui.cli.root": {""}, "jitui.cli.desk": {""}, "jitui.cli.agent": {"yaml"}, "jitui.cli.gateway": {""},
    "jitui.cli.auditor": {""}, "jitui.cli.proof": {""}, "jitui.cli.tapes": {""}, "jitui.cli.moments": {""}, "jitui.cli.screen": {""}, "jitui.cli.changes": {""},
    "jitui.cli.find": {""},
    "jitui.cli.rbac": {"cryptography", "pydantic", "yaml", "jitui.config"}, "jitui.cli.openssh": {""}, "jitui.cli.auditlog": {""}, "jitui.cli.holds": {""},
    "jitui.cli.report": {""},
    "jitui.cli.repair": {"cryptography", "sqlite3", "yaml", "jitui.store"},
    "jitui.serve": {"cryptography", "pydantic", "sqlite3", "starlette", "uvicorn", "yaml", "jitui.access", "jitui.config", "jitui.serve", "jitui.store"},
}
LOOK = """
import importlib, os, sys
for module in sys.argv[1:]:
    if os.fork() == 0:
        importlib.import_module(module)
        print(module, *sys.modules, flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_start_imports_what_it_needs() -> None:
    """A command that asks a gateway imports nothing that takes long; nor does the gateway what only some of its work needs."""
    found = subprocess.run([sys.executable, "-c", LOOK, *MODULES], capture_output=True, text=True, check=True).stdout
    loaded = {module: set(names) for module, *names in (line.split() for line in found.splitlines())}
    assert {module: names & WEIGHTY or {""} for module, names in loaded.items()} == MODULES
    assert set(MODULES) >= {f"jitui.cli.{name}" for name in root.FILES}
    assert not loaded["jitui.cli.credential"] & {"asyncio", "click", "ssl"}
    assert not loaded["jitui.cli.desk"] & {"jitui.policy.grammar", "jitui.policy.scope", "jitui.policy.table", "jitui.policy.terms"}


END = """
import atexit, sys, threading, time
from jitui.cli import root
atexit.register(print, "exit")
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
root.run(sys.argv[1:])
"""


def test_a_command_ends_as_python_ends() -> None:
    """Threads are waited for, exit functions are called, all output is written, and the code is the command's, or Python's where output can't be written."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}

    def ends(*args: str, stdout: int | BinaryIO = subprocess.PIPE) -> tuple[int, list[str]]:
        done = subprocess.run([sys.executable, "-c", END, *args], env=env, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
        return done.returncode, (done.stdout or "").splitlines()

    code, said = ends("--version")
    assert (code, said[1:]) == (0, ["thread", "exit"])
    assert ends("nonsense")[0] == 2
    with Path("/dev/full").open("wb") as full:
        assert ends("nonsense", stdout=full)[0] == 120


def test_a_command_is_found_where_it_is_defined() -> None:
    """Each module that defines commands is looked into, so that a new command is written in one place."""
    folder = Path(root.__file__).parent
    defining = {path.stem for path in folder.glob("*.py") if root.DEFINED.search(path.read_text())}
    assert defining == set(root.FILES)
    assert (root.homes()["approve"], root.homes()["identity"], "add" in root.homes()) == ("desk", "gateway", False)


@pytest.mark.parametrize(("error", "says"), [
    (RefusedError("no\x1b[2J\nnever"), "jitui: no\N{REPLACEMENT CHARACTER}[2J never\n"),
    (ZeroDivisionError("x"), "jitui: this is a mistake of jitui: ZeroDivisionError: x; JITUI_DEBUG=1 shows where\n"),
    (PermissionError(13, "Permission denied", "/x"), "jitui: /x: Permission denied\n"),
])
def test_errors_are_one_clean_line(monkeypatch: pytest.MonkeyPatch, error: Exception, says: str) -> None:
    """Whatever goes wrong: exit code 1, one line, no traceback, no control characters."""
    @click.command("requests")
    def fails() -> None:
        raise error

    monkeypatch.setattr(root.Root, "get_command", lambda *_: fails)
    done = jitui("requests")
    assert (done.code, done.out, done.err) == (1, "", says)
    with pytest.raises(type(error)):
        jitui("requests", env={"JITUI_DEBUG": "1"})


def test_without_a_terminal_there_are_no_screens() -> None:
    """It says what to use instead."""
    done = jitui()
    assert (done.code, done.out) == (1, "")
    assert "jitui requests --follow" in done.err


def test_completion() -> None:
    """A script for each shell."""
    for shell in ("bash", "zsh", "fish"):
        assert "_JITUI_COMPLETE" in jitui("completion", shell).out
    assert jitui("completion", "tcsh").code == 2


def test_a_reader_that_goes(front: Front) -> None:
    """`jitui facts | head -1` ends without a word."""
    for _ in range(3000):
        front.do(front.house.happen("viewed", "ana", "s-1"))
    done = subprocess.run(["bash", "-c", f"{sys.executable} -m jitui facts --json | head -1; exit ${{PIPESTATUS[0]}}"],
                          env=os.environ | {"JITUI_GATEWAY": f"unix:{front.address.socket}"}, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_a_small_terminal_is_said(front: Front) -> None:
    """Screens need 80x24; one line, exit code 1."""
    main, side = pty.openpty()
    try:
        done = subprocess.run([sys.executable, "-m", "jitui"], stdin=side, stdout=side, stderr=subprocess.PIPE, timeout=60, check=False,
                              env=os.environ | {"JITUI_GATEWAY": f"unix:{front.address.socket}", "COLUMNS": "40", "LINES": "10", "TERM": "xterm"})
    finally:
        os.close(main)
        os.close(side)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"80x24" in done.stderr


def test_without_a_configuration_the_screens_do_not_start() -> None:
    """No gateway and nothing to start one with: where the configuration would be, and the demo."""
    main, side = pty.openpty()
    try:
        done = subprocess.run([sys.executable, "-m", "jitui"], stdin=side, stdout=side, stderr=subprocess.PIPE, timeout=60, check=False)
    finally:
        os.close(main)
        os.close(side)
    assert done.returncode == 1
    assert b"config.yaml; write one (jitui check --schema), or look around with: jitui demo\n" in done.stderr
