"""The answer to a gateway's look into a pod (protocol/probe.py), as the same script gives it in a container of a real node.

The demo's pods have no kernel namespace of their own, where the script would see the pod alone. So its orders are carried out here, on the pod's
processes: those that were started for an exec have parent 0, orphans parent 1, as in a container.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from jitui.demo.cluster import nurse
from jitui.demo.cluster.programs import PIECE, STDOUT
from jitui.protocol.probe import COMMAND, Process, records

OWN: Final = 2  # the pid of the look itself: none of this machine's programs has it
MAIN: Final = 1


class Glance:
    """One look at one pod (a Program)."""

    outputs: tuple[int, ...] = (STDOUT,)

    def __init__(self, mark: str) -> None:
        """`mark`: what the environment of each of the pod's processes has."""
        self._mark = mark
        self._key = b""
        self._line = b""
        self._start = now()
        self._known: set[int] = set()  # pids of which it has told
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._done = asyncio.Event()

    async def feed(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            if not self._key:
                self._key = line
                self._say(b"hello %d %d 0" % (OWN, self._start))
            elif line == b"q":
                self._end()
            else:
                await asyncio.to_thread(self._order, line.decode("ascii", "replace"))

    def _order(self, line: str) -> None:
        letter, *rest = line.split(" ", 3)
        pid, start, more = (int(rest[0]), int(rest[1]), rest[2]) if len(rest) == 3 else (0, 0, "")
        there = {each.pid: each for each in self._processes()} if letter in {"h", "n", "w"} else {}
        same = letter not in {"d", "n", "w"} and self._has(pid, start)
        if letter == "d":
            self._say(b"stat", b"".join(map(stat, self._processes())))
        elif letter in {"n", "w"}:
            self._new(there)
        elif letter == "a" and same:
            with suppress(OSError):
                self._say(b"argv %d %d" % (pid, start), Path(f"/proc/{pid}/cmdline").read_bytes())
        elif letter == "h" and same:
            for fd, holder in holders(pid, more, there):
                self._say(b"holds %d %d" % (fd, holder))
        elif letter == "y":
            self._say(b"%s %d %d" % (b"dyed" if same and dye(pid, more.encode()) else b"undyed", pid, start))
        elif letter in {"t", "k"}:
            numbers = [pid, start, *map(int, more.split())]
            for each, began in zip(numbers[::2], numbers[1::2], strict=True):
                with suppress(OSError):
                    if self._has(each, began):
                        os.kill(each, signal.SIGSTOP if letter == "t" else signal.SIGKILL)
        self._say(b"done " + letter.encode())

    def _new(self, there: dict[int, Process]) -> None:
        """The processes that are new, each with its parent, an orphan with the first of its session, and the words of those that an exec began."""
        for each in there.values():
            if each.pid not in self._known:
                self._say(b"stat", b"".join(stat(one) for one in (each, there.get(each.sid if each.ppid == 1 else each.ppid)) if one is not None))
                if not each.ppid and each.pid not in {MAIN, OWN}:
                    with suppress(OSError):
                        words = Path(f"/proc/{each.pid}/cmdline").read_bytes().replace(b"\0", b"")
                        self._say(b"words %d %d" % (each.pid, each.start), words)
        self._known = set(there)

    def _say(self, line: bytes, data: bytes = b"") -> None:
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, b"\n" + self._key + b" " + line + b"\n" + data)

    def _processes(self) -> Iterator[Process]:
        """Those of the pod as its container would show them; the container's first process and the look are made up."""
        found: dict[int, Process] = {}
        for pid in nurse.marked(self._mark):
            with suppress(OSError):
                found |= {each.pid: each for each in records(Path(f"/proc/{pid}/stat").read_bytes())}
        yield Process(MAIN, 0, MAIN, 0, 1, "S")
        yield Process(OWN, 0, OWN, 0, self._start, "S")
        for each in found.values():
            yield replace(each, ppid=0 if each.ppid == os.getpid() else each.ppid if each.ppid in found else MAIN)

    def _has(self, pid: int, start: int) -> bool:
        """Whether this is a process of the pod."""
        with suppress(OSError):
            return nurse.is_marked(pid, self._mark) and any(each.start == start for each in records(Path(f"/proc/{pid}/stat").read_bytes()))
        return False

    def _end(self) -> None:
        self._pieces.put_nowait(b"")
        self._done.set()

    async def read(self, channel: int) -> AsyncIterator[bytes]:  # noqa: ARG002 - there is only stdout
        while data := await self._pieces.get():
            for at in range(0, len(data), PIECE):
                yield data[at : at + PIECE]

    async def wait(self) -> int:
        await self._done.wait()
        return 0

    def end_input(self) -> None:
        self._end()

    def resize(self, columns: int, rows: int) -> None:
        """Does nothing, as there is no terminal."""

    def abandon(self) -> None:
        self._end()

    def release(self) -> None:
        self._end()


def asked(argv: Sequence[str]) -> bool:
    """Whether a command is such a look."""
    return tuple(argv[: len(COMMAND)]) == COMMAND


def now() -> int:
    """Clock ticks since the boot of this machine."""
    return int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) * 100)


def stat(process: Process) -> bytes:
    """The line of /proc/PID/stat, its numbers that nobody asks for left 0."""
    each = process
    return b"%d (x) %s %d 0 %d %d -1%s %d%s\n" % (each.pid, each.state.encode(), each.ppid, each.sid, each.tty, b" 0" * 13, each.start, b" 0" * 25)


def holders(pid: int, terminal: str, there: dict[int, Process]) -> Iterator[tuple[int, int]]:
    """The descriptor of the process, and each of the pod that holds the same pipe or terminal."""
    for fd in (0, 1, 2):
        with suppress(OSError):
            what = str(Path(f"/proc/{pid}/fd/{fd}").readlink())
            if not (what.startswith("pipe:") or (terminal.isdecimal() and what == f"/dev/pts/{terminal}")):
                continue
            for other in there:
                with suppress(OSError):
                    if any(str(each.readlink()) == what for each in Path(f"/proc/{other}/fd").iterdir()):
                        yield fd, other


def dye(pid: int, words: bytes) -> bool:
    """Write into the output of a process that is a pipe or a terminal, unless it is full."""
    for fd in (1, 2):
        with suppress(OSError):
            path = f"/proc/{pid}/fd/{fd}"
            if str(Path(path).readlink()).startswith(("pipe:", "/dev/pts/")):
                handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
                try:
                    os.write(handle, words)
                finally:
                    os.close(handle)
                return True
    return False
