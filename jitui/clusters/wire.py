"""TLS over one TCP connection, for what ends with it: all that came is handed on, however late it is read, and whatever befell the connection.

A cluster whose command is over while the client still sends says how it ended and closes; the input that comes then is answered with a reset, so the next
write fails. The loops drop a socket at the first write that fails, with all that was received on it and not read: exactly then that is the Status.
"""

import asyncio
import contextlib
import os
import socket
import ssl
from asyncio.sslproto import SSLProtocol, SSLProtocolState
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

RECORD: Final = 16 << 10  # bytes of a TLS record, without what it takes beside
READ_FIRST: Final = 4 << 10  # bytes of room to read into that a connection begins with: enough for the handshake, and for a stream that says little
READ_MOST: Final = 256 << 10  # bytes read from a socket at once
_ROOMS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview]] = WeakKeyDictionary()


async def connect(
    host: str, port: int, protocol: asyncio.BaseProtocol, context: ssl.SSLContext, server_name: str, *, through: asyncio.Transport | None = None
) -> asyncio.Transport:
    """The client's side, once hands are shaken. `through`: the connection that is there already, through a proxy. Raises OSError and ssl.SSLError."""
    loop = asyncio.get_running_loop()
    shaken: asyncio.Future[None] = loop.create_future()
    tls = Tls(loop, protocol, context, shaken, server_name)
    if through is None:
        raw, _ = await loop.create_connection(lambda: tls, host, port)
    else:
        raw = through
        raw.set_protocol(tls)
        tls.connection_made(raw)
    try:
        await shaken
    except BaseException:
        raw.close()
        raise
    return tls._app_transport  # noqa: SLF001 - what asyncio's own create_connection(ssl=...) returns


def rest(transport: asyncio.BaseTransport) -> None:
    """Gives back the 16 KiB that OpenSSL takes to write into as the cluster's session tickets come, and keeps until something is written: a stream may say
    nothing for hours. Nothing is sent.
    """
    end = transport.get_extra_info("ssl_object")
    if end is not None:
        with contextlib.suppress(ssl.SSLError):
            end.write(b"")


