"""A process that confined itself, tried from the inside: as a program would that somebody made it run."""

import json
import platform
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from jitui.cli.confinement import ARCHITECTURES, DENIED, SIGNALS, confine, filtered
from jitui.values.errors import UnavailableError

PROBE: Final = r"""
import ctypes, json, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path
from jitui.cli.confinement import confine, python
state, desk, parent = Path(sys.argv[1]), sys.argv[2], os.getppid()
libc = ctypes.CDLL(None, use_errno=True)
confine(*python(), [Path("/dev/null")])
found = {}
def tries(name, call):
    try:
        given = call()
        found[name] = "" if given != -1 else os.strerror(ctypes.get_errno())
    except OSError as error:
        found[name] = error.strerror
    except ValueError as error:
        found[name] = str(error)
def connects(family, address):
    with socket.socket(family) as made:
        made.connect(address)
def runs(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise OSError(1, done.stderr.strip().splitlines()[-1])
tries("list the state", lambda: os.listdir(state))
tries("read the ledger", lambda: (state / "ledger.db").read_bytes())
tries("write the ledger", lambda: (state / "ledger.db").open("r+b"))
tries("truncate the ledger", lambda: os.truncate(state / "ledger.db", 0))
tries("open the ledger to others", lambda: (state / "ledger.db").chmod(0o666))
tries("give the ledger away", lambda: os.chown(state / "ledger.db", 1, 1))
tries("date the ledger", lambda: os.utime(state / "ledger.db", (0, 0)))
tries("rename the ledger", lambda: (state / "ledger.db").rename(state / "gone"))
tries("remove the ledger", lambda: (state / "ledger.db").unlink())
tries("link the ledger", lambda: os.link(state / "ledger.db", state / "link"))
tries("write a file", lambda: (state / "new").write_text("x"))
tries("make a folder", lambda: (state / "folder").mkdir())
tries("read the home", lambda: os.listdir(Path("~").expanduser()))
tries("read the parent's environment", lambda: Path(f"/proc/{parent}/environ").read_bytes())
tries("read the parent's memory", lambda: open(f"/proc/{parent}/mem", "rb"))
tries("list its descriptors", lambda: os.listdir(f"/proc/{parent}/fd"))
tries("read its own environment in proc", lambda: Path("/proc/self/environ").read_bytes())
tries("read the passwords", lambda: Path("/etc/shadow").read_bytes())
tries("connect to the desk", lambda: connects(socket.AF_UNIX, desk))
tries("connect by TCP", lambda: connects(socket.AF_INET, ("169.254.169.254", 80)))
tries("send by UDP", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
tries("speak to the kernel", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4))
tries("signal the parent", lambda: os.kill(parent, 0))
tries("stop the parent by pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(parent), signal.SIGSTOP))
tries("trace the parent", lambda: libc.ptrace(16, parent, 0, 0))
tries("take a descriptor of the parent", lambda: libc.syscall(438, os.pidfd_open(parent), 0, 0))
tries("change the parent's limits", lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE, (9, 9)))
tries("slow the parent down", lambda: os.setpriority(os.PRIO_PROCESS, parent, 19))
tries("use io_uring", lambda: libc.syscall(425, 8, 0))
tries("use keys of the kernel", lambda: libc.syscall(250 if os.uname().machine == "x86_64" else 219, 0, -3, 0))
tries("make datagrams", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
tries("make a namespace", lambda: libc.unshare(0x10000000))
tries("become root's root", lambda: libc.setuid(12345) if os.geteuid() == 0 else -1)
tries("run a shell", lambda: runs("/bin/sh", "-c", "true"))
tries("run a python that connects", lambda: runs(sys.executable, "-I", "-c", "import socket; socket.socket()"))
tries("raise its limits", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)))
tries("run a python", lambda: runs(sys.executable, "-I", "-c", "import json"))
tries("make a socket pair", socket.socketpair)
tries("start a thread", threading.Thread(target=int).start)
tries("discard", lambda: Path("/dev/null").write_text("x"))
tries("signal itself", lambda: os.kill(os.getpid(), 0))
tries("read a module", lambda: __import__("textual.app"))
tries("read a zone", lambda: __import__("zoneinfo").ZoneInfo("Europe/Berlin"))
print(json.dumps(found))
"""
FREE: Final = ("run a python", "make a socket pair", "start a thread", "discard", "signal itself", "read a module", "read a zone")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The process's answer to each try: why it failed, or nothing."""
    state = tmp_path_factory.mktemp("state")
    (state / "ledger.db").write_text("facts")
    with socket.socket(socket.AF_UNIX) as desk:
        desk.bind(str(state / "desk.sock"))
        desk.listen()
        argv = [sys.executable, "-I", "-c", PROBE, str(state), str(state / "desk.sock")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert not done.stderr
    yield json.loads(done.stdout)
    assert {path.name for path in state.iterdir()} == {"desk.sock", "ledger.db"}
    assert (state / "ledger.db").read_text() == "facts"


def test_nothing_of_the_gateway_is_in_its_reach(found: dict[str, str]) -> None:
    """No file, no socket, no other process, no privilege: each try is refused by the kernel, also for root and in a process that it starts."""
    assert [name for name, why in found.items() if name not in FREE and not any(word in why for word in ("not permitted", "denied", "not allowed"))] == []
    assert len(found) > 40


def test_it_can_do_its_work(found: dict[str, str]) -> None:
    """It reads modules and time zones, starts threads and the terminal's process, and makes socket pairs."""
    assert {name: found[name] for name in FREE} == dict.fromkeys(FREE, "")


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_filter_denies_each_call_of_the_table(machine: str) -> None:
    """By its number on that machine; calls of another machine's kind end the process, and signals are denied where Landlock does not hold them."""
    column = list(ARCHITECTURES).index(machine)
    for signals in (False, True):
        steps = [int.from_bytes(step[4:], "little") for step in filtered(machine, signals=signals)]
        assert {numbers[column] for numbers in DENIED.values()} - {-1} <= set(steps)
        assert ({numbers[column] for numbers in SIGNALS.values()} <= set(steps)) is signals


OLDER: Final = """
import os
from pathlib import Path
from jitui.cli import confinement
confinement.SCOPED_SINCE = 99
confinement.confine(*confinement.python(), [Path("/dev/null")])
try:
    os.kill(os.getppid(), 0)
except PermissionError:
    print("no signals")
from jitui.tui import core
from jitui.tui.process import Process
process = Process()
process.ask(core.NEW, process.ident(), 80, 24)
process.stop()
print("ended")
"""


def test_on_an_older_kernel_it_signals_nobody_at_all() -> None:
    """Where Landlock does not keep signals within the process and its children (before Linux 6.12); its terminal's process ends with its channel."""
    done = subprocess.run([sys.executable, "-I", "-c", OLDER], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("no signals\nended\n", "")


def test_where_the_kernel_cannot_confine_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says which kernels can."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(UnavailableError, match=r"confined by Landlock and seccomp, which this machine does not have \(Linux 5\.13 or newer"):
        confine([], [])
