"""A process that has imported jitui once and forks each `python -m jitui ...` of the tests: importing takes ten times as long as most commands.

Each command is a process of its own with its own arguments, environment, folder, streams and session, as if Python had been started anew. Differences:
/proc shows the arguments and environment of this process, and its parent is this process. `make soak` starts everything anew.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from jitui import cli

MODULES: Final = ("jitui", "jitui.demo.cluster")  # what it starts
LOADED: Final = ("jitui.serve", "jitui.admin.check", "jitui.clusters.eks.probe", "jitui.clusters.eks.upstream", "jitui.demo.cluster.embedded", "jitui.tui.app",
                 "jitui.tui.past", "jitui.tui.rendered", "jitui.tui.track")  # and all of jitui.cli
EARLY: Final = ("JITUI_DEBUG", "LANG", "LC_", "LD_", "PYTHON", "TEXTUAL_", "SSLKEYLOGFILE")  # read while Python starts or a module is imported
HIDDEN: Final = ("AWS_", "JITUI_", "KUBE", "XDG_")  # what this process does not have


class Process:
    """One that was forked, as far as `subprocess.Popen` is used by tests."""

    def __init__(self, line: socket.socket, stdin: IO[bytes] | None, stdout: IO[bytes] | None, stderr: IO[bytes] | None) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._line, self._asking = line, threading.Lock()
        self._code: int | None = None
        self._file = line.makefile("rb")
        self.pid = int(self._file.readline() or b"0")
        if not self.pid:
            raise RuntimeError("the process that forks commands is gone")

    def poll(self) -> int | None:
        with self._asking:
            if self._code is None and self._ended(0):
                self._code = int(self._file.readline() or b"-9")
                self._file.close()
                self._line.close()
            return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or the negative number of the signal. Raises subprocess.TimeoutExpired."""
        give_up = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = None if give_up is None else give_up - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            with contextlib.suppress(ValueError):  # another thread has the code by now
                self._ended(left)
        return code

    def _ended(self, seconds: float | None) -> bool:
        """Waits so long for the code. Not by select(2), which takes no descriptor beyond 1023."""
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Warm:
    """The forking process, as its one user sees it; it starts with the first command and ends with its user."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes]
        self._starting = threading.Lock()

    def takes(self, argv: Sequence[str], env: Mapping[str, str]) -> bool:
        """Whether it makes no difference that this command is forked. The demo finds its processes by their environment in /proc."""
        if tuple(argv[:2]) != (sys.executable, "-m") or argv[2] not in MODULES or "demo" in argv[3:4]:
            return False
        return _early(env) == _early(os.environ)

    def piped(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path | None) -> Process:
        """Start it in a session of its own, with three pipes."""
        ends = [os.pipe() for _ in range(3)]
        (its_in, stdin), (stdout, its_out), (stderr, its_err) = ends
        try:
            line = self._start(argv, env, cwd, (its_in, its_out, its_err))
        finally:
            for descriptor in (its_in, its_out, its_err):
                os.close(descriptor)
        return Process(line, open(stdin, "wb"), open(stdout, "rb"), open(stderr, "rb"))  # noqa: PTH123

    def on(self, terminal: int, argv: Sequence[str], env: Mapping[str, str], cwd: Path | None) -> Process:
        """Start it in a session of its own that the terminal controls."""
        return Process(self._start(argv, env, cwd, [terminal] * 3, terminal=True), None, None, None)

    def _start(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path | None, streams: Sequence[int], *, terminal: bool = False) -> socket.socket:
        ours, its = socket.socketpair()
        with its:
            with self._starting:
                if self._control is None:
                    self._launch()
                assert self._control is not None
                socket.send_fds(self._control, [b"x"], [its.fileno(), *streams])
            what = {"argv": list(argv[2:]), "env": dict(env), "cwd": str(cwd or Path.cwd()), "terminal": terminal}
            ours.sendall(json.dumps(what).encode() + b"\n")
        return ours

    def _launch(self) -> None:
        self._control, its = socket.socketpair()
        env = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}
        argv = [sys.executable, "-m", "tests.support.warm", str(its.fileno())]
        with its:
            self._server = subprocess.Popen(argv, pass_fds=[its.fileno()], env=env, cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL,
                                            start_new_session=True)


def _early(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(EARLY)}


def serve(control: socket.socket) -> None:
    """Fork commands until the user is gone. Returns in each forked process, whose `sys.argv` is what it is to run. Raises SystemExit at the end."""
    running: dict[int, tuple[int, socket.socket]] = {}  # by pidfd
    while True:
        listening: list[Any] = [control, *running]
        for one in select.select(listening, [], [])[0]:
            if one in running:
                pid, line = running.pop(one)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                os.close(one)
                with line, contextlib.suppress(OSError):  # nobody waits for it any more
                    line.sendall(b"%d\n" % code)
                continue
            _, descriptors, _, _ = socket.recv_fds(control, 1, 4)
            if not descriptors:
                raise SystemExit(0)
            line = socket.socket(fileno=descriptors[0])
            with line.makefile("rb") as file:
                what = json.loads(file.readline())
            if not (pid := os.fork()):
                for held in (control, line, *(line for _, line in running.values())):
                    held.detach()  # or its end would close a descriptor of the command
                become(what, descriptors[1:])
                return
            for descriptor in descriptors[1:]:
                os.close(descriptor)
            running[os.pidfd_open(pid)] = pid, line
            line.sendall(b"%d\n" % pid)


def become(what: dict[str, Any], streams: Sequence[int]) -> None:
    """As Python starts: session, terminal, streams, folder, environment, arguments."""
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if what["terminal"]:
        ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(what["cwd"])
    os.environ.clear()
    os.environ.update(what["env"])
    sys.argv[:] = what["argv"]
    ways = (("stdin", "r", sys.stdin), ("stdout", "w", sys.stdout), ("stderr", "w", sys.stderr))
    for number, (name, mode, before) in enumerate(ways):
        raw = io.open(number, f"{mode}b", closefd=False)  # noqa: SIM115, UP020
        new = io.TextIOWrapper(raw, before.encoding, before.errors, newline=None if mode == "r" else "\n", line_buffering=number == 2 or os.isatty(number))
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def finish(code: object) -> NoReturn:
    """As Python ends, but for taking apart each module, which would cost three times what most commands do."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    with contextlib.suppress(ValueError, OSError):
        sys.stderr.flush()
    try:
        sys.stdout.flush()
    except (ValueError, OSError):
        os._exit(120)  # as Python does
    os._exit(int(code is not None) if not isinstance(code, int) else code & 0xFF)


def main() -> None:
    for name in (*LOADED, *(f"jitui.cli.{one.name}" for one in pkgutil.iter_modules(cli.__path__))):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    code: object = None
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 - as Python does
        sys.excepthook(*sys.exc_info())
        code = 1
    finish(code)


if __name__ == "__main__":
    main()
