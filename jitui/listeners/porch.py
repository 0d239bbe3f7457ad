"""Accepts the connections of a listener's sockets: one at a time, counted before anything is read from it; the TLS handshake comes after that.

A connection costs a descriptor from its accept on, so strangers are counted, and make room, here and not after the handshake. Each turn of the loop
accepts one connection of a socket, and begins few handshakes of all, so that many new ones never starve other work.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, cast

from jitui.auth.peer import owner
from jitui.listeners.turnstile import Turnstile
from jitui.listeners.visitors import Visitor, Visitors

SHUTDOWN_S: Final = 2.0  # seconds for a client to close its side, too
HANDSHAKES: Final = 2  # handshakes that begin in one turn of the loop: each takes about a millisecond
BREATH: Final = 0.05  # seconds without an accept when there is no descriptor for it
NO_DESCRIPTOR: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
Factory = Callable[[Visitor], asyncio.Protocol]


class Porch:
    """The listening sockets of one listener, while they are open."""

    def __init__(self, visitors: Visitors, spawn: Spawn, named: Callable[[socket.socket], str], *, asks_owner: bool) -> None:
        """`named`: the name a connection counts for until it shows a token, as its address. `asks_owner`: look up the uid of its process, too."""
        self.visitors, self._asks_owner = visitors, asks_owner
        self._spawn, self._named = spawn, named
        self._closed = False
        self._turnstile = Turnstile(HANDSHAKES)
        self._accepting: set[asyncio.Task[Any]] = set()
        self._welcoming: dict[asyncio.Task[Any], Visitor] = {}

    def open(self, sock: socket.socket, context: ssl.SSLContext | None, factory: Factory) -> None:
        """Starts to accept. The protocol that `factory` makes calls `visitors.gone` when its connection is lost. `close` closes `sock`."""
        sock.setblocking(False)
        self._spawn(partial(self._accept, sock, context, factory))

    def close(self) -> None:
        """Stops accepting, and cuts off unfinished handshakes."""
        self._closed = True
        for accepting in self._accepting:
            accepting.cancel()
        for visitor in list(self._welcoming.values()):
            visitor.close()

    async def _accept(self, sock: socket.socket, context: ssl.SSLContext | None, factory: Factory) -> None:
        loop, task = asyncio.get_running_loop(), cast("asyncio.Task[Any]", asyncio.current_task())
        self._accepting.add(task)
        try:
            while not self._closed:
                try:
                    connection, _ = await loop.sock_accept(sock)
                except OSError as error:
                    if error.errno in NO_DESCRIPTOR:  # the shares were wrong, or another process took the system's last descriptor
                        self.visitors.press()
                    await asyncio.sleep(BREATH)
                else:
                    self._arrived(loop, connection, context, factory)
        except asyncio.CancelledError:
            if not self._closed:
                raise
        finally:
            self._accepting.discard(task)
            sock.close()  # after the loop has forgotten its number

    def _arrived(self, loop: asyncio.AbstractEventLoop, connection: socket.socket, context: ssl.SSLContext | None, factory: Factory) -> None:
        try:
            name = self._named(connection)
        except OSError:  # gone already
            connection.close()
            return
        connection.setblocking(False)
        visitor = self.visitors.arrive(name, loop.time(), lambda: hang_up(connection))

        async def welcome() -> None:
            task = cast("asyncio.Task[Any]", asyncio.current_task())
            self._welcoming[task] = visitor
            try:
                await self._welcome(connection, visitor, context, factory)
            finally:
                del self._welcoming[task]

        self._spawn(welcome)

    async def _welcome(self, connection: socket.socket, visitor: Visitor, context: ssl.SSLContext | None, factory: Factory) -> None:
        """Performs the handshake; afterwards the protocol reports when the connection is lost."""
        tls: dict[str, Any] = {}
        if context is not None:
            tls = {"ssl": context, "ssl_handshake_timeout": float(self.visitors.caps.handshake_s), "ssl_shutdown_timeout": SHUTDOWN_S}
        met = False
        try:
            if self._asks_owner and connection.family != socket.AF_UNIX:  # before a byte is read, while the connection still has an owner
                visitor.uid = await owner(connection)
            if context is not None:
                await self._hello(connection, visitor)
            await asyncio.get_running_loop().connect_accepted_socket(partial(factory, visitor), connection, **tls)
            met = True
        except (OSError, EOFError):  # no TLS, too late, or gone: TimeoutError, ssl.SSLError and ConnectionError are subclasses
            pass
        finally:
            if not met:
                hang_up(connection)
                self.visitors.gone(visitor)

    async def _hello(self, connection: socket.socket, visitor: Visitor) -> None:
        """Waits for the first byte of a handshake, and for a turn: a hundred connections at once delay nobody else, and a silent one costs only its
        descriptor. Raises TimeoutError, EOFError (it is gone, or was closed to make room).
        """
        loop = asyncio.get_running_loop()
        said: asyncio.Future[None] = loop.create_future()
        loop.add_reader(connection, lambda: None if said.done() else said.set_result(None))
        try:
            async with asyncio.timeout(self.visitors.caps.handshake_s):
                await said
        finally:
            loop.remove_reader(connection)
        if visitor.evicted or not connection.recv(1, socket.MSG_PEEK):
            raise EOFError
        visitor.silent = False
        await self._turnstile.wait()
        if visitor.evicted:
            raise EOFError


def hang_up(connection: socket.socket) -> None:
    """Shuts the socket down at once: whoever reads it on the loop sees the end and closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def address_of(connection: socket.socket) -> str:
    """The peer's address. Raises OSError."""
    return str(connection.getpeername()[0])
