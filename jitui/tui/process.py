"""The process in which terminals are emulated (`core.py`), for its parent: started when it is needed, asked one thing after the other, replaced if it ends."""

import atexit
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
from collections import deque
from contextlib import suppress
from itertools import count
from threading import Lock
from time import monotonic
from typing import Final

from jitui.tui import core

PATIENCE_S: Final = 20.0  # for one answer, however it comes; a piece of 4 KiB takes 0.1 s at worst, on a busy machine ten times as long
LONGEST: Final = 64 << 20  # bytes of an answer
PIECE: Final = 256 << 10  # bytes of it that are received at once
NEEDED: Final = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}  # Python itself may not start without it
STARTS: Final = 3  # in a row that failed; after them it is not tried again


class CoreError(Exception):
    """The process has ended, or was ended; its terminals are gone."""


class Process:
    """Used by several threads at once: one of them waits for the other's answer."""

    def __init__(self, program: str = core.__file__) -> None:
        self.generation = 0  # grows with each start: terminals of an earlier one are gone
        self._program = program
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._token = secrets.token_hex(core.TOKEN // 2).encode()  # stays the same, since keyframes hold it
        self._ready = False
        self._failed = 0
        self._until = 0.0  # on the monotonic clock: whoever asks waits no longer
        self._idents = count(1)
        self._freed: deque[int] = deque()
        self._lock = Lock()

    def start(self) -> None:
        """Start it, if it does not run, without waiting for it."""
        with self._lock:
            self._start()

    def ident(self) -> int:
        """The name of a new terminal."""
        return next(self._idents) & 0xFFFFFFFF

    def free(self, ident: int) -> None:
        """The terminal is not needed any more. May be called from a finalizer: it takes no lock."""
        self._freed.append(ident)

    def ask(self, op: int, ident: int, one: int = 0, two: int = 0, body: bytes = b"") -> bytes:
        """Its answer. Raises CoreError if it ends over this, or refuses it."""
        with self._lock:
            self._until = monotonic() + PATIENCE_S
            self._start()
            while self._freed:
                self._exchange(core.FREE, self._freed.popleft(), 0, 0, b"")
            return self._exchange(op, ident, one, two, body)

    def stop(self) -> None:
        with self._lock:
            self._stop()

    def _start(self) -> None:
        if self._child is not None:
            return
        if self._failed >= STARTS:
            raise CoreError("the terminal emulator can't be started; is pyghostty installed? see: python -m pip check")
        ours, theirs = socket.socketpair()
        with theirs:
            ours.sendall(self._token)
            try:
                self._child = subprocess.Popen(  # noqa: S603 - this Python, with a file of this package
                    [sys.executable, "-I", "-S", self._program, json.dumps(sys.path)], stdin=theirs.fileno(), stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, env=NEEDED, cwd="/", process_group=0,  # keys of the terminal don't end it; in the same session: cli/indexer.py
                )  # fmt: skip
            except OSError as problem:
                ours.close()
                raise CoreError(f"the terminal emulator can't be started: {problem}") from problem
        self._channel, self._ready = ours, False
        self._freed.clear()
        self.generation += 1

    def _exchange(self, op: int, ident: int, one: int, two: int, body: bytes) -> bytes:
        try:
            if not self._ready:
                self._failed += 1
                self._receive(len(core.OK))
                self._ready, self._failed = True, 0
            self._patient().sendall(core.HEAD.pack(op, ident, one, two, len(body)) + body)
            said = self._receive(min(LONGEST, struct.unpack("<I", self._receive(4))[0]))
        except (OSError, CoreError) as problem:
            self._stop()
            raise CoreError(f"the terminal emulator ended: {problem}") from problem
        if not said.startswith(core.OK):
            raise CoreError(f"the terminal emulator refused: {said[1:].decode('utf-8', 'replace')}")
        return said[1:]

    def _receive(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            piece = self._patient().recv(min(PIECE, size - len(found)))
            if not piece:
                raise CoreError("without an answer")
            found += piece
        return bytes(found)

    def _patient(self) -> socket.socket:
        """The channel, for a call that takes no longer than what is left. Raises TimeoutError if that is nothing."""
        assert self._channel is not None
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._channel.settimeout(left)
        return self._channel

    def _stop(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._child is not None:
            with suppress(PermissionError):  # over SSH, on a kernel that can't tell whose processes a signal may reach: the closed channel ends it
                self._child.kill()
            self._child.wait()
        self._channel = self._child = None


CORE: Final = Process()
atexit.register(CORE.stop)
