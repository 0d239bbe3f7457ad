"""One command of a person, as a process of its own: started, fed, read and ended without ever holding up the loop.

It gets its words, and each of its connections to the API, over a socket that it inherits; these connections are the person's, and end with it. The process
confines itself before it reads a word (`cli/confinement.py`). It can pass on nothing: no address and no token would let another process ask.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import termios
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

MODULE: Final = "jitui.cli.visit"
PIECE: Final = 32 << 10  # bytes that are read at once
FULL, ROOM = 128 << 10, 32 << 10  # bytes of input waiting for the process: above, no more is read from the client; below, it is again
CONNECTIONS: Final = 16  # of one process to the API
HANGUP_S: Final = 1.0  # for a process to end by itself after SIGHUP
DRAINS: Final = 60  # so often a client that does not read is waited for; a process that left the session may hold the terminal for ever
DRAIN_S: Final = 1.0  # for output that somebody of its group still holds open after its end
ASK: Final = 16  # bytes of a packet that asks
GIVES, REFUSES = b"+", b"-"

Admit = Callable[[socket.socket], Awaitable[asyncio.BaseTransport]]


@dataclass(frozen=True, slots=True)
class Size:
    """Of a terminal, in characters."""

    columns: int
    lines: int

    def bounded(self) -> "Size":
        """As a terminal can be; 80x24 where the client does not say."""
        return Size(min(self.columns or 80, 1000), min(self.lines or 24, 1000))


@dataclass(frozen=True, slots=True)
class Errand:
    """Its words, its environment, and the size of its terminal if it has one."""

    words: Sequence[str]
    environment: Mapping[str, str]
    size: Size | None


class Client(Protocol):
    """The person's end of it."""

    def said(self, data: bytes, *, error: bool) -> None:
        """Output came; `error`: on stderr."""
    def full(self, *, full: bool) -> None:
        """Whether no more input can be taken for now."""
    def over(self, code: int) -> None:
        """It has ended, and all it said was said: its exit code, or the negative number of a signal. Called once."""


