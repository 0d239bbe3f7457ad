"""Connections that are read to their end, against real TLS servers that leave while they are written to."""

import asyncio
import contextlib
import ctypes
import fcntl
import resource
import socket
import ssl
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop

from jitui.clusters.dial import Address, client_context, dial
from jitui.clusters.tunnel import Proxy
from jitui.clusters.wire import rest
from jitui.proxy.outlet import Outlet
from tests.clusters.authority import Authority, Pair

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset


class Talker(asyncio.Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.received, self.held = bytearray(), False
        self.over: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def pause_writing(self) -> None:
        self.held = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)


class Leaver:
    """A server of one connection, in a thread: it says so much, reads nothing, waits until that is received, and leaves."""

    def __init__(self, context: ssl.SSLContext, size: int, how: str, *, proxied: bool = False) -> None:
        self.gone = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self._context, self._size, self._how, self._proxied = context, size, how, proxied
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as connection:
            connection.settimeout(10)
            tls = _Within(self._context, connection) if self._proxied else self._context.wrap_socket(connection, server_side=True)
            tls.recv(1)
            tls.sendall(b"x" * self._size)
            raw = connection if self._proxied else cast("ssl.SSLSocket", tls)
            while fcntl.ioctl(raw.fileno(), termios.TIOCOUTQ, bytes(4)) != bytes(4):  # a reset drops what is still here
                time.sleep(0.002)
            if self._how == "closes":
                raw.shutdown(socket.SHUT_WR)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            tls.close()
        self.gone.set()

    def join(self) -> None:
        self._thread.join(10)


class _Within:
    """TLS within TLS: a proxy over https that is the cluster, too."""

    def __init__(self, context: ssl.SSLContext, connection: socket.socket) -> None:
        self._outer = _Memory(context, connection.recv, connection.sendall)
        asked = b""
        while not asked.endswith(b"\r\n\r\n"):
            asked += self._outer.recv(1 << 16)
        self._outer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        self._inner = _Memory(context, self._outer.recv, self._outer.sendall)
        self.recv, self.sendall, self.close = self._inner.recv, self._inner.sendall, connection.close


class _Memory:
    """The server's side of TLS over any pair of calls."""

    def __init__(self, context: ssl.SSLContext, recv: Callable[[int], bytes], sendall: Callable[[bytes], object]) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl, self._recv, self._send = context.wrap_bio(self._in, self._out, server_side=True), recv, sendall
        self._until(self._ssl.do_handshake)

    def _until(self, step: Callable[[], object]) -> object:
        while True:
            try:
                found = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._in.write(self._recv(1 << 16))
            else:
                self._flush()
                return found

    def _flush(self) -> None:
        if data := self._out.read():
            self._send(data)

    def recv(self, size: int) -> bytes:
        return cast("bytes", self._until(lambda: self._ssl.read(size)))

    def sendall(self, data: bytes) -> None:
        self._until(lambda: self._ssl.write(data))


@pytest.fixture
def theirs(server: Pair, tmp_path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*server.save(tmp_path, "peer"))
    return context


async def heard(leaver: Leaver, authority: Authority, *, late: bool) -> tuple[int, Exception | None]:
    """How much came, and the end, where a write meets the peer's reset before a byte of it is read. `late`: the reader rests until it has failed."""
    proxy = Proxy.parse(f"https://127.0.0.1:{leaver.port}") if leaver._proxied else None
    transport, talker = await dial(Address("127.0.0.1", leaver.port), client_context(authority.pem), Talker, proxy=proxy, stream=True)
    if late:
        transport.pause_reading()
    transport.set_write_buffer_limits(high=1, low=0)
    transport.write(b"y" * 1000)
    assert await asyncio.to_thread(leaver.gone.wait, 10) if late else leaver.gone.wait(10)  # the loop stands still, or the reader
    for _ in range(2):
        transport.write(b"z" * 1000)
        if late:
            await asyncio.sleep(0.01)
    if late:
        assert not talker.over.done()
        transport.resume_reading()
    async with asyncio.timeout(10):
        error = await talker.over
    leaver.join()
    assert set(talker.received) <= set(b"x")
    return len(talker.received), error


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("proxied", [False, True])
def test_a_failed_write_drops_nothing_that_came(authority: Authority, theirs: ssl.SSLContext, run: Callable[..., object], late: bool, proxied: bool) -> None:
    """The peer speaks, leaves its input unread and goes: all that it said is read, then comes the end. A reset is an error, a close before it is none."""
    for size in (10, 300_000 if late else 40_000):  # what the kernel takes while nobody reads
        for how, wanted in (("resets", ConnectionResetError), ("closes", None)):
            got, error = cast("tuple[int, Exception | None]", run(heard(Leaver(theirs, size, how, proxied=proxied), authority, late=late)))
            assert (got, error and type(error)) == (size, wanted), how


