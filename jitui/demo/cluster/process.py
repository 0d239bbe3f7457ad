"""Real local processes behind an exec, with pipes or a pseudo-terminal, read and written without blocking. They end with the cluster."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from jitui.demo.cluster.programs import PIECE, STDERR, STDIN, STDOUT

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_libc: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def find(argv: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> str | None:
    """The file that argv[0] names in that folder and PATH, or None."""
    if "/" in argv[0]:
        path = cwd / argv[0]
        return str(path) if os.access(path, os.X_OK) and path.is_file() else None
    return shutil.which(argv[0], path=environment.get("PATH", ""))


def _prepare(parent: int, *, terminal: bool) -> Callable[[], None]:
    """The function that the child runs between fork and exec: it makes it die with the parent, and gives it its terminal."""

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
        if terminal:
            fcntl.ioctl(STDIN, termios.TIOCSCTTY, 0)

    return prepare


class LocalProcess:
    """One command and its descriptors (a Program)."""

    def __init__(self, argv: Sequence[str], *, file: str, cwd: Path, environment: Mapping[str, str], stdin: bool, tty: bool) -> None:
        self.outputs: tuple[int, ...] = (STDOUT,) if tty else (STDOUT, STDERR)
        self._tty = tty
        self._exited = asyncio.Event()
        self._asleep: set[asyncio.Future[None]] = set()
        self._fds: dict[int, int] = {}  # by channel
        theirs = self._open(stdin=stdin, tty=tty)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - running what it is told is its purpose
                list(argv), executable=file, cwd=cwd, env=dict(environment), stdin=theirs[0], stdout=theirs[1], stderr=theirs[2],
                start_new_session=True, preexec_fn=_prepare(os.getpid(), terminal=tty))  # noqa: PLW1509 - no other way to set PDEATHSIG
        except BaseException:
            self.release()
            raise
        finally:
            for fd in set(theirs) - {subprocess.DEVNULL}:
                os.close(fd)
        self._watch()

    def _open(self, *, stdin: bool, tty: bool) -> tuple[int, int, int]:
        """Makes pipes or a terminal, keeps our ends and returns the child's."""
        if tty:
            ours, theirs = pty.openpty()
            os.set_blocking(ours, False)
            self._fds = {STDIN: ours, STDOUT: ours}
            return theirs, theirs, theirs
        (out, their_out), (err, their_err) = os.pipe(), os.pipe()
        self._fds = {STDOUT: out, STDERR: err}
        their_in = subprocess.DEVNULL
        if stdin:
            their_in, self._fds[STDIN] = os.pipe()
        for fd in self._fds.values():
            os.set_blocking(fd, False)
        return their_in, their_out, their_err

    @property
    def pid(self) -> int:
        return self._process.pid

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            self._poll(loop)
            return

        def ended() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            self._process.wait()
            self._wake()

        loop.add_reader(pidfd, ended)

    def _poll(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._process.poll() is None:
            loop.call_later(0.02, self._poll, loop)
        else:
            self._wake()

    def _wake(self) -> None:
        self._exited.set()
        for future in self._asleep:
            if not future.done():
                future.set_result(None)

    async def _until(self, fd: int, *, writable: bool) -> None:
        """Waits until the descriptor is ready, or the process has ended."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._asleep.add(future)
        add, remove = (loop.add_writer, loop.remove_writer) if writable else (loop.add_reader, loop.remove_reader)
        add(fd, lambda: None if future.done() else future.set_result(None))
        try:
            await future
        finally:
            remove(fd)
            self._asleep.discard(future)

    async def feed(self, data: bytes) -> None:
        view = memoryview(data)
        while view and STDIN in self._fds and not self._exited.is_set():
            try:
                view = view[os.write(self._fds[STDIN], view):]
            except BlockingIOError:
                await self._until(self._fds[STDIN], writable=True)
            except OSError:  # it has closed its stdin
                return

    def end_input(self) -> None:
        if not self._tty and STDIN in self._fds:
            os.close(self._fds.pop(STDIN))

    def resize(self, columns: int, rows: int) -> None:
        if self._tty and STDIN in self._fds:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._fds[STDIN], termios.TIOCSWINSZ, struct.pack("HHHH", rows & 0xFFFF, columns & 0xFFFF, 0, 0))

    async def read(self, channel: int) -> AsyncIterator[bytes]:
        while channel in self._fds:
            try:
                data = os.read(self._fds[channel], PIECE)
            except BlockingIOError:
                if self._exited.is_set():  # its output is read to the end; a child that it left behind may hold the other end open
                    return
                await self._until(self._fds[channel], writable=False)
                continue
            except OSError:  # EIO: the terminal's other end is closed
                await self._exited.wait()
                return
            if not data:
                return
            yield data

    async def wait(self) -> int:
        await self._exited.wait()
        code = self._process.returncode
        return 128 - code if code < 0 else code

    def abandon(self) -> None:
        """Handles a lost client as a real runtime does: a stdin that is a pipe ends, and nothing else happens."""
        self.end_input()

    def release(self) -> None:
        for fd in set(self._fds.values()):
            os.close(fd)
        self._fds = {}
