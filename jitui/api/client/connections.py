"""HTTP/1.1 connections to one gateway, spoken by h11: opened as they are asked for; those that are idle are kept for a while.

A client library with all its back ends takes a sixth of a second to import, and every command would wait for that.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h11

from jitui.api.client.inherited import asked

Headers = list[tuple[bytes, bytes]]  # names lower-case
CONNECT_S: Final = 10.0
CLOSE_S: Final = 1.0  # for TLS to say goodbye
READ: Final = 64 << 10  # bytes


class LostError(Exception):
    """The connection broke, or what came over it was no HTTP."""


class UnreachableError(LostError):
    """There is no connection, nor was there one."""


class SlowError(LostError):
    """Nothing came in time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the gateway listens: a Unix socket, or a host and its port, with TLS; or the descriptor over which connections to it are asked for."""

    unix: Path | None = None
    host: str = ""
    port: int = 0
    tls: ssl.SSLContext | None = None
    inherited: int | None = None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises UnreachableError, SlowError."""
        try:
            async with asyncio.timeout(CONNECT_S):
                if self.inherited is not None:
                    return await asyncio.open_connection(sock=await asyncio.to_thread(asked, self.inherited, CONNECT_S))
                if self.unix is not None:
                    return await asyncio.open_unix_connection(self.unix)
                return await asyncio.open_connection(self.host, self.port, ssl=self.tls)
        except TimeoutError as error:
            raise SlowError("no connection in time") from error
        except OSError as error:
            raise UnreachableError(str(error) if isinstance(error, ssl.SSLError) else error.strerror or str(error)) from error


@contextmanager
def lost() -> Iterator[None]:
    """Turns an error of a connection into one of this file's."""
    try:
        yield
    except TimeoutError as error:
        raise SlowError("no answer in time") from error
    except (OSError, EOFError) as error:
        raise LostError(str(error) or type(error).__name__) from error
    except h11.ProtocolError as error:
        raise LostError(str(error)) from error


class Connections:
    """Those to one place, at most `most` at once. One is used for one request at a time, and kept for `kept_s` seconds behind it."""

    def __init__(self, place: Place, kept_s: float, most: int = 100) -> None:
        self.place, self._kept_s = place, kept_s
        self._room = asyncio.Semaphore(most)
        self._idle: list[tuple[float, _Connection]] = []

    async def ask(self, method: str, target: str, headers: Headers, content: bytes, patience: float) -> "Response":
        """The answer, once its head is there; `close` it in any case. `patience`: seconds between two signs of life. Raises LostError."""
        with lost():
            async with asyncio.timeout(patience):
                await self._room.acquire()
        try:
            connection = await self._free()
            try:
                with lost():
                    head = await connection.ask(h11.Request(method=method, target=target, headers=headers), content, patience)
            except BaseException:
                await connection.close()
                raise
        except BaseException:
            self._room.release()
            raise
        return Response(self, connection, head, patience)

    async def _free(self) -> "_Connection":
        now = asyncio.get_running_loop().time()
        while self._idle:
            since, connection = self._idle.pop()
            if now - since < self._kept_s and not connection.over:
                return connection
            await connection.close()
        return _Connection(*await self.place.connect())

    async def give_back(self, connection: "_Connection") -> None:
        """It was used: keep it if a further request can follow."""
        self._room.release()
        if connection.next_cycle():
            self._idle.append((asyncio.get_running_loop().time(), connection))
        else:
            await connection.close()

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop()[1].close()


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._state = reader, writer, h11.Connection(h11.CLIENT)

    @property
    def over(self) -> bool:
        return self._reader.at_eof() or self._writer.is_closing()

    async def ask(self, request: h11.Request, content: bytes, patience: float) -> h11.Response:
        pieces = [self._state.send(event) for event in (request, h11.Data(data=content), h11.EndOfMessage())]
        self._writer.write(b"".join(piece for piece in pieces if piece))
        async with asyncio.timeout(patience):
            await self._writer.drain()
        while True:
            event = await self.event(patience)
            if isinstance(event, h11.Response):
                return event
            if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                raise EOFError("it ended before its answer")

    async def event(self, patience: float) -> Any:
        """The next of h11's events."""
        while (event := self._state.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(patience):
                self._state.receive_data(await self._reader.read(READ))
        return event

    def next_cycle(self) -> bool:
        """Whether a further request can follow; then it is ready for it."""
        if self.over or self._state.our_state is not h11.DONE or self._state.their_state is not h11.DONE:
            return False
        self._state.start_next_cycle()
        return True

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            async with asyncio.timeout(CLOSE_S):
                await self._writer.wait_closed()


class Response:
    """One answer whose body may still be on its way."""

    def __init__(self, connections: Connections, connection: _Connection, head: h11.Response, patience: float) -> None:
        self.status: int = head.status_code
        self.headers: Headers = list(head.headers)
        self._connections, self._connection, self._patience = connections, connection, patience

    async def read(self) -> bytes:
        """The whole body. Raises LostError."""
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises LostError."""
        while True:
            with lost():
                event = await self._connection.event(self._patience)
            if not isinstance(event, h11.Data):
                return
            yield bytes(event.data)

    async def close(self) -> None:
        await self._connections.give_back(self._connection)