class Child:
    """The running process."""

    def __init__(self, process: "subprocess.Popen[bytes]", control: socket.socket, fds: Sequence[int], client: Client, admit: Admit) -> None:
        """`fds`: the terminal alone, or standard input, output and error."""
        self._process, self._client, self._admit = process, client, admit
        self._loop = asyncio.get_running_loop()
        self._terminal = len(fds) == 1
        self._input = fds[0]
        self._outputs = {fds[0]: False} if self._terminal else {fds[1]: False, fds[2]: True}
        self._open = set(fds)
        self._waiting: deque[bytes] = deque()
        self._size = 0  # bytes waiting
        self._eof = self._held = self._paused = self._ending = self._told = False
        self._code: int | None = None
        self._given: set[asyncio.BaseTransport] = set()
        self._giving: set[asyncio.Task[None]] = set()
        self._gone = asyncio.Event()
        for fd in fds:
            os.set_blocking(fd, False)
        self._pidfd = os.pidfd_open(process.pid)
        self._loop.add_reader(self._pidfd, self._exited)
        self.take(control)
        self._listen()

    @classmethod
    async def start(cls, errand: Errand, client: Client, admit: Admit) -> "Child":
        """Starts the process in a thread. `admit` serves one end of a socket pair as the person's. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.ExitStack() as failed, theirs, contextlib.ExitStack() as passed:
            failed.callback(ours.close)
            ours.setblocking(False)
            ours.send(json.dumps({"words": list(errand.words)}, ensure_ascii=False).encode())
            kept, given = _terminal(errand.size) if errand.size is not None else _pipes()
            for fd in kept:
                failed.callback(os.close, fd)
            for fd in set(given):
                passed.callback(os.close, fd)
            starting = asyncio.get_running_loop().run_in_executor(None, _begin, theirs.fileno(), given, errand.environment)
            try:
                process = await asyncio.shield(starting)
            except asyncio.CancelledError:
                await asyncio.wait([starting])  # the thread goes on; it takes milliseconds
                if not starting.exception():
                    starting.result().kill()
                    await asyncio.to_thread(starting.result().wait)
                raise
            child = cls(process, ours, kept, client, admit)
            failed.pop_all()
            return child

    @property
    def pid(self) -> int:
        return self._process.pid

    # -- input -------------------------------------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether no more input can be taken for now; the client is told of each change."""
        return self._held

    def write(self, data: bytes) -> None:
        """Input of the person; the client is told when there is too much of it."""
        if self._input in self._open and not self._eof and not self._ending:
            self._waiting.append(data)
            self._size += len(data)
            self._flush()

    def end_input(self) -> None:
        """There is no more input. A terminal has no end; programs on it read keys until they leave."""
        if not self._terminal:
            self._eof = True
            self._flush()

    def resize(self, size: Size) -> None:
        """The terminal's size has changed; the kernel sends SIGWINCH."""
        if self._terminal and self._input in self._open:
            termios.tcsetwinsize(self._input, (size.lines, size.columns))

    def signal(self, number: int) -> None:
        """A signal to the process and its group."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _flush(self) -> None:
        while self._waiting and self._input in self._open:
            piece = self._waiting[0]
            try:
                written = os.write(self._input, piece)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # it does not read any more
                self._waiting.clear()
                self._size = 0
                self._eof = True
                break
            self._size -= written
            if written < len(piece):
                self._waiting[0] = piece[written:]
                break
            self._waiting.popleft()
        self._watch_input()

    def _watch_input(self) -> None:
        if self._input in self._open:
            if self._waiting:
                self._loop.add_writer(self._input, self._flush)
            else:
                self._loop.remove_writer(self._input)
                if self._eof and not self._terminal:
                    self._close(self._input)
        held = self._size > (ROOM if self._held else FULL)
        if held != self._held:
            self._held = held
            self._client.full(full=held)

    # -- output ------------------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """The client takes no more for now."""
        self._paused = True
        for fd in self._outputs:
            self._loop.remove_reader(fd)

    def resume(self) -> None:
        self._paused = False
        self._listen()

    def _listen(self) -> None:
        for fd, error in self._outputs.items():
            if not self._paused:
                self._loop.add_reader(fd, self._readable, fd, error)

    def _readable(self, fd: int, error: bool) -> None:
        try:
            data = os.read(fd, PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # EIO: nobody has the terminal open any more
            data = b""
        if data:
            self._client.said(data, error=error)
            return
        del self._outputs[fd]
        self._close(fd)
        self._finish()

    # -- its connections to the API ----------------------------------------------------------------------------------------

    def take(self, control: socket.socket) -> None:
        """Connections are asked for here."""
        self.control = control
        self._loop.add_reader(control, self._asked)

    def _asked(self) -> None:
        try:
            said = self.control.recv(ASK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            said = b""
        if not said:
            self._loop.remove_reader(self.control)
            return
        self._given = {each for each in self._given if not each.is_closing()}
        if len(self._given) + len(self._giving) >= CONNECTIONS:
            with contextlib.suppress(OSError):
                self.control.send(REFUSES)
            return
        giving = self._loop.create_task(self._give())
        self._giving.add(giving)
        giving.add_done_callback(self._giving.discard)

    async def _give(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, contextlib.suppress(OSError):
            ours.setblocking(False)
            transport = await self._admit(ours)
            self._given.add(transport)
            if self._ending:
                _abort(transport)
            else:
                socket.send_fds(self.control, [GIVES], [theirs.fileno()])

    # -- its end -----------------------------------------------------------------------------------------------------------

    def hang_up(self) -> None:
        """The person is gone: it answers to nobody any more, and is ended, at the latest after HANGUP_S. `gone` waits for that."""
        if self._ending:
            return
        self._ending = True
        self._waiting.clear()
        for transport in self._given:
            _abort(transport)
        if self._code is not None:
            self._cut()
            self._finish()
            return
        self.signal(signal.SIGHUP)
        self._loop.call_later(HANGUP_S, self.signal, signal.SIGKILL)

    async def gone(self) -> None:
        await self._gone.wait()

    def _exited(self) -> None:
        """It is a zombie, so its number and its group's are nobody else's yet: whatever is left of the group ends first."""
        self.signal(signal.SIGKILL)
        self._code = self._process.wait()
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._loop.remove_reader(self.control)
        self.control.close()
        for transport in self._given:
            _abort(transport)
        if self._ending:
            self._cut()
        else:
            self._loop.call_later(DRAIN_S, self._drained)
        self._finish()

    def _drained(self, again: int = DRAINS) -> None:
        if self._paused and again:  # a slow client still gets what was said
            self._loop.call_later(DRAIN_S, self._drained, again - 1)
            return
        self._cut()
        self._finish()

    def _cut(self) -> None:
        for fd in list(self._open):
            self._outputs.pop(fd, None)
            self._close(fd)

    def _finish(self) -> None:
        if self._code is None or self._outputs or self._told:
            return
        self._told = True
        self._cut()
        self._gone.set()
        self._client.over(self._code)

    def _close(self, fd: int) -> None:
        if fd in self._open:
            self._open.discard(fd)
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)
            os.close(fd)


def _abort(transport: asyncio.BaseTransport) -> None:
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def _begin(control: int, given: Sequence[int], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """It blocks until the new program runs."""
    return subprocess.Popen(  # noqa: S603 - this Python, with a module of this package
        [sys.executable, "-I", "-m", MODULE, str(control)], stdin=given[0], stdout=given[1], stderr=given[2], env={**_needed(), **environment}, cwd="/",
        pass_fds=[control], start_new_session=True,
    )  # fmt: skip


def _terminal(size: Size) -> tuple[list[int], list[int]]:
    """The gateway's end of a new terminal, and the process's three."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (size.lines, size.columns))
    return [ours], [theirs] * 3


def _pipes() -> tuple[list[int], list[int]]:
    (read, feed), (said, output), (noted, error) = os.pipe(), os.pipe(), os.pipe()
    return [feed, said, noted], [read, output, error]


def _needed() -> dict[str, str]:
    """Python itself may not start without these."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ} | {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
