"""What a running process uses: CPU time, as Linux counts it (proc_pid_schedstat, proc_pid_stat), and calls to the kernel."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CALLS: Final = ("fdatasync", "futex", "pwrite64", "newfstatat", "fcntl", "write", "read", "epoll_pwait")
TICKS: Final = os.sysconf("SC_CLK_TCK")  # a second


@dataclass(frozen=True, slots=True)
class Usage:
    """The time of a process in the kernel and outside, between two looks. Of a gateway the first thread is the loop, and the busiest other the writer."""

    whole: int
    first: int
    other: int


class Meter:
    """The threads of one process; those that end between two looks are not counted."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._last = self._look()

    def since(self) -> Usage:
        """The CPU time since the last call."""
        last, self._last = self._last, self._look()
        used = {thread: ran - last.get(thread, 0) for thread, ran in self._last.items()}
        return Usage(sum(used.values()), used.get(self._pid, 0), max((ran for thread, ran in used.items() if thread != self._pid), default=0))

    def _look(self) -> dict[int, int]:
        found = {}
        for thread in Path(f"/proc/{self._pid}/task").iterdir():
            try:
                found[int(thread.name)] = int((thread / "schedstat").read_text().split()[0])
            except OSError:  # it ended
                continue
        return found


class Threads:
    """The seconds of CPU of a gateway's threads, in user mode and in the kernel."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._last = self._look()

    def since(self) -> tuple[float, float, float, float, float]:
        """Since it was made: of the loop, user and system; of the writer, user and system; of all others, both."""
        used = {}
        for thread, (user, system) in self._look().items():
            before = self._last.get(thread, (0, 0))
            used[thread] = user - before[0], system - before[1]
        loop = used.pop(self._pid)
        writer = max(used, key=lambda thread: sum(used[thread]))
        busiest = used.pop(writer)
        return *loop, *busiest, sum(sum(both) for both in used.values())

    def _look(self) -> dict[int, tuple[float, float]]:
        found = {}
        for thread in Path(f"/proc/{self._pid}/task").iterdir():
            try:
                fields = (thread / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended
                continue
            found[int(thread.name)] = (int(fields[11]) / TICKS, int(fields[12]) / TICKS)
        return found


class Calls:
    """Counts calls to the kernel of all threads of a process, with `perf stat`, from now to `stop`; needs perf, and root."""

    def __init__(self, pid: int) -> None:
        self._file = tempfile.NamedTemporaryFile("r", prefix="jitui-calls-")  # noqa: SIM115 - until `stop`
        events = ",".join([*(f"syscalls:sys_enter_{call}" for call in CALLS), "context-switches"])
        self._perf = subprocess.Popen(["perf", "stat", "-x,", "-o", self._file.name, "-e", events, "-p", str(pid)])
        time.sleep(0.5)  # until it counts

    @staticmethod
    def possible() -> bool:
        """Whether this machine has it."""
        return shutil.which("perf") is not None and os.geteuid() == 0

    def stop(self) -> Mapping[str, int]:
        """How many of each there were; of none if this kernel has no such events."""
        self._perf.send_signal(signal.SIGINT)
        self._perf.wait()
        with self._file:
            fields = [line.split(",") for line in self._file]
        return {field[2].removeprefix("syscalls:sys_enter_"): int(field[0]) for field in fields if len(field) > 2 and field[0].isdigit()}
