"""A program on a terminal of its own, driven with keys as by a person."""

import contextlib
import fcntl
import os
import pty
import random
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from jitui.values.errors import UnavailableError

KEY_S: Final = (0.03, 0.11)  # between two keys of a quick typist


class Terminal:
    """One program and its output so far."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], *, rows: int = 24, columns: int = 80) -> None:
        self.said, self.heard = b"", time.monotonic()  # its output, and when the newest of it came
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        try:
            self._process = subprocess.Popen(argv, env=dict(env), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)  # noqa: S603
        finally:
            os.close(theirs)
        self._dice = random.Random(len(argv))  # noqa: S311 - only for the rhythm of typing

    def keys(self, text: str) -> None:
        """Types key by key, and reads the echo meanwhile."""
        for key in text:
            self.read(self._dice.uniform(*KEY_S))
            with contextlib.suppress(OSError):
                os.write(self._ours, key.encode())

    def read(self, seconds: float) -> bool:
        """Reads output for so many seconds. False once the program has closed its terminal."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._ours], [], [], left)[0]:
                return True
            try:
                data = os.read(self._ours, 65_536)
            except OSError:  # EIO: nobody holds the other end
                return False
            if not data:
                return False
            self.said, self.heard = self.said + data, time.monotonic()
        return True

    def expect(self, text: str, timeout: float = 20.0, *, after: int = 0) -> int:
        """Reads until `text` stands in the output behind its first `after` bytes; the offset behind `text`. Raises UnavailableError."""
        until = time.monotonic() + timeout
        open_ = True
        while (at := self.said.find(text.encode(), after)) < 0:
            if not open_ or time.monotonic() > until:
                raise UnavailableError(f"the program on the terminal never wrote {text!r}; its last words: {self.said[-300:]!r}")
            open_ = self.read(0.2)
        return at + len(text.encode())

    def end(self, timeout: float) -> int | None:
        """Reads until the program has ended; its exit code, or None if it still runs after `timeout` seconds."""
        until = time.monotonic() + timeout
        while time.monotonic() < until and self.read(0.1):
            continue
        try:
            return self._process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """Ends the program and closes the terminal."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