@contextlib.contextmanager
def _no_more_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_files_are_no_second_failure(authority: Authority, theirs: ssl.SSLContext) -> None:
    """Without a descriptor for what is left the connection is lost at once, with its reason."""
    async def go() -> Exception | None:
        leaver = Leaver(theirs, 10, "resets")
        transport, talker = await dial(Address("127.0.0.1", leaver.port), client_context(authority.pem), Talker, stream=True)
        transport.write(b"y" * 1000)
        leaver.gone.wait(10)
        transport.write(b"z" * 1000)
        with _no_more_files():
            async with asyncio.timeout(10):
                return await talker.over

    assert isinstance(uvloop.run(go()), ConnectionResetError)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_what_is_left_can_be_given_up(authority: Authority, theirs: ssl.SSLContext, how: str) -> None:
    """A reader that wants no more is told of the end once, the descriptor is closed, and what is written goes nowhere."""
    async def go() -> None:
        leaver = Leaver(theirs, 300_000, "resets")
        transport, talker = await dial(Address("127.0.0.1", leaver.port), client_context(authority.pem), Talker, stream=True)
        transport.pause_reading()
        transport.set_write_buffer_limits(high=1, low=0)
        transport.write(b"y" * 1000)
        await asyncio.to_thread(leaver.gone.wait, 10)
        transport.write(b"z" * 1000)
        await asyncio.sleep(0.01)
        transport.write(b"z" * 1000)
        sock = cast("socket.socket", transport.get_extra_info("socket"))
        assert (talker.held, talker.over.done(), transport.is_closing(), sock.fileno() > 0) == (True, False, False, True)
        getattr(transport, how)()
        async with asyncio.timeout(10):
            await talker.over
        assert (transport.is_closing(), sock.fileno(), transport.get_extra_info("socket")) == (True, -1, None)
        assert 1000 <= Outlet(transport).unread < 1100  # the write behind the loss: it was not delivered
        assert set(talker.received) <= set(b"x")

    uvloop.run(go())


class Mallinfo(ctypes.Structure):
    """struct mallinfo2 of malloc.h."""

    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


def allocated() -> int:
    """Bytes that this process holds of malloc."""
    told: Any = ctypes.CDLL(None).mallinfo2
    told.restype = Mallinfo
    found: Any = told()
    return int(found.uordblks + found.hblkhd)


class Answered(Talker):
    """Knows when something came."""

    def __init__(self) -> None:
        super().__init__()
        self.came = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.came.set()


def test_a_stream_that_rests_holds_no_room_to_write_into(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """Session tickets made OpenSSL take 16 KiB for each connection; nothing is sent to give them back, and the connection goes on as before."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(*server.save(tmp_path, "peer"))
    many, heard = 20, list[bytes]()

    def serve(listener: socket.socket) -> None:
        ends = []
        for _ in range(many):
            end = theirs.wrap_socket(listener.accept()[0], server_side=True)
            end.sendall(end.recv(100))
            ends.append(end)
        for end in ends:
            heard.append(end.recv(100))
            end.close()

    async def run() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.get_running_loop().run_in_executor(None, serve, listener)
            address, context = Address("127.0.0.1", listener.getsockname()[1]), client_context(authority.pem)
            held = []
            for _ in range(many):
                transport, talker = await dial(address, context, Answered, stream=True)
                transport.write(b"hello")
                await talker.came.wait()
                held.append(transport)
            before = allocated()
            for transport in held:
                rest(transport)
            given = before - allocated()
            for transport in held:
                transport.write(b"bye")
            await serving
            return given

    assert uvloop.run(run()) > many * 15 << 10
    assert heard == [b"bye"] * many
