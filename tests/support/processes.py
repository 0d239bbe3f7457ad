"""Running programs from outside, as a person would: to their end, in the background, or on a terminal of their own."""

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from tests.support.warm import Process, Warm

T = TypeVar("T")

PATIENCE = 120.0  # seconds after which a test gives up on anything
warm: Warm | None = None  # starts what it takes, in tests; benchmarks start everything anew


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """How a program ended."""

    argv: tuple[str, ...]
    code: int
    out: bytes
    err: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.out.decode(errors="replace")

    @property
    def said(self) -> str:
        """Its stderr."""
        return self.err.decode(errors="replace")

    @property
    def json(self) -> Any:
        """Its one JSON object."""
        return json.loads(self.out)

    @property
    def jsons(self) -> list[Any]:
        """Its JSON objects, one a line."""
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    def ok(self) -> "Result":
        assert self.code == 0, f"{self}"
        return self

    def __str__(self) -> str:
        return f"{' '.join(self.argv)}: exit {self.code} after {self.seconds:.1f} s\nstdout: {self.text[-1000:]}\nstderr: {self.said[-1000:]}"

    __repr__ = __str__


def run(argv: Sequence[str], *, env: Mapping[str, str], stdin: bytes = b"", timeout: float = PATIENCE, cwd: Path | None = None) -> Result:
    """Run it to its end. Raises AssertionError with what it printed so far if that takes longer than `timeout` seconds."""
    program = Program(argv, env=env, cwd=cwd)
    if stdin:
        program.write(stdin)
    program.close_stdin()
    return program.end(timeout)


def until(look: Callable[[], T], what: str, timeout: float = PATIENCE, pause: float = 0.05) -> T:
    """The first true value of `look()`. Raises AssertionError naming `what` after `timeout` seconds."""
    give_up = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < give_up, f"no {what} after {timeout} s"
        time.sleep(pause)
    return found


class Program:
    """A program in the background; what it writes is kept as it comes."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None, tty: tuple[int, int] | None = None) -> None:
        """Start it. With `tty` (rows, columns) on a terminal of its own, whose output is `out`."""
        self.argv = tuple(str(part) for part in argv)
        self.started = time.monotonic()
        self.out, self.err = bytearray(), bytearray()
        self._news = threading.Condition()
        self._terminal = -1
        self._process: subprocess.Popen[bytes] | Process
        forking = warm if warm is not None and warm.takes(self.argv, env) else None
        if tty is None:
            self._process = forking.piped(self.argv, env, cwd) if forking else subprocess.Popen(
                self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(env), cwd=cwd, start_new_session=True)
            assert self._process.stdout is not None
            assert self._process.stderr is not None
            pipes = [(self._process.stdout, self.out), (self._process.stderr, self.err)]
        else:
            self._terminal, inside = pty.openpty()
            fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", *tty, 0, 0))
            self._process = forking.on(inside, self.argv, env, cwd) if forking else subprocess.Popen(
                ("setsid", "--ctty", *self.argv), stdin=inside, stdout=inside, stderr=inside, env=dict(env), cwd=cwd)
            os.close(inside)
            pipes = [(os.fdopen(os.dup(self._terminal), "rb", buffering=0), self.out)]
        self._readers = [threading.Thread(target=self._read, args=pipe, daemon=True) for pipe in pipes]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe: IO[bytes], into: bytearray) -> None:
        with contextlib.suppress(OSError), pipe:  # a terminal ends with EIO
            while data := os.read(pipe.fileno(), 65536):
                with self._news:
                    into += data
                    self._news.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def expect(self, text: str, timeout: float = PATIENCE, *, after: int = 0) -> int:
        """Wait until `text` was written to stdout, stderr or the terminal, beyond the first `after` bytes of that; the offset behind it."""
        wanted = text.encode()
        give_up = time.monotonic() + timeout
        with self._news:
            while True:
                for stream in (self.out, self.err):
                    if (at := stream.find(wanted, after)) >= 0:
                        return at + len(wanted)
                over = not self.running and not any(reader.is_alive() for reader in self._readers)
                left = give_up - time.monotonic()
                if left <= 0 or over:
                    raise AssertionError(f"no {text!r} from {self.snapshot()}")
                self._news.wait(min(left, 0.2))

    def write(self, data: bytes) -> None:
        """Give it input. Raises BrokenPipeError if it takes none any more."""
        if self._terminal >= 0:
            os.write(self._terminal, data)
            return
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def close_stdin(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: signal.Signals) -> None:
        """Only to it, and only while it is ours to signal."""
        if self.running:
            self._process.send_signal(number)

    def end(self, timeout: float = PATIENCE) -> Result:
        """Wait for its end."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {timeout} s: {self.snapshot()}") from None
        for reader in self._readers:
            reader.join(5)
        return Result(self.argv, code, bytes(self.out), bytes(self.err), time.monotonic() - self.started)

    def kill(self) -> None:
        """End it and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._tidy()

    def _tidy(self) -> None:
        for reader in self._readers:
            reader.join(5)
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def snapshot(self) -> Result:
        """Its output so far; code -1 while it runs."""
        code = self._process.poll()
        return Result(self.argv, -1 if code is None else code, bytes(self.out), bytes(self.err), time.monotonic() - self.started)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close_stdin()
        if self.running:
            self.kill()
        else:
            self._tidy()
