"""Commands that run inside the cluster's own process, without a process of their own: hundreds of streams at once cost almost nothing.

* `jitui-echo`           copies stdin to stdout until stdin is closed
* `jitui-flood [BYTES]`  writes so many bytes, or without end, as fast as the client takes them
* `jitui-sink`           reads stdin to its end, then prints the number of bytes
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2

PIECE: Final = 32 * 1024  # most bytes of one server frame's payload (measured at the real API server)


class Program(Protocol):
    """A program behind an exec: bytes in, bytes out, an exit code."""

    outputs: tuple[int, ...]  # the channels it writes on

    async def feed(self, data: bytes) -> None:
        """Writes to its stdin; returns when it has taken the bytes."""

    def end_input(self) -> None:
        """Ends its stdin. It does nothing with a terminal."""

    def resize(self, columns: int, rows: int) -> None: ...

    def read(self, channel: int) -> AsyncIterator[bytes]:
        """Its output on one channel, in pieces of at most PIECE bytes."""

    async def wait(self) -> int:
        """Waits for its end; the exit code."""

    def abandon(self) -> None:
        """Tells it that the client has gone. A real process lives on; the commands of this module end."""

    def release(self) -> None:
        """Frees its resources, once nobody reads it any more."""


class _Builtin:
    outputs: tuple[int, ...] = (STDOUT,)

    def __init__(self) -> None:
        self._done = asyncio.Event()

    async def feed(self, data: bytes) -> None:
        """Ignored unless a command wants it."""

    def end_input(self) -> None:
        """Ignored unless a command wants it."""

    def resize(self, columns: int, rows: int) -> None:
        """Does nothing, as there is no terminal."""

    async def wait(self) -> int:
        await self._done.wait()
        return 0

    def abandon(self) -> None:
        self._done.set()

    def release(self) -> None:
        self._done.set()


class Echo(_Builtin):
    """The command jitui-echo."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(8)
        self._ended = asyncio.Event()

    async def feed(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            await self._pieces.put(data[start:start + PIECE])

    def end_input(self) -> None:
        self._ended.set()
        if self._pieces.empty():
            self._pieces.put_nowait(b"")  # wake the reader

    async def read(self, channel: int) -> AsyncIterator[bytes]:  # noqa: ARG002 - there is only stdout
        while not (self._ended.is_set() and self._pieces.empty()):
            yield await self._pieces.get()
        self._done.set()


class Flood(_Builtin):
    """The command jitui-flood."""

    LINE: Final = b"the quick brown fox jumps over the lazy dog, again and again ..\n"

    def __init__(self, total: int | None) -> None:
        super().__init__()
        self._left = total
        self._piece = self.LINE * (PIECE // len(self.LINE))

    async def read(self, channel: int) -> AsyncIterator[bytes]:  # noqa: ARG002 - there is only stdout
        while not self._done.is_set() and self._left != 0:
            piece = self._piece if self._left is None else self._piece[:self._left]
            yield piece
            if self._left is not None:
                self._left -= len(piece)
            await asyncio.sleep(0)  # a write that need not wait would otherwise never let anyone else run
        self._done.set()


class Sink(_Builtin):
    """The command jitui-sink."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._ended = asyncio.Event()

    async def feed(self, data: bytes) -> None:
        self._count += len(data)

    def end_input(self) -> None:
        self._ended.set()

    async def read(self, channel: int) -> AsyncIterator[bytes]:  # noqa: ARG002 - there is only stdout
        await self._ended.wait()
        yield b"%d\n" % self._count
        self._done.set()


def builtin(argv: Sequence[str]) -> Program | None:
    """The command of this module that argv names, or None."""
    match list(argv):
        case ["jitui-echo"]:
            return Echo()
        case ["jitui-flood"]:
            return Flood(None)
        case ["jitui-flood", count] if count.isdecimal():
            return Flood(int(count))
        case ["jitui-sink"]:
            return Sink()
    return None
