"""The two things of a run that are processes and sockets: kubectl, with or without a terminal, and a relay that can be cut."""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import struct
import termios
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Self

PATIENCE: Final = 30.0  # seconds after which anything is given up
ABORT: Final = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: close sends RST


async def until(look: Callable[[], Awaitable[bool]], what: str, timeout: float = PATIENCE) -> None:
    """Wait until it says yes. Raises AssertionError naming `what` after `timeout` seconds."""
    give_up = time.monotonic() + timeout
    while True:
        if await look():
            return
        assert time.monotonic() < give_up, f"not {what} after {timeout:.0f} s"
        await asyncio.sleep(0.1)


class Command:
    """A kubectl that runs; `out` and `err` grow as it writes. On a terminal of its own both are `out`."""

    def __init__(self, argv: Sequence[str], process: asyncio.subprocess.Process, terminal: int = -1) -> None:
        self.argv, self.process = tuple(argv), process
        self.out, self.err = bytearray(), bytearray()
        self.sent = bytearray()
        self.code: int | None = None
        self._terminal = terminal
        self._news = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, argv: Sequence[str], env: Mapping[str, str], *, terminal: bool = False) -> Self:
        if not terminal:
            process = await asyncio.create_subprocess_exec(
                *argv, env=env, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
            self = cls(argv, process)
            assert process.stdout is not None
            assert process.stderr is not None
            pipes = [(process.stdout, self.out), (process.stderr, self.err)]
        else:
            master, inside = os.openpty()
            fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            process = await asyncio.create_subprocess_exec("setsid", "--ctty", *argv, env=env, stdin=inside, stdout=inside, stderr=inside)
            os.close(inside)
            self = cls(argv, process, master)
            reader = asyncio.StreamReader()
            await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(master), "rb", 0))
            pipes = [(reader, self.out)]
        self._readers = [asyncio.create_task(self._read(pipe, into)) for pipe, into in pipes]
        return self

    async def _read(self, pipe: asyncio.StreamReader, into: bytearray) -> None:
        with contextlib.suppress(OSError):  # a terminal ends with EIO
            while data := await pipe.read(65536):
                into += data
                self._news.set()

    def write(self, data: bytes) -> None:
        """Type, or write to stdin."""
        self.sent += data
        if self._terminal >= 0:
            os.write(self._terminal, data)
        else:
            assert self.process.stdin is not None
            self.process.stdin.write(data)

    def close_stdin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def sees(self, wanted: bytes) -> None:
        """Wait until it wrote this, anywhere. Raises AssertionError with what it wrote instead."""
        try:
            async with asyncio.timeout(PATIENCE):
                while wanted not in self.out and wanted not in self.err:
                    if self.process.returncode is not None and all(reader.done() for reader in self._readers):
                        break
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), 0.5)
        except TimeoutError:
            pass
        assert wanted in self.out or wanted in self.err, f"no {wanted!r} from {self}"

    def interrupt(self) -> None:
        """^C."""
        self.process.send_signal(signal.SIGINT)

    async def end(self) -> int:
        """Its exit code. Raises AssertionError if it goes on and on."""
        try:
            async with asyncio.timeout(PATIENCE):
                self.code = await self.process.wait()
                await asyncio.gather(*self._readers)
        except TimeoutError:
            self.kill()
            raise AssertionError(f"still running: {self}") from None
        self._close_terminal()
        return self.code

    def kill(self) -> None:
        """If it is still there."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        for reader in self._readers:
            reader.cancel()
        self._close_terminal()

    def _close_terminal(self) -> None:
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def __str__(self) -> str:
        return f"{' '.join(self.argv[3:])}: exit {self.process.returncode}\nstdout: {bytes(self.out[-600:])!r}\nstderr: {bytes(self.err[-900:])!r}"


class Relay:
    """A TCP relay on 127.0.0.1 to one address. What stands through it can be cut as a network would."""

    def __init__(self, host: str, port: int) -> None:
        self.target = host, port
        self.port = 0
        self.open: set[Side] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(lambda: Side(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut(reset=True)

    def cut(self, *, reset: bool) -> int:
        """End every connection at once, with RST or with FIN; how many there were."""
        cut = [side for side in self.open if not side.transport.is_closing()]
        for side in cut:
            if reset:
                side.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
                side.transport.abort()
            else:
                side.close()
        return len(cut) // 2


class Side(asyncio.Protocol):
    """One end of a relayed connection; what it reads goes out at the other."""

    def __init__(self, relay: Relay, other: "Side | None" = None) -> None:
        self._relay, self._other = relay, other
        self.transport: asyncio.Transport
        self._connecting: asyncio.Task[None]
        self._closed = False

    def close(self) -> None:
        """Send FIN. What the peer still sends is read and dropped: it would be answered with RST."""
        self._closed = True
        self.transport.write_eof()
        self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._relay.open.add(self)
        if self._other is None:
            transport.pause_reading()
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            _, self._other = await asyncio.get_running_loop().create_connection(lambda: Side(self._relay, self), *self._relay.target)
        except OSError:
            self.transport.abort()
        else:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        assert self._other is not None
        if not self._closed:
            self._other.transport.write(data)

    def pause_writing(self) -> None:
        assert self._other is not None
        self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        assert self._other is not None
        self._other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.open.discard(self)
        if self._other is not None:
            self._other.transport.close()
