"""Connections of a process that the gateway started for a person: it may make none itself, and asks for each over a socket that it inherited.

One packet asks; the answer is a packet with a connected socket, or without one if there are too many. Whoever the gateway started it for, is
the caller on each of these. There is no address and no token that another process could use.
"""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock
from typing import Any, Final

import httpcore

ASKS, GIVES, REFUSES = b"?", b"+", b"-"
ASKING: Final = Lock()  # one thread asks at a time: the answers come in order


class Inherited(httpcore.AsyncNetworkBackend):
    """Makes connections by asking for them over the descriptor `control`, a sequenced-packet socket to the gateway."""

    def __init__(self, control: int) -> None:
        self._control = control

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None) -> httpcore.AsyncNetworkStream:  # noqa: ARG002 - httpcore's signature
        """Raises httpcore.ConnectError: the gateway, or the right to ask it, is gone."""
        reader, writer = await asyncio.open_connection(sock=await asyncio.to_thread(self._asked, timeout))
        return Connection(reader, writer)

    def _asked(self, patience: float | None) -> socket.socket:
        """One connected socket. It blocks."""
        with ASKING, socket.socket(fileno=self._control) as control:
            try:
                control.settimeout(patience)
                control.send(ASKS)
                said, given, _, _ = socket.recv_fds(control, 1, 1)
            except OSError as error:
                raise httpcore.ConnectError(f"the connection to the gateway is over: {error.strerror or error}") from None
            finally:
                control.detach()
        if not given:
            raise httpcore.ConnectError("the gateway gives no more connections" if said else "the connection to the gateway is over")
        return socket.socket(fileno=given[0])


class Connection(httpcore.AsyncNetworkStream):
    """One of them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from None
        except OSError as error:
            raise httpcore.ReadError(str(error)) from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._writer.write(buffer)
            async with asyncio.timeout(timeout):
                await self._writer.drain()
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from None
        except OSError as error:
            raise httpcore.WriteError(str(error)) from None

    async def aclose(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def get_extra_info(self, info: str) -> Any:
        """`is_readable`: a connection that rests and has something to say was closed by the gateway."""
        return self._reader.at_eof() if info == "is_readable" else None
