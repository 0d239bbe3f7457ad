"""Accepts connections at one socket: one at a time, each counted before anything is read from it, TLS after that.

A connection costs a descriptor from its accept on, so it is here, and not behind the handshake, that strangers are counted and make room. One is accepted
a turn of the loop: however many knock, everything else has its turn, too.
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

SHUTDOWN_S: Final = 2.0  # for a client to say that it closes, too
HANDSHAKES: Final = 2  # that begin in one turn of the loop: about a millisecond each
BREATH: Final = 0.05  # seconds without an accept when there is no descriptor for it
NO_DESCRIPTOR: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class Porch:
    """One listening socket, while it is open."""

    def __init__(self, visitors: Visitors, spawn: Spawn, named: Callable[[socket.socket], str], *, asks_owner: bool) -> None:
        """`named`: whom a connection counts for while nobody has shown a token on it, its address for example. `asks_owner`: whose process it is, too."""
        self.visitors, self._asks_owner = visitors, asks_owner
        self._spawn, self._named = spawn, named
        self._closed = False
        self._turnstile = Turnstile(HANDSHAKES)
        self._context: ssl.SSLContext | None = None
        self._factory: Callable[[Visitor], asyncio.Protocol]
        self._accepting: asyncio.Task[Any] | None = None
        self._welcoming: dict[asyncio.Task[Any], Visitor] = {}

    def open(self, sock: socket.socket, context: ssl.SSLContext | None, factory: Callable[[Visitor], asyncio.Protocol]) -> None:
        """Let in who comes. The protocol that `factory` makes calls `visitors.gone` when its connection is lost. `sock` is closed with the porch."""
        sock.setblocking(False)
        self._context, self._factory = context, factory
        self._spawn(partial(self._accept, sock))

    def close(self) -> None:
        """Accept nobody any more; who is shaking hands is cut off."""
        self._closed = True
        if self._accepting is not None:
            self._accepting.cancel()
        for visitor in list(self._welcoming.values()):
            visitor.close()

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._accepting = asyncio.current_task()
        try:
            while not self._closed:
                await self._next(loop, sock)
        except asyncio.CancelledError:
            if not self._closed:
                raise
        finally:
            sock.close()  # behind the wait on it, which forgets its number

    async def _next(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        try:
            connection, _ = await loop.sock_accept(sock)
        except OSError as error:
            if error.errno in NO_DESCRIPTOR:  # the shares were wrong, or another process took the system's last
                self.visitors.press()
            await asyncio.sleep(BREATH)
            return
        self._arrived(loop, connection)

    def _arrived(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
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
                await self._welcome(connection, visitor)
            finally:
                del self._welcoming[task]

        self._spawn(welcome)

    async def _welcome(self, connection: socket.socket, visitor: Visitor) -> None:
        """The handshake. From then on the protocol says when it is over."""
        tls: dict[str, Any] = {}
        if self._context is not None:
            tls = {"ssl": self._context, "ssl_handshake_timeout": float(self.visitors.caps.handshake_s), "ssl_shutdown_timeout": SHUTDOWN_S}
        met = False
        try:
            if self._asks_owner and connection.family != socket.AF_UNIX:  # before a byte of it is read: who closes at once does not come so far as to ask
                visitor.uid = await owner(connection)
            if self._context is not None:
                await self._hello(connection, visitor)
            await asyncio.get_running_loop().connect_accepted_socket(partial(self._factory, visitor), connection, **tls)
            met = True
        except (OSError, EOFError):  # no TLS, not in time, or gone: TimeoutError, ssl.SSLError and ConnectionError are such
            pass
        finally:
            if not met:
                hang_up(connection)
                self.visitors.gone(visitor)

    async def _hello(self, connection: socket.socket, visitor: Visitor) -> None:
        """Until it says something, which is its part of a handshake, and until its turn: a hundred that come at once hold nobody else up, and who says
        nothing costs a descriptor and no more. Raises TimeoutError, EOFError (it is gone, or was closed for another).
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
    """End it now, whoever reads it: the loop sees the end and closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def address_of(connection: socket.socket) -> str:
    """The peer's address. Raises OSError."""
    return str(connection.getpeername()[0])