class Tls(SSLProtocol):
    """asyncio's TLS, which reads what was received before the connection was lost, and takes less memory for each.

    asyncio takes 256 KiB for each connection, of which a stream that rests needs nothing, and as much again for each record that it decrypts. Here all
    connections of a loop read into the same room, as nothing is left in it behind a read: into a page of it at first, and into more while reads fill it.
    """

    max_size = RECORD  # bytes decrypted at once: OpenSSL gives one record
    _loop: asyncio.AbstractEventLoop
    _ssl_buffer: bytearray
    _ssl_buffer_view: memoryview
    _eof_received: bool
    _extra: dict[str, Any]
    _ssl_reading_paused: bool
    _ssl_writing_paused: bool

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol, context: ssl.SSLContext, shaken: asyncio.Future[None],
                 server_hostname: str) -> None:
        """The client's side. `shaken`: done once hands are shaken."""
        super().__init__(loop, protocol, context, shaken, server_side=False, server_hostname=server_hostname)
        self._write_backlog = cast("Any", [])  # an empty queue has room for 64
        self._within = False  # it runs within the TLS of a proxy, whose socket is not its own
        self._lost = False
        self._unsent = 0  # bytes that were still here when the connection ended
        self._read_into(READ_FIRST)

    def _read_into(self, size: int) -> None:
        room = _ROOMS.get(self._loop)
        if room is None:
            room = _ROOMS[self._loop] = memoryview(bytearray(READ_MOST))
        self._ssl_buffer, self._ssl_buffer_view = cast("bytearray", room.obj), room[:size]

    def get_buffer(self, n: int) -> memoryview:  # noqa: ARG002 - the size that the loop suggests, 64 KiB
        return self._ssl_buffer_view

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        size = len(self._ssl_buffer_view)
        if nbytes == size < READ_MOST:
            self._read_into(4 * size)

    def _on_handshake_complete(self, handshake_exc: BaseException | None) -> None:
        super()._on_handshake_complete(handshake_exc)
        self._extra.pop("peercert", None)  # a kilobyte of words for whoever asks, which nobody does

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._within = transport.get_extra_info("ssl_object") is not None
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Read what is left first, if there can be some. The socket is still open: the loop closes it behind this call."""
        known, self._lost = self._lost, True
        if not known and (exc is None or _of_socket(exc)):
            if isinstance(exc, BrokenPipeError) or (self._eof_received and not self._within):  # the peer had closed: a write fails then, which is no other end
                exc = None
            if self._state in {SSLProtocolState.WRAPPED, SSLProtocolState.FLUSHING}:
                self._remain(Remains(self, None if self._within else _own(self._transport), exc))
                return
        self._unsent = self._get_write_buffer_size()
        super().connection_lost(exc)

    def _get_write_buffer_size(self) -> int:
        """Behind the end, too, for whoever is told of it and asks what was not sent: asyncio forgets it then."""
        return max(self._unsent, int(cast("Any", super())._get_write_buffer_size()))  # noqa: SLF001 - typeshed has it not

    def _remain(self, remains: "Remains") -> None:
        """Nothing can be sent any more; the reader may still be behind, with what is decrypted and with what is not."""
        self._transport = remains
        if not self._ssl_writing_paused:
            self.pause_writing()
        if self._state is SSLProtocolState.WRAPPED and not self._ssl_reading_paused:
            remains.resume_reading()

    def _abort(self, exc: BaseException | None = None) -> None:
        """As of Python 3.12: that of 3.11 takes no reason, which TLS within TLS has."""
        self._state = SSLProtocolState.UNWRAPPED
        if self._transport is None:
            return
        if exc is None:
            cast("asyncio.Transport", self._transport).abort()
        else:
            cast("Any", self._transport)._force_close(exc)  # noqa: SLF001


def _of_socket(error: BaseException) -> bool:
    """Whether the system said it, not TLS, and not the loop about a peer that does not close."""
    return isinstance(error, OSError) and error.errno is not None and not isinstance(error, ssl.SSLError)


def _own(transport: asyncio.BaseTransport | None) -> socket.socket | None:
    """A socket for the transport's connection, beside the one that it has; None if there is none to have."""
    sock = transport.get_extra_info("socket") if transport is not None else None
    try:
        own = socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno())) if sock is not None else None
    except OSError:  # too many files are open
        return None
    if own is not None:
        own.setblocking(False)
    return own


class Remains(asyncio.Transport):
    """The bytes that a lost connection's socket still holds: after a reset nothing more comes, and the kernel keeps what came before.

    It is read once only, to where nothing is there, at the reader's pace; the reader hears of the loss behind it. Nothing can be written.
    """

    def __init__(self, tls: Tls, sock: socket.socket | None, error: BaseException | None) -> None:
        """Without a socket nothing is left but what is in `tls`."""
        super().__init__()
        self._tls, self._sock, self._error = tls, sock, error
        self._loop = asyncio.get_running_loop()
        self._reading = self._due = self._ended = self._closed = False

    def resume_reading(self) -> None:
        self._reading = True
        if not self._due and not self._ended:
            self._due = True
            self._loop.call_soon(self._read)

    def pause_reading(self) -> None:
        self._reading = False

    def _read(self) -> None:
        """One read in each turn of the loop."""
        self._due = False
        if not self._reading or self._closed:
            return
        count = 0
        with contextlib.suppress(OSError):  # nothing is there
            count = 0 if self._sock is None else self._sock.recv_into(self._tls.get_buffer(-1))
        if count:
            self._tls.buffer_updated(count)
            if self._reading:
                self.resume_reading()
            return
        self._ended = True
        if not cast("Any", self._tls).eof_received():  # typeshed says that it returns None
            self.close()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """It goes nowhere."""

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._sock if name == "socket" and self._sock is not None else default

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._force_close(None)

    def abort(self) -> None:
        self._force_close(None)

    def _force_close(self, error: BaseException | None) -> None:
        """For asyncio's SSLProtocol, too."""
        if not self._closed:
            self._closed = True
            if self._sock is not None:
                self._sock.close()
            self._loop.call_soon(self._tls.connection_lost, error or self._error)
